/* SPDX-License-Identifier: MIT */
/* The training loop: how it ends, what it writes down, whom it tells. */
#include "train/digest.h"
#include "training.h"
#include <baton/callbacks.h>
#include <baton/ledger.h>
#include <math.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static baton_fit_options fit_options(uint64_t epochs, uint64_t steps)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;

	options.epochs = epochs;
	options.steps_per_epoch = steps;
	return options;
}

/* A fit of a fresh model on this source. */
static int fit_once(const baton_source *source, const baton_fit_options *options,
                    baton_history *history, baton_error *err)
{
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(source);
	int rc = baton_fit(net, feed, options, history, err);

	cr_assert_eq(baton_close(&feed), BATON_OK, "fit kept a batch");
	cr_assert_eq(baton_model_destroy(&net), BATON_OK);
	return rc;
}

Test(fit, learns_the_mean_of_two_numbers)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(10, 1000);
	baton_history history = BATON_HISTORY_INIT;
	const float x[4] = {60, 70, 73, 57};
	float y[2];
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);

	cr_assert_eq(baton_fit(net, feed, &options, &history, NULL), BATON_OK);
	cr_assert_eq(history.n_epochs, 10);
	cr_expect_lt(history.epochs[9].loss, 0.0032);
	cr_expect_gt(history.epochs[9].loss, 0.0026);
	cr_assert_eq(baton_predict(net, x, 2, y), BATON_OK);
	cr_expect_float_eq(y[0], 65, 0.2);
	cr_expect_float_eq(y[1], 65, 0.2);
	baton_history_free(&history);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(fit, a_run_is_told_apart_by_its_digest)
{
	baton_source source = mean_source(64), smaller = mean_source(63);
	baton_fit_options options = fit_options(2, 50);
	baton_history a = BATON_HISTORY_INIT, b = BATON_HISTORY_INIT, c = BATON_HISTORY_INIT;

	cr_assert_eq(fit_once(&source, &options, &a, NULL), BATON_OK);
	cr_assert_eq(fit_once(&source, &options, &b, NULL), BATON_OK);
	cr_assert_eq(fit_once(&smaller, &options, &c, NULL), BATON_OK);
	cr_expect_eq(a.digest, b.digest);
	cr_expect_neq(a.digest, c.digest);
	baton_history_free(&a);
	baton_history_free(&b);
	baton_history_free(&c);
}

/* The documented sum, over losses and weights of a loop of the caller's own. */
Test(fit, the_digest_covers_every_loss_and_the_final_weights)
{
	baton_source source = mean_source(32);
	baton_fit_options options = fit_options(3, 7);
	baton_history history = BATON_HISTORY_INIT;
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);
	uint64_t digest = 0xcbf29ce484222325u;
	baton_batch b = BATON_BATCH_INIT;

	cr_assert_eq(fit_once(&source, &options, &history, NULL), BATON_OK);
	cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
	for (int i = 0; i < 21 && baton_next(feed, &b) == BATON_OK; i++) {
		float loss = NAN;

		cr_expect_eq(baton_step(net, &b, &loss), BATON_OK);
		baton_release(feed, &b);
		digest = baton_digest_add(digest, loss);
	}
	for (int i = 0; i < 3; i++)
		digest = baton_digest_add(digest, baton_weights(net, NULL)[i]);
	cr_expect_eq(digest, history.digest);
	baton_history_free(&history);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(fit, every_nan_counts_alike_in_the_digest)
{
	cr_expect_eq(baton_digest_add(1, NAN), baton_digest_add(1, -NAN));
	cr_expect_neq(baton_digest_add(1, NAN), baton_digest_add(1, INFINITY));
	cr_expect_neq(baton_digest_add(1, 0.0f), baton_digest_add(1, -0.0f));
}

/* 10 batches of 64 rows, then one of 3 with an error of its own size, then the end. */
static int ends_short(void *state, baton_writable *b, baton_rng *rng)
{
	if (baton_writable_k(b) > 10)
		return BATON_END;
	if (baton_writable_k(b) == 10)
		baton_set_rows(b, 3);
	return mean_fill(state, b, rng);
}

static int add_rows(void *state, const baton_progress *progress)
{
	double *sums = state;
	double rows = progress->step == 10 ? 3 : 64;

	sums[0] += rows * (double)progress->loss;
	sums[1] += rows;
	cr_assert_eq(progress->mean, sums[0] / sums[1]);
	return 0;
}

Test(fit, the_loss_of_an_epoch_is_weighted_by_rows)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(0, 0);
	baton_history history = BATON_HISTORY_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	double sums[2] = {0, 0};

	source.fill = ends_short;
	callback.state = sums;
	callback.on_step = add_rows;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_expect_eq(fit_once(&source, &options, &history, NULL), BATON_END);
	cr_assert_eq(history.n_epochs, 1);
	cr_expect_eq(history.epochs[0].rows, 643);
	cr_expect_eq(history.epochs[0].steps, 11);
	cr_expect_eq(history.epochs[0].loss, sums[0] / sums[1]);
	baton_history_free(&history);
}

