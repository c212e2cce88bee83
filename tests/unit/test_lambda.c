/* SPDX-License-Identifier: MIT */
/* Lambdas: that what they declare is what they return, and that the article's second bug
 * does not get past bind. */
#include "train/model.h"
#include "training.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>

/* What the functions below shall do, and what became of it. */
struct wish {
	int rank; /* say so; 0: the right one */
	size_t calls;
	size_t wrong_from; /* drop the axis from this call on, counted from 1; 0: never */
	size_t rows;       /* of the last call */
	int answer;
};

static void say_shape(const struct wish *wish, baton_lambda_call *call)
{
	bool wrong = wish->wrong_from && wish->calls >= wish->wrong_from;

	call->rank = wish->rank ? wish->rank : wrong ? 1 : 2;
	call->shape[0] = call->rows;
	call->shape[1] = call->units;
}

/* y = the mean of x's values. */
static int mean(void *state, baton_lambda_call *call)
{
	struct wish *wish = state;

	wish->calls++;
	wish->rows = call->rows;
	for (size_t r = 0; r < call->rows; r++) {
		call->y[r] = 0;
		for (size_t i = 0; i < call->inputs; i++)
			call->y[r] += call->x[r * call->inputs + i] / (float)call->inputs;
	}
	say_shape(wish, call);
	return wish->answer;
}

/* y = 2 x, any width. */
static int twice(void *state, baton_lambda_call *call)
{
	struct wish *wish = state;

	wish->calls++;
	for (size_t i = 0; i < call->rows * call->units; i++)
		call->y[i] = 2 * call->x[i];
	say_shape(wish, call);
	return wish->answer;
}

static int twice_backward(void *state, baton_lambda_call *call)
{
	(void)state;
	for (size_t i = 0; i < call->rows * call->units; i++)
		call->dx[i] = 2 * call->dy[i];
	return BATON_OK;
}

static baton_model *make(const baton_layer *layers, size_t n)
{
	baton_model *net = NULL;
	baton_error err;

	cr_assert_eq(baton_model_create(&net, layers, n, 1, &err), BATON_OK, "%s", err.text);
	return net;
}

/* input x [2] -> mean, declared [rows, 1] or, with no units, [rows]; compiled. */
static baton_model *mean_net(struct wish *wish, size_t units)
{
	baton_model *net =
		make(BATON_LAYERS(baton_input("x", 2), baton_lambda(mean, wish, units)));

	cr_assert_eq(baton_compile(net, baton_mse(), baton_rmsprop(0), NULL), BATON_OK);
	return net;
}

static int fit(baton_model *net, size_t rows, baton_history *history, baton_error *err)
{
	baton_source source = mean_source(rows);
	baton_pipeline *feed = open_inline(&source);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	int rc;

	options.epochs = 2;
	options.steps_per_epoch = 5;
	rc = baton_fit(net, feed, &options, history, err);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	return rc;
}

Test(lambda, a_net_that_knows_the_mean_has_no_loss_and_predicts_it)
{
	struct wish wish = {0};
	baton_model *net = mean_net(&wish, 1);
	baton_history history = BATON_HISTORY_INIT;
	const float x[2] = {33, 59};
	size_t shape[BATON_MAX_RANK + 1], n = 99;
	float y = 0;

	cr_assert_eq(fit(net, 64, &history, NULL), BATON_OK);
	cr_assert_eq(history.n_epochs, 2);
	cr_expect(history.epochs[0].loss == 0 && history.epochs[1].loss == 0);
	cr_expect_eq(wish.calls, 1 + 10, "one dry run, and the steps");
	cr_assert_eq(baton_predict(net, x, 1, &y), BATON_OK);
	cr_expect_eq(y, 46);
	cr_expect_eq(baton_predict_shape(net, 1, shape), 2);
	cr_expect(shape[0] == 1 && shape[1] == 1);
	baton_weights(net, &n);
	cr_expect_eq(n, 0);
	baton_history_free(&history);
	baton_model_destroy(&net);
}

