/* SPDX-License-Identifier: MIT */
/* Run: the same work through the library, timed in its steady state. */

#include "../args.h"
#include "../stats.h"
#include "feed_bench.h"
#include <stdlib.h>

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	(void)rng;
	work_make(state, baton_writable_k(b), baton_writable_data(b, 0));
	return BATON_OK;
}

/* Once the threads run: so that open waits for all of them. */
static int start(int i, void **state, baton_error *err)
{
	(void)i, (void)state, (void)err;
	return BATON_OK;
}

/* The next batch, and how long that took. */
static int next_timed(baton_pipeline *feed, baton_batch *b, struct latency *latency)
	BATON_ACQUIRES(*b);
static int next_timed(baton_pipeline *feed, baton_batch *b, struct latency *latency)
{
	uint64_t begun;
	int rc;

	if (!latency)
		return baton_next(feed, b);
	begun = baton_now_ns();
	rc = baton_next(feed, b);
	latency_add(latency, baton_now_ns() - begun);
	return rc;
}

/* Take n batches; *taken says how many it were. OK, CANCELED, WRONG. */
static int take(baton_pipeline *feed, const struct work *w, uint64_t n, uint64_t *taken,
                struct latency *latency)
{
	baton_batch b = BATON_BATCH_INIT;

	for (*taken = 0; *taken < n; ++*taken) {
		bool good;

		if (next_timed(feed, &b, latency) != BATON_OK)
			return baton_status(feed, NULL);
		good = work_learn(w, baton_k(&b), baton_data(&b, 0));
		baton_release(feed, &b);
		if (!good)
			return WRONG;
	}
	return BATON_OK;
}

static bool is_cheap(const struct work *w)
{
	return w->source_ns < 1000 && !w->wait_ns;
}

/* auto: as the library decides of a source without a start hook */
bool trainer_fills(const struct work *w)
{
	return opt.work_conserving == WHEN_AUTO ? is_cheap(w) : opt.work_conserving == WHEN_ON;
}

static int open_feed(baton_pipeline **feed, struct work *w, int producers)
{
	baton_field field = {"words", BATON_U64, 1, {w->words}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err;
	int rc;

	source.fields = &field;
	source.n_fields = source.rows = 1;
	source.fill = fill;
	source.start = start;
	source.state = w;
	source.pure = true;
	source.cheap = is_cheap(w);
	options.producers = producers;
	options.blocks = (uint32_t)opt.pool;
	options.block_batches = (uint32_t)opt.block;
	options.order = opt.order ? BATON_COMPLETION : BATON_ORDERED;
	if (producers != BATON_INLINE) { /* else it is the reference beside it */
		options.spares = (uint32_t)opt.spares;
		options.work_conserving = trainer_fills(w) ? 1 : BATON_SLEEPS;
	}
	rc = baton_open(feed, &source, &options, &err);
	if (rc < 0)
		args_error(NAME, NULL, NULL, "%s", err.text);
	return rc;
}

/* Keep of the counters what came after `before`. */
static void subtract(struct run *r, const baton_stats *before, const uint64_t *filled,
                     const baton_ledger *ledger, const baton_producer_time *producers)
{
	r->stats.batches -= before->batches;
	r->stats.wait_fill_ns -= before->wait_fill_ns;
	r->stats.wait_claim_ns -= before->wait_claim_ns;
	r->stats.parks -= before->parks;
	r->stats.producer_parks -= before->producer_parks;
	r->stats.replaced -= before->replaced;
	for (size_t i = 0; i < r->n_filled; i++)
		r->filled[i] -= filled[i];
	baton_ledger_subtract(&r->ledger, ledger);
	stats_subtract(r->producers, producers, r->n_filled);
}

/* The timed part, after the warm-up. */
static int time_feed(baton_pipeline *feed, const struct work *w, uint64_t n, struct run *r)
{
	baton_stats before = BATON_STATS_INIT;
	baton_ledger ledger = BATON_LEDGER_INIT;
	baton_producer_time *producers;
	uint64_t *filled, taken = 0;
	int rc;

	r->n_filled = baton_stats_filled(feed, NULL, 0);
	filled = allocate(r->n_filled * sizeof(*filled));
	r->filled = allocate(r->n_filled * sizeof(*filled));
	producers = allocate(r->n_filled * sizeof(*producers));
	r->producers = allocate(r->n_filled * sizeof(*producers));
	baton_stats_get(feed, &before);
	baton_stats_filled(feed, filled, r->n_filled);
	baton_ledger_producers(feed, producers, r->n_filled);
	baton_ledger_get(feed, &ledger);
	begin_figure(&r->figure);
	rc = take(feed, w, n, &taken, r->latency);
	end_figure(&r->figure, taken);
	r->ledger = (baton_ledger)BATON_LEDGER_INIT;
	baton_ledger_get(feed, &r->ledger);
	baton_ledger_producers(feed, r->producers, r->n_filled);
	r->stats = (baton_stats)BATON_STATS_INIT;
	baton_stats_get(feed, &r->stats);
	baton_stats_filled(feed, r->filled, r->n_filled);
	subtract(r, &before, filled, &ledger, producers);
	free(producers);
	free(filled);
	return rc;
}

/* OK, CANCELED, WRONG or an error of open, which has been printed. */
int run_feed(struct work *w, int producers, uint64_t n, uint64_t *warm_up, struct run *r)
{
	baton_pipeline *feed = NULL;
	baton_stats s = BATON_STATS_INIT;
	uint64_t pools;
	int rc = open_feed(&feed, w, producers);

	if (rc < 0)
		return rc;
	atomic_store(&running, feed);
	if (caught) /* before there was something to cancel */
		baton_cancel(feed);
	baton_stats_get(feed, &s);
	pools = 2 * (uint64_t)s.blocks * s.block_batches;
	*warm_up = pools < n / 2 ? pools : n / 2;
	rc = take(feed, w, *warm_up, &pools, NULL);
	if (rc == BATON_OK)
		rc = time_feed(feed, w, n, r);
	atomic_store(&running, NULL);
	if (baton_close(&feed) < 0)
		abort(); /* nothing is held: can't be */
	return rc;
}
