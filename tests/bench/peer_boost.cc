/* SPDX-License-Identifier: MIT */
/* Peer: two of boost::lockfree's queues, their nodes allocated beforehand. With -DSPSC
 * spsc_queue, a pair for each producer; else queue. */

#include "rig_end.h"
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>

struct bench_setup;

#ifdef SPSC
typedef boost::lockfree::spsc_queue<uint64_t *> wrapped;
#else
typedef boost::lockfree::queue<uint64_t *, boost::lockfree::fixed_sized<true>> wrapped;
#endif

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
	return q->q->push(words);
}

static uint64_t *queue_get(struct queue *q, struct rig_end *)
{
	uint64_t *words = nullptr;

	return q->q->pop(words) ? words : nullptr;
}

#ifdef SPSC
#define RIG_NAME "boost-spsc"
#define RIG_LANES
#include "rig.h"
extern "C" const bench_peer bench_boost_spsc = {RIG_NAME, "a pair each; pauses, yields", BENCH_OWN,
                                                true, rig_run};
#else
#define RIG_NAME "boost-queue"
#include "rig.h"
extern "C" const bench_peer bench_boost = {RIG_NAME, "pauses, yields", BENCH_PASSED, false,
                                           rig_run};
#endif