Test(fit, an_end_leaves_a_short_last_epoch)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(5, 4);
	baton_history history = BATON_HISTORY_INIT;

	source.n_batches = 10;
	cr_expect_eq(fit_once(&source, &options, &history, NULL), BATON_END);
	cr_assert_eq(history.n_epochs, 3);
	cr_expect_eq(history.epochs[2].steps, 2);
	cr_expect_eq(history.steps, 10);
	source.n_batches = 8;
	cr_expect_eq(fit_once(&source, &options, &history, NULL), BATON_END);
	cr_expect_eq(history.n_epochs, 2, "an epoch without a step is none");
	baton_history_free(&history);
}

static int fails_at_5(void *state, baton_writable *b, baton_rng *rng)
{
	if (baton_writable_k(b) == 5)
		return baton_fail(b, -EIO, "frame 17: bad header");
	return mean_fill(state, b, rng);
}

Test(fit, a_sources_error_is_passed_up_with_its_place)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 100);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	source.fill = fails_at_5;
	cr_expect_eq(fit_once(&source, &options, &history, &err), -EIO);
	cr_expect_eq(err.code, -EIO);
	cr_expect_eq(err.batch, 5);
	cr_expect_str_eq(err.text, "frame 17: bad header");
	cr_expect_eq(history.steps, 5);
	baton_history_free(&history);
}

static int cancel_at_3(void *state, const baton_progress *progress)
{
	if (progress->step == 3)
		baton_cancel(state);
	return 0;
}

Test(fit, a_cancel_ends_after_the_step_in_hand)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(2, 100);
	baton_history history = BATON_HISTORY_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);

	callback.state = feed;
	callback.on_step = cancel_at_3;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_expect_eq(baton_fit(net, feed, &options, &history, NULL), BATON_CANCELED);
	cr_assert_eq(history.n_epochs, 1);
	cr_expect_eq(history.epochs[0].steps, 4);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_history_free(&history);
	baton_model_destroy(&net);
}

/* A callback that writes down what it is told, and answers when it is time to. */
struct scribe {
	char text[64];
	size_t n;
	uint64_t stop_epoch;
	int answer;
};

static int scribe_begin(void *state, uint64_t epoch)
{
	struct scribe *s = state;

	s->text[s->n++] = (char)('0' + epoch);
	return 0;
}

static int scribe_step(void *state, const baton_progress *progress)
{
	struct scribe *s = state;

	s->text[s->n++] = (char)('a' + progress->step);
	return 0;
}

static int scribe_end(void *state, const baton_epoch *epoch)
{
	struct scribe *s = state;

	s->text[s->n++] = '.';
	return epoch->epoch == s->stop_epoch ? s->answer : 0;
}

/* Two callbacks, the second mute but for steps; the first answers at stop_epoch. */
static int fit_told(struct scribe *scribes, uint64_t *steps, baton_error *err)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(3, 2);
	baton_history history = BATON_HISTORY_INIT;
	baton_callback callbacks[2] = {BATON_CALLBACK_INIT, BATON_CALLBACK_INIT};
	int rc;

	callbacks[0].state = &scribes[0];
	callbacks[0].on_epoch_begin = scribe_begin;
	callbacks[0].on_step = scribe_step;
	callbacks[0].on_epoch_end = scribe_end;
	callbacks[1].state = &scribes[1];
	callbacks[1].on_step = scribe_step;
	options.callbacks = callbacks;
	options.n_callbacks = 2;
	rc = fit_once(&source, &options, &history, err);
	*steps = history.steps;
	baton_history_free(&history);
	return rc;
}

Test(fit, callbacks_are_told_of_everything_in_order)
{
	struct scribe scribes[2] = {{.stop_epoch = 99}, {.stop_epoch = 99}};
	uint64_t steps;

	cr_expect_eq(fit_told(scribes, &steps, NULL), BATON_OK);
	cr_expect_eq(steps, 6);
	cr_expect_str_eq(scribes[0].text, "0ab.1ab.2ab.");
	cr_expect_str_eq(scribes[1].text, "ababab");
}

static int two_lines(void *state, baton_model *net)
{
	(void)state;
	return baton_callback_fail(net, 1, "disk\nfull");
}

Test(fit, a_callback_may_stop_or_fail_it)
{
	struct scribe stop[2] = {{.stop_epoch = 1, .answer = 1}}, fail[2] = {{.answer = -EPIPE}};
	uint64_t steps;
	baton_error err;

	cr_expect_eq(fit_told(stop, &steps, &err), BATON_OK);
	cr_expect_eq(steps, 4);
	cr_expect_eq(fit_told(fail, &steps, &err), -EPIPE);
	cr_expect_eq(steps, 2);
	cr_expect_str_eq(err.text, "callback 0, on_epoch_end: Broken pipe");
}

