/* SPDX-License-Identifier: MIT */
/* Layers, on columns of 16 rows: forward against the formula, backward against it and
 * against differences. */
#include "train/layer.h"
#include "train/linear.h"
#include "train/model.h"
#include "train/reduce.h"
#include "training.h"
#include <math.h>

enum { IN = 3, OUT = 2, ROWS = 16 };

static const struct baton_pass pass = {ROWS, ROWS, false, NULL};

static struct baton_plan_layer dense(void)
{
	struct baton_plan_layer layer = {.ops = &baton_layer_dense,
					 .spec_units = OUT,
					 .d_in = IN,
					 .d_out = OUT,
					 .in = baton_shape_vector(IN)};

	cr_assert_eq(layer.ops->infer(&layer, NULL), BATON_OK);
	return layer;
}

static float number(size_t i)
{
	return (float)((i * 7919 + 13) % 31) / 8 - 2;
}

static void numbers(float *a, size_t n, size_t seed)
{
	for (size_t i = 0; i < n; i++)
		a[i] = number(i + 100 * seed);
}

Test(dense, infers_a_kernel_of_inputs_by_units)
{
	struct baton_plan_layer layer = dense();

	cr_expect_eq(layer.n_kernel, IN * OUT);
	cr_expect_eq(layer.n_bias, OUT);
	cr_expect_eq(baton_shape_volume(&layer.out), OUT);
}