Test(lambda, one_that_drops_an_axis_is_refused_before_the_first_step)
{
	struct wish wish = {.wrong_from = 1};
	baton_model *net = mean_net(&wish, 1);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	cr_expect_eq(fit(net, 64, &history, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "lambda_1: declared [64, 1], returns [64]");
	cr_expect_eq(history.steps, 0);
	cr_expect_eq(wish.calls, 1);
	baton_history_free(&history);
	baton_model_destroy(&net);
}

Test(lambda, one_that_drops_it_later_fails_that_step)
{
	struct wish wish = {.wrong_from = 5};
	baton_model *net = mean_net(&wish, 1);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	cr_expect_eq(fit(net, 64, &history, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "lambda_1: declared [64, 1], returns [64]");
	cr_expect_eq(err.batch, 3, "the dry run, batches 0, 1 and 2, then this");
	cr_expect_eq(history.steps, 3);
	baton_history_free(&history);
	baton_model_destroy(&net);
}

/* The honest declaration of a Lambda that drops the axis, held against a target that has
 * it: Keras makes a matrix of [64] - [64, 1]. */
Test(lambda, without_an_axis_it_does_not_fit_a_target_with_one)
{
	struct wish wish = {.rank = 1};
	baton_model *net = mean_net(&wish, 0);
	size_t shape[BATON_MAX_RANK + 1];
	baton_error err;

	cr_expect_eq(fit(net, 64, NULL, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "lambda_1 -> mse: prediction [64] against target [64, 1]");
	cr_expect_eq(baton_predict_shape(net, 9, shape), 1);
	cr_expect_eq(shape[0], 9);
	baton_model_destroy(&net);
}

static void expect_refused(struct wish wish, int code, const char *text)
{
	baton_model *net = mean_net(&wish, 1);
	baton_error err;

	cr_expect_eq(fit(net, 16, NULL, &err), code);
	cr_expect_str_eq(err.text, text);
	baton_model_destroy(&net);
}

Test(lambda, whatever_else_it_returns_is_named)
{
	expect_refused((struct wish){.rank = 3}, BATON_ERR_SHAPE,
		       "lambda_1: declared [16, 1], returns [16, 1, 0]");
	expect_refused((struct wish){.rank = 99}, BATON_ERR_SHAPE,
		       "lambda_1: declared [16, 1], returns rank 99");
	expect_refused((struct wish){.rank = -1}, BATON_ERR_SHAPE,
		       "lambda_1: declared [16, 1], returns rank -1");
	expect_refused((struct wish){.answer = -EIO}, -EIO, "lambda_1: input/output error");
	expect_refused((struct wish){.answer = 7}, -EINVAL,
		       "lambda_1: returns 7, neither OK nor an error");
}

Test(lambda, predictions_check_the_shape_too)
{
	struct wish wish = {.wrong_from = 1};
	baton_model *net = mean_net(&wish, 1);
	const float x[2] = {1, 2};
	float y;

	cr_expect_eq(baton_predict(net, x, 1, &y), BATON_ERR_SHAPE);
	baton_model_destroy(&net);
}

Test(lambda, sees_a_prediction_as_one_batch)
{
	enum { ROWS = 200 };
	static float x[2 * ROWS], y[ROWS];
	struct wish wish = {0};
	baton_model *net = mean_net(&wish, 1);

	for (size_t i = 0; i < 2 * ROWS; i++)
		x[i] = (float)i;
	cr_assert_eq(baton_predict(net, x, ROWS, y), BATON_OK);
	cr_expect(wish.calls == 1 && wish.rows == ROWS);
	for (size_t i = 0; i < ROWS; i++)
		cr_assert_eq(y[i], (float)(2 * i) + 0.5f);
	cr_expect_eq(baton_predict(net, x, 0, y), BATON_OK);
	cr_expect_eq(wish.calls, 1, "no rows, no call");
	baton_model_destroy(&net);
}

Test(lambda, weights_below_one_without_backward_are_refused_by_name)
{
	struct wish wish = {0};
	baton_model *net = make(BATON_LAYERS(baton_input("x", 2), baton_dense(3),
					     baton_lambda(mean, &wish, 1)));
	baton_error err;

	cr_expect_eq(baton_compile(net, baton_mse(), baton_rmsprop(0), &err), -EINVAL);
	cr_expect_str_eq(err.text, "lambda_1: without backward, dense_1 below it can't learn");
	baton_model_destroy(&net);
}

Test(lambda, without_a_function_there_is_none)
{
	baton_model *net = NULL;
	baton_error err;

	cr_expect_eq(baton_model_create(&net,
					BATON_LAYERS(baton_input("x", 2),
						     baton_lambda(NULL, NULL, 1)),
					1, &err),
		     -EINVAL);
	cr_expect_str_eq(err.text, "lambda_1: its function is NULL");
}

/* The weights after some steps of x -> a -> b, from the same start. */
static void learn(baton_layer a, baton_layer b, float w[3])
{
	baton_model *net = make(BATON_LAYERS(baton_input("x", 2), a, b));
	const float start[3] = {0.25f, -0.5f, 0.125f};

	cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(1e-5), NULL), BATON_OK);
	cr_assert_eq(baton_weights_set(net, start, 3), BATON_OK);
	cr_assert_eq(fit(net, 20, NULL, NULL), BATON_OK);
	memcpy(w, baton_weights(net, NULL), 3 * sizeof(float));
	baton_model_destroy(&net);
}

/* Twice dense, by a layer above or below: w x 2 = (2 x) w + ..., the kernels move alike. */
Test(lambda, gradients_pass_through_backward)
{
	struct wish wish = {0};
	baton_layer above = baton_lambda(twice, &wish, 1), below = baton_lambda(twice, &wish, 2);
	float w_above[3], w_below[3];

	above.backward = twice_backward;
	learn(baton_dense(1), above, w_above);
	cr_expect_neq(w_above[0], 0.25f);
	learn(below, baton_dense(1), w_below);
	cr_expect_neq(w_below[0], 0.25f, "a lambda above nothing needs no gradient");
	cr_expect_float_eq(w_above[0], w_below[0], 1e-2);
	cr_expect_float_eq(w_above[1], w_below[1], 1e-2);
}

Test(lambda, one_without_an_axis_is_no_input_for_dense)
{
	struct wish wish = {0};
	baton_model *net = NULL;
	baton_error err;

	cr_expect_eq(baton_model_create(&net,
					BATON_LAYERS(baton_input("x", 2),
						     baton_lambda(mean, &wish, 0),
						     baton_dense(1)),
					1, &err),
		     BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "dense_1: takes [n, inputs], not [n]");
}

/* y = 0, of whatever shape state says that it has. */
struct claimed_shape {
	int rank;
	size_t shape[BATON_MAX_RANK + 1];
};

static int claim_shape(void *state, baton_lambda_call *call)
{
	const struct claimed_shape *claimed = state;

	memset(call->y, 0, call->rows * call->units * sizeof(float));
	call->rank = claimed->rank;
	memcpy(call->shape, claimed->shape, sizeof(call->shape));
	return BATON_OK;
}

Test(lambda, each_axis_of_what_it_returns_is_compared)
{
	static const struct {
		struct claimed_shape claimed;
		const char *returns;
	} cases[] = {
		{{2, {15, 3}}, "[15, 3]"}, {{2, {16, 4}}, "[16, 4]"},     {{0, {0}}, "[]"},
		{{1, {16}}, "[16]"},       {{3, {16, 3, 1}}, "[16, 3, 1]"}, {{INT_MAX, {0}}, "rank 2147483647"},
		{{INT_MIN, {0}}, "rank -2147483648"},
		{{BATON_MAX_RANK + 1, {16, 3, 1, 1, 1, 1, 9}}, "[16, 3, 1, 1, 1, 1, 9]"},
	};
	const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {3}}};
	baton_source source = mean_source(16);
	baton_pipeline *feed;

	source.fields = fields;
	feed = open_inline(&source);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct claimed_shape claimed = cases[i].claimed;
		baton_model *net =
			make(BATON_LAYERS(baton_input("x", 2), baton_lambda(claim_shape, &claimed, 3)));
		char text[160];
		baton_error err;

		cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(0), NULL), BATON_OK);
		snprintf(text, sizeof(text), "lambda_1: declared [16, 3], returns %s",
			 cases[i].returns);
		cr_expect_eq(baton_bind(net, feed, &err), BATON_ERR_SHAPE);
		cr_expect_str_eq(err.text, text);
		claimed = (struct claimed_shape){2, {16, 3}};
		cr_expect_eq(baton_bind(net, feed, &err), BATON_OK, "%s", err.text);
		baton_model_destroy(&net);
	}
	cr_expect_eq(baton_close(&feed), BATON_OK);
}

