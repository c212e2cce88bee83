/* SPDX-License-Identifier: MIT */
#include "train.h"
#include "mean_source.h"
#include <baton/baton.h>
#include <math.h>
#include <model.h>
#include <philox.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64 };

struct buffer {
	_Alignas(64) float x[2 * ROWS];
	_Alignas(64) float y[ROWS];
};

static bool fail(const char *what)
{
	fprintf(stderr, "training: %s\n", what);
	return false;
}

/* --- through the library ------------------------------------------------------------- */

static baton_pipeline *open_feed(uint32_t producers)
{
	baton_source source = mean_source(ROWS, 0);
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;

	options.producers = producers ? (int)producers : BATON_INLINE;
	return baton_open(&feed, &source, &options, NULL) == BATON_OK ? feed : NULL;
}

static baton_model *create_net(void)
{
	baton_model *net = NULL;

	if (baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, NULL) <
	    0)
		return NULL;
	if (baton_compile(net, baton_mse(), baton_rmsprop(0), NULL) < 0)
		baton_model_destroy(&net);
	return net;
}

static bool run_feed(const struct bench_setup *s, struct bench_result *result)
{
	baton_fit_options fit = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	baton_pipeline *feed = open_feed(s->producers);
	baton_model *net = create_net();
	bool good;

	fit.steps_per_epoch = s->n;
	bench_begin(result);
	good = feed && net && baton_fit(net, feed, &fit, &history, NULL) == BATON_OK;
	bench_end(result, s->n);
	result->ns = history.train_ns;
	baton_history_free(&history);
	good = baton_close(&feed) == BATON_OK && good;
	baton_model_destroy(&net);
	return good || fail("it failed");
}

/* --- without a pipeline ------------------------------------------------------------- */

static void make(uint64_t k, struct buffer *b)
{
	baton_rng rng;

	baton_rng_init(&rng, 0, k);
	mean_make(&rng, b->x, b->y, ROWS);
}

static bool step(baton_model *net, uint64_t k, const struct buffer *b)
{
	struct baton_rows rows = {.x = b->x, .y = b->y, .n = ROWS, .k = k};
	struct baton_scores scores;

	return baton_model_train(net, &rows, &scores) == BATON_OK;
}

/* A model that can step: it was bound to some pipeline. */
static baton_model *create_bound(void)
{
	baton_pipeline *feed = open_feed(0);
	baton_model *net = create_net();

	if (feed && net && baton_bind(net, feed, NULL) != BATON_OK)
		baton_model_destroy(&net);
	if (baton_close(&feed) != BATON_OK)
		abort();
	return net;
}

static bool time_steps(const struct bench_setup *s, struct bench_result *result, bool makes)
{
	baton_model *net = create_bound();
	struct buffer b;
	bool good = net;

	make(0, &b);
	bench_begin(result);
	for (uint64_t k = 0; good && k < s->n; k++) {
		if (makes)
			make(k, &b);
		good = step(net, k, &b);
	}
	bench_end(result, s->n);
	baton_model_destroy(&net);
	return good || fail("a step failed");
}

static bool run_fused(const struct bench_setup *s, struct bench_result *result)
{
	return time_steps(s, result, true);
}

static bool run_step(const struct bench_setup *s, struct bench_result *result)
{
	return time_steps(s, result, false);
}

static void *make_all(void *arg)
{
	const struct bench_setup *s = arg;
	struct buffer b;

	for (uint64_t k = 0; k < s->n; k++) {
		make(k, &b);
		__asm__ volatile("" : : "r"(&b) : "memory");
	}
	return NULL;
}

static bool run_source(const struct bench_setup *s, struct bench_result *result)
{
	bench_begin(result);
	make_all((void *)s);
	bench_end(result, s->n);
	return true;
}

static bool run_apart(const struct bench_setup *s, struct bench_result *result)
{
	struct bench_result trainer;
	pthread_t thread;
	bool good;

	bench_begin(result);
	if (pthread_create(&thread, NULL, make_all, (void *)s) != 0)
		return fail("no thread");
	good = time_steps(s, &trainer, false);
	pthread_join(thread, NULL);
	bench_end(result, s->n);
	return good;
}

