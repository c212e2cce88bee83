/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_BUSY_H
#define BATON_APPS_BUSY_H

#include <stdint.h>

/* Do a given amount of work: turns of a loop that nothing can shorten. */
void busy(uint64_t turns);

/* Measure how many turns a microsecond of undisturbed work is. Takes about 20 ms; call it
 * before other threads of the program are busy. */
double busy_turns_per_us(void);

#endif
