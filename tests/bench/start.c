/* SPDX-License-Identifier: MIT */
#include "start.h"
#include <baton/baton.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	(void)rng;
	bench_make(state, baton_writable_data(b, 0), baton_writable_k(b));
	return BATON_OK;
}

static baton_pipeline *open_feed(const struct bench_setup *s)
{
	baton_field field = {"words", BATON_U64, 1, {s->words}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;

	source.fields = &field;
	source.n_fields = source.rows = 1;
	source.fill = fill;
	source.state = (void *)s;
	options.producers = (int)s->producers;
	options.blocks = s->pool;
	options.block_batches = 1;
	if (baton_open(&feed, &source, &options, &err) < 0)
		fprintf(stderr, "baton: %s\n", err.text);
	return feed;
}

static bool take_one(baton_pipeline *feed, const struct bench_setup *s)
{
	baton_batch b = BATON_BATCH_INIT;
	bool good;

	if (baton_next(feed, &b) != BATON_OK)
		return false;
	good = bench_use(s, baton_data(&b, 0), "baton");
	baton_release(feed, &b);
	return good;
}

static bool run_baton(const struct bench_setup *s, struct bench_result *result)
{
	bool good = true;

	*result = (struct bench_result){0};
	for (uint64_t i = 0; good && i < s->n; i++) {
		struct bench_result one;
		baton_pipeline *feed;

		bench_begin(&one);
		feed = open_feed(s);
		good = feed && take_one(feed, s);
		bench_end(&one, 1);
		result->n++;
		result->ns += one.ns;
		result->cpu_ns += one.cpu_ns;
		good = baton_close(&feed) == BATON_OK && good;
	}
	return good;
}

static bool run_pages(const struct bench_setup *s, struct bench_result *result)
{
	size_t bytes = 8 * s->words * s->pool;

	*result = (struct bench_result){0};
	for (uint64_t i = 0; i < s->n; i++) {
		struct bench_result one;
		unsigned char *memory;

		bench_begin(&one);
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		              0);
		if (memory == MAP_FAILED)
			return false;
		for (size_t at = 0; at < bytes; at += 4096)
			memory[at] = 1;
		bench_end(&one, 1);
		munmap(memory, bytes);
		result->n++;
		result->ns += one.ns;
		result->cpu_ns += one.cpu_ns;
	}
	return true;
}

static void *wait_for_end(void *end)
{
	sem_wait(end);
	return NULL;
}

static bool run_threads(const struct bench_setup *s, struct bench_result *result)
{
	pthread_t *threads = calloc(s->producers, sizeof(*threads));
	sem_t end;

	if (!threads)
		return false;
	*result = (struct bench_result){0};
	sem_init(&end, 0, 0);
	for (uint64_t k = 0; k < s->n; k++) {
		struct bench_result one;

		bench_begin(&one);
		for (uint32_t i = 0; i < s->producers; i++)
			if (pthread_create(&threads[i], NULL, wait_for_end, &end) != 0)
				abort();
		bench_end(&one, 1);
		result->n++;
		result->ns += one.ns;
		result->cpu_ns += one.cpu_ns;
		for (uint32_t i = 0; i < s->producers; i++)
			sem_post(&end);
		for (uint32_t i = 0; i < s->producers; i++)
			pthread_join(threads[i], NULL);
	}
	sem_destroy(&end);
	free(threads);
	return true;
}

/* All arenas: threads of the pipeline may have one of their own. */
static double heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

bool start_measure_memory(const struct bench_setup *s, struct start_memory *m)
{
	double before = heap_bytes();
	baton_pipeline *feed = open_feed(s);
	baton_stats stats = BATON_STATS_INIT;
	bool good = feed && take_one(feed, s);

	m->blocks = 8.0 * (double)s->words * s->pool;
	m->heap = heap_bytes();
	for (uint64_t i = 1; good && i < s->n; i++)
		good = take_one(feed, s);
	m->grown = heap_bytes() - m->heap;
	m->heap -= before;
	baton_stats_get(feed, &stats);
	m->stated = (double)stats.bytes;
	return baton_close(&feed) == BATON_OK && good;
}

const struct bench_peer start_baton = {
	.name = "baton-start", .note = "open to the first batch", .run = run_baton};
const struct bench_peer start_pages = {.name = "pages", .note = "touched", .run = run_pages};
const struct bench_peer start_threads = {.name = "threads", .note = "created", .run = run_threads};