/* --- written straight down ------------------------------------------------------------ */

/* What a compiler makes of plain loops over data in L1, for the vectors that the library uses in
 * the same place. Only the random words are the library's own: that kernel has no wrapping to
 * take off. (The same bits are not asked for here; that it learns is.) */
#ifdef __x86_64__
#define WIDE __attribute__((target("avx2")))
#else
#define WIDE
#endif

static baton_philox_fn *widest(void)
{
	static const char *const widths[] = {"avx512", "avx2", "plain"};
	baton_philox_fn *philox = NULL;

	for (size_t i = 0; !philox && i < sizeof(widths) / sizeof(widths[0]); i++)
		philox = baton_philox_of(widths[i]);
	return philox;
}

static WIDE void make_straight(baton_philox_fn *philox, uint64_t k, struct buffer *b)
{
	uint32_t words[BATON_PHILOX_GROUP];

	philox(0, k, 0, words);
	for (size_t i = 0; i < ROWS; i++) {
		float both = (float)(int32_t)(((uint64_t)words[i] * 10000) >> 32);
		float one = (float)(int32_t)(both * 0.01f + 0.005f), two = both - 100 * one;

		b->x[2 * i] = one;
		b->x[2 * i + 1] = two;
		b->y[i] = (one + two) * 0.5f;
	}
}

static bool run_source_straight(const struct bench_setup *s, struct bench_result *result)
{
	baton_philox_fn *philox = widest();
	struct buffer b;

	bench_begin(result);
	for (uint64_t k = 0; k < s->n; k++) {
		make_straight(philox, k, &b);
		__asm__ volatile("" : : "r"(&b) : "memory");
	}
	bench_end(result, s->n);
	return true;
}

struct straight {
	float w[3], state[3], loss;
};

static WIDE float sum_lanes(const float *lanes)
{
	float sum[16];

	memcpy(sum, lanes, sizeof(sum));
	for (size_t half = 8; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			sum[i] += sum[i + half];
	return sum[0];
}

/* One step of y = x w + b under the mean squared error with RMSprop. */
static WIDE void step_straight(struct straight *n, const struct buffer *b)
{
	float g[3][16] = {{0}}, loss[16] = {0};

	for (size_t r = 0; r < ROWS; r += 16)
		for (size_t i = 0; i < 16; i++) {
			float x0 = b->x[2 * (r + i)], x1 = b->x[2 * (r + i) + 1];
			float d = x0 * n->w[0] + x1 * n->w[1] + n->w[2] - b->y[r + i];

			loss[i] += d * d;
			g[0][i] += x0 * d;
			g[1][i] += x1 * d;
			g[2][i] += d;
		}
	for (size_t k = 0; k < 3; k++) {
		float slope = sum_lanes(g[k]) * (2.0f / ROWS);

		n->state[k] = 0.9f * n->state[k] + 0.1f * slope * slope;
		n->w[k] -= 0.001f * slope / sqrtf(n->state[k] + 1e-7f);
	}
	n->loss = sum_lanes(loss) / ROWS;
}

static bool run_step_straight(const struct bench_setup *s, struct bench_result *result)
{
	struct straight n = {{0.1f, 0.9f, 0}, {0}, 0};
	struct buffer b;
	float first = 0;

	make(0, &b);
	bench_begin(result);
	for (uint64_t k = 0; k < s->n; k++) {
		step_straight(&n, &b);
		first = k ? first : n.loss;
		__asm__ volatile("" : : "r"(&n), "r"(&b) : "memory");
	}
	bench_end(result, s->n);
	return s->n < 2 || n.loss < first || fail("the straight kernel does not learn");
}

#define TRAIN(id, name_, run_)         \
	const struct bench_peer id = { \
		.name = (name_), .note = "", .order = BENCH_NONE, .run = (run_)}

TRAIN(train_feed, "train", run_feed);
TRAIN(train_fused, "train-fused", run_fused);
TRAIN(train_apart, "train-apart", run_apart);
TRAIN(kernel_source, "source", run_source);
TRAIN(kernel_source_straight, "source-straight", run_source_straight);
TRAIN(kernel_step, "step", run_step);
TRAIN(kernel_step_straight, "step-straight", run_step_straight);
