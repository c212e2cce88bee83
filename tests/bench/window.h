/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_WINDOW_H
#define BATON_BENCH_WINDOW_H

/* What threads do at once, each on a CPU of its own, on a machine that others use too: many
 * short windows, of which those count in which every thread had its CPU all the time, as its
 * own CPU clock says. A thread that was put off for a while is no slower, it is not there; and
 * where two threads fight for a line, the other is then faster than it could ever be.
 * What the hypervisor takes away no clock of ours says: the median of the windows is for that. */

#include "spread.h"
#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MOST_THREADS 64u

struct window_work {
	uint32_t threads;
	const uint32_t *cpus; /* [threads] */
	/* A few steps of thread's: how many of them did what is counted. Never waits. */
	uint64_t (*steps)(void *state, uint32_t thread);
	void *state;
};

/* How many were done a second, by all: the median of windows that count. 0: there was none, or
 * no thread could be started. */
double window_rate(const struct window_work *work, uint32_t windows);

/* CPUs that this process may use, one of each core before its siblings. Returns how many. */
uint32_t window_cpus(uint32_t cpus[WINDOW_MOST_THREADS]);

#endif