Test(dense, refuses_rows_that_are_not_vectors)
{
	struct baton_plan_layer layer = {
		.name = "dense_1", .spec_units = 1, .d_in = 4, .in = {2, {2, 2}}};
	baton_error err;

	cr_expect_eq(baton_layer_dense.infer(&layer, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "dense_1: takes [n, inputs], not [n, 2, 2]");
}

Test(dense, forward_is_x_kernel_plus_bias)
{
	struct baton_plan_layer layer = dense();
	float w[IN * OUT + OUT], x[IN * ROWS], y[OUT * ROWS];

	numbers(w, IN * OUT + OUT, 1);
	numbers(x, IN * ROWS, 2);
	layer.ops->forward(&layer, w, x, y, &pass);
	for (size_t r = 0; r < ROWS; r++) {
		for (size_t j = 0; j < OUT; j++) {
			float sum = x[r] * w[j] + x[ROWS + r] * w[OUT + j];

			cr_assert_eq(y[j * ROWS + r],
				     sum + x[2 * ROWS + r] * w[2 * OUT + j] + w[IN * OUT + j]);
		}
	}
}

/* Small dyadic numbers: the sums are exact, in any order. */
Test(dense, backward_gives_the_three_gradients)
{
	struct baton_plan_layer layer = dense();
	float w[IN * OUT + OUT], x[IN * ROWS], dy[OUT * ROWS], dx[IN * ROWS], dw[IN * OUT + OUT];

	numbers(w, IN * OUT + OUT, 1);
	numbers(x, IN * ROWS, 2);
	numbers(dy, OUT * ROWS, 3);
	layer.ops->backward(&layer, w, x, NULL, dy, dx, dw, &pass);
	for (size_t j = 0; j < OUT; j++) {
		float bias = 0;

		for (size_t r = 0; r < ROWS; r++)
			bias += dy[j * ROWS + r];
		cr_assert_eq(dw[IN * OUT + j], bias);
		for (size_t k = 0; k < IN; k++) {
			float kernel = 0;

			for (size_t r = 0; r < ROWS; r++)
				kernel += x[k * ROWS + r] * dy[j * ROWS + r];
			cr_assert_eq(dw[k * OUT + j], kernel);
		}
	}
	for (size_t r = 0; r < ROWS; r++)
		cr_assert_eq(dx[ROWS + r], dy[r] * w[OUT] + dy[ROWS + r] * w[OUT + 1]);
}

Test(dense, relu_keeps_nan_and_has_no_slope_at_zero)
{
	struct baton_plan_layer layer = {.ops = &baton_layer_relu, .d_in = 1, .d_out = 1};
	float x[ROWS] = {-1, 0, 2, NAN}, y[ROWS], dy[ROWS] = {5, 5, 5, 5}, dx[ROWS];

	baton_layer_relu.forward(&layer, NULL, x, y, &pass);
	baton_layer_relu.backward(&layer, NULL, x, y, dy, dx, NULL, &pass);
	cr_expect(y[0] == 0 && y[1] == 0 && y[2] == 2 && isnan(y[3]));
	cr_expect(dx[0] == 0 && dx[1] == 0 && dx[2] == 5);
}

/* Against the formula, and its slope against differences. */
Test(dense, softsign_bends_without_an_exponential)
{
	struct baton_plan_layer layer = {.ops = &baton_layer_softsign, .d_in = 1, .d_out = 1};
	float x[ROWS] = {-3, -0.5f, 0, 0.25f, 7, NAN}, y[ROWS], dy[ROWS], dx[ROWS];
	float x2[ROWS], y2[ROWS];

	for (size_t i = 0; i < ROWS; i++) {
		dy[i] = 2;
		x2[i] = x[i] + 1e-2f;
	}
	baton_layer_softsign.forward(&layer, NULL, x, y, &pass);
	baton_layer_softsign.forward(&layer, NULL, x2, y2, &pass);
	baton_layer_softsign.backward(&layer, NULL, x, y, dy, dx, NULL, &pass);
	cr_expect(y[0] == -0.75f && y[1] == -0.5f / 1.5f && y[2] == 0 && y[3] == 0.2f);
	cr_expect(isnan(y[5]) && isnan(dx[5]));
	for (size_t i = 0; i < 5; i++)
		cr_expect_float_eq(dx[i] / 2, (y2[i] - y[i]) / (x2[i] - x[i]), 2e-2);
}

/* A fast path and the layers, on the same rows. */
static void expect_same_gradient(baton_model *net, baton_linear_fn *linear, size_t rows)
{
	static float x[200 * BATON_LINEAR_INPUTS], y[200];
	size_t d_in = net->plan->d_in;
	float fast[BATON_LINEAR_INPUTS + 1];
	const struct baton_rows batch = {x, y, NULL, rows, 0};
	struct baton_scores scores = {0, 0, 0};
	float fast_loss;

	for (size_t i = 0; i < rows * d_in; i++)
		x[i] = number(i + rows) * 1.1f;
	for (size_t i = 0; i < rows; i++)
		y[i] = number(3 * i) / 3;
	cr_assert_eq(baton_model_layers_gradient(net, &batch, &scores), BATON_OK);
	fast_loss = linear(net->weights, x, y, rows, d_in, fast);
	cr_assert_eq(memcmp(&scores.loss, &fast_loss, sizeof(fast_loss)), 0, "%zu inputs, %zu rows", d_in,
		     rows);
	cr_assert_eq(memcmp(net->gradient, fast, (d_in + 1) * sizeof(float)), 0,
		     "%zu inputs, %zu rows", d_in, rows);
}

Test(dense, the_linear_path_has_the_bits_of_the_layers)
{
	for (size_t d_in = 1; d_in <= BATON_LINEAR_INPUTS; d_in++) {
		baton_field fields[2] = {{"x", BATON_F32, 1, {d_in}}, {"y", BATON_F32, 1, {1}}};
		baton_source source = mean_source(200);
		baton_model *net = NULL;
		baton_pipeline *feed;
		float w[] = {0.3f, -1.7f, 0.01f, 2.3f, -0.7f};

		source.fields = fields;
		feed = open_inline(&source);
		cr_assert_eq(baton_model_create(
				     &net, BATON_LAYERS(baton_input("x", d_in), baton_dense(1)), 1,
				     NULL),
			     BATON_OK);
		cr_assert_eq(baton_compile(net, baton_mse(), baton_rmsprop(1e-3), NULL), BATON_OK);
		cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
		cr_assert_eq(baton_weights_set(net, w, d_in + 1), BATON_OK);
		cr_assert(net->linear);
		for (size_t rows = 1; rows <= 200; rows++) {
			expect_same_gradient(net, net->linear, rows);
			expect_same_gradient(net, baton_linear_gradient, rows);
		}
		baton_model_destroy(&net);
		cr_assert_eq(baton_close(&feed), BATON_OK);
	}
}