/* A fit of three epochs with one callback fails, and says so. */
static void expect_failed(baton_callback callback, unsigned metrics, int code, const char *text)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(3, 1);
	baton_error err;

	options.callbacks = &callback;
	options.n_callbacks = 1;
	options.metrics = metrics;
	cr_expect_eq(fit_once(&source, &options, NULL, &err), code);
	cr_expect_eq(err.code, code);
	cr_expect_str_eq(err.text, text);
}

static double infinite(void *state, uint64_t epoch, double rate)
{
	(void)state, (void)epoch;
	return 1e300 * rate;
}

Test(fit, a_callback_that_fails_says_why)
{
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT, unset = {.size = 0};
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;

	expect_failed(baton_early_stopping_callback(NULL), 0, BATON_MISUSE_NULL,
	              "callback 0, on_fit_begin: early stopping: its struct is NULL");
	expect_failed(baton_reduce_rate_callback(NULL), 0, BATON_MISUSE_NULL,
	              "callback 0, on_fit_begin: reduce rate: its struct is NULL");
	expect_failed(baton_rate_schedule_callback(NULL), 0, BATON_MISUSE_NULL,
	              "callback 0, on_fit_begin: rate schedule: its struct is NULL");
	expect_failed(baton_early_stopping_callback(&unset), 0, -EINVAL,
	              "callback 0, on_fit_begin: early stopping: size is not set: use the _INIT "
	              "macro");
	stop.monitor = BATON_MONITOR_VAL_MAE;
	expect_failed(baton_early_stopping_callback(&stop), BATON_METRIC_MAE, -EINVAL,
	              "callback 0, on_epoch_end: early stopping: no val_mae: the fit has no "
	              "validation");
	stop.monitor = 77;
	expect_failed(baton_early_stopping_callback(&stop), 0, -EINVAL,
	              "callback 0, on_epoch_end: early stopping: there is no monitor 77");
	reduce.monitor = BATON_MONITOR_MSE;
	expect_failed(baton_reduce_rate_callback(&reduce), 0, -EINVAL,
	              "callback 0, on_epoch_end: reduce rate: no mse: the fit's metrics do not "
	              "ask for it");
	reduce.factor = 1;
	expect_failed(baton_reduce_rate_callback(&reduce), 0, -EINVAL,
	              "callback 0, on_fit_begin: reduce rate: factor 1 is not from 0 to below 1");
	expect_failed(baton_rate_schedule_callback(&schedule), 0, -EINVAL,
	              "callback 0, on_fit_begin: rate schedule: schedule is NULL");
	schedule.schedule = infinite;
	expect_failed(baton_rate_schedule_callback(&schedule), 0, -EINVAL,
	              "callback 0, on_epoch_begin: rate schedule: epoch 1: 1e+297 is not a float32 "
	              "from 0 upwards");
}

Test(fit, a_callbacks_words_are_one_line_and_never_a_success)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.on_fit_begin = two_lines;
	expect_failed(callback, 0, -EINVAL, "callback 0, on_fit_begin: disk full");
	cr_expect_eq(baton_callback_fail(NULL, -EIO, NULL), -EIO);
	cr_expect_eq(baton_callback_fail(NULL, BATON_OK, "ok?"), -EINVAL);
}

Test(fit, a_wrong_shape_is_refused_before_a_batch_is_taken)
{
	const baton_field fields[2] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {2}}};
	baton_source source = mean_source(64);
	baton_model *net = compiled_mean_model();
	baton_stats stats = BATON_STATS_INIT;
	baton_pipeline *feed;
	baton_error err;

	source.fields = fields;
	feed = open_inline(&source);
	cr_expect_eq(baton_fit(net, feed, NULL, NULL, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "dense_1 -> mse: prediction [64, 1] against target [64, 2]");
	cr_assert_eq(baton_stats_get(feed, &stats), BATON_OK);
	cr_expect_eq(stats.batches, 0);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(fit, an_expanded_target_is_in_the_history)
{
	const baton_field fields[2] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 0, {0}}};
	baton_source plain = mean_source(64), source = mean_source(64);
	baton_fit_options options = fit_options(1, 20);
	baton_history a = BATON_HISTORY_INIT, b = BATON_HISTORY_INIT;

	source.fields = fields;
	cr_assert_eq(fit_once(&plain, &options, &a, NULL), BATON_OK);
	cr_assert_eq(fit_once(&source, &options, &b, NULL), BATON_OK);
	cr_expect(b.target_expanded && !a.target_expanded);
	cr_expect_eq(a.digest, b.digest);
	baton_history_free(&a);
	baton_history_free(&b);
}

Test(fit, an_exploding_run_goes_on_and_says_nan)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(1, 10);
	baton_history history = BATON_HISTORY_INIT;
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);
	const float w[3] = {NAN, 0, 0};

	cr_assert_eq(baton_weights_set(net, w, 3), BATON_OK);
	cr_expect_eq(baton_fit(net, feed, &options, &history, NULL), BATON_OK);
	cr_expect_eq(history.steps, 10);
	cr_expect(isnan(history.epochs[0].loss));
	baton_history_free(&history);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(fit, a_history_may_be_used_again_and_freed_twice)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(2, 1);
	baton_history history = BATON_HISTORY_INIT;

	cr_assert_eq(fit_once(&source, &options, &history, NULL), BATON_OK);
	cr_assert_eq(fit_once(&source, &options, &history, NULL), BATON_OK);
	cr_expect_eq(history.n_epochs, 2);
	cr_expect_gt(history.train_ns, 0);
	baton_history_free(&history);
	baton_history_free(&history);
	cr_expect_null(history.epochs);
}

