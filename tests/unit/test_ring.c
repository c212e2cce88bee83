/* SPDX-License-Identifier: MIT */
#include "ring.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

/* The ring never looks into a block: any addresses that differ will do. */
static char memory[8];

struct fixture {
	struct baton_ring ring;
	struct baton_slot slots[8];
};

static struct baton_block *block_of(const struct fixture *f, uint64_t t)
{
	return (struct baton_block *)&memory[t & f->ring.mask];
}

static void init(struct fixture *f, uint64_t n_slots, uint64_t first)
{
	baton_ring_init(&f->ring, f->slots, n_slots, first);
	for (uint64_t i = 0; i < n_slots; i++)
		atomic_init(&f->slots[i].block, (struct baton_block *)&memory[i]);
}

/* Where every property below must hold: at the start, and where 2t and t wrap. */
static const uint64_t firsts[] = {0, UINT64_MAX / 2 - 3, UINT64_MAX - 3};
static const uint64_t sizes[] = {1, 2, 4, 8};

#define FOR_EACH_RING(f)                                                                      \
	for (size_t i_ = 0; i_ < 3; i_++)                                                     \
		for (size_t j_ = 0; j_ < 4 && (init(f, sizes[j_], firsts[i_]), true); j_++)
#define FIRST firsts[i_]
#define SIZE sizes[j_]

/* No limit in sight of any test. */
static uint64_t far(uint64_t first)
{
	return first + (UINT64_C(1) << 61);
}

static uint64_t claim(struct fixture *f, uint64_t limit)
{
	struct baton_block *block = NULL;
	uint64_t t = 0;

	cr_assert_eq(baton_ring_claim(&f->ring, limit, &t, &block), BATON_CLAIM_WON);
	cr_assert_eq(block, block_of(f, t));
	return t;
}

static enum baton_claim_result claim_result(struct fixture *f, uint64_t limit)
{
	struct baton_block *block;
	uint64_t t;

	return baton_ring_claim(&f->ring, limit, &t, &block);
}

static uint64_t turn(const struct fixture *f, uint64_t t)
{
	return atomic_load(&baton_ring_slot(&f->ring, t)->turn);
}

Test(ring, a_slot_says_2t_then_2t_plus_1_then_2t_plus_2C_for_many_laps)
{
	static struct fixture f;

	FOR_EACH_RING(&f)
		for (uint64_t i = 0; i < 5 * SIZE + 3; i++) {
			uint64_t t = FIRST + i;

			cr_assert_eq(turn(&f, t), 2 * t);
			cr_assert_eq(claim(&f, far(FIRST)), t);
			cr_assert_eq(turn(&f, t), 2 * t);
			cr_assert_not(baton_ring_ready(&f.ring, t));
			cr_assert(baton_ring_publish(&f.ring, t));
			cr_assert_eq(turn(&f, t), 2 * t + 1);
			cr_assert(baton_ring_ready(&f.ring, t));
			cr_assert_not(baton_ring_released(&f.ring, t));
			baton_ring_release(&f.ring, t);
			cr_assert_eq(turn(&f, t), 2 * (t + SIZE));
			cr_assert(baton_ring_released(&f.ring, t));
			cr_assert_not(baton_ring_ready(&f.ring, t));
		}
}

Test(ring, a_full_ring_refuses_a_claim_and_stays_as_it_was)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		for (uint64_t i = 0; i < SIZE; i++)
			claim(&f, far(FIRST));
		for (int again = 0; again < 3; again++) {
			cr_assert_eq(claim_result(&f, far(FIRST)), BATON_CLAIM_FULL);
			cr_assert_eq(atomic_load(&f.ring.ticket), FIRST + SIZE);
		}
	}
}

Test(ring, a_ready_slot_is_as_full_as_a_claimed_one)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		for (uint64_t i = 0; i < SIZE; i++)
			cr_assert(baton_ring_publish(&f.ring, claim(&f, far(FIRST))));
		cr_assert_eq(claim_result(&f, far(FIRST)), BATON_CLAIM_FULL);
	}
}

Test(ring, released_tickets_slot_is_free_for_the_ticket_C_later_only)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		for (uint64_t i = 0; i < SIZE; i++)
			cr_assert(baton_ring_publish(&f.ring, claim(&f, far(FIRST))));
		baton_ring_release(&f.ring, FIRST);
		cr_assert_eq(claim(&f, far(FIRST)), FIRST + SIZE);
		cr_assert_eq(claim_result(&f, far(FIRST)), BATON_CLAIM_FULL);
	}
}

/* Slots come free in the order of tickets or not at all: a later one's release does not
 * let a claimer skip the one before it. */
Test(ring, a_later_slots_release_does_not_free_an_earlier_one)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		if (SIZE < 2)
			continue;
		for (uint64_t i = 0; i < SIZE; i++)
			cr_assert(baton_ring_publish(&f.ring, claim(&f, far(FIRST))));
		baton_ring_release(&f.ring, FIRST + 1);
		cr_assert_eq(claim_result(&f, far(FIRST)), BATON_CLAIM_FULL);
		baton_ring_release(&f.ring, FIRST);
		cr_assert_eq(claim(&f, far(FIRST)), FIRST + SIZE);
		cr_assert_eq(claim(&f, far(FIRST)), FIRST + SIZE + 1);
	}
}

