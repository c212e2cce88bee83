/* SPDX-License-Identifier: MIT */
/* Peer: two of liburcu's wfcqueue. Enqueue is wait-free; dequeue is for one thread, or under
 * the queue's own mutex: so the trainer takes ready buffers without it, and producers take
 * free ones with it if there are several. Each buffer carries its node, just before its words.
 */

#include "peer.h"
#include "rig_end.h"
#include <stdint.h>
#include <urcu/wfcqueue.h>

struct queue {
	struct cds_wfcq_head head;
	_Alignas(128) struct cds_wfcq_tail tail;
	bool locked;
};

struct linked {
	struct cds_wfcq_node node;
	uint64_t words[];
};

static bool queue_init(struct queue *q, const struct bench_setup *s, bool free, uint32_t room)
{
	(void)room;
	cds_wfcq_init(&q->head, &q->tail);
	q->locked = free && s->producers > 1;
	return true;
}

static void queue_fini(struct queue *q)
{
	cds_wfcq_destroy(&q->head, &q->tail);
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	struct linked *l = caa_container_of((uint64_t(*)[])words, struct linked, words);

	(void)e;
	cds_wfcq_node_init(&l->node);
	cds_wfcq_enqueue(&q->head, &q->tail, &l->node);
	return true;
}

static struct cds_wfcq_node *dequeue(struct queue *q)
{
	if (q->locked)
		return cds_wfcq_dequeue_blocking(&q->head, &q->tail);
	return __cds_wfcq_dequeue_blocking(&q->head, &q->tail);
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	struct cds_wfcq_node *node;

	(void)e;
	if (cds_wfcq_empty(&q->head, &q->tail)) /* no lock for a look */
		return NULL;
	node = dequeue(q);
	return node ? caa_container_of(node, struct linked, node)->words : NULL;
}

#define RIG_NAME "wfcqueue"
#define RIG_HEADER sizeof(struct linked)
#include "rig.h"

const struct bench_peer bench_urcu = {RIG_NAME, "intrusive; pauses, yields", BENCH_PASSED, false,
                                      rig_run};