/* --- beside the loss ---------------------------------------------------------------- */

static int note_means(void *state, const baton_progress *progress)
{
	double *means = state;

	means[0] = progress->mae;
	means[1] = progress->mse;
	return 0;
}

Test(fit, metrics_are_measured_beside_the_loss_and_change_no_bit)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(2, 30), measured = options;
	baton_history a = BATON_HISTORY_INIT, b = BATON_HISTORY_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	double means[2];

	callback.state = means;
	callback.on_step = note_means;
	measured.metrics = BATON_METRIC_MAE | BATON_METRIC_MSE;
	measured.callbacks = &callback;
	measured.n_callbacks = 1;
	cr_assert_eq(fit_once(&source, &options, &a, NULL), BATON_OK);
	cr_assert_eq(fit_once(&source, &measured, &b, NULL), BATON_OK);
	cr_expect_eq(a.digest, b.digest);
	cr_expect(isnan(a.epochs[1].mae) && isnan(a.epochs[1].mse) && a.epochs[1].metrics == 0);
	cr_expect_eq(b.epochs[1].mse, b.epochs[1].loss);
	cr_expect(b.epochs[1].mae > 0 && b.epochs[1].mae * b.epochs[1].mae <= b.epochs[1].mse);
	cr_expect(means[0] == b.epochs[1].mae && means[1] == b.epochs[1].mse);
	baton_history_free(&a);
	baton_history_free(&b);
}

static const baton_field weighted_fields[3] = {
	{"x", BATON_F32, 1, {2}}, {"weight", BATON_F32, 0, {0}}, {"y", BATON_F32, 1, {1}}};

/* As mean_fill(), but every other row is nonsense, with a weight of 0, and the others
 * count twice. */
static int weighted_fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *weight = baton_writable_f32(b, 1);
	float *y = baton_writable_f32(b, 2);

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		weight[i] = i % 2 ? 0 : 2;
		y[i] = i % 2 ? 1e6f : (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK;
}

Test(fit, a_metric_that_nobody_knows_is_refused)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(1, 1);
	baton_error err;

	options.metrics = 99;
	cr_expect_eq(fit_once(&source, &options, NULL, &err), -EINVAL);
	cr_expect_str_eq(err.text, "fit: metrics is 0x63; BATON_METRIC_MAE and _MSE are known");
}

Test(fit, a_field_named_weight_weighs_the_rows)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(10, 1000);
	baton_history history = BATON_HISTORY_INIT;

	source.fields = weighted_fields;
	source.n_fields = 3;
	source.fill = weighted_fill;
	cr_assert_eq(fit_once(&source, &options, &history, NULL), BATON_OK);
	cr_expect_lt(history.epochs[9].loss, 0.004);
	baton_history_free(&history);
}

