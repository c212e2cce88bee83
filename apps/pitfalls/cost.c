/* SPDX-License-Identifier: MIT */
/* What a batch costs with each cure.
 *
 * All do the same work: draw 128 numbers, write x and y, hand them to another thread,
 * which reads every word. They differ in where the memory comes from and how it changes
 * hands: E4 and E5 take new memory for each batch and pass pointers through a queue
 * (spsc.h), whose consumer frees it; baton's batches live in a fixed pool and travel in
 * blocks. E4 and E5 get x and y in a single allocation, which NumPy does not.
 *
 * What they read is summed up, and must be the same: a cure that is quick because it hands
 * over something else is none. */

#include "cost.h"
#include "memory.h"
#include "spsc.h"
#include "training.h"
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 1
#define WARM_UP 2000
#define BATCHES 10000 /* a turn; UNJUDGED ones are quick, since slow builds run them */
#define UNJUDGED 500
#define COUNTED 4096 /* a power of two */

const unsigned cure_producers[CURES] = {0, 0, 0, 1, 4, 16};

/* clang says what it sanitizes by __has_feature */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
const char *const cost_unjudged = "sanitizers have their own costs";
#elif !defined(__OPTIMIZE__) || defined(BATON_DEBUG)
const char *const cost_unjudged = "this build is not optimised";
#else
const char *const cost_unjudged = NULL;
#endif

struct numbers {
	float x[ROWS][2];
	float y[ROWS];
};

/* What a run of one cure is measured by. */
struct probe {
	uint64_t n;           /* batches, after WARM_UP */
	uint64_t ns;          /* they took */
	uint64_t sum;         /* of every word of every batch */
	uint64_t allocations; /* meanwhile, if they are counted */
	uint64_t in_place;
	bool counts;
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "pitfalls: cost of a batch: %s: %s\n", what, why);
	exit(1);
}

/* --- the work -------------------------------------------------------------------- */

/* x [ROWS, 2], y [ROWS] */
static void make(baton_rng *rng, float *x, float *y)
{
	uint32_t drawn[2 * ROWS];

	baton_rng_fill_below(rng, 100, drawn, 2 * ROWS);
	for (size_t i = 0; i < 2 * ROWS; i++)
		x[i] = (float)(int32_t)drawn[i];
	for (size_t i = 0; i < ROWS; i++)
		y[i] = (float)(int32_t)(drawn[2 * i] + drawn[2 * i + 1]) * 0.5f;
}

static uint64_t sum(const float *values, size_t n)
{
	uint32_t total = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &values[i], sizeof(bits));
		total += bits;
	}
	return total;
}

static uint64_t learn(const float *x, const float *y)
{
	return sum(x, 2 * ROWS) + sum(y, ROWS);
}

static void begin(struct probe *p)
{
	if (p->counts)
		count_allocations(1);
	p->allocations = allocations();
	p->ns = baton_now_ns();
}

static void end(struct probe *p)
{
	p->ns = baton_now_ns() - p->ns;
	p->allocations = allocations() - p->allocations;
	count_allocations(0);
}

/* --- the floor ------------------------------------------------------------------- */

static void run_alone(struct probe *p)
{
	struct numbers own;
	baton_rng rng;

	for (uint64_t k = 0; k < WARM_UP + p->n; k++) {
		if (k == WARM_UP)
			begin(p);
		baton_rng_init(&rng, SEED, k);
		make(&rng, own.x[0], own.y);
		p->sum += learn(own.x[0], own.y);
	}
	end(p);
}

/* --- E4 and E5 ------------------------------------------------------------------- */

struct by_hand {
	struct spsc queue;
	bool copies;
};

static struct numbers *new_numbers(void)
{
	return need(malloc(sizeof(struct numbers)));
}

/* What the article yields: a new array, or a copy of the old one. */
static struct numbers *yield(bool copies, struct numbers *own, uint64_t k)
{
	struct numbers *out = copies ? own : new_numbers();
	baton_rng rng;

	baton_rng_init(&rng, SEED, k);
	make(&rng, out->x[0], out->y);
	if (copies) {
		out = new_numbers();
		memcpy(out, own, sizeof(*out));
	}
	return out;
}

static void *generate(void *arg)
{
	struct by_hand *h = arg;
	struct numbers own, *batch;
	uint64_t k = 0;

	do {
		batch = yield(h->copies, &own, k++);
	} while (spsc_put(&h->queue, batch));
	free(batch);
	return NULL;
}

static void start_thread(pthread_t *thread, struct by_hand *h)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, generate, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		die("thread", strerror(rc));
}

