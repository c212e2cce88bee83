/* SPDX-License-Identifier: MIT */
/* Peer: two bounded queues, each of a mutex and a condition variable; what most programs
 * have. One holds the free buffers, one the ready ones, and written as well as that can be:
 *   - a queue never overflows, since it has room for every buffer: nobody waits to put
 *   - put signals only if somebody waits, one waiter, after the mutex is unlocked
 *   - free buffers are a stack (the last one used is still in a cache), ready ones a FIFO
 *   - each queue, and each buffer, on cache lines of its own */

#include "rig_end.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define LINE 128

struct bench_setup;

struct queue {
	_Alignas(LINE) pthread_mutex_t lock;
	pthread_cond_t filled;
	uint64_t **items; /* [room] */
	uint32_t room;
	uint32_t head, n; /* the oldest, and how many */
	uint32_t waiting;
	bool lifo;
};

static bool queue_init(struct queue *q, const struct bench_setup *s, bool free, uint32_t room)
{
	(void)s;
	*q = (struct queue){.room = room, .lifo = free};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	q->items = calloc(room, sizeof(*q->items));
	return q->items;
}

static void queue_fini(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->filled);
	free(q->items);
}

static bool queue_put(struct queue *q, struct rig_end *e, uint64_t *item)
{
	uint32_t at;
	bool wake;

	(void)e;
	pthread_mutex_lock(&q->lock);
	at = q->head + q->n++;
	q->items[at < q->room ? at : at - q->room] = item;
	wake = q->waiting > 0;
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->filled);
	return true;
}

/* One item, which there is. */
static uint64_t *queue_pop(struct queue *q)
{
	uint32_t at = q->head;

	q->n--;
	if (q->lifo)
		return q->items[q->n]; /* head stays 0 */
	q->head = at + 1 < q->room ? at + 1 : 0;
	return q->items[at];
}

static uint64_t *queue_get(struct queue *q, struct rig_end *e)
{
	uint64_t *item;

	(void)e;
	pthread_mutex_lock(&q->lock);
	while (q->n == 0) {
		q->waiting++;
		pthread_cond_wait(&q->filled, &q->lock);
		q->waiting--;
	}
	item = queue_pop(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

#define RIG_NAME "mutex+cv"
#define RIG_BLOCKS
#include "rig.h"

const struct bench_peer bench_mutex = {RIG_NAME, "sleeps; signals only waiters", BENCH_PASSED,
                                       false, rig_run};
