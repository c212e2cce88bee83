/* SPDX-License-Identifier: MIT */
/* The ring alone: claim, fill, publish by N_PRODUCERS threads; take, read, release by the
 * trainer, in order, N_TICKETS times. Nothing but the turns orders the payload.
 *
 * -DDETACH: the trainer keeps every block that it takes and gives the slot a fresh one,
 * as baton_detach does, and goes on writing to what it kept after the release. */

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
			stories[t - FIRST].published = baton_ring_publish(&ring, t);
			break;
		case BATON_CLAIM_FULL:
			MODEL_YIELD();
			break;
		case BATON_CLAIM_PAST:
			return NULL;
		}
	}
}

#ifdef DETACH
static struct baton_block fresh[N_TICKETS];
#endif

static void *train(void *arg)
{
	for (uint64_t t = FIRST; t != FIRST + N_TICKETS; t++) {
		struct baton_slot *s = baton_ring_slot(&ring, t);
		struct baton_block *b;

		while (MODEL_LOOK(), !baton_ring_ready(&ring, t))
			MODEL_YIELD();
		b = atomic_load_explicit(&s->block, memory_order_relaxed);
		consume(b, t);
#ifdef DETACH
		fresh[t - FIRST] = (struct baton_block){0, NOBODY, NULL};
		atomic_store_explicit(&s->block, &fresh[t - FIRST], memory_order_relaxed);
#endif
		baton_ring_release(&ring, t);
#ifdef DETACH
		b->payload = 0; /* ours still */
#endif
	}
	return arg;
}

int main(void)
{
	run_all(produce, train);
	return 0;
}
