/* SPDX-License-Identifier: MIT */
/* Peer: two of oneTBB's concurrent_bounded_queue, which sleep by themselves; tried a few times
 * before, since a sleep costs more. */

#include "peer.h"
#include "rig_end.h"
#include <cstdint>
#include <tbb/concurrent_queue.h>

typedef tbb::concurrent_bounded_queue<uint64_t *> wrapped;

static const unsigned TRIES = 64;

struct queue {
	wrapped *q;
};

static bool queue_init(struct queue *q, const bench_setup *, bool, uint32_t room)
{
	q->q = new wrapped;
	q->q->set_capacity(room);
	return true;
}

static void queue_fini(struct queue *q)
{
	delete q->q;
}

static bool queue_put(struct queue *q, struct rig_end *, uint64_t *words)
{
	q->q->push(words);
	return true;
}

static uint64_t *queue_get(struct queue *q, struct rig_end *)
{
	uint64_t *words = nullptr;

	for (unsigned i = 0; i < TRIES; i++) {
		if (q->q->try_pop(words))
			return words;
		bench_wait(0);
	}
	q->q->pop(words);
	return words;
}

#define RIG_NAME "TBB-bounded"
#define RIG_BLOCKS
#include "rig.h"

extern "C" const bench_peer bench_tbb = {RIG_NAME, "tries 64 times, sleeps", BENCH_PASSED, false,
                                         rig_run};
