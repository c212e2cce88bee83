/* SPDX-License-Identifier: MIT */
/* rig.h: two queues of pointers made into a bench_peer; the text around a peer's own. To be
 * included once, at the end of an adapter (C or C++) that has defined
 *
 *   struct queue                what is wrapped, with room for `room` pointers
 *   struct rig_end              what one thread needs at one end of a queue
 *   RIG_NAME                    for messages
 *   bool queue_init(q, s, free, room)     free: trainer to producers; else back
 *   void queue_fini(q)
 *   bool rig_end_init(e, q, puts), void rig_end_fini(e)
 *   bool queue_put(q, e, words)           false: full, for now
 *   uint64_t *queue_get(q, e)             NULL: empty, for now
 * and perhaps
 *   RIG_BLOCKS   queue_get waits, and never says NULL
 *   RIG_LANES    queues of one producer and one consumer: each producer has a pair of its
 *                own, and the trainer goes round
 *   RIG_HEADER   bytes before each buffer's words, for a peer that links buffers
 *
 * What is static inline here is compiled together with the peer's own functions, so that
 * no call through a pointer is between. */

#include "peer.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef RIG_HEADER
#define RIG_HEADER 0
#endif

#define RIG_LINE 128u

struct rig_lane {
	struct queue free, ready;
	struct rig_end to_free, from_ready; /* the trainer's ends */
};

struct rig {
	const struct bench_setup *setup;
	struct rig_lane *lanes; /* [n_lanes] */
	uint32_t n_lanes;
	uint32_t at; /* the lane that the trainer asks first */
	uint32_t n_threads;
	bool stop; /* __atomic: no more buffers are wanted */
	struct bench_gate start;
	uint64_t pill; /* a buffer at this address ends a producer that sleeps in a get */
};

struct rig_producer {
	struct rig *rig;
	struct rig_lane *lane;
	uint32_t index;
	pthread_t thread;
};

static void rig_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	for (unsigned turn = 0; !queue_put(q, e, words); turn++)
		bench_wait(turn);
}

