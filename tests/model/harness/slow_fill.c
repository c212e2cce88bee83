/* SPDX-License-Identifier: MIT */
/* Fills that take for ever, as from a disk, unless somebody else begins the next: after
 * two slots of four came free together, one producer is woken, and must wake the other
 * before it fills. */
#define TRAIN
#define N_PRODUCERS 2
#define N_SLOTS 4
#define N_TICKETS 7
#define FILL(t) wait_for_next(t)
#include <stdint.h>
static void wait_for_next(uint64_t t);
#include "sleepers.h"

static void wait_for_next(uint64_t t)
{
	if (t - FIRST == 4)
		while (MODEL_LOOK(),
		       atomic_load_explicit(&ring.ticket, memory_order_relaxed) == t + 1)
			MODEL_YIELD();
}

static void *train(void *arg)
{
	uint64_t t;

	/* all four are ready, and two producers may sleep: so give back two, at once */
	while (MODEL_LOOK(), !baton_ring_ready(&ring, FIRST + 3))
		MODEL_YIELD();
	for (int i = 0; i < 2; i++) {
		wait_ready(&t);
		take(t);
		give_back(t);
	}
	while (MODEL_LOOK(), atomic_load_explicit(&ring.ticket, memory_order_relaxed) != FIRST + 6)
		MODEL_YIELD();
	return cancel(arg);
}
