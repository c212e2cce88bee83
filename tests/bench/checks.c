/* SPDX-License-Identifier: MIT */
/* checks CASE N: N round trips on one thread, and nothing else of weight; prints ns for each.
 * A round trip is claim, fill, publish, next, a read through the accessors, release. CASE:
 *   handoff  fill writes nothing, one number is read; a block is one batch
 *   own      the same with the caller's own claims, on the trainer's thread
 *   feed     the article's batches (768 bytes); a number of each line of them is read
 *   train    the article's training step on them, by baton_fit()
 * checks.py counts its instructions, and those of the same program without what protects. */

#include "mean_source.h"
#include <baton/baton.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, LINE = 16 };

static int fill_nothing(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state;
	(void)b;
	(void)rng;
	return BATON_OK;
}

/* One number of each line of field i. */
static float read_lines(const baton_batch *b, size_t i, size_t n) BATON_REQUIRES(*b);
static float read_lines(const baton_batch *b, size_t i, size_t n)
{
	const float *x = baton_f32(b, i);
	float sum = 0;

	for (size_t j = 0; j < n; j += LINE)
		sum += x[j];
	return sum;
}

/* The trainer's half. lines: of all, or of the first field the first */
static bool take(baton_pipeline *feed, bool lines, float *sum)
{
	baton_batch b = BATON_BATCH_INIT;

	if (baton_next(feed, &b) != BATON_OK)
		return false;
	if (lines)
		*sum += read_lines(&b, 0, 2 * baton_rows(&b)) + read_lines(&b, 1, baton_rows(&b));
	else
		*sum += read_lines(&b, 0, 1);
	baton_release(feed, &b);
	return true;
}

/* The producer's half, if it is the caller's. */
static bool give(baton_pipeline *feed)
{
	baton_claim c = BATON_CLAIM_INIT;

	if (baton_begin(feed, &c) != BATON_OK)
		return false;
	baton_writable_f32(baton_claimed(&c), 0)[0] = 1;
	return baton_submit(feed, &c) == BATON_OK;
}

static bool pass(baton_pipeline *feed, uint64_t n, bool own, bool lines)
{
	float sum = 0;
	bool good = true;

	for (uint64_t i = 0; good && i < n; i++)
		good = (!own || give(feed)) && take(feed, lines, &sum);
	__asm__ volatile("" : : "m"(sum));
	return good;
}

static bool train(baton_pipeline *feed, uint64_t n)
{
	baton_fit_options fit = BATON_FIT_OPTIONS_INIT;
	baton_model *net = NULL;
	bool good;

	fit.steps_per_epoch = n;
	good = baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1,
	                          NULL) == BATON_OK &&
	       baton_compile(net, baton_mse(), baton_rmsprop(0), NULL) == BATON_OK &&
	       baton_fit(net, feed, &fit, NULL, NULL) == BATON_OK;
	baton_model_destroy(&net);
	return good;
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	uint64_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0, begin;
	bool own = strcmp(what, "own") == 0, bare = own || strcmp(what, "handoff") == 0;
	baton_source source = mean_source(ROWS, 0);
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed;
	bool good;

	if (n == 0)
		return 2;
	options.producers = own ? 0 : BATON_INLINE;
	if (bare) {
		source.fill = own ? NULL : fill_nothing;
		options.block_batches = 1;
	}
	if (baton_open(&feed, &source, &options, NULL) < 0)
		return 2;
	begin = baton_now_ns();
	good = strcmp(what, "train") == 0 ? train(feed, n) : pass(feed, n, own, !bare);
	printf("%.3f\n", (double)(baton_now_ns() - begin) / (double)n);
	return baton_close(&feed) == BATON_OK && good ? 0 : 1;
}
