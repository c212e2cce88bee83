/* SPDX-License-Identifier: MIT */
#ifndef FEED_SOURCE_H
#define FEED_SOURCE_H

/* What the tests of the feed share: a source whose every batch is known, and the few
 * calls that each of them makes.
 *
 * Tests here misuse handles on purpose and keep them in arrays, so Unit() opts out of
 * clang's analysis. Nothing waits for time to pass: a wait is for a state that must
 * come, and if it does not the test fails by its limit of a minute. */

#include <baton/pipeline.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define Unit(suite, name)                                                                     \
	static void suite##_##name(void) BATON_NO_ANALYSIS;                                   \
	Test(suite, name, .timeout = 60)                                                      \
	{                                                                                     \
		suite##_##name();                                                             \
	}                                                                                     \
	static void suite##_##name(void)

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define NEVER UINT64_MAX

enum { KNOWN_ROWS = 3, KNOWN_COLUMNS = 5 };

static const baton_field known_fields[] = {
        {.name = "x", .dtype = BATON_F32, .rank = 1, .shape = {KNOWN_COLUMNS}},
        {.name = "id", .dtype = BATON_U64, .rank = 0},
};

/* Batch k has 1 + k % KNOWN_ROWS rows of x from its rng, and k in every id. */
struct known {
	uint64_t end;     /* fill says END from here on */
	uint64_t fail_at; /* at this k fill returns code, */
	int code;
	const char *text; /* by baton_fail() if there is a text */
};
#define KNOWN_INIT {NEVER, NEVER, 0, NULL}

static inline size_t known_rows(uint64_t k)
{
	return 1 + (size_t)(k % KNOWN_ROWS);
}

static inline void known_write(baton_writable *b, baton_rng *rng)
{
	uint64_t k = baton_writable_k(b);
	float *x = baton_writable_f32(b, 0);
	uint64_t *id = baton_writable_data(b, 1);

	for (size_t i = 0; i < (size_t)KNOWN_ROWS * KNOWN_COLUMNS; i++)
		x[i] = baton_rng_uniform(rng);
	for (size_t r = 0; r < KNOWN_ROWS; r++)
		id[r] = k;
	baton_set_rows(b, known_rows(k));
}

static inline int known_fill(void *state, baton_writable *b, baton_rng *rng)
{
	const struct known *s = state;
	uint64_t k = baton_writable_k(b);

	if (k == s->fail_at)
		return s->text ? baton_fail(b, s->code, s->text) : s->code;
	if (k >= s->end)
		return BATON_END;
	known_write(b, rng);
	return BATON_OK;
}

static inline baton_source known_source(struct known *state)
{
	baton_source source = BATON_SOURCE_INIT;

	source.fields = known_fields;
	source.n_fields = LENGTH(known_fields);
	source.rows = KNOWN_ROWS;
	source.fill = known_fill;
	source.state = state;
	source.pure = true;
	return source;
}

/* The same fields, to be filled by threads of the test's own. */
static inline baton_source own_source(void)
{
	baton_source source = known_source(NULL);

	source.fill = NULL;
	return source;
}

static inline baton_options options_of(int producers, uint32_t block_batches, uint32_t blocks)
{
	baton_options o = BATON_OPTIONS_INIT;

	o.producers = producers;
	o.block_batches = block_batches;
	o.blocks = blocks;
	o.seed = 42;
	return o;
}

static inline baton_pipeline *open_with(const baton_source *source, const baton_options *options)
{
	baton_pipeline *feed = NULL;
	baton_error err;

	cr_assert_eq(baton_open(&feed, source, options, &err), BATON_OK, "%s", err.text);
	return feed;
}

static inline baton_pipeline *open_feed(const baton_source *source, int producers,
                                        uint32_t block_batches, uint32_t blocks)
{
	baton_options o = options_of(producers, block_batches, blocks);

	return open_with(source, &o);
}

static inline baton_stats stats_of(const baton_pipeline *feed)
{
	baton_stats s = BATON_STATS_INIT;

	cr_assert_eq(baton_stats_get(feed, &s), BATON_OK);
	return s;
}

BATON_NO_ANALYSIS static inline void close_feed(baton_pipeline *feed)
{
	cr_assert_eq(baton_close(&feed), BATON_OK);
	cr_assert_null(feed);
}

/* Is b batch k of seed, to the last bit? */
BATON_NO_ANALYSIS static inline bool is_known(const baton_batch *b, uint64_t seed, uint64_t k)
{
	const float *x = baton_f32(b, 0);
	const uint64_t *id = baton_data(b, 1);
	baton_rng rng;

	if (!x || !id || baton_k(b) != k || baton_rows(b) != known_rows(k))
		return false;
	baton_rng_init(&rng, seed, k);
	for (size_t i = 0; i < (size_t)KNOWN_ROWS * KNOWN_COLUMNS; i++)
		if (x[i] != baton_rng_uniform(&rng))
			return false;
	for (size_t r = 0; r < KNOWN_ROWS; r++)
		if (id[r] != k)
			return false;
	return true;
}

/* The next batch, which must be there. */
BATON_NO_ANALYSIS static inline baton_batch take(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc = baton_next(feed, &b);

	cr_assert_eq(rc, BATON_OK, "%s", baton_strerror(rc));
	return b;
}

/* What next says when it is not to give a batch. */
BATON_NO_ANALYSIS static inline int refused(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc = baton_next(feed, &b);

	cr_assert_neq(rc, BATON_OK, "batch %" PRIu64, baton_k(&b));
	return rc;
}

/* The same of a poll. */
BATON_NO_ANALYSIS static inline int poll_refused(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc = baton_next_until(feed, &b, 0);

	cr_assert_neq(rc, BATON_OK, "batch %" PRIu64, baton_k(&b));
	return rc;
}

BATON_NO_ANALYSIS static inline void give(baton_pipeline *feed, baton_batch *b)
{
	cr_assert_eq(baton_release(feed, b), BATON_OK);
}

/* Own threads: claim the next batch, which must be free. */
BATON_NO_ANALYSIS static inline baton_claim begin(baton_pipeline *feed)
{
	baton_claim c = BATON_CLAIM_INIT;

	cr_assert_eq(baton_begin_until(feed, &c, 0), BATON_OK);
	return c;
}

BATON_NO_ANALYSIS static inline uint64_t claim_k(baton_claim *c)
{
	return baton_writable_k(baton_claimed(c));
}

/* Own threads: fill and submit batch k, which must be the next. */
BATON_NO_ANALYSIS static inline void put(baton_pipeline *feed, uint64_t k)
{
	baton_claim c = begin(feed);
	baton_rng rng;

	cr_assert_eq(claim_k(&c), k);
	baton_rng_init(&rng, 42, k);
	known_write(baton_claimed(&c), &rng);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
}

static inline void wait_for(sem_t *s)
{
	while (sem_wait(s) != 0)
		;
}

static inline pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

#endif
