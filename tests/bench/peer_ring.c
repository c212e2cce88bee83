/* SPDX-License-Identifier: MIT */
/* Peer: baton's ring alone (ring.h), with its waits (wait.h), and no pipeline around it: what
 * the hand-off costs. "ring" waits as the pipeline does and sleeps in the end; "ring-yield"
 * never sleeps, as most of the others. "ring-8" is an experiment: who claims takes 8 tickets by
 * one CAS where all their slots are free, else one, as ever. A producer that is put off then
 * holds up 8 buffers, not one; whoever takes part in the order feels it. */

#include "peer.h"
#include <pthread.h>
#include <ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <wait.h>

struct rig {
	const struct bench_setup *setup;
	const char *name;
	bool sleeps;
	uint64_t at_once; /* tickets that are claimed by one CAS, if their slots are free */
	struct baton_ring ring;
	struct baton_wait wait;
	struct baton_slot *slots;
	_Alignas(BATON_LINE) _Atomic(bool) stop;
	struct bench_gate start;
};

static bool stopped(struct rig *r)
{
	return atomic_load_explicit(&r->stop, ORDER_RECHECK);
}

static void producer_sleeps(struct rig *r)
{
	int32_t epoch = baton_wait_producer_down(&r->wait);

	if (baton_wait_full(&r->ring) && !stopped(r))
		baton_futex_wait(&r->wait.producers_epoch, epoch, BATON_FOREVER);
	baton_wait_producer_up(&r->wait);
}

/* Claim n tickets from *t on. All slots are looked at: nobody says that they are released in
 * order. Blocks are read later, which is enough where nobody replaces one. */
static inline bool claim_many(struct baton_ring *r, uint64_t n, uint64_t *t)
{
	/* relaxed: as in baton_ring_claim() */
	uint64_t at = atomic_load_explicit(&r->ticket, memory_order_relaxed);

	for (uint64_t i = 0; i < n; i++) /* acquire: as there */
		if (atomic_load_explicit(&baton_ring_slot(r, at + i)->turn, ORDER_CLAIM) !=
		    2 * (at + i))
			return false;
	*t = at;
	return atomic_compare_exchange_strong_explicit(&r->ticket, &at, at + n, ORDER_TICKET,
	                                               memory_order_relaxed);
}

static inline struct baton_block *block_of(const struct rig *r, uint64_t t)
{
	return atomic_load_explicit(&baton_ring_slot(&r->ring, t)->block, memory_order_relaxed);
}

/* How many tickets from *t on; 0: none. */
static inline __attribute__((always_inline)) uint64_t
try_claim(struct rig *r, uint64_t at_once, uint64_t *t, struct baton_block **block)
{
	if (at_once > 1 && claim_many(&r->ring, at_once, t)) {
		*block = block_of(r, *t);
		return at_once;
	}
	return baton_ring_claim(&r->ring, INT64_MAX, t, block) == BATON_CLAIM_WON;
}

/* What follows is compiled for each way, with sleeps and at_once known. 0: stopped. */
static inline __attribute__((always_inline)) uint64_t
claim(struct rig *r, bool sleeps, uint64_t at_once, uint64_t *t, struct baton_block **block)
{
	bool woken = false;
	uint64_t n;

	for (int turn = 0; (n = try_claim(r, at_once, t, block)) == 0; turn++) {
		if (stopped(r))
			return 0;
		if (!sleeps) {
			bench_wait((unsigned)turn);
		} else if (turn < BATON_PRODUCER_TURNS) {
			baton_wait_turn(turn);
		} else {
			producer_sleeps(r);
			woken = true;
		}
	}
	if (woken)
		baton_wait_pass_on(&r->wait, &r->ring, r->wait.crowd);
	return n;
}

static inline __attribute__((always_inline)) void produce(struct rig *r, bool sleeps,
                                                          uint64_t at_once)
{
	struct baton_block *block;
	uint64_t t, n;

	while ((n = claim(r, sleeps, at_once, &t, &block)) > 0) {
		for (uint64_t end = t + n;;) {
			bench_make(r->setup, (uint64_t *)(void *)block, BENCH_TAG(0, t));
			baton_ring_publish(&r->ring, t);
			if (sleeps)
				baton_wait_published(&r->wait, t);
			if (++t == end)
				break;
			block = block_of(r, t);
		}
	}
}

static void *producer_main(void *arg)
{
	struct rig *r = arg;

	bench_pin(r->setup, false);
	bench_gate_wait(&r->start);
	if (r->at_once == 8)
		produce(r, true, 8);
	else if (r->sleeps)
		produce(r, true, 1);
	else
		produce(r, false, 1);
	return NULL;
}

