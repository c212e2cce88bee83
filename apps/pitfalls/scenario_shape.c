/* SPDX-License-Identifier: MIT */
/* E6 to E8: shapes. What Keras 2 does with a target that lacks an axis, and with a Lambda
 * that drops one and is believed; and what baton does. */

#include "../mean_source.h"
#include "broadcast.h"
#include "scenario.h"
#include <string.h>

#define LAMBDA_STEPS 5000 /* E7 and E8 are computed over so many */
#define LAMBDA_TOLERANCE 6
#define N ((double)ROWS)

/* --- E6: a target [N] for Dense(1) ------------------------------------------------ */

int scenario_flat_target(const struct setup *s, struct results *all, baton_error *err)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 0, {0}}};
	struct result *r = result_add(all, "E6", "labels [64] for Dense(1)", "learns, by a rule");
	struct training_options options = scenario_training(s, 0);
	baton_source source = mean_source(ROWS, 0);
	int rc;

	source.fields = fields; /* the same floats, without the axis */
	rc = training_run(&r->training, &source, &options, err);
	result_judge_learning(r);
	if (!r->training.history.target_expanded)
		r->verdict = VERDICT_FAILED;
	result_note(r, "baton says: %s", r->training.note);
	return rc;
}

/* --- E7: a Lambda, with expand_dims ----------------------------------------------- */

/* x [rows, inputs] -> the mean of the first two, y [rows] or [rows, 1]: the same floats */
static void write_means(baton_lambda_call *call)
{
	for (size_t i = 0; i < call->rows; i++)
		call->y[i] = (call->x[i * call->inputs] + call->x[i * call->inputs + 1]) / 2;
}

/* def calc_mean(x): return K.expand_dims((x[::,0] + x[::,1]) / 2, -1) */
static int mean_expanded(void *state, baton_lambda_call *call)
{
	(void)state;
	write_means(call);
	call->rank = 2;
	call->shape[0] = call->rows;
	call->shape[1] = 1;
	return BATON_OK;
}

/* def calc_mean(x): return (x[::,0] + x[::,1]) / 2 */
static int mean_flat(void *state, baton_lambda_call *call)
{
	(void)state;
	write_means(call);
	call->rank = 1;
	call->shape[0] = call->rows;
	return BATON_OK;
}

int scenario_lambda(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E7", "Lambda with expand_dims", "exact");
	struct training *t = &r->training;
	struct training_options options = {BATON_INLINE, s->seed, LAMBDA_STEPS / STEPS};
	baton_source source = mean_source(ROWS, 0);
	bool shaped;
	int rc = training_run_layers(
		t, BATON_LAYERS(baton_input("x", 2), baton_lambda(mean_expanded, NULL, 1)), &source,
		&options, err);

	r->closed_form = 0;
	r->expected = around(0, 0);
	training_range(t, 1, options.epochs, r->measured);
	r->predicted = (double)t->predicted;
	r->predicts = around(65, 0);
	shaped = t->rank == 2 && t->shape[0] == 1 && t->shape[1] == 1 && t->predicted_46 == 46;
	r->verdict = judge_both(judge_range(r->expected, r->measured[0], r->measured[1]),
	                        judge(r->predicts, r->predicted));
	r->verdict = judge_both(r->verdict, shaped ? VERDICT_OK : VERDICT_FAILED);
	result_note(r, "predict() has shape [%zu, %zu]: [[%g.]] for (44, 48)", t->shape[0],
	            t->shape[1], (double)t->predicted_46);
	return rc;
}

/* --- E8: a Lambda without expand_dims --------------------------------------------- */

/* def calc_mean(x): return (x[::,0] + x[::,1]) / 2
 * x [n, 2], out [n]; the tensor has one axis */
static struct tensor calc_mean(const float *x, size_t n, float *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	return (struct tensor){1, {n}, out};
}

/* One batch's loss as Keras computes it, whose declared output_shape=(1,) is believed. */
static double keras_loss(const float *x, const float *y, size_t n, struct tensor *difference)
{
	float values[ROWS];
	struct tensor prediction = calc_mean(x, n, values);
	struct tensor target = {2, {n, 1}, y};

	return broadcast_mse(&prediction, &target, difference);
}

/* The mean loss over LAMBDA_STEPS; NaN if there is none. */
static int keras_losses(uint64_t seed, double *mean, struct tensor *difference, baton_error *err)
{
	baton_source source = mean_source(ROWS, LAMBDA_STEPS);
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_batch b = BATON_BATCH_INIT;
	double total = 0;
	int rc;

	options.producers = BATON_INLINE;
	options.seed = seed;
	rc = baton_open(&feed, &source, &options, err);
	if (rc < 0)
		return rc;
	while (baton_next(feed, &b) == BATON_OK) {
		total += keras_loss(baton_f32(&b, 0), baton_f32(&b, 1), baton_rows(&b), difference);
		baton_release(feed, &b);
	}
	rc = baton_status(feed, err);
	*mean = total / LAMBDA_STEPS;
	return baton_close(&feed) < 0 || rc < 0 ? rc : BATON_OK;
}

