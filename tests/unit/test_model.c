/* SPDX-License-Identifier: MIT */
/* Models: what is refused and in which words. Whether they learn as Keras does is seen in
 * tests/ref. */
#include "train/model.h"
#include "training.h"
#include <math.h>

/* Create or fail with this text. */
static void expect_refused(const baton_layer *layers, size_t n, int code, const char *text)
{
	baton_model *net = NULL;
	baton_error err;

	cr_expect_eq(baton_model_create(&net, layers, n, 1, &err), code);
	cr_expect_null(net);
	cr_expect_eq(err.code, code);
	cr_expect_str_eq(err.text, text);
}

Test(model, senseless_networks_are_refused_by_layer)
{
	baton_layer unknown = baton_relu(), unsized[2] = {{.size = 0}};

	unknown.kind = 77;
	expect_refused(unsized, 2, -EINVAL, "layer 0: size is not set");
	expect_refused(BATON_LAYERS(baton_input("x", 2)), -EINVAL,
	               "a network has an input and at least one layer");
	expect_refused(BATON_LAYERS(baton_dense(1), baton_dense(1)), -EINVAL,
	               "layer 0: must be an input");
	expect_refused(BATON_LAYERS(baton_input("x", 0), baton_dense(1)), -EINVAL,
	               "input x: 0 units; 1 to 16777216 are allowed");
	expect_refused(BATON_LAYERS(baton_input("x", 2), baton_dense(3), baton_dense(0)), -EINVAL,
	               "dense_2: 0 units; 1 to 16777216 are allowed");
	expect_refused(BATON_LAYERS(baton_input("x", 2), unknown), -EINVAL,
	               "layer 1: there is no kind 77 here");
	expect_refused(BATON_LAYERS(baton_input("x", 2), baton_input("y", 2)), -EINVAL,
	               "layer 1: there is no kind 1 here");
}

/* Before any memory is asked for: on Linux it would be given, and the process killed later. */
Test(model, a_network_beyond_measure_is_refused)
{
	expect_refused(BATON_LAYERS(baton_input("x", 2), baton_dense((size_t)1 << 31)), -EINVAL,
	               "dense_1: 2147483648 units; 1 to 16777216 are allowed");
	expect_refused(BATON_LAYERS(baton_input("x", SIZE_MAX), baton_dense(1)), -EINVAL,
	               "input x: 18446744073709551615 units; 1 to 16777216 are allowed");
	expect_refused(
		BATON_LAYERS(baton_input("x", 1 << 15), baton_dense(1 << 10), baton_dense(1 << 24)),
		-EINVAL, "dense_2: more than 1073741824 weights in all");
}

Test(model, weights_lie_layer_by_layer_kernel_then_bias)
{
	baton_layer_info info = BATON_LAYER_INFO_INIT;
	baton_model *net = NULL;
	size_t n;

	cr_assert_eq(baton_model_create(&net,
	                                BATON_LAYERS(baton_input("x", 3), baton_dense(4),
	                                             baton_relu(), baton_dense(2)),
	                                1, NULL),
	             BATON_OK);
	cr_expect_eq(baton_layer_get(net, 3, &info), BATON_OK);
	cr_expect_str_eq(info.name, "dense_2");
	cr_expect(info.inputs == 4 && info.units == 2 && info.kernel == 16 && info.n_kernel == 8);
	cr_expect(info.bias == 24 && info.n_bias == 2);
	cr_expect_eq(baton_layer_get(net, 2, &info), BATON_OK);
	cr_expect_str_eq(info.name, "relu_1");
	cr_expect(info.n_kernel == 0 && info.n_bias == 0);
	cr_expect_eq(baton_layer_get(net, 0, &info), BATON_OK);
	cr_expect_str_eq(info.name, "x");
	cr_expect_eq(baton_layer_get(net, 4, &info), -EINVAL);
	baton_weights(net, &n);
	cr_expect_eq(n, 26);
	baton_model_destroy(&net);
}

