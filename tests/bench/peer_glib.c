/* SPDX-License-Identifier: MIT */
/* Peer: two of GLib's GAsyncQueue, which sleep by themselves. */

#include "rig_end.h"
#include <glib.h>
#include <stdint.h>

struct bench_setup;

struct queue {
	GAsyncQueue *q;
};

static bool queue_init(struct queue *q, const struct bench_setup *s, bool free, uint32_t room)
{
	(void)s, (void)free, (void)room;
	q->q = g_async_queue_new();
	return q->q;
}

static void queue_fini(struct queue *q)
{
	g_async_queue_unref(q->q);
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *words)
{
	(void)e;
	g_async_queue_push(q->q, words);
	return true;
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	(void)e;
	return g_async_queue_pop(q->q);
}

#define RIG_NAME "GAsyncQueue"
#define RIG_BLOCKS
#include "rig.h"

const struct bench_peer bench_glib = {RIG_NAME, "sleeps", BENCH_PASSED, false, rig_run};
