/* SPDX-License-Identifier: MIT */
/* A trainer that is busy for long, and does not ask for the next batch: what it gave
 * back before must be claimed by somebody meanwhile, or why have producers. Half of two
 * slots is one; so one given back is enough. */
#define TRAIN
#ifndef N_SLOTS
#define N_SLOTS 2
#endif
#ifndef N_TICKETS
#define N_TICKETS 5
#endif
#include "sleepers.h"

static void *train(void *arg)
{
	uint64_t t;

	wait_ready(&t);
	take(t);
	give_back(t);
	while (MODEL_LOOK(),
	       atomic_load_explicit(&ring.ticket, memory_order_relaxed) != FIRST + N_SLOTS + 1)
		MODEL_YIELD();
	return cancel(arg);
}