Test(fit, weights_of_another_shape_are_refused)
{
	baton_field fields[3] = {weighted_fields[0], weighted_fields[1], weighted_fields[2]};
	baton_source source = mean_source(64);
	baton_error err;

	source.fields = fields;
	source.n_fields = 3;
	fields[1].rank = 1;
	fields[1].shape[0] = 1;
	cr_expect_eq(fit_once(&source, NULL, NULL, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "weight: the source's field is [64, 1], not [64]");
	source.n_fields = 2;
	fields[1] = weighted_fields[1];
	cr_expect_eq(fit_once(&source, NULL, NULL, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, "mse: the source has no target");
}

/* A fit of a fresh model, validated on another source. */
static int fit_validated(const baton_source *source, const baton_source *validation,
                         baton_fit_options options, baton_history *history, baton_error *err)
{
	baton_pipeline *feed = open_inline(validation);
	int rc;

	options.validation = feed;
	rc = fit_once(source, &options, history, err);
	cr_assert_eq(baton_close(&feed), BATON_OK, "validation kept a batch");
	return rc;
}

Test(fit, an_epoch_is_validated_by_a_source_of_its_own)
{
	baton_source source = mean_source(64), validation = mean_source(200);
	baton_fit_options options = fit_options(3, 1000);
	baton_history a = BATON_HISTORY_INIT, b = BATON_HISTORY_INIT;

	cr_assert_eq(fit_once(&source, &options, &a, NULL), BATON_OK);
	options.validation_steps = 5;
	options.metrics = BATON_METRIC_MAE | BATON_METRIC_MSE;
	cr_assert_eq(fit_validated(&source, &validation, options, &b, NULL), BATON_OK);
	cr_expect_eq(a.digest, b.digest, "validation does not train");
	cr_expect(a.epochs[2].val_steps == 0 && isnan(a.epochs[2].val_loss));
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(b.epochs[i].val_steps, 5);
		cr_expect_eq(b.epochs[i].val_loss, b.epochs[i].val_mse);
		cr_expect(b.epochs[i].val_mae > 0 && !b.epochs[i].cut_short);
	}
	cr_expect_lt(b.epochs[0].val_loss, b.epochs[0].loss, "of the epoch's last weights");
	cr_expect_eq(b.epochs[0].learning_rate, (double)1e-3f);
	baton_history_free(&a);
	baton_history_free(&b);
}

Test(fit, the_end_of_the_source_does_not_keep_an_epoch_from_validation)
{
	baton_source source = mean_source(64), validation = mean_source(64);
	baton_fit_options options = fit_options(1, 0);
	baton_history history = BATON_HISTORY_INIT;

	source.n_batches = 10;
	options.validation_steps = 2;
	cr_expect_eq(fit_validated(&source, &validation, options, &history, NULL), BATON_END);
	cr_assert_eq(history.n_epochs, 1);
	cr_expect(history.epochs[0].val_steps == 2 && !history.epochs[0].cut_short);
	baton_history_free(&history);
}

Test(fit, the_end_of_the_validation_is_the_end_of_the_fit)
{
	baton_source source = mean_source(64), validation = mean_source(64);
	baton_fit_options options = fit_options(5, 3);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	validation.n_batches = 5;
	options.validation_steps = 2;
	cr_expect_eq(fit_validated(&source, &validation, options, &history, NULL), BATON_END);
	cr_assert_eq(history.n_epochs, 3);
	cr_expect(history.epochs[2].val_steps == 1 && history.epochs[2].cut_short);
	validation.fill = fails_at_5;
	validation.n_batches = 0;
	cr_expect_eq(fit_validated(&source, &validation, options, &history, &err), -EIO);
	cr_expect_str_eq(err.text, "frame 17: bad header");
	baton_history_free(&history);
}

Test(fit, a_wrong_validation_is_refused_before_a_batch_is_taken)
{
	const baton_field fields[2] = {{"x", BATON_F32, 1, {3}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = mean_source(64), validation = mean_source(32);
	baton_fit_options options = fit_options(1, 1);
	baton_error err;

	cr_expect_eq(fit_validated(&source, &validation, options, NULL, &err), -EINVAL);
	cr_expect_str_eq(err.text, "fit: validation_steps is 0");
	options.validation_steps = 5;
	cr_expect_eq(fit_once(&source, &options, NULL, &err), -EINVAL);
	cr_expect_str_eq(err.text, "fit: validation_steps is 5, but validation is NULL");
	options.validation_steps = 1;
	validation.fields = fields;
	cr_expect_eq(fit_validated(&source, &validation, options, NULL, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text,
	                 "validation: input x: the source's field is [32, 3], not [32, 2]");
}

/* A NaN in batch 5. */
static int nan_at_5(void *state, baton_writable *b, baton_rng *rng)
{
	int rc = mean_fill(state, b, rng);

	if (baton_writable_k(b) == 5)
		baton_writable_f32(b, 0)[7] = NAN;
	return rc;
}

Test(fit, a_nan_ends_it_on_request_and_is_named)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(2, 4);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	source.fill = nan_at_5;
	cr_expect_eq(fit_once(&source, &options, &history, &err), BATON_OK);
	cr_expect_eq(history.steps, 8);
	options.terminate_on_nan = true;
	cr_expect_eq(fit_once(&source, &options, &history, &err), BATON_ERR_NAN);
	cr_expect_eq(err.code, BATON_ERR_NAN);
	cr_expect_str_eq(err.text, "epoch 2, step 2: the loss is nan");
	cr_expect_eq(err.batch, 5);
	cr_expect_eq(history.steps, 6);
	baton_history_free(&history);
}

static int count_fit(void *state, baton_model *net)
{
	int *count = state;

	cr_expect_not_null(net);
	return ++*count == 1 ? 0 : -EPIPE;
}

Test(fit, its_beginning_and_end_are_told_and_may_fail_it)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 3);
	baton_history history = BATON_HISTORY_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	int count = 0;

	callback.state = &count;
	callback.on_fit_begin = callback.on_fit_end = count_fit;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_expect_eq(fit_once(&source, &options, &history, NULL), -EPIPE);
	cr_expect(count == 2 && history.steps == 3);
	cr_expect_eq(fit_once(&source, &options, &history, NULL), -EPIPE);
	cr_expect(count == 4 && history.steps == 0);
	baton_history_free(&history);
}

Test(fit, sums_in_order_are_other_bits_and_learn_as_well)
{
	baton_source source = mean_source(64);
	baton_fit_options options = fit_options(10, 1000);
	baton_history tree = BATON_HISTORY_INIT, in_order = BATON_HISTORY_INIT;
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);

	cr_assert_eq(fit_once(&source, &options, &tree, NULL), BATON_OK);
	cr_expect_eq(baton_sum_order(net, 2), -EINVAL);
	cr_assert_eq(baton_sum_order(net, BATON_SUM_IN_ORDER), BATON_OK);
	cr_assert_eq(baton_fit(net, feed, &options, &in_order, NULL), BATON_OK);
	cr_expect_neq(tree.digest, in_order.digest);
	cr_expect_lt(in_order.epochs[9].loss, 0.0032);
	baton_history_free(&tree);
	baton_history_free(&in_order);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

/* --- what is asked for wrongly --------------------------------------------------------- */

Test(fit, senseless_options_are_refused_before_a_batch_is_taken)
{
	baton_source source = mean_source(8);
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);
	baton_callback unsized[2] = {BATON_CALLBACK_INIT, BATON_CALLBACK_INIT};
	baton_fit_options options[4] = {fit_options(1, 1), fit_options(1, 1), fit_options(1, 1),
	                                fit_options(1, 1)};
	static const struct {
		int code;
		const char *text;
	} answers[] = {
		{-EINVAL, "fit: the options' size is not set"},
		{BATON_MISUSE_NULL, "fit: callbacks is NULL"},
		{-EINVAL, "fit: validation is the training's own pipeline"},
		{-EINVAL, "fit: callback 0's size is not set"},
	};
	baton_stats stats = BATON_STATS_INIT;

	unsized[0].size = 0;
	options[0].size = 0;
	options[1].n_callbacks = 1;
	options[2].validation = feed;
	options[2].validation_steps = 1;
	options[3].callbacks = unsized;
	options[3].n_callbacks = 2;
	for (int i = 0; i < 4; i++) {
		baton_error err;

		cr_expect_eq(baton_fit(net, feed, &options[i], NULL, &err), answers[i].code);
		cr_expect_eq(err.code, answers[i].code);
		cr_expect_str_eq(err.text, answers[i].text);
	}
	cr_assert_eq(baton_stats_get(feed, &stats), BATON_OK);
	cr_expect_eq(stats.batches, 0);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

/* Else its epochs would be lost, and their memory with them. */
Test(fit, a_history_without_its_init_macro_is_refused)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 1);
	baton_history history = {0};
	baton_error err;

	for (history.size = 0; history.size <= sizeof(history.size); history.size++) {
		cr_expect_eq(fit_once(&source, &options, &history, &err), -EINVAL);
		cr_expect_str_eq(err.text, "fit: the history's size is not set");
		cr_expect_null(history.epochs);
	}
}

