/* SPDX-License-Identifier: MIT */
/* Peer: two rings of Concurrency Kit. With -DSPSC a pair for each producer, else one for all:
 * in each direction the variant for one thread at that end, which is cheaper than mpmc. Its
 * sizes are powers of two, of which one place stays empty. */

#include "rig_end.h"
#include <ck_ring.h>
#include <stdint.h>
#include <stdlib.h>

struct bench_setup;

struct queue {
	ck_ring_t ring;
	ck_ring_buffer_t *buffer;
	bool free;
};

static bool queue_init(struct queue *q, const struct bench_setup *s, bool free, uint32_t room)
{
	uint32_t size = 2;

	(void)s;
	while (size < room + 1)
		size *= 2;
	q->free = free;
	q->buffer = calloc(size, sizeof(*q->buffer));
	ck_ring_init(&q->ring, size);
	return q->buffer;
}

static void queue_fini(struct queue *q)
{
	free(q->buffer);
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	(void)e;
#ifdef SPSC
	return ck_ring_enqueue_spsc(&q->ring, q->buffer, words);
#else
	if (q->free)
		return ck_ring_enqueue_spmc(&q->ring, q->buffer, words);
	return ck_ring_enqueue_mpsc(&q->ring, q->buffer, words);
#endif
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	uint64_t *words = NULL;

	(void)e;
#ifdef SPSC
	return ck_ring_dequeue_spsc(&q->ring, q->buffer, &words) ? words : NULL;
#else
	if (q->free)
		return ck_ring_dequeue_spmc(&q->ring, q->buffer, &words) ? words : NULL;
	return ck_ring_dequeue_mpsc(&q->ring, q->buffer, &words) ? words : NULL;
#endif
}

#ifdef SPSC
#define RIG_NAME "ck_ring-spsc"
#define RIG_LANES
#include "rig.h"
const struct bench_peer bench_ck_spsc = {RIG_NAME, "a pair each; pauses, yields", BENCH_OWN, true,
                                         rig_run};
#else
#define RIG_NAME "ck_ring-mp"
#include "rig.h"
const struct bench_peer bench_ck = {RIG_NAME, "spmc and mpsc; pauses, yields", BENCH_PASSED, false,
                                    rig_run};
#endif