static int fail_backward(void *state, baton_lambda_call *call)
{
	(void)state, (void)call;
	return -EIO;
}

Test(lambda, a_backward_that_fails_fails_the_step_and_changes_nothing)
{
	struct wish wish = {0};
	baton_layer above = baton_lambda(twice, &wish, 1);
	baton_model *net;
	baton_history history = BATON_HISTORY_INIT;
	const float start[3] = {0.25f, -0.5f, 0.125f};
	baton_error err;

	above.backward = fail_backward;
	net = make(BATON_LAYERS(baton_input("x", 2), baton_dense(1), above));
	cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(0), NULL), BATON_OK);
	cr_assert_eq(baton_weights_set(net, start, 3), BATON_OK);
	cr_expect_eq(fit(net, 20, &history, &err), -EIO);
	cr_expect_str_eq(err.text, "lambda_1: input/output error");
	cr_expect_eq(history.steps, 0);
	cr_expect_arr_eq(baton_weights(net, NULL), start, sizeof(start));
	baton_history_free(&history);
	baton_model_destroy(&net);
}

Test(lambda, one_that_fails_in_the_validation_ends_the_fit_there)
{
	struct wish wish = {.wrong_from = 1 + 3 + 2}; /* the dry run, the steps, one more */
	baton_source source = mean_source(16);
	baton_pipeline *feed = open_inline(&source), *validation = open_inline(&source);
	baton_model *net = mean_net(&wish, 1);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	options.epochs = 2;
	options.steps_per_epoch = 3;
	options.validation = validation;
	options.validation_steps = 4;
	cr_expect_eq(baton_fit(net, feed, &options, &history, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "lambda_1: declared [16, 1], returns [16]");
	cr_expect_eq(err.batch, 1, "of the validation");
	cr_assert_eq(history.n_epochs, 1);
	cr_expect(history.steps == 3 && history.epochs[0].cut_short);
	cr_expect_eq(history.epochs[0].val_steps, 1);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	cr_expect_eq(baton_close(&validation), BATON_OK, "no batch is kept");
	baton_history_free(&history);
	baton_model_destroy(&net);
}

Test(lambda, a_prediction_of_more_rows_than_fit_in_memory_is_refused)
{
	static const size_t rows[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 16};
	struct wish wish = {0};
	baton_model *net = mean_net(&wish, 1);
	float x[2] = {0}, y[1];

	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(baton_predict(net, x, rows[i], y), -ENOMEM);
	cr_expect_eq(wish.calls, 0);
	baton_model_destroy(&net);
}
