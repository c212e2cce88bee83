/* SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H

/* What the shipped ring.h and wait.h stand on when a checker reads them: this file takes
 * the place of lib/feed/futex.h, which has a pause, a clock and a system call in it. A
 * harness includes this file before anything of baton; the text under test is what
 * ships, byte for byte.
 *
 * A harness is one small program: pthreads and C11 atomics, nothing else, sizes by
 * macro, and main() sets up all that it uses, since a checker may call it many times.
 *     clang -std=c11 -Ilib tests/model/harness/two_producers.c -lpthread
 *     genmc --rc11 --check-liveness --disable-spin-assume -- -Ilib .../two_producers.c
 * What was seen on the way is written down and judged at the end, after the joins: an
 * assertion, or any branch on a payload, before the release that follows would order
 * the two in a checker's eyes and hide a release that is too weak.
 *
 * Here to sleep on a word is to wait until it has another value, and to wake is
 * nothing: right for everybody who sleeps being woken, but blind to a wake of one where
 * two are needed. The explorer (../explorer.h) brings a futex of its own, which counts. */

#define BATON_FEED_FUTEX_H /* in place of lib/feed/futex.h */

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BATON_FOREVER UINT64_MAX

/* A waiting loop: each round begins with MODEL_LOOK(), and ends with MODEL_YIELD() if it has
 * done nothing but look. For an ordinary run: -DMODEL_YIELD=sched_yield. GenMC has words for
 * both; its own search for such loops (0.11) takes a loop for one if the last loop inside it
 * was: turn that off, but the rounds of loops around loops end with MODEL_NEXT() as well. */
#ifdef __GENMC_INTERNAL_H__ /* from its <pthread.h> */
#include <genmc.h>
#define MODEL_LOOK() (__VERIFIER_loop_begin(), __VERIFIER_spin_start())
#define MODEL_NEXT() __VERIFIER_loop_begin()
#define MODEL_YIELD() __VERIFIER_spin_end(0)
#define MODEL_AGAIN() MODEL_YIELD()
/* as in the explorer: who fails goes round, and has done nothing but look */
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(p, expected, v, order, failure)       \
	(atomic_compare_exchange_strong_explicit(p, expected, v, order, failure) || \
	 (MODEL_AGAIN(), 0))
#else
#define MODEL_LOOK() ((void)0)
#define MODEL_NEXT() ((void)0)
#ifdef MODEL_YIELD
int MODEL_YIELD(void);
#else
#define MODEL_YIELD() ((void)0)
#endif
#endif
#ifdef EX_EXPLORER_H
#define MODEL_AGAIN() ex_again()
#endif

static inline void baton_pause(void)
{
}

static inline void baton_yield(void)
{
	MODEL_YIELD();
}

#ifdef EX_EXPLORER_H
#define main ex_harness /* the explorer calls it, again and again */
int main(void);

static inline void baton_futex_wait(_Atomic(int32_t) *word, int32_t seen, uint64_t deadline_ns)
{
	(void)deadline_ns;
	ex_futex_wait(word, seen);
}

static inline void baton_futex_wake(_Atomic(int32_t) *word, int n)
{
	ex_futex_wake(word, n);
}
#else
static inline void baton_futex_wait(_Atomic(int32_t) *word, int32_t seen, uint64_t deadline_ns)
{
	(void)deadline_ns;
	while (MODEL_LOOK(), atomic_load_explicit(word, memory_order_relaxed) == seen)
		MODEL_YIELD();
}

static inline void baton_futex_wake(_Atomic(int32_t) *word, int n)
{
	(void)word;
	(void)n;
}
#endif

#ifdef MODEL_AGAIN
/* ring.h goes round its loop by this word, and has done nothing but look. */
#define continue       \
	MODEL_AGAIN(); \
	continue
#include "feed/ring.h"
#undef continue
#endif
#include "feed/ring.h"

struct baton_block {
	uint64_t payload;
	int owner;
	struct baton_block *next; /* spare.h's */
};
#include "feed/spare.h"
#include "feed/wait.h"

#ifndef N_PRODUCERS
#define N_PRODUCERS 1
#endif
#ifndef N_SLOTS
#define N_SLOTS 2
#endif
#ifndef N_TICKETS
#define N_TICKETS 4
#endif
#ifndef SPARES
#define SPARES 0
#endif
/* Turns (2t) wrap between the first ticket and the second. */
#ifndef FIRST
#define FIRST (UINT64_MAX / 2)
#endif

/* --- blocks, and what was seen of them -------------------------------------------- */

#define NOBODY 0
#define TRAINER (-1) /* producers are 1, 2, ... */

/* What happened to a ticket. Each field has one writer, if the ring does its work: the
 * ticket's producer, then the trainer; two would be a data race. */
struct story {
	int claimed_by;   /* I4: claimed once */
	int was_owned_by; /* I1: by nobody, when it was claimed */
	bool published;   /* I3 */
	bool taken;
	int came_from;    /* I1: the owner that the trainer found */
	uint64_t payload; /* I2: what it found; I4: of this ticket */
	bool replaced;    /* by the trainer: then published is false */
	int spare_was_owned_by;
	bool dead; /* its producer was frozen for good after its claim */
};

