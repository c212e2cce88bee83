/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TRAINING_H
#define TESTS_UNIT_TRAINING_H

/* What the trainer's tests share: a source of sums, and models that are quickly made. */

#include <baton/fit.h>
#include <criterion/criterion.h>
#include <errno.h>

/* x [rows, 2]: integers of 0..99; y: their mean. */
static inline int mean_fill(void *state, baton_writable *b, baton_rng *rng)
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

static const baton_field mean_fields[2] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};

static inline baton_source mean_source(size_t rows)
{
	baton_source source = BATON_SOURCE_INIT;

	source.fill = mean_fill;
	source.fields = mean_fields;
	source.n_fields = 2;
	source.rows = rows;
	source.pure = true;
	return source;
}

/* Inline: the trainer's tests are about the trainer. */
static inline baton_pipeline *open_inline(const baton_source *source)
{
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;

	options.producers = BATON_INLINE;
	options.seed = 7;
	cr_assert_eq(baton_open(&feed, source, &options, &err), BATON_OK, "%s", err.text);
	return feed;
}

/* input x [2] -> dense(1), not compiled. */
static inline baton_model *mean_model(void)
{
	baton_model *net = NULL;
	baton_error err;

	cr_assert_eq(baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1,
					&err),
		     BATON_OK, "%s", err.text);
	return net;
}

static inline baton_model *compiled_mean_model(void)
{
	baton_model *net = mean_model();
	baton_error err;

	cr_assert_eq(baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err), BATON_OK, "%s",
		     err.text);
	return net;
}

#endif