Test(fit, nobody_has_to_want_the_words)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 100);

	source.fill = fails_at_5;
	cr_expect_eq(fit_once(&source, &options, NULL, NULL), -EIO);
	cr_expect_eq(fit_once(&source, NULL, NULL, NULL), -EIO, "one epoch, to its end");
}

/* --- whose answer counts --------------------------------------------------------------- */

static int answer(void *state, const baton_progress *progress)
{
	const int *answers = state;

	return answers[progress->step];
}

Test(fit, the_first_callback_that_fails_wins_over_all_others)
{
	static int stops[2] = {0, 1}, fails[2] = {0, -EPIPE}, also[2] = {0, -EIO};
	int *const orders[][3] = {{stops, fails, also}, {fails, stops, also}, {fails, also, stops}};
	baton_source source = mean_source(8);

	for (int i = 0; i < 3; i++) {
		baton_fit_options options = fit_options(1, 5);
		baton_history history = BATON_HISTORY_INIT;
		baton_callback callbacks[4] = {BATON_CALLBACK_INIT, BATON_CALLBACK_INIT,
		                               BATON_CALLBACK_INIT, BATON_CALLBACK_INIT};

		for (int c = 0; c < 3; c++) {
			callbacks[c + 1].state = orders[i][c];
			callbacks[c + 1].on_step = answer;
		}
		options.callbacks = callbacks; /* the first wants to know of nothing */
		options.n_callbacks = 4;
		cr_expect_eq(fit_once(&source, &options, &history, NULL), -EPIPE);
		cr_expect_eq(history.steps, 2);
		baton_history_free(&history);
	}
}

Test(fit, an_error_of_the_validation_wins_over_the_end_of_the_source)
{
	baton_source source = mean_source(8), validation = mean_source(8);
	baton_fit_options options = fit_options(1, 0);
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	source.n_batches = 3;
	validation.fill = fails_at_5;
	options.validation_steps = 6;
	cr_expect_eq(fit_validated(&source, &validation, options, &history, &err), -EIO);
	cr_expect_str_eq(err.text, "frame 17: bad header");
	cr_assert_eq(history.n_epochs, 1);
	cr_expect(history.epochs[0].val_steps == 5 && history.epochs[0].cut_short);
	validation.fill = mean_fill;
	validation.n_batches = 2;
	cr_expect_eq(fit_validated(&source, &validation, options, &history, &err), BATON_END);
	baton_history_free(&history);
}

/* Every block of the pool, kept in handles. */
BATON_NO_ANALYSIS static size_t hold_all(baton_pipeline *feed, baton_batch *held, size_t most)
{
	for (size_t n = 0; n < most; n++) {
		held[n] = (baton_batch)BATON_BATCH_INIT;
		if (baton_next(feed, &held[n]) != BATON_OK)
			return n;
	}
	return most;
}