static struct baton_ring ring;
static struct baton_slot slots[N_SLOTS];
static struct baton_block blocks[N_SLOTS + SPARES];
static struct baton_spares spares;
static struct story stories[N_TICKETS];

static inline uint64_t content(uint64_t t)
{
	return 3 * (t - FIRST) + 7;
}

static inline void setup_ring(void)
{
	for (int i = 0; i < N_SLOTS; i++) {
		blocks[i] = (struct baton_block){0, NOBODY, NULL};
		atomic_init(&slots[i].block, &blocks[i]);
	}
	for (int i = 0; i < N_TICKETS; i++)
		stories[i] = (struct story){0, 0, false, false, 0, 0, false, 0, false};
	baton_spares_init(&spares);
	for (int i = N_SLOTS; i < N_SLOTS + SPARES; i++) {
		blocks[i] = (struct baton_block){0, NOBODY, NULL};
		baton_spares_keep(&spares, &blocks[i]);
	}
	baton_ring_init(&ring, slots, N_SLOTS, FIRST);
}

/* By the producer, between claim and publish. */
static inline void fill(struct baton_block *b, uint64_t t, int me)
{
	struct story *s = &stories[t - FIRST];

	s->claimed_by = me;
	s->was_owned_by = b->owner;
	b->owner = me;
	b->payload = content(t);
}

/* By the producer; false: it came too late. */
static inline bool publish_or_push(struct baton_block *b, uint64_t t)
{
	bool ours = baton_ring_publish(&ring, t);

	stories[t - FIRST].published = ours;
	if (!ours) {
		b->owner = NOBODY;
		baton_spares_push(&spares, b);
	}
	return ours;
}

/* By the trainer, of a ticket that is late: replace_head() of delivery.c. False: no spare. */
static inline bool replace(uint64_t t)
{
	struct story *s = &stories[t - FIRST];
	struct baton_block *b;

	/* in place of an exchange that finds nothing: to the explorer, it would be a step */
	if (!spares.mine && !atomic_load_explicit(&spares.returned, memory_order_relaxed))
		return false;
	b = baton_spares_pop(&spares);
	s->spare_was_owned_by = b->owner;
	b->owner = TRAINER;
	b->payload = content(t);
	s->replaced = baton_ring_replace(&ring, t, b);
	if (!s->replaced) {
		b->owner = NOBODY;
		baton_spares_keep(&spares, b);
	}
	return true;
}

/* By the trainer, between take and release. */
static inline void consume(struct baton_block *b, uint64_t t)
{
	struct story *s = &stories[t - FIRST];

	s->taken = true;
	s->came_from = b->owner;
	s->payload = b->payload;
	b->owner = NOBODY;
}

/* Every block is in one place: in a slot, among the spares, or with somebody dead. */
static inline void judge_blocks(void)
{
	int n[N_SLOTS + SPARES] = {0}, n_lost = 0;
	struct baton_block *b;

	for (int i = 0; i < N_SLOTS; i++)
		n[atomic_load_explicit(&slots[i].block, memory_order_relaxed) - blocks]++;
	while ((b = baton_spares_pop(&spares)))
		n[b - blocks]++;
	for (int i = 0; i < N_TICKETS; i++)
		n_lost += stories[i].dead && stories[i].replaced;
	for (int i = 0; i < N_SLOTS + SPARES; i++) {
		assert(n[i] <= 1);
		n_lost -= n[i] == 0;
	}
	assert(n_lost == 0);
}

/* After the joins. n_taken: as many tickets from the first on must have been taken. */
static inline void judge(uint64_t n_taken)
{
	uint64_t n_claimed = atomic_load_explicit(&ring.ticket, memory_order_relaxed) - FIRST;

	assert(n_taken <= n_claimed && n_claimed <= N_TICKETS);
	for (uint64_t i = 0; i < N_TICKETS; i++) {
		struct story *s = &stories[i];

		assert((s->published != s->replaced) == (i < n_claimed));
		assert(s->spare_was_owned_by == NOBODY);
		assert(s->taken == (i < n_taken));
		if (s->published)
			assert(s->was_owned_by == NOBODY && s->claimed_by > 0);
		if (s->taken)
			assert(s->came_from == (s->replaced ? TRAINER : s->claimed_by) &&
			       s->payload == content(FIRST + i));
	}
	if (SPARES)
		judge_blocks();
}

/* For harnesses of the ring alone: producers and a trainer that takes all tickets. */
static inline void run_all(void *(*produce)(void *), void *(*train)(void *))
{
	pthread_t producers[N_PRODUCERS], trainer;

	setup_ring();
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_create(&producers[i], NULL, produce, (void *)(intptr_t)(i + 1));
	pthread_create(&trainer, NULL, train, NULL);
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	pthread_join(trainer, NULL);
	judge(N_TICKETS);
}

#endif
