/* SPDX-License-Identifier: MIT */
/* Peer: two bounded queues, each of a mutex and a condition variable; what most programs
 * have. One holds the free buffers, one the ready ones, and written as well as that can be:
 *   - a queue never overflows, since it has room for every buffer: nobody waits to put
 *   - put signals only if somebody waits, one waiter, after the mutex is unlocked
 *   - no broadcast but the one at the end
 *   - free buffers are a stack (the last one used is still in a cache), ready ones a FIFO
 *   - each queue, and each buffer, on cache lines of its own */

#include "peer.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE 128

struct queue {
	_Alignas(LINE) pthread_mutex_t lock;
	pthread_cond_t filled;
	uint64_t **items; /* [room] */
	uint32_t room;
	uint32_t head, n; /* the oldest, and how many */
	uint32_t waiting;
	bool lifo;
	bool closed;
};

struct rig {
	struct queue free, ready;
	const struct bench_setup *setup;
	unsigned char *memory; /* of all buffers */
	pthread_barrier_t start;
};

static bool queue_init(struct queue *q, uint32_t room, bool lifo)
{
	*q = (struct queue){.room = room, .lifo = lifo};
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

static void queue_put(struct queue *q, uint64_t *item)
{
	uint32_t at;
	bool wake;

	pthread_mutex_lock(&q->lock);
	at = q->head + q->n++;
	q->items[at < q->room ? at : at - q->room] = item;
	wake = q->waiting > 0;
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->filled);
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

/* NULL: closed. */
static uint64_t *queue_get(struct queue *q)
{
	uint64_t *item = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !q->closed) {
		q->waiting++;
		pthread_cond_wait(&q->filled, &q->lock);
		q->waiting--;
	}
	if (!q->closed)
		item = queue_pop(q);
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

static void *producer_main(void *arg)
{
	struct rig *r = arg;
	uint64_t *words;

	pthread_barrier_wait(&r->start);
	for (uint64_t k = 0; (words = queue_get(&r->free)); k++) {
		bench_touch(words, r->setup->words, k);
		queue_put(&r->ready, words);
	}
	return NULL;
}

static bool trip(struct rig *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t *words = queue_get(&r->ready);

		if (!bench_read(words, r->setup->words))
			return false;
		queue_put(&r->free, words);
	}
	return true;
}

static bool train(struct rig *r, struct bench_result *result)
{
	bool good = trip(r, 2 * (uint64_t)r->setup->pool);

	bench_begin(result);
	good = good && trip(r, r->setup->n);
	bench_end(result);
	if (!good)
		fprintf(stderr, "mutex+cv: a buffer was wrong\n");
	return good;
}

static bool rig_init(struct rig *r, const struct bench_setup *s)
{
	size_t bytes = (s->words * sizeof(uint64_t) + LINE - 1) / LINE * LINE;

	r->setup = s;
	if (!queue_init(&r->free, s->pool, true) || !queue_init(&r->ready, s->pool, false))
		return false;
	r->memory = aligned_alloc(LINE, bytes * s->pool);
	for (uint32_t i = 0; r->memory && i < s->pool; i++)
		queue_put(&r->free, (uint64_t *)(void *)(r->memory + i * bytes));
	pthread_barrier_init(&r->start, NULL, s->producers + 1);
	return r->memory;
}

static void rig_fini(struct rig *r)
{
	pthread_barrier_destroy(&r->start);
	queue_fini(&r->free);
	queue_fini(&r->ready);
	free(r->memory);
}

static bool run(const struct bench_setup *s, struct bench_result *result)
{
	struct rig r;
	pthread_t *threads = calloc(s->producers, sizeof(*threads));
	bool good;

	if (!threads || !rig_init(&r, s))
		return false;
	for (uint32_t i = 0; i < s->producers; i++)
		if (pthread_create(&threads[i], NULL, producer_main, &r) != 0)
			abort();
	pthread_barrier_wait(&r.start);
	good = train(&r, result);
	queue_close(&r.free);
	for (uint32_t i = 0; i < s->producers; i++)
		pthread_join(threads[i], NULL);
	rig_fini(&r);
	free(threads);
	return good;
}

const struct bench_peer bench_mutex = {"mutex+cv", false, run};