Test(model, kernels_start_glorot_uniform_and_biases_at_zero)
{
	const float limit = sqrtf(6.0f / 150);
	baton_model *net = NULL;
	const float *w;
	double sum = 0, squares = 0;

	cr_assert_eq(baton_model_create(&net, BATON_LAYERS(baton_input("x", 100), baton_dense(50)),
	                                3, NULL),
	             BATON_OK);
	w = baton_weights(net, NULL);
	for (size_t i = 0; i < 5000; i++) {
		cr_assert(w[i] >= -limit && w[i] < limit);
		sum += (double)w[i];
		squares += (double)w[i] * (double)w[i];
	}
	cr_expect_lt(fabs(sum / 5000), 4 * (double)limit / sqrt(3 * 5000));
	cr_expect_float_eq(squares / 5000, (double)limit * (double)limit / 3, 6e-4);
	for (size_t i = 0; i < 50; i++)
		cr_assert_eq(w[5000 + i], 0);
	baton_model_destroy(&net);
}

Test(model, weights_are_a_pure_function_of_the_seed)
{
	baton_model *a = mean_model(), *b = mean_model(), *c = NULL;

	cr_assert_eq(
		baton_model_create(&c, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 2, NULL),
		BATON_OK);
	cr_expect_arr_eq(baton_weights(a, NULL), baton_weights(b, NULL), 3 * sizeof(float));
	cr_expect_arr_neq(baton_weights(a, NULL), baton_weights(c, NULL), 3 * sizeof(float));
	baton_model_destroy(&a);
	baton_model_destroy(&b);
	baton_model_destroy(&c);
}

Test(model, predict_gives_each_row_its_own_answer_for_any_number_of_rows)
{
	enum { MOST = 131 };
	const float w[3] = {0.5f, 0.25f, 1};
	baton_model *net = mean_model();
	float x[2 * MOST], y[MOST + 1];

	cr_assert_eq(baton_weights_set(net, w, 3), BATON_OK);
	for (size_t i = 0; i < 2 * MOST; i++)
		x[i] = (float)i;
	for (size_t n = 0; n <= MOST; n++) {
		y[n] = -1;
		cr_assert_eq(baton_predict(net, x, n, y), BATON_OK);
		cr_assert_eq(y[n], -1, "wrote behind its %zu rows", n);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(y[i], x[2 * i] * 0.5f + x[2 * i + 1] * 0.25f + 1);
	}
	baton_model_destroy(&net);
}

/* What does not compile under -Wthread-safety. */
BATON_NO_ANALYSIS static int step_empty(baton_model *net)
{
	baton_batch b = BATON_BATCH_INIT;

	return baton_step(net, &b, NULL);
}

Test(model, a_batch_that_is_not_held_is_refused)
{
	baton_source source = mean_source(16);
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);

	cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
	cr_expect_eq(step_empty(net), BATON_MISUSE_EMPTY);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

/* One step on a batch of this source by a model that was bound to another. */
static int step_foreign(baton_model *net, const baton_source *source)
{
	baton_pipeline *feed = open_inline(source);
	baton_batch b = BATON_BATCH_INIT;
	int rc = -1;

	if (baton_next(feed, &b) == BATON_OK) {
		rc = baton_step(net, &b, NULL);
		baton_release(feed, &b);
	}
	cr_expect_eq(baton_close(&feed), BATON_OK);
	return rc;
}

static int nothing(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state, (void)b, (void)rng;
	return BATON_OK;
}

/* Else it would write past the buffers that bind allocated, or read past the batch. */
Test(model, a_batch_of_another_pipeline_is_refused_unless_it_fits)
{
	static const baton_field wide[] = {{"x", BATON_F32, 1, {3}}, {"y", BATON_F32, 1, {1}}};
	static const baton_field bytes[] = {{"x", BATON_U8, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	static const baton_field narrow[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {2}}};
	baton_source source = mean_source(16);
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);

	cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	cr_expect_eq(step_foreign(net, &source), BATON_OK);
	source.rows = 17;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE);
	source.rows = 4;
	cr_expect_eq(step_foreign(net, &source), BATON_OK);
	source.fields = wide;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE);
	source.fields = narrow;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE);
	source.fields = bytes;
	source.fill = nothing;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE);
	baton_model_destroy(&net);
}

