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

/* --- arguments that are wrong in themselves ------------------------------------------- */

BATON_NO_ANALYSIS static int step_nothing(baton_model *net)
{
	return baton_step(net, NULL, NULL);
}

Test(model, what_is_missing_is_misuse_everywhere)
{
	baton_source source = mean_source(16);
	baton_pipeline *feed = open_inline(&source);
	baton_model *net = compiled_mean_model(), *none = NULL;
	baton_layer_info info = BATON_LAYER_INFO_INIT;
	baton_loss loss = baton_mse();
	baton_optimizer optimizer = baton_sgd(0);
	size_t shape[BATON_MAX_RANK + 1], n = 99;
	float x[2] = {0}, y[1];
	const int answers[] = {
		baton_model_create(NULL, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, NULL),
		baton_compile_spec(NULL, &loss, &optimizer, NULL),
		baton_compile_spec(net, NULL, &optimizer, NULL),
		baton_compile_spec(net, &loss, NULL, NULL),
		baton_bind(NULL, feed, NULL),
		baton_bind(net, NULL, NULL),
		baton_sum_order(NULL, BATON_SUM_TREE),
		baton_learning_rate_set(NULL, 1),
		step_nothing(NULL),
		step_nothing(net),
		baton_predict(NULL, x, 1, y),
		baton_predict(net, NULL, 1, y),
		baton_predict(net, x, 1, NULL),
		baton_layer_get(NULL, 0, &info),
		baton_layer_get(net, 0, NULL),
		baton_weights_set(NULL, x, 2),
		baton_fit(NULL, feed, NULL, NULL, NULL),
		baton_fit(net, NULL, NULL, NULL, NULL),
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		cr_expect_eq(answers[i], BATON_MISUSE_NULL, "call %zu: %d", i, answers[i]);
	cr_expect_eq(baton_model_create(&none, NULL, 2, 1, NULL), -EINVAL);
	cr_expect_eq(baton_predict(net, NULL, 0, NULL), BATON_OK, "no rows, nothing missing");
	cr_expect_eq(baton_predict_shape(NULL, 1, shape), 0);
	cr_expect_eq(baton_predict_shape(net, 1, NULL), 0);
	cr_expect_null(baton_weights(NULL, &n));
	cr_expect_eq(n, 0);
	cr_expect(isnan(baton_learning_rate(NULL)));
	baton_history_free(NULL);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(model, before_compile_there_is_nothing_to_bind_or_rate)
{
	baton_source source = mean_source(16);
	baton_pipeline *feed = open_inline(&source);
	baton_model *net = mean_model();
	baton_error err;

	cr_expect_eq(baton_bind(net, feed, &err), -EINVAL);
	cr_expect_str_eq(err.text, "the model is not compiled");
	cr_expect_eq(baton_learning_rate_set(net, 1), -EINVAL);
	cr_expect(isnan(baton_learning_rate(net)));
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(model, a_rate_that_is_no_number_from_0_upwards_changes_nothing)
{
	static const double rates[] = {-1, (double)INFINITY, (double)NAN};
	baton_model *net = compiled_mean_model();

	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(baton_learning_rate_set(net, rates[i]), -EINVAL);
	cr_expect_eq(baton_learning_rate(net), (double)1e-3f);
	cr_expect_eq(baton_learning_rate_set(net, 0), BATON_OK);
	cr_expect_eq(baton_learning_rate(net), 0);
	baton_model_destroy(&net);
}

/* Compile x [2] -> dense(1), or be refused with these words. */
static void expect_uncompiled(baton_loss loss, baton_optimizer optimizer, const char *text)
{
	baton_model *net = mean_model();
	baton_error err;

	cr_expect_eq(baton_compile(net, loss, optimizer, &err), -EINVAL);
	cr_expect_str_eq(err.text, text);
	baton_model_destroy(&net);
}

Test(model, a_loss_or_optimizer_that_is_none_is_refused)
{
	baton_loss unsized = baton_mse(), unknown = baton_mse(), long_name = baton_mae();
	baton_optimizer optimizer = baton_sgd(0);
	char name[65];

	unsized.size = 0;
	unknown.kind = 77;
	memset(name, 'y', 64);
	name[64] = '\0';
	long_name.target = name;
	optimizer.size = 7;
	expect_uncompiled(unsized, baton_sgd(0), "loss: size is not set");
	expect_uncompiled(unknown, baton_sgd(0), "loss: there is no kind 77");
	expect_uncompiled(long_name, baton_sgd(0), "mae: the target's name has over 63 characters");
	expect_uncompiled(baton_mse(), optimizer, "optimizer: size is not set");
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

static int nothing_at_all(void *state, baton_lambda_call *call)
{
	(void)state, (void)call;
	return BATON_OK;
}

Test(model, more_units_than_fit_are_refused_in_each_layer)
{
	const size_t most = SIZE_MAX / 8;
	const struct {
		baton_layer layers[2];
		const char *name;
	} cases[] = {
		{{baton_input("x", most), baton_dense(1)}, "input x: "},
		{{baton_input("x", 2), baton_dense(most)}, "dense_1: "},
		{{baton_input("x", 2), baton_lambda(nothing_at_all, NULL, most)}, "lambda_1: "},
	};

	for (size_t i = 0; i < 3; i++) {
		baton_model *net = NULL;
		baton_error err;

		cr_expect_eq(baton_model_create(&net, cases[i].layers, 2, 1, &err), -EINVAL);
		cr_expect_null(net);
		cr_expect_eq(strncmp(err.text, cases[i].name, strlen(cases[i].name)), 0, "%s",
			     err.text);
	}
}

/* --- structs of other lengths, of programs with other headers ------------------------- */

Test(model, a_shorter_struct_is_read_and_written_as_far_as_it_goes)
{
	struct {
		baton_layer_info info;
		size_t behind;
	} short_one = {BATON_LAYER_INFO_INIT, 0};
	baton_optimizer old = baton_rmsprop(0.5);
	baton_model *net = mean_model();
	const baton_loss loss = baton_mse();

	old.size = offsetof(baton_optimizer, momentum); /* it knows of none */
	old.momentum = 99;
	cr_expect_eq(baton_compile_spec(net, &loss, &old, NULL), BATON_OK);
	cr_expect_eq(baton_learning_rate(net), 0.5);
	short_one.info.size = offsetof(baton_layer_info, units);
	short_one.info.units = 77;
	cr_expect_eq(baton_layer_get(net, 1, &short_one.info), BATON_OK);
	cr_expect_str_eq(short_one.info.name, "dense_1");
	cr_expect(short_one.info.inputs == 2 && short_one.info.units == 77);
	short_one.info.size = sizeof(short_one); /* one that knows more */
	cr_expect_eq(baton_layer_get(net, 1, &short_one.info), BATON_OK);
	cr_expect(short_one.info.units == 1 && short_one.behind == 0);
	short_one.info.size = 0;
	cr_expect_eq(baton_layer_get(net, 1, &short_one.info), -EINVAL);
	baton_model_destroy(&net);
}

/* --- names and shapes ------------------------------------------------------------------ */

Test(model, a_layer_may_have_a_name_of_the_callers)
{
	baton_layer_info info = BATON_LAYER_INFO_INIT;
	baton_layer hidden = baton_dense(3), odd = baton_softsign();
	baton_model *net = NULL;
	size_t shape[BATON_MAX_RANK + 1];

	hidden.name = "hidden";
	odd.name = "a name of more than thirty-one characters";
	cr_assert_eq(baton_model_create(
			     &net, BATON_LAYERS(baton_input("x", 2), hidden, odd, baton_dense(2)),
			     1, NULL),
		     BATON_OK);
	cr_expect_eq(baton_layer_get(net, 1, &info), BATON_OK);
	cr_expect_str_eq(info.name, "hidden");
	cr_expect_eq(baton_layer_get(net, 2, &info), BATON_OK);
	cr_expect_str_eq(info.name, "a name of more than thirty-one ");
	cr_expect(info.inputs == 3 && info.units == 3 && info.n_kernel == 0);
	cr_expect_eq(baton_layer_get(net, 3, &info), BATON_OK);
	cr_expect_str_eq(info.name, "dense_2");
	cr_expect_eq(baton_predict_shape(net, 5, shape), 2);
	cr_expect(shape[0] == 5 && shape[1] == 2);
	baton_model_destroy(&net);
}

/* A field named "weight" that is the input, or the target, weighs nothing. */
Test(model, a_weight_with_another_role_weighs_nothing)
{
	const baton_field in[] = {{"weight", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	const baton_field target[] = {{"x", BATON_F32, 1, {2}}, {"weight", BATON_F32, 1, {1}}};
	baton_source source = mean_source(16);
	baton_model *net = NULL;
	baton_pipeline *feed;
	baton_error err;

	cr_expect_eq(bind(target, 2, "weight", &err), BATON_OK);
	source.fields = in;
	feed = open_inline(&source);
	cr_assert_eq(baton_model_create(&net,
					BATON_LAYERS(baton_input("weight", 2), baton_dense(1)), 1,
					NULL),
		     BATON_OK);
	cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(0), NULL), BATON_OK);
	cr_expect_eq(baton_bind(net, feed, &err), BATON_OK, "%s", err.text);
	cr_expect_not(net->binding.weighted);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

/* Which nets take the short way for lines: only those for which it is the same sums. */
Test(model, only_few_inputs_and_one_output_are_a_line)
{
	for (size_t inputs = 1; inputs <= BATON_LINEAR_INPUTS + 1; inputs++)
		for (size_t units = 1; units <= 2; units++) {
			baton_model *net = NULL;

			cr_assert_eq(baton_model_create(&net,
							BATON_LAYERS(baton_input("x", inputs),
								     baton_dense(units)),
							1, NULL),
				     BATON_OK);
			cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(0), NULL), BATON_OK);
			cr_expect_eq(net->linear != NULL,
				     inputs <= BATON_LINEAR_INPUTS && units == 1);
			baton_model_destroy(&net);
		}
}

/* --- batches of another pipeline ------------------------------------------------------- */

static int ones(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state, (void)rng;
	for (size_t f = 0; f < 3; f++) {
		float *values = baton_writable_f32(b, f);

		for (size_t i = 0; values && i < baton_writable_rows(b); i++)
			values[i] = 1;
	}
	return BATON_OK;
}

/* Of a model with weights, whose batch must have them, and one a row. */
Test(model, a_batch_without_the_weights_that_were_bound_is_refused)
{
	static const baton_field bound[] = {
		{"x", BATON_F32, 0, {0}}, {"y", BATON_F32, 1, {1}}, {"weight", BATON_F32, 0, {0}}};
	static const baton_field wide[] = {
		{"x", BATON_F32, 1, {1}}, {"y", BATON_F32, 1, {1}}, {"weight", BATON_F32, 1, {2}}};
	static const baton_field bytes[] = {
		{"x", BATON_F32, 1, {1}}, {"y", BATON_F32, 1, {1}}, {"weight", BATON_U8, 0, {0}}};
	static const baton_field labels[] = {
		{"x", BATON_F32, 1, {1}}, {"y", BATON_I64, 1, {1}}, {"weight", BATON_F32, 0, {0}}};
	baton_field fields[3] = {bound[0], bound[1], bound[2]};
	baton_source source = mean_source(4);
	baton_pipeline *feed;
	baton_model *net = NULL;
	float w;

	fields[0].rank = 1;
	fields[0].shape[0] = 1;
	source.fields = fields;
	source.n_fields = 3;
	source.fill = ones;
	feed = open_inline(&source);
	cr_assert_eq(baton_model_create(&net, BATON_LAYERS(baton_input("x", 1), baton_dense(1)), 1,
					NULL),
		     BATON_OK);
	cr_assert_eq(baton_compile(net, baton_mse(), baton_sgd(0), NULL), BATON_OK);
	cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	cr_expect(net->binding.weighted);
	w = baton_weights(net, NULL)[0];
	source.n_fields = 2;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE, "none");
	source.n_fields = 3;
	source.fields = wide;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE, "two a row");
	source.fields = bytes;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE, "bytes");
	source.fields = labels;
	cr_expect_eq(step_foreign(net, &source), BATON_ERR_SHAPE, "no float32 target");
	cr_expect_eq(baton_weights(net, NULL)[0], w);
	source.fields = fields;
	cr_expect_eq(step_foreign(net, &source), BATON_OK);
	cr_expect_neq(baton_weights(net, NULL)[0], w);
	baton_model_destroy(&net);
}

Test(model, weights_of_another_dtype_are_refused)
{
	const baton_field fields[] = {
		{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}, {"weight", BATON_U8, 0, {0}}};

	expect_unbound(fields, 3, NULL, "rows' weight: the source's field is uint8, not float32");
}

Test(model, sums_may_go_back_to_the_tree)
{
	baton_model *net = mean_model();

	cr_expect_eq(baton_sum_order(net, BATON_SUM_IN_ORDER), BATON_OK);
	cr_expect(net->run.in_order);
	cr_expect_eq(baton_sum_order(net, BATON_SUM_TREE), BATON_OK);
	cr_expect_not(net->run.in_order);
	cr_expect_eq(baton_sum_order(net, -1), -EINVAL);
	baton_model_destroy(&net);
}