static int computed(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E8", "Lambda without, as Keras does it", "N x N");
	const float asked[2] = {73, 57}, pair[2] = {44, 48};
	float values[1], mean_of_pair[1];
	struct tensor prediction = calc_mean(asked, 1, values), difference = {0};
	char shape[SHAPE_TEXT], of_prediction[SHAPE_TEXT];
	int rc = keras_losses(s->seed, r->measured, &difference, err);

	r->measured[1] = r->measured[0];
	r->closed_form = 2 * VARIANCE * (1 - 1 / N);
	r->expected = around(r->closed_form, LAMBDA_TOLERANCE);
	r->predicted = (double)prediction.at[0];
	r->predicts = around(65, 0);
	r->verdict =
		judge_both(judge(r->expected, r->measured[0]), judge(r->predicts, r->predicted));
	calc_mean(pair, 1, mean_of_pair);
	result_note(r,
	            "[64] - [64, 1] is %s; 2 s^2 (1 - 1/N) over %d steps; predict() has shape %s: "
	            "[%g.] for (44, 48)",
	            shape_print(shape, &difference), LAMBDA_STEPS,
	            shape_print(of_prediction, &prediction), (double)mean_of_pair[0]);
	return rc;
}

/* --- its trainable cousin --------------------------------------------------------- */

/* What the broadcast makes of a batch: every label with every pair. x [N * N, 2], y [N * N,
 * 1]; the mean over all of them is the mean over the last axis, then over the first. */
static int fill_pairs(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	uint32_t drawn[2 * ROWS];

	(void)state;
	baton_rng_fill_below(rng, 100, drawn, 2 * ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		float label = (float)(int32_t)(drawn[2 * i] + drawn[2 * i + 1]) * 0.5f;

		for (size_t j = 0; j < ROWS; j++) {
			*x++ = (float)(int32_t)drawn[2 * j];
			*x++ = (float)(int32_t)drawn[2 * j + 1];
			*y++ = label;
		}
	}
	return BATON_OK;
}

static int cousin(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r =
		result_add(all, "E8", "N x N, of a net that can learn", "looks just like E1");
	struct training_options options = scenario_training(s, 0);
	baton_source source = mean_source(ROWS * ROWS, 0);
	double slope;
	int rc;

	source.fill = fill_pairs;
	source.cheap = false;
	rc = training_run(&r->training, &source, &options, err);
	result_judge_plateau(r, VARIANCE * (1 - 1 / (N * N)));
	slope = (double)(r->training.weights[0] + r->training.weights[1]);
	result_note(r, "slope %.3f, where 1/N = %.3f; s^2 (1 - 1/N^2)", slope, 1 / N);
	return rc;
}

/* --- and baton's answer ----------------------------------------------------------- */

/* Try to train upon a Lambda that drops an axis. What baton says goes to the note; false
 * unless it is a refusal, before the first batch, that names the layer and both shapes. */
static bool refused(const struct setup *s, size_t declared, const char *how, struct result *r)
{
	struct training_options options = scenario_training(s, BATON_INLINE);
	baton_source source = mean_source(ROWS, 0);
	struct training t = TRAINING_INIT;
	baton_error said = {0};
	int rc = training_run_layers(
		&t, BATON_LAYERS(baton_input("x", 2), baton_lambda(mean_flat, NULL, declared)),
		&source, &options, &said);
	bool named = strstr(said.text, "lambda_1") && strstr(said.text, "[64]") &&
	             strstr(said.text, "[64, 1]");
	bool good = rc == BATON_ERR_SHAPE && t.taken == 0 && t.history.steps == 0 && named;

	result_note(r, "%s, baton says: %s", how, said.text);
	training_free(&t);
	return good;
}

static int refusal(const struct setup *s, struct results *all)
{
	struct result *r =
		result_add(all, "E8", "the same Lambda in baton", "refused, before step 1");
	bool lies = refused(s, 1, "declared as (1,)", r);
	bool honest = refused(s, 0, "declared as ()", r);

	r->verdict = lies && honest ? VERDICT_OK : VERDICT_FAILED;
	return 0;
}

int scenario_flat_lambda(const struct setup *s, struct results *all, baton_error *err)
{
	int rc = computed(s, all, err);

	if (rc == BATON_OK)
		rc = cousin(s, all, err);
	return rc < 0 ? rc : refusal(s, all);
}