static void trainer_sleeps(struct rig *r, uint64_t t)
{
	uint64_t nap = baton_now_ns() + BATON_TRAINER_NAP_NS;
	int32_t epoch;

	baton_wait_pass_on(&r->wait, &r->ring, 0);
	epoch = baton_wait_trainer_down(&r->wait, 2 * t + 1);
	if (!baton_wait_ready(&r->ring, t))
		baton_futex_wait(&r->wait.trainer_epoch, epoch, nap);
	baton_wait_trainer_up(&r->wait);
}

static inline __attribute__((always_inline)) bool trip(struct rig *r, bool sleeps, uint64_t from,
                                                       uint64_t n, uint64_t *made)
{
	for (*made = 0; *made < n && !bench_is_late(); ++*made) {
		uint64_t t = from + *made;
		struct baton_slot *s = baton_ring_slot(&r->ring, t);

		for (int turn = 0; !baton_ring_ready(&r->ring, t); turn++) {
			if (!sleeps)
				bench_wait((unsigned)turn);
			else if (turn < BATON_TRAINER_TURNS)
				baton_wait_turn(turn);
			else
				trainer_sleeps(r, t);
		}
		if (!bench_use(r->setup,
		               (void *)atomic_load_explicit(&s->block, memory_order_relaxed),
		               r->name))
			return false;
		baton_ring_release(&r->ring, t);
		if (sleeps)
			baton_wait_released(&r->wait, &r->ring, t + 1, 0);
	}
	return true;
}

static bool train(struct rig *r, uint64_t from, uint64_t n, uint64_t *made)
{
	return r->sleeps ? trip(r, true, from, n, made) : trip(r, false, from, n, made);
}

static bool rig_init(struct rig *r, const struct bench_setup *s)
{
	size_t bytes = (s->words * sizeof(uint64_t) + BATON_LINE - 1) / BATON_LINE * BATON_LINE;
	unsigned char *memory = bench_memory(bytes * s->pool);

	r->slots = aligned_alloc(BATON_LINE, s->pool * sizeof(*r->slots));
	if (!memory || !r->slots)
		return false;
	baton_ring_init(&r->ring, r->slots, s->pool, 0);
	baton_wait_init(&r->wait);
	r->wait.crowd = baton_wait_crowd(s->producers, bench_cpus(), s->pool);
	for (uint32_t i = 0; i < s->pool; i++)
		atomic_init(&r->slots[i].block, (void *)(memory + i * bytes));
	bench_gate_init(&r->start, s->producers + 1);
	return true;
}

static void rig_fini(struct rig *r)
{
	free(r->slots);
}

static bool run(const struct bench_setup *s, struct bench_result *result, const char *name,
                bool sleeps, uint64_t at_once)
{
	struct rig r = {.setup = s, .name = name, .sleeps = sleeps, .at_once = at_once};
	pthread_t *threads = calloc(s->producers, sizeof(*threads));
	uint64_t made;
	bool good;

	if (!threads || !rig_init(&r, s))
		return false;
	for (uint32_t i = 0; i < s->producers; i++)
		if (pthread_create(&threads[i], NULL, producer_main, &r) != 0)
			abort();
	bench_pin(s, true);
	bench_gate_wait(&r.start);
	good = train(&r, 0, s->first, &made);
	bench_begin(result);
	good = good && train(&r, s->first, s->n, &made);
	bench_end(result, made);
	atomic_store(&r.stop, true);
	baton_wait_wake_producers(&r.wait);
	for (uint32_t i = 0; i < s->producers; i++)
		pthread_join(threads[i], NULL);
	bench_unpin(s);
	rig_fini(&r);
	free(threads);
	return good;
}

#define RING "ring"
#define RING_YIELD "ring-yield"
#define RING_8 "ring-8"

static bool run_sleeps(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, RING, true, 1);
}

static bool run_yields(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, RING_YIELD, false, 1);
}

static bool run_8(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, RING_8, true, 8);
}

const struct bench_peer bench_ring = {RING, "ring.h alone; sleeps as baton does", BENCH_CLAIMED,
                                      false, run_sleeps};
const struct bench_peer bench_ring_yield = {RING_YIELD, "ring.h alone; pauses, yields",
                                            BENCH_CLAIMED, false, run_yields};
const struct bench_peer bench_ring_8 = {RING_8, "8 tickets a claim, where they are free",
                                        BENCH_CLAIMED, false, run_8};