BATON_NO_ANALYSIS static void give_all(baton_pipeline *feed, baton_batch *held, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(baton_release(feed, &held[i]), BATON_OK);
}

Test(fit, a_caller_who_holds_all_batches_is_told_so)
{
	enum { MOST = 4096 };
	static baton_batch held[MOST];
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 1);
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed = open_inline(&source);
	size_t n = hold_all(feed, held, MOST);
	baton_error err;

	cr_assert(n > 0 && n < MOST);
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), BATON_MISUSE_HELD);
	cr_expect_str_eq(err.text, baton_strerror(BATON_MISUSE_HELD));
	give_all(feed, held, n);
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), BATON_OK);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

/* --- a callback that binds the model elsewhere ------------------------------------------ */

struct rebinder {
	baton_model *net;
	baton_pipeline *small;
	uint64_t at;
};

static int rebind(void *state, const baton_progress *progress)
{
	const struct rebinder *r = state;

	return progress->step == r->at ? baton_bind(r->net, r->small, NULL) : 0;
}

/* Three steps of 64 rows and a validation of the same; rebound to 1 row after step at. */
static int fit_rebound(uint64_t at, baton_history *history, baton_error *err)
{
	baton_source source = mean_source(64), small = mean_source(1);
	struct rebinder r = {compiled_mean_model(), open_inline(&small), at};
	baton_pipeline *feed = open_inline(&source), *validation = open_inline(&source);
	baton_fit_options options = fit_options(1, 3);
	baton_callback callback = BATON_CALLBACK_INIT;
	int rc;

	callback.state = &r;
	callback.on_step = rebind;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	options.validation = validation;
	options.validation_steps = 2;
	rc = baton_fit(r.net, feed, &options, history, err);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	cr_expect_eq(baton_close(&validation), BATON_OK);
	cr_expect_eq(baton_close(&r.small), BATON_OK);
	baton_model_destroy(&r.net);
	return rc;
}

/* Else 64 rows would be written where there is memory for one. */
Test(fit, batches_larger_than_a_callback_bound_are_refused)
{
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;

	cr_expect_eq(fit_rebound(1, &history, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, baton_strerror(BATON_ERR_SHAPE));
	cr_expect_eq(err.batch, 2, "the next step's");
	cr_expect_eq(history.steps, 2);
	cr_expect_eq(fit_rebound(2, &history, &err), BATON_ERR_SHAPE);
	cr_expect_str_eq(err.text, baton_strerror(BATON_ERR_SHAPE));
	cr_expect_eq(err.batch, 0, "the validation's");
	cr_expect_eq(history.steps, 3);
	baton_history_free(&history);
}

Test(fit, a_callback_that_fails_without_words_has_its_codes)
{
	baton_model *net = mean_model();

	cr_expect_eq(baton_callback_fail(net, -EPIPE, NULL), -EPIPE);
	baton_model_destroy(&net);
}

/* --- a failure at the very end ---------------------------------------------------------- */

static int fail_fit_end(void *state, baton_model *net)
{
	(void)state;
	return baton_callback_fail(net, -EIO, "no checkpoint");
}

static int fail_epoch_end(void *state, const baton_epoch *epoch)
{
	(void)state, (void)epoch;
	return -EIO;
}

static int stop_fit_end(void *state, baton_model *net)
{
	(void)state, (void)net;
	return 1;
}

static int stop_at_once(void *state, const baton_progress *progress)
{
	(void)state, (void)progress;
	return 1;
}

/* A checkpoint that was not written must not look like a good end. */
Test(fit, a_callback_that_fails_at_the_end_fails_it_however_it_ended)
{
	baton_source source = mean_source(8);

	source.n_batches = 3;
	for (int stops = 0; stops < 2; stops++)
		for (int last = 0; last < 2; last++) {
			baton_fit_options options = fit_options(1, 0);
			baton_callback callback = BATON_CALLBACK_INIT;
			baton_error err;

			callback.on_step = stops ? stop_at_once : NULL;
			callback.on_epoch_end = last ? NULL : fail_epoch_end;
			callback.on_fit_end = last ? fail_fit_end : NULL;
			options.callbacks = &callback;
			options.n_callbacks = 1;
			cr_expect_eq(fit_once(&source, &options, NULL, &err), -EIO);
			cr_expect_eq(err.code, -EIO);
			cr_expect_str_eq(err.text, last ? "callback 0, on_fit_end: no checkpoint"
			                                : "callback 0, on_epoch_end: "
			                                  "input/output error");
		}
}

Test(fit, a_wish_to_stop_at_the_end_does_not_change_it)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(1, 0);
	baton_callback callback = BATON_CALLBACK_INIT;

	source.n_batches = 3;
	callback.on_fit_end = stop_fit_end;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_expect_eq(fit_once(&source, &options, NULL, NULL), BATON_END);
	options.steps_per_epoch = 2;
	cr_expect_eq(fit_once(&source, &options, NULL, NULL), BATON_OK);
}

