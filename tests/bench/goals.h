/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_GOALS_H
#define BATON_BENCH_GOALS_H

/* What the project wants to be true, measured. */

#include "cell.h"

#define GOALS_MAX 80

#define GOALS_LAST 7

/* Measure all of it, or one goal: only, 1 to GOALS_LAST; 0: all. goals [GOALS_MAX]; ms: a short
 * run; some take longer. Returns how many there are; 0: a peer failed, and has said why. */
size_t goals_measure(struct goal *goals, uint64_t only, size_t rounds, double ms);

#endif
