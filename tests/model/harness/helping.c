/* SPDX-License-Identifier: MIT */
/* The ring and the spares: a trainer that never waits while it has a spare. Whoever holds
 * the ticket at head is late as soon as it is not ready; the explorer delays the trainer as
 * long as it likes, so this is every "late" there is.
 *
 *   DIE    so many producers are frozen for good after their first claim
 *   FILLS  0: the trainer makes nothing that nobody has claimed
 *   HELPS  how often it helps at most; then it waits */

#ifndef N_TICKETS
#define N_TICKETS 3
#endif
#ifndef SPARES
#define SPARES 1
#endif
#ifndef DIE
#define DIE 0
#endif
#ifndef FILLS
#define FILLS 1
#endif
#ifndef HELPS
#define HELPS N_TICKETS
#endif
#include "model.h"

static void *produce(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (;;) {
		struct baton_block *b;
		uint64_t t;

		MODEL_LOOK();
		switch (baton_ring_claim(&ring, FIRST + N_TICKETS, &t, &b)) {
		case BATON_CLAIM_WON:
			fill(b, t, me);
			if (me <= DIE) {
				stories[t - FIRST].dead = true;
				return NULL;
			}
			publish_or_push(b, t);
			break;
		case BATON_CLAIM_FULL:
			MODEL_YIELD();
			break;
		case BATON_CLAIM_PAST:
			return NULL;
		}
	}
}

/* fill_next() of delivery.c. If somebody else was faster, head is claimed. */
static void fill_next(void)
{
	struct baton_block *b;
	uint64_t t;

	if (baton_ring_claim(&ring, FIRST + N_TICKETS, &t, &b) != BATON_CLAIM_WON)
		return;
	fill(b, t, N_PRODUCERS + 1);
	publish_or_push(b, t);
}

static void *train(void *arg)
{
	int helps = 0;

	for (uint64_t t = FIRST; t != FIRST + N_TICKETS; t++) {
		while (MODEL_LOOK(), !baton_ring_ready(&ring, t))
			if (FILLS && !baton_ring_claimed(&ring, t))
				fill_next();
			else if (helps < HELPS && baton_ring_claimed(&ring, t) && replace(t))
				helps++;
			else
				MODEL_YIELD();
		consume(atomic_load_explicit(&baton_ring_slot(&ring, t)->block,
		                             memory_order_relaxed),
		        t);
		baton_ring_release(&ring, t);
	}
	return arg;
}

int main(void)
{
	run_all(produce, train);
	return 0;
}
