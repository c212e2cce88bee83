/* SPDX-License-Identifier: MIT */
/* Peer: baton's ring alone (ring.h), with its waits (wait.h), and no pipeline around it: what
 * the hand-off costs. "ring" waits as the pipeline does and sleeps in the end; "ring yield"
 * never sleeps, as most of the others. */

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

/* What follows is compiled twice, with sleeps known. */
static inline __attribute__((always_inline)) bool claim(struct rig *r, bool sleeps, uint64_t *t,
                                                        struct baton_block **block)
{
	bool woken = false;

	for (int turn = 0; baton_ring_claim(&r->ring, INT64_MAX, t, block) != BATON_CLAIM_WON;
	     turn++) {
		if (stopped(r))
			return false;
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
		baton_wait_pass_on(&r->wait, &r->ring, baton_wait_crowd(&r->wait));
	return true;
}

static inline __attribute__((always_inline)) void produce(struct rig *r, bool sleeps)
{
	struct baton_block *block;
	uint64_t t;

	while (claim(r, sleeps, &t, &block)) {
		bench_make(r->setup, (uint64_t *)(void *)block, BENCH_TAG(0, t));
		baton_ring_publish(&r->ring, t);
		if (sleeps)
			baton_wait_published(&r->wait, t);
	}
}

static void *producer_main(void *arg)
{
	struct rig *r = arg;

	bench_pin(r->setup, false);
	bench_gate_wait(&r->start);
	if (r->sleeps)
		produce(r, true);
	else
		produce(r, false);
	return NULL;
}

static void trainer_sleeps(struct rig *r, uint64_t t, bool again)
{
	uint64_t nap = baton_now_ns() + BATON_TRAINER_NAP_NS;
	int32_t epoch;

	baton_wait_pass_on(&r->wait, &r->ring, again ? 0 : baton_wait_crowd(&r->wait));
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
				trainer_sleeps(r, t, turn > BATON_TRAINER_TURNS);
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

/* As in pipeline.c and producer.c, which find out by themselves whether a source computes. */
static uint32_t crowd_of(const struct bench_setup *s)
{
	uint32_t cpus = bench_cpus();

	return !s->work.wait_ns && s->producers > cpus && s->pool >= 64 ? s->producers - cpus : 0;
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
	atomic_init(&r->wait.crowd, crowd_of(s));
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
                bool sleeps)
{
	struct rig r = {.setup = s, .name = name, .sleeps = sleeps};
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

static bool run_sleeps(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, RING, true);
}

static bool run_yields(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, RING_YIELD, false);
}

const struct bench_peer bench_ring = {RING, "ring.h alone; sleeps as baton does", BENCH_CLAIMED,
                                      false, run_sleeps};
const struct bench_peer bench_ring_yield = {RING_YIELD, "ring.h alone; pauses, yields",
                                            BENCH_CLAIMED, false, run_yields};
