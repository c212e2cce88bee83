/* SPDX-License-Identifier: MIT */
/* Peer: two of moodycamel's ReaderWriterQueue for each producer, allocated beforehand. */

#include "rig_end.h"
#include <cstdint>
#include <readerwriterqueue/readerwriterqueue.h>

struct bench_setup;

typedef moodycamel::ReaderWriterQueue<uint64_t *> wrapped;

struct queue {
	wrapped *q;
};

static bool queue_init(struct queue *q, const struct bench_setup *, bool, uint32_t room)
{
	q->q = new wrapped(room);
	return true;
}

static void queue_fini(struct queue *q)
{
	delete q->q;
}

static bool queue_put(struct queue *q, struct rig_end *, uint64_t *words)
{
	return q->q->try_enqueue(words);
}

static uint64_t *queue_get(struct queue *q, struct rig_end *)
{
	uint64_t *words = nullptr;

	return q->q->try_dequeue(words) ? words : nullptr;
}

#define RIG_NAME "readerwriter"
#define RIG_LANES
#include "rig.h"

extern "C" const bench_peer bench_readerwriter = {RIG_NAME, "a pair each; pauses, yields",
                                                  BENCH_OWN, true, rig_run};
