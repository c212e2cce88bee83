/* SPDX-License-Identifier: MIT */
#ifndef BATON_TESTS_SEEDED_H
#define BATON_TESTS_SEEDED_H

/* What the programs with a seeded bug share: a batch whose content is a function of its k, and
 * a handshake that makes the bug happen in every run without hiding it. Each is called
 *
 *      PROGRAM BUG [honest]
 *
 * and does with honest the same, but right. The last line says how many batches were wrong;
 * exit 3 if any was. */

#include <baton/pipeline.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 8
#define BATCHES 20

static const baton_field words_field = {"words", BATON_U64, 1, {WORDS}};

/* Relaxed: both sides know where the other is, and nothing of it is ordered. */
static inline void reach(atomic_int *counter, int n)
{
	while (atomic_load_explicit(counter, memory_order_relaxed) < n)
		sched_yield();
}

static inline void say(atomic_int *counter, int n)
{
	atomic_store_explicit(counter, n, memory_order_relaxed);
}

static inline void put(uint64_t *words, uint64_t k)
{
	for (uint64_t i = 0; i < WORDS; i++)
		words[i] = (k + 1) * WORDS + i;
}

static inline bool wrong(const uint64_t *words, uint64_t k)
{
	uint64_t differs = 0;

	for (uint64_t i = 0; i < WORDS; i++)
		differs |= words[i] ^ ((k + 1) * WORDS + i);
	return differs != 0;
}

/* producers that fill, or own threads if fill is NULL. */
static inline baton_pipeline *open_feed(baton_fill_fn *fill, int producers, uint32_t blocks)
{
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;

	source.fields = &words_field;
	source.n_fields = source.rows = 1;
	source.n_batches = BATCHES;
	source.fill = fill;
	options.producers = producers;
	options.blocks = blocks;
	options.block_batches = 1;
	if (baton_open(&feed, &source, &options, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return feed;
}

static inline int verdict(baton_pipeline **feed, int n_wrong)
{
	if (baton_close(feed) < 0)
		return 1;
	printf("%d batches, %d wrong\n", BATCHES, n_wrong);
	return n_wrong ? 3 : 0;
}

#endif
