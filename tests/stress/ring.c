/* SPDX-License-Identifier: MIT */
/* Stress: the ring alone. Producers claim, fill and publish; the trainer takes in order,
 * reads and releases. Nothing but the turns orders the payload, so that a weakened order
 * or a step in the wrong place is a data race that TSan must report. With the waits
 * around it a full pipeline orders so much that some could hide.
 *
 * The seeded bugs, each switched on from outside:
 *   -DORDER_PUBLISH=... and the like       a weaker order, see ring.h
 *   -DMUTANT_PUBLISH_BEFORE_FILL           the trainer may read a half-filled batch
 *   -DMUTANT_RELEASE_BEFORE_CONSUMPTION    a producer may refill what is being read
 *   -DMUTANT_WRITE_AFTER_PUBLISH           the article's: the generator writes on
 *   -DMUTANT_NO_SLOT_CHECK                 the trainer does not look whose turn it is
 * Each yields where it does harm, so that every run meets it.
 *
 *   ring [TICKETS [PRODUCERS [SLOTS]]]     exit 0; 3: the value check caught a wrong
 *                                          payload */

#include "ring.h"
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 16

struct baton_block {
	uint64_t words[WORDS];
};

static struct baton_ring ring;
static uint64_t n_tickets;
static const uint64_t first = UINT64_MAX / 2 - 1000; /* 2t wraps early on */

static void fill(struct baton_block *b, uint64_t t)
{
	for (uint64_t i = 0; i < WORDS; i++)
		b->words[i] = t * WORDS + i;
}

static bool holds(const struct baton_block *b, uint64_t t)
{
	bool right = true;

	for (uint64_t i = 0; i < WORDS; i++)
		right &= b->words[i] == t * WORDS + i;
	return right;
}

static void *produce(void *arg)
{
	struct baton_block *b;
	uint64_t t;

	for (;;) {
		switch (baton_ring_claim(&ring, first + n_tickets, &t, &b)) {
		case BATON_CLAIM_PAST:
			return arg;
		case BATON_CLAIM_FULL:
			sched_yield();
			continue;
		case BATON_CLAIM_WON:
			break;
		}
#ifdef MUTANT_PUBLISH_BEFORE_FILL
		baton_ring_publish(&ring, t);
		sched_yield();
		fill(b, t);
#else
#ifdef MUTANT_NO_SLOT_CHECK
		sched_yield();
#endif
		fill(b, t);
		baton_ring_publish(&ring, t);
#endif
#ifdef MUTANT_WRITE_AFTER_PUBLISH
		sched_yield();
		b->words[WORDS - 1] = 0;
#endif
	}
}

static void wait_turn(uint64_t t)
{
#ifdef MUTANT_NO_SLOT_CHECK
	while ((int64_t)(atomic_load_explicit(&ring.ticket, memory_order_acquire) - t) <= 0)
		sched_yield();
#else
	while (!baton_ring_ready(&ring, t))
		sched_yield();
#endif
}

/* Returns how many tickets held something else. */
static uint64_t consume(void)
{
	uint64_t wrong = 0;

	for (uint64_t t = first; t != first + n_tickets; t++) {
		struct baton_block *b;

		wait_turn(t);
		b = atomic_load_explicit(&baton_ring_slot(&ring, t)->block, memory_order_relaxed);
#ifdef MUTANT_RELEASE_BEFORE_CONSUMPTION
		baton_ring_release(&ring, t);
		sched_yield();
#endif
#ifdef MUTANT_WRITE_AFTER_PUBLISH
		sched_yield();
#endif
		wrong += !holds(b, t);
#ifndef MUTANT_RELEASE_BEFORE_CONSUMPTION
		baton_ring_release(&ring, t);
#endif
	}
	return wrong;
}

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
	return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t n_producers = number(argc, argv, 2, 2), n_slots = number(argc, argv, 3, 4), wrong;
	struct baton_slot *slots = aligned_alloc(BATON_LINE, n_slots * sizeof(*slots));
	struct baton_block *blocks = calloc(n_slots, sizeof(*blocks));
	pthread_t threads[64];

	if (!slots || !blocks || n_producers > 64)
		return 1;
	n_tickets = number(argc, argv, 1, 100000);
	for (uint64_t i = 0; i < n_slots; i++)
		atomic_init(&slots[i].block, &blocks[i]);
	baton_ring_init(&ring, slots, n_slots, first);
	for (uint64_t i = 0; i < n_producers; i++)
		if (pthread_create(&threads[i], NULL, produce, NULL))
			return 1;
	wrong = consume();
	for (uint64_t i = 0; i < n_producers; i++)
		pthread_join(threads[i], NULL);
	free(blocks);
	free(slots);
	printf("%" PRIu64 " tickets, %" PRIu64 " wrong\n", n_tickets, wrong);
	return wrong ? 3 : 0;
}
