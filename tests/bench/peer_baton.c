/* SPDX-License-Identifier: MIT */
/* Peer: baton, through its public API only.
 *
 * "baton" is the pipeline as it is meant to be used: the library's threads call fill. That
 * is more than a queue does (each fill gets a random stream, handles are checked at every
 * call, the run has an order), and none of it is taken out; "completion" is the same, and
 * takes what is ready first. "own-threads" has threads of ours with begin and submit, whose
 * bookkeeping is shared by all of them. Blocks hold one batch, so that every round trip is a
 * hand-off. */

#include "peers.h"
#include <baton/baton.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	(void)rng;
	bench_make(state, baton_writable_data(b, 0), BENCH_TAG(0, baton_writable_k(b)));
	return BATON_OK;
}

/* With a start hook, open waits until every thread runs. */
static int start(int i, void **state, baton_error *err)
{
	(void)i, (void)err;
	bench_pin(*state, false);
	return BATON_OK;
}

static bool trip(baton_pipeline *feed, const struct bench_setup *s, uint64_t n, uint64_t *made)
{
	baton_batch b = BATON_BATCH_INIT;

	for (*made = 0; *made < n && !bench_is_late(); ++*made) {
		bool good;

		if (baton_next(feed, &b) != BATON_OK) {
			fprintf(stderr, "baton: a batch is missing\n");
			return false;
		}
		good = bench_use(s, baton_data(&b, 0), "baton");
		baton_release(feed, &b);
		if (!good)
			return false;
	}
	return true;
}

static bool train(baton_pipeline *feed, const struct bench_setup *s, struct bench_result *result)
{
	uint64_t made;
	bool good;

	bench_pin(s, true);
	good = trip(feed, s, s->first, &made);
	bench_begin(result);
	good = good && trip(feed, s, s->n, &made);
	bench_end(result, made);
	bench_unpin(s);
	return good;
}

static baton_pipeline *open_feed(const struct bench_setup *s, bool own, int order)
{
	baton_field field = {"words", BATON_U64, 1, {s->words}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed;
	baton_error err;

	source.fields = &field;
	source.n_fields = source.rows = 1;
	source.fill = own ? NULL : fill;
	source.start = own ? NULL : start;
	source.state = (void *)s;
	options.producers = own ? 0 : (int)s->producers;
	options.blocks = s->pool;
	options.block_batches = 1;
	options.order = order;
	if (baton_open(&feed, &source, &options, &err) < 0)
		fprintf(stderr, "baton: %s\n", err.text);
	return feed;
}

static bool run(const struct bench_setup *s, struct bench_result *result, int order)
{
	baton_pipeline *feed = open_feed(s, false, order);
	bool good = feed && train(feed, s, result);

	return baton_close(&feed) == BATON_OK && good;
}

static bool run_ordered(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, BATON_ORDERED);
}

static bool run_completion(const struct bench_setup *s, struct bench_result *result)
{
	return run(s, result, BATON_COMPLETION);
}

uint32_t bench_baton_pool(const struct bench_setup *s)
{
	struct bench_setup automatic = *s;
	baton_stats stats = BATON_STATS_INIT;
	baton_pipeline *feed;

	automatic.pool = 0;
	feed = open_feed(&automatic, false, BATON_ORDERED);
	if (!feed || baton_stats_get(feed, &stats) != BATON_OK)
		abort();
	return baton_close(&feed) == BATON_OK ? stats.blocks : 0;
}

struct own {
	const struct bench_setup *setup;
	baton_pipeline *feed;
	struct bench_gate start;
};

static void *own_main(void *arg)
{
	struct own *o = arg;
	baton_claim c = BATON_CLAIM_INIT;

	bench_gate_wait(&o->start);
	while (baton_begin(o->feed, &c) == BATON_OK) {
		baton_writable *w = baton_claimed(&c);

		bench_make(o->setup, baton_writable_data(w, 0), BENCH_TAG(0, baton_writable_k(w)));
		baton_submit(o->feed, &c);
	}
	return NULL;
}

static bool run_own(const struct bench_setup *s, struct bench_result *result)
{
	struct own o = {.setup = s, .feed = open_feed(s, true, BATON_ORDERED)};
	pthread_t *threads = calloc(s->producers, sizeof(*threads));
	bool good;

	if (!o.feed || !threads)
		return false;
	bench_gate_init(&o.start, s->producers + 1);
	for (uint32_t i = 0; i < s->producers; i++)
		if (pthread_create(&threads[i], NULL, own_main, &o) != 0)
			abort();
	bench_gate_wait(&o.start);
	good = train(o.feed, s, result);
	baton_cancel(o.feed);
	for (uint32_t i = 0; i < s->producers; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return baton_close(&o.feed) == BATON_OK && good;
}

const struct bench_peer bench_baton = {"baton", "the pipeline; sleeps", BENCH_CLAIMED, false,
                                       run_ordered};
const struct bench_peer bench_baton_completion = {"completion", "baton, as they are ready",
                                                  BENCH_NONE, false, run_completion};
const struct bench_peer bench_baton_own = {"own-threads", "with threads of the caller's",
                                           BENCH_CLAIMED, false, run_own};