/* The generator may be blocked: once stopped, put answers, and what is queued is ours. */
static void stop_thread(pthread_t thread, struct by_hand *h)
{
	atomic_store_explicit(&h->queue.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	while (atomic_load(&h->queue.put) != atomic_load(&h->queue.got))
		free(spsc_get(&h->queue));
}

static void take_by_hand(struct by_hand *h, uint64_t n, uint64_t *total)
{
	for (uint64_t i = 0; i < n; i++) {
		struct numbers *batch = spsc_get(&h->queue);

		*total += learn(batch->x[0], batch->y);
		free(batch);
	}
}

static void run_by_hand(struct probe *p, bool copies, uint32_t places)
{
	struct by_hand *h = need(aligned_alloc(128, sizeof(*h)));
	pthread_t thread;

	memset(h, 0, sizeof(*h));
	h->copies = copies;
	h->queue.places = places;
	start_thread(&thread, h);
	take_by_hand(h, WARM_UP, &p->sum);
	begin(p);
	take_by_hand(h, p->n, &p->sum);
	end(p);
	stop_thread(thread, h);
	free(h);
}

/* --- E9 -------------------------------------------------------------------------- */

/* Where batch k was written, modulo COUNTED, which is more than there are in flight.
 * relaxed: batch k itself is handed over after it */
static _Atomic(const float *) written_at[COUNTED];

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0);

	if (state)
		atomic_store_explicit(&written_at[baton_writable_k(b) % COUNTED], x,
		                      memory_order_relaxed);
	make(rng, x, baton_writable_f32(b, 1));
	return BATON_OK;
}

static baton_pipeline *open_baton(struct probe *p, unsigned producers)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = ROWS;
	source.fill = fill;
	source.state = p->counts ? p : NULL;
	source.pure = source.cheap = true;
	options.producers = (int)producers;
	options.seed = SEED;
	if (baton_open(&feed, &source, &options, &err) < 0)
		die("baton", err.text);
	return feed;
}

static void take_from_baton(struct probe *p, baton_pipeline *feed, uint64_t n)
{
	baton_batch b = BATON_BATCH_INIT;

	for (uint64_t i = 0; i < n; i++) {
		if (baton_next(feed, &b) != BATON_OK)
			die("baton", "the endless source ended");
		p->sum += learn(baton_f32(&b, 0), baton_f32(&b, 1));
		if (p->counts)
			p->in_place +=
				atomic_load_explicit(&written_at[baton_k(&b) % COUNTED],
			                             memory_order_relaxed) == baton_f32(&b, 0);
		baton_release(feed, &b);
	}
}

static void run_baton(struct probe *p, unsigned producers)
{
	baton_pipeline *feed = open_baton(p, producers);
	int rc;

	take_from_baton(p, feed, WARM_UP);
	p->in_place = 0;
	begin(p);
	take_from_baton(p, feed, p->n);
	end(p);
	rc = baton_close(&feed);
	if (rc < 0)
		die("baton", baton_strerror(rc));
}

/* --- all of them ----------------------------------------------------------------- */

static struct probe run(enum cure cure, uint32_t queue, uint64_t n, bool counts)
{
	struct probe p = {.n = n, .counts = counts};

	if (cure == CURE_NONE)
		run_alone(&p);
	else if (cure_producers[cure] > 0)
		run_baton(&p, cure_producers[cure]);
	else
		run_by_hand(&p, cure == CURE_COPIED, queue);
	return p;
}

static void count_all(struct cost costs[CURES], uint32_t queue)
{
	for (enum cure cure = 0; cure < CURES; cure++) {
		struct probe p = run(cure, queue, COUNTED, true);

		costs[cure].allocations = (double)p.allocations / (double)p.n;
		costs[cure].in_place = (double)p.in_place / (double)p.n;
	}
}

static void time_all(double ns[CURES][COST_ROUNDS], uint32_t queue)
{
	uint64_t n = cost_unjudged ? UNJUDGED : BATCHES, expected = 0;

	for (int round = 0; round < COST_ROUNDS; round++)
		for (enum cure cure = 0; cure < CURES; cure++) {
			struct probe p = run(cure, queue, n, false);

			expected = expected ? expected : p.sum;
			if (p.sum != expected)
				die("the numbers", "not every cure handed over the same");
			ns[cure][round] = (double)p.ns / (double)p.n;
		}
}

/* All but baton's own are merely measured. */
static void compare(struct cost *cost, const struct cost *fresh, const struct cost *copied)
{
	const struct interval none = {0, 0}, all = {1, 1};

	cost->clean = judge_both(judge(none, cost->allocations), judge(all, cost->in_place));
	cost->cheaper = cost_unjudged ? VERDICT_NOT_JUDGED
	                              : judge_both(judge_less(&cost->ns, &fresh->ns),
	                                           judge_less(&cost->ns, &copied->ns));
	cost->than[0] = fresh->ns.median / cost->ns.median;
	cost->than[1] = copied->ns.median / cost->ns.median;
}

void cost_measure(struct cost costs[CURES], uint32_t queue)
{
	double ns[CURES][COST_ROUNDS];

	count_all(costs, queue);
	time_all(ns, queue);
	for (enum cure cure = 0; cure < CURES; cure++)
		costs[cure].ns = spread_of(ns[cure], COST_ROUNDS);
	for (enum cure cure = 0; cure < CURES; cure++) {
		if (cure_producers[cure] > 0)
			compare(&costs[cure], &costs[CURE_FRESH], &costs[CURE_COPIED]);
	}
}