/* A free buffer; NULL: the run is over. */
static uint64_t *rig_claim(struct rig *r, struct queue *q, struct rig_end *e)
{
#ifdef RIG_BLOCKS
	uint64_t *words = queue_get(q, e);

	return words == &r->pill ? NULL : words;
#else
	uint64_t *words;

	for (unsigned turn = 0; !(words = queue_get(q, e)); turn++) {
		if (__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
			return NULL;
		bench_wait(turn);
	}
	return words;
#endif
}

static void *rig_producer_main(void *arg)
{
	struct rig_producer *p = (struct rig_producer *)arg;
	struct rig *r = p->rig;
	struct rig_end from_free, to_ready;
	uint64_t *words;

	if (!rig_end_init(&from_free, &p->lane->free, false) ||
	    !rig_end_init(&to_ready, &p->lane->ready, true))
		abort();
	bench_gate_wait(&r->start);
	for (uint64_t k = 0; (words = rig_claim(r, &p->lane->free, &from_free)); k++) {
		bench_make(r->setup, words, BENCH_TAG(p->index, k));
		rig_put(&p->lane->ready, &to_ready, words);
	}
	rig_end_fini(&from_free);
	rig_end_fini(&to_ready);
	return NULL;
}

/* The next buffer, and its lane. */
static uint64_t *rig_take(struct rig *r, struct rig_lane **lane)
{
	for (unsigned turn = 0;; turn++) {
		for (uint32_t i = 0; i < r->n_lanes; i++) {
			uint64_t *words;

			*lane = &r->lanes[r->at];
			r->at = r->at + 1 < r->n_lanes ? r->at + 1 : 0;
			words = queue_get(&(*lane)->ready, &(*lane)->from_ready);
			if (words)
				return words;
		}
		bench_wait(turn);
	}
}

/* n round trips; *made says how many it were. */
static bool rig_trip(struct rig *r, uint64_t n, uint64_t *made)
{
	for (*made = 0; *made < n && !bench_is_late(); ++*made) {
		struct rig_lane *lane;
		uint64_t *words = rig_take(r, &lane);

		if (!bench_use(r->setup, words, RIG_NAME))
			return false;
		rig_put(&lane->free, &lane->to_free, words);
	}
	return true;
}

static bool rig_lane_init(struct rig_lane *lane, const struct bench_setup *s, uint32_t room)
{
	return queue_init(&lane->free, s, true, room) && queue_init(&lane->ready, s, false, room) &&
	       rig_end_init(&lane->to_free, &lane->free, true) &&
	       rig_end_init(&lane->from_ready, &lane->ready, false);
}

static void rig_lane_fini(struct rig_lane *lane)
{
	rig_end_fini(&lane->to_free);
	rig_end_fini(&lane->from_ready);
	queue_fini(&lane->free);
	queue_fini(&lane->ready);
}

/* Deal the buffers out. */
static void rig_fill(struct rig *r, unsigned char *memory, size_t bytes)
{
	for (uint32_t i = 0; i < r->setup->pool; i++) {
		struct rig_lane *lane = &r->lanes[i % r->n_lanes];

		rig_put(&lane->free, &lane->to_free,
		        (uint64_t *)(void *)(memory + i * bytes + RIG_HEADER));
	}
}

static bool rig_init(struct rig *r, const struct bench_setup *s)
{
	size_t bytes =
		(RIG_HEADER + s->words * sizeof(uint64_t) + RIG_LINE - 1) / RIG_LINE * RIG_LINE;
	unsigned char *memory = (unsigned char *)bench_memory(bytes * s->pool);
	uint32_t room;

	memset(r, 0, sizeof(*r));
	r->setup = s;
#ifdef RIG_LANES
	r->n_lanes = s->producers;
#else
	r->n_lanes = 1;
#endif
	room = (s->pool + r->n_lanes - 1) / r->n_lanes;
#ifdef RIG_BLOCKS
	room += s->producers; /* for the pills */
#endif
	r->lanes = (struct rig_lane *)aligned_alloc(
		RIG_LINE, (r->n_lanes * sizeof(*r->lanes) + RIG_LINE - 1) / RIG_LINE * RIG_LINE);
	if (!memory || !r->lanes)
		return false;
	memset((void *)r->lanes, 0, r->n_lanes * sizeof(*r->lanes));
	for (uint32_t i = 0; i < r->n_lanes; i++)
		if (!rig_lane_init(&r->lanes[i], s, room))
			return false;
	rig_fill(r, memory, bytes);
	bench_gate_init(&r->start, s->producers + 1);
	return true;
}

static void rig_fini(struct rig *r)
{
	for (uint32_t i = 0; i < r->n_lanes; i++)
		rig_lane_fini(&r->lanes[i]);
	free((void *)r->lanes);
}

static void rig_start(struct rig *r, struct rig_producer *producers)
{
	for (uint32_t i = 0; i < r->setup->producers; i++) {
		struct rig_producer *p = &producers[i];

		p->rig = r;
		p->lane = &r->lanes[i % r->n_lanes];
		p->index = i;
		if (pthread_create(&p->thread, NULL, rig_producer_main, p) != 0)
			abort();
	}
	bench_gate_wait(&r->start);
}

static void rig_stop(struct rig *r, struct rig_producer *producers)
{
	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
#ifdef RIG_BLOCKS
	for (uint32_t i = 0; i < r->setup->producers; i++)
		rig_put(&r->lanes[0].free, &r->lanes[0].to_free, &r->pill);
#endif
	for (uint32_t i = 0; i < r->setup->producers; i++)
		pthread_join(producers[i].thread, NULL);
}

static bool rig_run(const struct bench_setup *s, struct bench_result *result)
{
	struct rig_producer *producers =
		(struct rig_producer *)calloc(s->producers, sizeof(*producers));
	struct rig r;
	uint64_t made;
	bool good;

	if (!producers || !rig_init(&r, s)) {
		fprintf(stderr, "%s: can't be set up\n", RIG_NAME);
		return false;
	}
	rig_start(&r, producers);
	good = rig_trip(&r, s->first, &made);
	bench_begin(result);
	good = good && rig_trip(&r, s->n, &made);
	bench_end(result, made);
	rig_stop(&r, producers);
	rig_fini(&r);
	free(producers);
	return good;
}
