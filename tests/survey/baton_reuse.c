/* SPDX-License-Identifier: MIT */
/* baton's row of reuse.py: the same two questions that it asks of every loader, asked of a
 * source whose batches live in memory that is used again and again.
 *
 *      rows R C [N] N batches [R, C] (20000) and a label each, all filled with their own
 *                   number: how many rows are not what their label was made from? The trainer
 *                   holds each batch while others are filled, and reads it only then.
 *      fit          the article's task: the loss of ten epochs, the prediction for (60, 70)
 *
 * Prints one line of JSON. Exit status: 0, or 1 if it could not run. */

#include <baton/baton.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES 20000
#define HELD 4
#define EPOCHS 10

static int fill_numbered(void *state, baton_writable *b, baton_rng *rng)
{
	size_t columns = *(const size_t *)state, rows = baton_writable_rows(b);
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	float number = (float)baton_writable_k(b); /* below 2^24: exact */

	(void)rng;
	for (size_t i = 0; i < rows * columns; i++)
		x[i] = number;
	for (size_t i = 0; i < rows; i++)
		y[i] = number;
	return BATON_OK;
}

static int fill_mean(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK;
}

static int fail(const baton_error *err)
{
	fprintf(stderr, "baton_reuse: %s\n", err->text);
	return 1;
}

static int open_feed(baton_pipeline **feed, baton_fill_fn *fill, size_t rows, size_t columns,
                     uint64_t batches, int producers)
{
	const baton_field fields[] = {{"x", BATON_F32, 1, {columns}}, {"y", BATON_F32, 1, {1}}};
	static size_t state;
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err;

	state = columns;
	source.fields = fields;
	source.n_fields = 2;
	source.rows = rows;
	source.n_batches = batches;
	source.fill = fill;
	source.state = &state;
	source.pure = true;
	options.producers = producers;
	options.blocks = 2 * HELD;
	options.block_batches = 1;
	return baton_open(feed, &source, &options, &err) < 0 ? fail(&err) : 0;
}

/* Rows of a batch that differ from their label. */
static uint64_t strangers(const baton_batch *b, size_t columns) BATON_NO_ANALYSIS
{
	const float *x = baton_f32(b, 0), *y = baton_f32(b, 1);
	uint64_t n = 0;

	for (size_t i = 0; i < baton_rows(b); i++) {
		bool differs = false;

		for (size_t j = 0; j < columns; j++)
			differs |= x[i * columns + j] != y[i];
		n += differs;
	}
	return n;
}

/* Take them all, each read HELD batches after it was taken. Handles in an array: out of the
 * compile-time analysis. */
static uint64_t read_late(baton_pipeline *feed, size_t columns) BATON_NO_ANALYSIS
{
	baton_batch held[HELD];
	uint64_t n = 0, wrong = 0;

	memset(held, 0, sizeof(held));
	while (baton_next(feed, &held[n % HELD]) == BATON_OK) {
		baton_batch *oldest = &held[++n % HELD];

		if (n >= HELD) {
			wrong += strangers(oldest, columns);
			baton_release(feed, oldest);
		}
	}
	for (uint64_t i = 1; i < HELD; i++) {
		wrong += strangers(&held[(n + i) % HELD], columns);
		baton_release(feed, &held[(n + i) % HELD]);
	}
	return wrong;
}

static int run_rows(size_t rows, size_t columns, uint64_t batches)
{
	static const int producers[] = {BATON_INLINE, 1, 4, 16};
	uint64_t wrong = 0, seen = 0;

	for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++) {
		baton_pipeline *feed = NULL;

		if (open_feed(&feed, fill_numbered, rows, columns, batches, producers[i]) != 0)
			return 1;
		wrong += read_late(feed, columns);
		seen += batches * rows;
		if (baton_status(feed, NULL) != BATON_END || baton_close(&feed) < 0)
			return 1;
	}
	printf("{\"version\": \"%s\", \"rows\": %" PRIu64 ", \"strangers\": %" PRIu64 "}\n",
	       baton_version(), seen, wrong);
	return 0;
}

static int train(baton_model *net, baton_pipeline *feed, baton_history *history, float *predicted,
                 baton_error *err)
{
	const float asked[2] = {60, 70};
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	int rc;

	options.epochs = EPOCHS;
	options.steps_per_epoch = 1000;
	rc = baton_fit(net, feed, &options, history, err);
	return rc < 0 ? rc : baton_predict(net, asked, 1, predicted);
}

static int run_fit(void)
{
	baton_model *net = NULL;
	baton_pipeline *feed = NULL;
	baton_history history = BATON_HISTORY_INIT;
	baton_error err = {0};
	float predicted = 0;

	if (open_feed(&feed, fill_mean, 64, 2, 0, 4) != 0)
		return 1;
	if (baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, &err) <
	            0 ||
	    baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err) < 0 ||
	    train(net, feed, &history, &predicted, &err) < 0)
		return fail(&err);
	printf("{\"version\": \"%s\", \"losses\": [", baton_version());
	for (size_t i = 0; i < history.n_epochs; i++)
		printf("%s%.6g", i ? ", " : "", history.epochs[i].loss);
	printf("], \"prediction\": %.3f}\n", (double)predicted);
	baton_history_free(&history);
	return baton_close(&feed) < 0 || baton_model_destroy(&net) < 0;
}

int main(int argc, char **argv)
{
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "rows") == 0)
		return run_rows(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
		                argc == 5 ? strtoul(argv[4], NULL, 10) : BATCHES);
	if (argc == 2 && strcmp(argv[1], "fit") == 0)
		return run_fit();
	fprintf(stderr, "baton_reuse: usage: baton_reuse rows R C [N] | baton_reuse fit\n");
	return 2;
}