/* --- where the trainer's time goes ----------------------------------------------------- */

static uint64_t clock_ns; /* 0: the system's */
static uint64_t tick;     /* passes at each look */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock_ns == 0)
		return (int)syscall(SYS_clock_gettime, clock, now);
	clock_ns += tick;
	*now = (struct timespec){(time_t)(clock_ns / 1000000000), (long)(clock_ns % 1000000000)};
	return 0;
}

static int slow_begin(void *state, uint64_t epoch)
{
	(void)state, (void)epoch;
	clock_ns += 5;
	return 0;
}

static int slow_step(void *state, const baton_progress *progress)
{
	(void)state, (void)progress;
	clock_ns += 3;
	return 0;
}

static int slow_end(void *state, const baton_epoch *epoch)
{
	(void)state, (void)epoch;
	clock_ns += 11;
	return 0;
}

static int slow_fit(void *state, baton_model *net)
{
	(void)state, (void)net;
	clock_ns += 1000;
	return 0;
}

/* state: how long a batch takes */
static int slow_fill(void *state, baton_writable *b, baton_rng *rng)
{
	clock_ns += *(const uint64_t *)state;
	return mean_fill(NULL, b, rng);
}

static baton_source slow_source(uint64_t *ns)
{
	baton_source source = mean_source(8);

	source.fill = slow_fill;
	source.state = ns;
	return source;
}

/* y = x, after a while */
static int slow_layer(void *state, baton_lambda_call *call)
{
	(void)state;
	memcpy(call->y, call->x, call->rows * call->units * sizeof(float));
	call->rank = 2;
	call->shape[0] = call->rows;
	call->shape[1] = call->units;
	clock_ns += 17;
	return BATON_OK;
}

static baton_model *slow_model(void)
{
	baton_model *net = NULL;
	baton_error err;

	cr_assert_eq(
		baton_model_create(&net,
	                           BATON_LAYERS(baton_input("x", 2),
	                                        baton_lambda(slow_layer, NULL, 2), baton_dense(1)),
	                           1, &err),
		BATON_OK, "%s", err.text);
	cr_assert_eq(baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err), BATON_OK, "%s",
	             err.text);
	return net;
}

Test(fit, what_is_no_training_is_charged_to_what_it_is)
{
	static uint64_t batch_ns = 7, validation_ns = 100;
	baton_source source = slow_source(&batch_ns), other = slow_source(&validation_ns);
	baton_fit_options options = fit_options(2, 5);
	baton_callback callback = BATON_CALLBACK_INIT;
	baton_model *net = slow_model();
	baton_pipeline *feed, *validation;
	baton_ledger l = BATON_LEDGER_INIT;

	clock_ns = 1000;
	feed = open_inline(&source);
	validation = open_inline(&other);
	callback.on_epoch_begin = slow_begin;
	callback.on_step = slow_step;
	callback.on_epoch_end = slow_end;
	callback.on_fit_begin = callback.on_fit_end = slow_fit;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	options.validation = validation;
	options.validation_steps = 4;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_OK);
	clock_ns += 1; /* the caller's own again */
	cr_assert_eq(baton_ledger_get(feed, &l), BATON_OK);
	/* what comes before the first batch is asked for does not count */
	cr_assert_eq(l.ns[BATON_TIME_LOG], 10 * 3 + 1 * 5 + 2 * 11 + 1000);
	cr_assert_eq(l.ns[BATON_TIME_VALIDATE], 2 * 4 * (100 + 17));
	cr_assert_eq(l.ns[BATON_TIME_TRAIN], 10 * 17 + 1);
	cr_assert_eq(l.ns[BATON_TIME_INLINE], 10 * 7);
	cr_assert_eq(l.wall_ns, l.ns[BATON_TIME_LOG] + l.ns[BATON_TIME_VALIDATE] +
	                                l.ns[BATON_TIME_INLINE] + l.ns[BATON_TIME_TRAIN]);
	cr_assert_eq(baton_ledger_get(validation, &l), BATON_OK);
	cr_assert_eq(l.ns[BATON_TIME_INLINE], 2 * 4 * 100);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	cr_assert_eq(baton_close(&validation), BATON_OK);
	baton_model_destroy(&net);
}

/* A tick passes at each look; between the two around a snapshot there is no other. */
Test(fit, snapshots_are_charged_as_such)
{
	baton_source source = mean_source(8);
	baton_fit_options options = fit_options(2, 5);
	baton_model *net = compiled_mean_model();
	baton_pipeline *feed;
	baton_ledger l = BATON_LEDGER_INIT;

	clock_ns = 1000;
	tick = 1;
	feed = open_inline(&source);
	options.snapshot_steps = 2;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_OK);
	cr_assert_eq(baton_ledger_get(feed, &l), BATON_OK);
	cr_assert_eq(l.ns[BATON_TIME_SNAPSHOT], 10 / 2 + 1); /* and the one of the end */
	cr_assert_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}
