/* SPDX-License-Identifier: MIT */
/* Apart: what the machine allows, with nothing handed over. */

#include "../args.h"
#include "feed_bench.h"
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct apart {
	const struct work *work;
	uint64_t n, chunk;
	_Atomic uint64_t next; /* the first batch that no source thread has begun */
	pthread_barrier_t start;
};

static void *apart_source(void *arg)
{
	struct apart *a = arg;
	uint64_t *words = allocate(a->work->words * 8), from;

	work_make(a->work, 0, words); /* touch it */
	pthread_barrier_wait(&a->start);
	while ((from = atomic_fetch_add(&a->next, a->chunk)) < a->n)
		for (uint64_t k = from; k < a->n && k - from < a->chunk && !caught; k++)
			work_make(a->work, k, words);
	free(words);
	return NULL;
}

static void start_apart(struct apart *a, pthread_t *threads, uint32_t n)
{
	sigset_t all, old;

	pthread_barrier_init(&a->start, NULL, n + 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (uint32_t i = 0; i < n; i++) {
		int rc = pthread_create(&threads[i], NULL, apart_source, a);

		if (rc != 0) {
			args_error(NAME, NULL, NULL, "thread %" PRIu32 ": %s", i, strerror(rc));
			exit(1);
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* n batches made by some threads while n are used by this one (none if !trains). Sources
 * take about 5 us of them at a time, so that all end together. */
struct figure apart(const struct work *w, uint32_t n_sources, uint64_t n, bool trains)
{
	struct apart a = {.work = w, .n = n, .chunk = 1 + (uint64_t)(5e3 / w->source_ns)};
	uint64_t *words = allocate(w->words * 8);
	pthread_t *threads = allocate(n_sources * sizeof(*threads));
	struct work quick = {.words = w->words};
	struct figure f;

	a.chunk = w->wait_ns ? 1 : a.chunk;
	work_make(&quick, 0, words);
	start_apart(&a, threads, n_sources);
	pthread_barrier_wait(&a.start);
	begin_figure(&f);
	for (uint64_t k = 0; trains && k < n && !caught; k++)
		work_learn(w, 0, words);
	for (uint32_t i = 0; i < n_sources; i++)
		pthread_join(threads[i], NULL);
	end_figure(&f, caught ? 0 : n);
	pthread_barrier_destroy(&a.start);
	free(threads);
	free(words);
	return f;
}

struct figure fused(const struct work *w, uint64_t n)
{
	uint64_t *words = allocate(w->words * 8), k;
	struct figure f;

	begin_figure(&f);
	for (k = 0; k < n && !caught; k++) {
		work_make(w, k, words);
		work_learn(w, k, words);
	}
	end_figure(&f, k);
	free(words);
	return f;
}