Test(model, misuse_is_answered)
{
	baton_model *net = mean_model(), *none = NULL;
	const float w[4] = {0};
	baton_error err;

	cr_expect_eq(baton_model_destroy(&none), BATON_OK);
	cr_expect_eq(baton_model_destroy(NULL), BATON_OK);
	cr_expect_eq(baton_weights_set(net, w, 4), BATON_ERR_SHAPE);
	cr_expect_eq(baton_weights_set(net, NULL, 3), BATON_MISUSE_NULL);
	cr_expect_eq(step_empty(net), -EINVAL, "not bound");
	cr_expect_eq(baton_compile(net, baton_mse(), baton_rmsprop(-1), &err), -EINVAL);
	cr_expect_eq(baton_compile(net, baton_mse(), baton_rmsprop(0), &err), BATON_OK);
	cr_expect_eq(baton_compile(net, baton_mse(), baton_rmsprop(0), &err), -EALREADY);
	cr_expect_eq(baton_model_destroy(&net), BATON_OK);
	cr_expect_null(net);
}

/* Bind a model of x [2] -> dense(1) -> mse to a source with these fields. */
static int bind(const baton_field *fields, size_t n, const char *target, baton_error *err)
{
	baton_source source = mean_source(64);
	baton_model *net = mean_model();
	baton_loss loss = baton_mse();
	baton_pipeline *feed;
	int rc;

	source.fields = fields;
	source.n_fields = n;
	feed = open_inline(&source);
	loss.target = target;
	cr_assert_eq(baton_compile(net, loss, baton_rmsprop(0), NULL), BATON_OK);
	rc = baton_bind(net, feed, err);
	baton_model_destroy(&net);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	return rc;
}

static void expect_unbound(const baton_field *fields, size_t n, const char *target,
                           const char *text)
{
	baton_error err;

	cr_expect_eq(bind(fields, n, target, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, text);
}

Test(model, a_source_of_other_shapes_is_refused_before_the_first_step)
{
	const baton_field wide[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {2}}};
	const baton_field deep[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 2, {1, 1}}};
	const baton_field input[] = {{"x", BATON_F32, 1, {3}}, {"y", BATON_F32, 1, {1}}};
	const baton_field other[] = {{"z", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	const baton_field bytes[] = {{"x", BATON_U8, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	const baton_field labels[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_I64, 1, {1}}};
	/* the shape is wrong, too: but of what? */
	const baton_field flags[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_BOOL, 0, {0}}};
	const baton_field three[] = {
		{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}, {"z", BATON_F32, 1, {1}}};

	expect_unbound(wide, 2, NULL, "dense_1 -> mse: prediction [64, 1] against target [64, 2]");
	expect_unbound(deep, 2, NULL,
	               "dense_1 -> mse: prediction [64, 1] against target [64, 1, 1]");
	expect_unbound(input, 2, NULL, "input x: the source's field is [64, 3], not [64, 2]");
	expect_unbound(other, 2, NULL, "input x: the source has no field \"x\"");
	expect_unbound(bytes, 2, NULL, "input x: the source's field is uint8, not float32");
	expect_unbound(labels, 2, NULL, "target y: the source's field is int64, not float32");
	expect_unbound(flags, 2, NULL, "target y: the source's field is bool8, not float32");
	expect_unbound(three, 3, NULL,
	               "mse: which of the source's 3 fields is the target? name it");
	expect_unbound(three, 3, "label", "mse: the source has no field \"label\"");
}

Test(model, a_target_without_axis_is_expanded_by_a_rule_that_is_told)
{
	const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 0, {0}}};
	baton_error err;

	cr_expect_eq(bind(fields, 2, NULL, &err), BATON_OK);
	cr_expect_str_eq(err.text, "mse: target [64] taken as [64, 1]");
}

Test(model, a_good_binding_has_nothing_to_say)
{
	const baton_field fields[] = {
		{"y", BATON_F32, 1, {1}}, {"x", BATON_F32, 1, {2}}, {"z", BATON_U8, 1, {3}}};
	baton_error err;

	cr_expect_eq(bind(mean_fields, 2, NULL, &err), BATON_OK);
	cr_expect_str_eq(err.text, "");
	cr_expect_eq(bind(fields, 3, "y", &err), BATON_OK);
}

Test(model, an_input_has_a_name_that_fits)
{
	static const char *text = "input: its field's name must have 1 to 63 characters";
	char name[65];

	memset(name, 'x', 64);
	name[64] = '\0';
	expect_refused(BATON_LAYERS(baton_input(NULL, 2), baton_dense(1)), -EINVAL, text);
	expect_refused(BATON_LAYERS(baton_input("", 2), baton_dense(1)), -EINVAL, text);
	expect_refused(BATON_LAYERS(baton_input(name, 2), baton_dense(1)), -EINVAL, text);
}
