/* SPDX-License-Identifier: MIT */
/* Peer: two of moodycamel's ConcurrentQueue, allocated beforehand, with a token for each
 * thread and end, as its README advises. */

#include <concurrentqueue/concurrentqueue.h>
#include <cstdint>

struct bench_setup;

typedef moodycamel::ConcurrentQueue<uint64_t *> wrapped;

struct queue {
	wrapped *q;
};

struct rig_end {
	moodycamel::ProducerToken *put;
	moodycamel::ConsumerToken *get;
};

static bool rig_end_init(struct rig_end *e, struct queue *q, bool puts)
{
	e->put = puts ? new moodycamel::ProducerToken(*q->q) : nullptr;
	e->get = puts ? nullptr : new moodycamel::ConsumerToken(*q->q);
	return true;
}

static void rig_end_fini(struct rig_end *e)
{
	delete e->put;
	delete e->get;
}

static bool queue_init(struct queue *q, const struct bench_setup *, bool, uint32_t room)
{
	q->q = new wrapped(room);
	return true;
}

static void queue_fini(struct queue *q)
{
	delete q->q;
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	return q->q->enqueue(*e->put, words);
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	uint64_t *words = nullptr;

	return q->q->try_dequeue(*e->get, words) ? words : nullptr;
}

#define RIG_NAME "moodycamel"
#include "rig.h"

extern "C" const bench_peer bench_moodycamel = {RIG_NAME, "tokens; pauses, yields", BENCH_OWN,
                                                false, rig_run};
