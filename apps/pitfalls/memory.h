/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_MEMORY_H
#define BATON_PITFALLS_MEMORY_H

#include <stdint.h>

/* p, or the end of the program with one line if it is NULL. */
void *need(void *p);

/* How often anything in this program, baton included, asked for memory so far while
 * counting was on. */
void count_allocations(int on);
uint64_t allocations(void);

#endif
