/* SPDX-License-Identifier: MIT */
/* Peer: two of DPDK's rte_ring, in memory of our own (no EAL is started). With -DSPSC a pair
 * for each producer; else one for all, with one thread at the trainer's ends. With -DHTS in
 * the mode that its guide has for more threads than cores: head and tail move together, so
 * that nobody waits for a thread that was suspended between the two. */

#include "rig_end.h"
#include <rte_ring.h>
#include <stdint.h>
#include <stdlib.h>

struct bench_setup;

struct queue {
	struct rte_ring *ring;
};

static unsigned flags(bool free)
{
#ifdef SPSC
	(void)free;
	return RING_F_SP_ENQ | RING_F_SC_DEQ;
#elif defined(HTS)
	return free ? RING_F_SP_ENQ | RING_F_MC_HTS_DEQ : RING_F_MP_HTS_ENQ | RING_F_SC_DEQ;
#else
	return free ? RING_F_SP_ENQ : RING_F_SC_DEQ;
#endif
}

static bool queue_init(struct queue *q, const struct bench_setup *s, bool free, uint32_t room)
{
	uint32_t size = 2;
	ssize_t bytes;

	(void)s;
	while (size < room + 1)
		size *= 2;
	bytes = rte_ring_get_memsize(size);
	q->ring = bytes > 0 ? aligned_alloc(128, ((size_t)bytes + 127) / 128 * 128) : NULL;
	return q->ring && rte_ring_init(q->ring, free ? "free" : "ready", room,
	                                flags(free) | RING_F_EXACT_SZ) == 0;
}

static void queue_fini(struct queue *q)
{
	free(q->ring);
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	(void)e;
	return rte_ring_enqueue(q->ring, words) == 0;
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	void *words;

	(void)e;
	return rte_ring_dequeue(q->ring, &words) == 0 ? words : NULL;
}

#ifdef SPSC
#define RIG_NAME "rte_ring-spsc"
#define RIG_LANES
#include "rig.h"
const struct bench_peer bench_rte_spsc = {RIG_NAME, "a pair each; pauses, yields", BENCH_OWN, true,
                                          rig_run};
#elif defined(HTS)
#define RIG_NAME "rte_ring-hts"
#include "rig.h"
const struct bench_peer bench_rte_hts = {RIG_NAME, "head/tail sync; pauses, yields", BENCH_PASSED,
                                         false, rig_run};
#else
#define RIG_NAME "rte_ring-mp"
#include "rig.h"
const struct bench_peer bench_rte = {RIG_NAME, "mp/sc and sp/mc; pauses, yields", BENCH_PASSED,
                                     false, rig_run};
#endif