Test(ring, tickets_below_the_limit_are_given_and_none_past_it)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		uint64_t limit = FIRST + 2 * SIZE + 1;

		for (uint64_t t = FIRST; t != limit; t++) {
			cr_assert_eq(claim(&f, limit), t);
			cr_assert(baton_ring_publish(&f.ring, t));
			baton_ring_release(&f.ring, t);
		}
		cr_assert_eq(claim_result(&f, limit), BATON_CLAIM_PAST);
		cr_assert_eq(claim_result(&f, limit), BATON_CLAIM_PAST);
		cr_assert_eq(atomic_load(&f.ring.ticket), limit);
	}
}

Test(ring, a_ring_without_tickets_is_past_its_end_at_once)
{
	static struct fixture f;

	FOR_EACH_RING(&f)
		cr_assert_eq(claim_result(&f, FIRST), BATON_CLAIM_PAST);
}

/* The end outranks a full ring: a claimer that is told FULL waits. */
Test(ring, past_the_limit_a_full_ring_says_past)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		for (uint64_t i = 0; i < SIZE; i++)
			claim(&f, FIRST + SIZE);
		cr_assert_eq(claim_result(&f, FIRST + SIZE), BATON_CLAIM_PAST);
	}
}

Test(ring, a_ticket_is_published_once)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		uint64_t t = claim(&f, far(FIRST));

		cr_assert(baton_ring_publish(&f.ring, t));
		cr_assert_not(baton_ring_publish(&f.ring, t)); /* while it is ready */
		cr_assert_eq(turn(&f, t), 2 * t + 1);
		baton_ring_release(&f.ring, t);
		cr_assert_not(baton_ring_publish(&f.ring, t)); /* while its slot is free */
		cr_assert_eq(turn(&f, t), 2 * (t + SIZE));
		while (claim(&f, far(FIRST)) != t + SIZE) {
			uint64_t other = atomic_load(&f.ring.ticket) - 1;

			cr_assert(baton_ring_publish(&f.ring, other));
			baton_ring_release(&f.ring, other);
		}
		cr_assert_not(baton_ring_publish(&f.ring, t)); /* while it is refilled */
		cr_assert_eq(turn(&f, t), 2 * (t + SIZE));
	}
}

Test(ring, tickets_may_be_published_in_any_order)
{
	static struct fixture f;

	FOR_EACH_RING(&f) {
		for (uint64_t i = 0; i < SIZE; i++)
			claim(&f, far(FIRST));
		for (uint64_t i = SIZE; i-- > 0;) {
			cr_assert_not(baton_ring_ready(&f.ring, FIRST + i));
			cr_assert(baton_ring_publish(&f.ring, FIRST + i));
			cr_assert(baton_ring_ready(&f.ring, FIRST + i));
			if (i > 0)
				cr_assert_not(baton_ring_ready(&f.ring, FIRST));
		}
	}
}

Test(ring, a_block_put_into_a_slot_is_what_its_next_claim_gets)
{
	static struct fixture f;
	static char other;
	struct baton_block *block = NULL;
	uint64_t t;

	init(&f, 1, 0);
	cr_assert(baton_ring_publish(&f.ring, claim(&f, far(0))));
	atomic_store(&f.slots[0].block, (struct baton_block *)&other);
	baton_ring_release(&f.ring, 0);
	cr_assert_eq(baton_ring_claim(&f.ring, far(0), &t, &block), BATON_CLAIM_WON);
	cr_assert_eq(block, (struct baton_block *)&other);
}

/* Four claimers, one trainer. The trainer reads what the claimer wrote, and the claimer
 * overwrites it a lap later: TSan sees both edges. */
enum { N_THREADS = 4, N_TICKETS = 20000 };

struct concurrent {
	struct fixture f;
	uint64_t first;
	_Atomic unsigned claimed[N_TICKETS];
	uint64_t payload[8];
};
static struct concurrent shared;

static void *claimer(void *arg)
{
	struct concurrent *s = arg;
	struct baton_block *block;
	uint64_t t;

	for (;;) {
		switch (baton_ring_claim(&s->f.ring, s->first + N_TICKETS, &t, &block)) {
		case BATON_CLAIM_WON:
			atomic_fetch_add_explicit(&s->claimed[t - s->first], 1, memory_order_relaxed);
			s->payload[t & s->f.ring.mask] = t;
			baton_ring_publish(&s->f.ring, t);
			break;
		case BATON_CLAIM_FULL:
			sched_yield();
			break;
		default:
			return NULL;
		}
	}
}

static unsigned consume(struct concurrent *s)
{
	unsigned wrong = 0;

	for (uint64_t t = s->first; t != s->first + N_TICKETS; t++) {
		while (!baton_ring_ready(&s->f.ring, t))
			sched_yield();
		wrong += s->payload[t & s->f.ring.mask] != t;
		baton_ring_release(&s->f.ring, t);
	}
	return wrong;
}

static void run_concurrent(uint64_t n_slots, uint64_t first)
{
	pthread_t threads[N_THREADS];

	init(&shared.f, n_slots, first);
	shared.first = first;
	for (int i = 0; i < N_THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, claimer, &shared), 0);
	cr_assert_eq(consume(&shared), 0);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_TICKETS; i++)
		cr_assert_eq(atomic_load(&shared.claimed[i]), 1, "ticket %d", i);
}

Test(ring, four_claimers_get_every_ticket_exactly_once_from_one_slot, .timeout = 60)
{
	run_concurrent(1, 0);
}

Test(ring, four_claimers_get_every_ticket_exactly_once_across_the_wrap_of_2t, .timeout = 60)
{
	run_concurrent(4, UINT64_MAX / 2 - N_TICKETS / 2);
}

Test(ring, four_claimers_get_every_ticket_exactly_once_across_the_wrap_of_t, .timeout = 60)
{
	run_concurrent(8, UINT64_MAX - N_TICKETS / 2);
}
