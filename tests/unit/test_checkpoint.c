/* SPDX-License-Identifier: MIT */
/* Checkpoints: a training that goes on comes to the same bits, and one that can't is told
 * why. Two states are the same if their checkpoints are, byte for byte. */
#include "scratch.h"
#include "train/checkpoint.h"
#include "train/model.h"
#include "training.h"
#include <baton/baton.h>
#include <math.h>
#include <sys/resource.h>
#include <time.h>

TestSuite(checkpoint, .init = make_scratch, .fini = remove_scratch, .timeout = 60);

/* --- one training, of many kinds ----------------------------------------------------- */

enum { EPOCHS = 4, STEPS = 6, VALIDATION = 2 };

struct how {
	baton_optimizer optimizer;
	bool deep, validated, stops, reduces, scheduled;
	unsigned metrics;
	int producers;
	uint32_t block;
	/* save at this step (from 1), or where an epoch is told, in this event */
	uint64_t save_at;
	bool save_at_end, save_at_begin;
	const char *from, *to, *last; /* go on from; save to; the end's state */
};

struct outcome {
	int rc;
	uint64_t digest, steps;
	baton_early_stopping stop;
	baton_reduce_rate reduce;
	double rate;
	baton_error err;
};

static struct how plain(void)
{
	return (struct how){.optimizer = baton_rmsprop(1e-3), .producers = BATON_INLINE};
}

static baton_model *make(const struct how *how)
{
	baton_model *net = NULL;
	baton_error err;
	int rc = how->deep ? baton_model_create(&net,
	                                        BATON_LAYERS(baton_input("x", 2), baton_dense(5),
	                                                     baton_relu(), baton_dense(3),
	                                                     baton_relu(), baton_dense(1)),
	                                        3, &err)
	                   : baton_model_create(&net,
	                                        BATON_LAYERS(baton_input("x", 2), baton_dense(1)),
	                                        3, &err);

	cr_assert_eq(rc, BATON_OK, "%s", err.text);
	cr_assert_eq(baton_compile(net, baton_mse(), how->optimizer, &err), BATON_OK, "%s",
	             err.text);
	return net;
}

static baton_pipeline *feed_from(uint64_t first, const struct how *how)
{
	baton_source source = mean_source(8);
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;

	options.producers = how->producers;
	options.block_batches = how->block;
	options.first_batch = first;
	options.seed = 7;
	cr_assert_eq(baton_open(&feed, &source, &options, NULL), BATON_OK);
	return feed;
}

struct saver {
	const struct how *how;
	baton_model *net;
	uint64_t step;
};

static void save_to(const struct saver *s, const char *path)
{
	baton_error err;

	cr_assert_eq(baton_model_save(s->net, path, NULL, 0, &err), BATON_OK, "%s", err.text);
}

static int save_in_step(void *state, const baton_progress *progress)
{
	struct saver *s = state;

	if (progress->epoch * STEPS + progress->step + 1 == s->how->save_at)
		save_to(s, s->how->to);
	return 0;
}

static int save_in_end(void *state, const baton_epoch *epoch)
{
	const struct saver *s = state;

	if (s->how->save_at_end && epoch->epoch == 1)
		save_to(s, s->how->to);
	return 0;
}

static int save_in_begin(void *state, uint64_t epoch)
{
	const struct saver *s = state;

	if (s->how->save_at_begin && epoch == 2)
		save_to(s, s->how->to);
	return 0;
}

static double fall(void *state, uint64_t epoch, double rate)
{
	(void)state;
	(void)epoch;
	return rate * 0.75;
}

static void run(const struct how *how, baton_model *net, const baton_resume *at,
                struct outcome *out)
{
	baton_pipeline *feed = feed_from(at->next_batch, how), *validation = NULL;
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
	struct saver saver = {how, net, 0};
	baton_callback callbacks[4];
	size_t n = 0;

	if (how->stops)
		callbacks[n++] = baton_early_stopping_callback(&out->stop);
	if (how->reduces)
		callbacks[n++] = baton_reduce_rate_callback(&out->reduce);
	schedule.schedule = fall;
	if (how->scheduled)
		callbacks[n++] = baton_rate_schedule_callback(&schedule);
	if (how->to) { /* one that keeps nothing, and is not there when it goes on */
		callbacks[n] = (baton_callback)BATON_CALLBACK_INIT;
		callbacks[n].state = &saver;
		callbacks[n].on_step = save_in_step;
		callbacks[n].on_epoch_begin = save_in_begin;
		callbacks[n++].on_epoch_end = save_in_end;
	}
	if (how->validated)
		validation = options.validation =
			feed_from(1000 + at->epoch * VALIDATION, &(struct how){.producers = -1});
	options.validation_steps = how->validated ? VALIDATION : 0;
	options.epochs = EPOCHS;
	options.steps_per_epoch = STEPS;
	options.callbacks = callbacks;
	options.n_callbacks = n;
	options.metrics = how->metrics;
	out->rc = baton_fit(net, feed, &options, &history, &out->err);
	out->digest = history.digest;
	out->steps = history.steps;
	out->rate = baton_learning_rate(net);
	baton_history_free(&history);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	cr_assert_eq(baton_close(&validation), BATON_OK);
}

static struct outcome train(const struct how *how)
{
	baton_model *net = make(how);
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.stop = BATON_EARLY_STOPPING_INIT, .reduce = BATON_REDUCE_RATE_INIT};

	out.stop.patience = 1;
	out.stop.min_delta = how->stops ? 1e9 : 0; /* the second epoch is no better */
	out.reduce.patience = 1;
	out.reduce.min_delta = 1e9;
	out.reduce.factor = 0.5;
	if (how->from)
		cr_assert_eq(baton_model_load(net, how->from, NULL, 0, &at, &out.err), BATON_OK,
		             "%s", out.err.text);
	run(how, net, &at, &out);
	if (how->last)
		cr_assert_eq(baton_model_save(net, how->last, NULL, 0, &out.err), BATON_OK);
	baton_model_destroy(&net);
	return out;
}

/* Train as how says, saving on the way; go on from there with other producers; compare. */
static void compare(struct how how, const char *what)
{
	struct outcome whole, rest;

	how.to = in_scratch("middle");
	how.last = in_scratch("whole");
	whole = train(&how);
	cr_assert_eq(whole.rc, BATON_OK, "%s: %s", what, whole.err.text);
	cr_assert_eq(access(how.to, F_OK), 0, "%s: it was not saved", what);
	how.from = how.to;
	how.to = NULL;
	how.last = in_scratch("rest");
	how.producers = how.producers == BATON_INLINE ? 3 : BATON_INLINE;
	how.block = how.block + 2;
	rest = train(&how);
	cr_expect_eq(rest.rc, BATON_OK, "%s: %s", what, rest.err.text);
	cr_expect_eq(rest.digest, whole.digest, "%s", what);
	cr_expect(same_files(in_scratch("whole"), in_scratch("rest")), "%s", what);
	cr_expect(rest.rate == whole.rate, "%s: %g, %g", what, rest.rate, whole.rate);
	cr_expect_eq(rest.stop.best, whole.stop.best, "%s", what);
	cr_expect_eq(rest.stop.stopped, whole.stop.stopped, "%s", what);
	cr_expect_eq(rest.reduce.reductions, whole.reduce.reductions, "%s", what);
	if (how.save_at)
		cr_expect_eq(rest.steps, whole.steps - how.save_at, "%s", what);
	unlink(in_scratch("middle"));
}

Test(checkpoint, every_optimizer_goes_on_to_the_same_bits)
{
	baton_optimizer all[] = {baton_sgd(5e-5),     baton_sgd(5e-5),     baton_rmsprop(1e-3),
	                         baton_rmsprop(1e-3), baton_rmsprop(1e-3), baton_adam(1e-3)};
	char what[32];

	all[1].momentum = 0.5;
	all[3].centered = true;
	all[4].momentum = 0.5;
	all[4].centered = true;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (int deep = 0; deep < 2; deep++) {
			struct how how = plain();

			how.optimizer = all[i];
			how.deep = deep;
			how.save_at = 8;
			snprintf(what, sizeof(what), "optimizer %u%s", i, deep ? ", deep" : "");
			compare(how, what);
		}
	}
}

Test(checkpoint, it_goes_on_from_any_step)
{
	char what[32];

	for (uint64_t at = 1; at <= (uint64_t)EPOCHS * STEPS; at++) {
		struct how how = plain();

		how.save_at = at;
		how.validated = how.reduces = how.scheduled = true;
		how.metrics = BATON_METRIC_MAE | BATON_METRIC_MSE;
		how.deep = at % 2;
		snprintf(what, sizeof(what), "step %d", (int)at);
		compare(how, what);
	}
}

Test(checkpoint, it_goes_on_from_the_middle_of_an_epochs_end_or_beginning)
{
	struct how how = plain();

	how.validated = how.reduces = how.scheduled = true;
	how.save_at_end = true;
	compare(how, "on_epoch_end");
	how.save_at_end = false;
	how.save_at_begin = true;
	compare(how, "on_epoch_begin");
}

Test(checkpoint, early_stopping_stops_where_it_would_have)
{
	struct how how = plain();

	how.stops = how.validated = true;
	for (how.save_at = 1; how.save_at <= 12; how.save_at++)
		compare(how, "stops");
}

Test(checkpoint, a_run_that_has_stopped_or_ended_stays_so)
{
	struct how how = plain();
	struct outcome out;

	for (int stops = 0; stops < 2; stops++) {
		how.stops = stops;
		how.from = NULL;
		how.last = in_scratch("whole");
		out = train(&how);
		cr_expect_eq(out.steps, (stops ? 2u : 4u) * STEPS);
		how.from = how.last;
		how.last = in_scratch("again");
		cr_expect_eq(train(&how).digest, out.digest);
		out = train(&how);
		cr_expect_eq(out.steps, 0);
		cr_expect_eq(out.stop.stopped, stops);
		cr_expect(same_files(in_scratch("whole"), in_scratch("again")));
	}
}

/* Set by whoever is told of a step. */
static int cancel_at_eight(void *state, const baton_progress *progress)
{
	if (progress->epoch == 1 && progress->step == 1)
		baton_cancel(state);
	return 0;
}

static int cancel_at_end(void *state, const baton_epoch *epoch)
{
	if (epoch->epoch == 1)
		baton_cancel(state);
	return 0;
}

/* Between two epochs the next one's beginning was told: once is enough. */
Test(checkpoint, a_canceled_run_goes_on_also_from_between_two_epochs)
{
	for (int at_end = 0; at_end < 2; at_end++) {
		struct how how = plain();
		baton_model *net = make(&how);
		baton_pipeline *feed = feed_from(0, &how);
		baton_fit_options options = BATON_FIT_OPTIONS_INIT;
		baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
		baton_callback callbacks[2] = {baton_rate_schedule_callback(&schedule),
		                               BATON_CALLBACK_INIT};
		struct outcome whole, rest;

		schedule.schedule = fall;
		callbacks[1].state = feed;
		callbacks[1].on_step = at_end ? NULL : cancel_at_eight;
		callbacks[1].on_epoch_end = at_end ? cancel_at_end : NULL;
		options.epochs = EPOCHS;
		options.steps_per_epoch = STEPS;
		options.callbacks = callbacks;
		options.n_callbacks = 2;
		cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_CANCELED);
		cr_assert_eq(baton_model_save(net, in_scratch("middle"), NULL, 0, NULL), BATON_OK);
		cr_assert_eq(baton_close(&feed), BATON_OK);
		baton_model_destroy(&net);
		how.scheduled = true;
		whole = train(&how);
		how.from = in_scratch("middle");
		rest = train(&how);
		cr_expect_eq(rest.rc, BATON_OK, "%s", rest.err.text);
		cr_expect_eq(rest.digest, whole.digest, "at end: %d", at_end);
		cr_expect_eq(rest.steps, whole.steps - (at_end ? 12 : 8));
	}
}

Test(checkpoint, saved_again_at_once_it_is_the_same_file)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_resume at = BATON_RESUME_INIT;
	const baton_note notes[] = {{"seed", "7"}, {"a \"b\\", "%s {}"}};

	cr_assert_eq(baton_model_save(net, in_scratch("fresh"), notes, 2, NULL), BATON_OK);
	cr_assert_eq(baton_model_load(net, in_scratch("fresh"), notes, 2, &at, NULL), BATON_OK);
	cr_expect(at.step == 0 && at.next_batch == 0 && at.epoch == 0 && at.epoch_step == 0);
	cr_assert_eq(baton_model_save(net, in_scratch("again"), notes, 2, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("fresh"), in_scratch("again")));
	baton_model_destroy(&net);
	how.to = in_scratch("middle");
	how.save_at = 8;
	how.stops = how.reduces = true;
	train(&how);
	net = make(&how);
	cr_assert_eq(baton_model_load(net, how.to, NULL, 0, &at, NULL), BATON_OK);
	cr_expect(at.step == 8 && at.next_batch == 8 && at.epoch == 1 && at.epoch_step == 2);
	cr_assert_eq(baton_model_save(net, in_scratch("again"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(how.to, in_scratch("again")));
	baton_model_destroy(&net);
}

/* A model that was saved before its first fit has nothing that could differ. */
Test(checkpoint, a_fresh_one_can_begin_any_fit)
{
	struct how how = plain();
	baton_model *net = make(&how);

	cr_assert_eq(baton_model_save(net, in_scratch("fresh"), NULL, 0, NULL), BATON_OK);
	baton_model_destroy(&net);
	how.stops = true;
	how.metrics = BATON_METRIC_MAE;
	how.from = in_scratch("fresh");
	cr_expect_eq(train(&how).rc, BATON_OK);
}

/* --- what can't go on ----------------------------------------------------------------- */

/* A load that is refused: with this in its text, and the model as it was. */
static void refused(baton_model *net, const char *path, const baton_note *notes, size_t n,
                    const char *word)
{
	baton_error err = {0};
	int rc;

	cr_assert_eq(baton_model_save(net, in_scratch("before"), NULL, 0, NULL), BATON_OK);
	rc = baton_model_load(net, path, notes, n, NULL, &err);
	cr_expect_lt(rc, 0, "%s", word);
	cr_expect_eq(err.code, rc);
	cr_expect(strstr(err.text, word), "\"%s\" is not in: %s", word, err.text);
	cr_assert_eq(baton_model_save(net, in_scratch("after"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("before"), in_scratch("after")), "%s", word);
}

static void refused_by(baton_model *net, const char *word)
{
	refused(net, in_scratch("middle"), NULL, 0, word);
	baton_model_destroy(&net);
}

static void save_middle(struct how how)
{
	how.to = in_scratch("middle");
	how.save_at = 8;
	train(&how);
}

static baton_model *make_of(const baton_layer *layers, size_t n, baton_loss loss,
                            baton_optimizer optimizer)
{
	baton_model *net = NULL;

	cr_assert_eq(baton_model_create(&net, layers, n, 1, NULL), BATON_OK);
	cr_assert_eq(baton_compile(net, loss, optimizer, NULL), BATON_OK);
	return net;
}

Test(checkpoint, another_model_optimizer_or_loss_is_refused_by_name)
{
	const baton_layer two[] = {baton_input("x", 2), baton_dense(1)};
	baton_layer other[] = {baton_input("x", 2), baton_dense(1), baton_relu()};
	baton_optimizer rule = baton_rmsprop(1e-3);
	baton_model *net;

	save_middle(plain());
	refused_by(make_of(two, 2, baton_mse(), baton_adam(1e-3)), "\"adam:");
	refused_by(make_of(two, 2, baton_mae(), rule), "\"mse\" there, \"mae\" here");
	rule.rho = 0.5;
	refused_by(make_of(two, 2, baton_mse(), rule), "\"rho 0.899999976\" there, \"rho 0.5\" here");
	rule = baton_rmsprop(1e-3);
	rule.centered = true;
	refused_by(make_of(two, 2, baton_mse(), rule), "centered");
	rule = baton_rmsprop(1e-3);
	rule.epsilon_outside = true;
	refused_by(make_of(two, 2, baton_mse(), rule), "outside");
	rule = baton_rmsprop(1e-3);
	refused_by(make_of(other, 3, baton_mse(), rule), "relu relu_1 1\" here");
	other[2] = baton_softsign();
	other[2].name = "relu_1";
	refused_by(make_of(other, 3, baton_mse(), rule), "softsign relu_1 1\" here");
	other[1].units = 2;
	refused_by(make_of(other, 2, baton_mse(), rule), "\"dense dense_1 2\" here");
	other[0] = baton_input("z", 2);
	other[1].units = 1;
	refused_by(make_of(other, 2, baton_mse(), rule), "\"z 2 ->");
	net = make_of(two, 2, baton_mse(), rule);
	cr_assert_eq(baton_sum_order(net, BATON_SUM_IN_ORDER), BATON_OK);
	refused_by(net, "in order");
}

Test(checkpoint, another_momentum_is_refused_by_name)
{
	struct how how = plain();

	how.optimizer = baton_sgd(5e-5);
	how.optimizer.momentum = 0.5;
	save_middle(how);
	how.optimizer.nesterov = true;
	refused_by(make(&how), "nesterov");
}

Test(checkpoint, another_note_is_refused_by_its_key)
{
	const baton_note one[] = {{"seed", "7"}}, another[] = {{"seed", "8"}};
	const baton_note unknown[] = {{"lr", "1"}}, none[] = {{NULL, NULL}}, half[] = {{"a", NULL}};
	const baton_note words[] = {{"a", "x: y"}}, close[] = {{"a", "x:z"}};
	const baton_note list[] = {{"a", "b,c"}}, longer[] = {{"a", "b,c,d"}};
	const baton_note wide[] = {{"a", "b,123456789 123456789 123456789 1234567890"}};
	const baton_note wider[] = {
		{"a", "b,123456789 123456789 123456789 12345678901 and much that is like what came"}};
	struct how how = plain();
	baton_model *net = make(&how);

	cr_assert_eq(baton_model_save(net, in_scratch("noted"), one, 1, NULL), BATON_OK);
	cr_expect_eq(baton_model_load(net, in_scratch("noted"), one, 1, NULL, NULL), BATON_OK);
	cr_expect_eq(baton_model_load(net, in_scratch("noted"), NULL, 0, NULL, NULL), BATON_OK);
	refused(net, in_scratch("noted"), another, 1, "seed is \"7\" there, \"8\" here");
	refused(net, in_scratch("noted"), unknown, 1, "note.lr");
	refused(net, in_scratch("noted"), none, 1, "note");
	refused(net, in_scratch("noted"), half, 1, "note");
	cr_assert_eq(baton_model_save(net, in_scratch("noted"), words, 1, NULL), BATON_OK);
	refused(net, in_scratch("noted"), close, 1, "a is \" y\" there, \"z\" here");
	cr_assert_eq(baton_model_save(net, in_scratch("noted"), close, 1, NULL), BATON_OK);
	refused(net, in_scratch("noted"), words, 1, "a is \"z\" there, \" y\" here");
	cr_assert_eq(baton_model_save(net, in_scratch("noted"), list, 1, NULL), BATON_OK);
	refused(net, in_scratch("noted"), longer, 1, "a is \"c\" there, \"c,d\" here");
	refused(net, in_scratch("noted"), wide, 1,
	        "a is \"c\" there, \"123456789 123456789 123456789 123456...\" here");
	cr_assert_eq(baton_model_save(net, in_scratch("noted"), wide, 1, NULL), BATON_OK);
	refused(net, in_scratch("noted"), wider, 1,
	        "a is \"...34567890\" there, \"...345678901 and much that is like w...\" here");
	baton_model_destroy(&net);
}

Test(checkpoint, a_note_must_be_text_and_alone)
{
	const baton_note bad[][2] = {{{"a", "\n"}, {"b", ""}},       {{"\x7f", "1"}, {"b", ""}},
	                             {{"a", "\xc3\xa4"}, {"b", ""}}, {{"a", "1"}, {"a", "1"}},
	                             {{"a", "1"}, {NULL, "1"}},      {{"a", "1"}, {"b", NULL}}};
	struct how how = plain();
	baton_model *net = make(&how);
	baton_error err;

	for (unsigned i = 0; i < 6; i++) {
		cr_expect_eq(baton_model_save(net, in_scratch("x"), bad[i], 2, &err), -EINVAL);
		cr_expect(strstr(err.text, "note"), "%s", err.text);
	}
	cr_expect_eq(count_scratch(), 0);
	baton_model_destroy(&net);
}

Test(checkpoint, layers_of_one_name_are_refused)
{
	baton_layer layers[] = {baton_input("x", 2), baton_dense(2), baton_dense(1)};
	baton_model *net;
	baton_error err;

	layers[1].name = layers[2].name = "twin";
	net = make_of(layers, 3, baton_mse(), baton_rmsprop(1e-3));
	cr_expect_eq(baton_model_save(net, in_scratch("x"), NULL, 0, &err), -EEXIST);
	cr_expect(strstr(err.text, "name"), "%s", err.text);
	baton_model_destroy(&net);
}

/* The fit is refused, says so, trains nothing; then the right one goes on. */
static void fit_refused(struct how wrong, uint64_t first, const struct how *right, const char *word)
{
	baton_model *net = make(&wrong);
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.stop = BATON_EARLY_STOPPING_INIT, .reduce = BATON_REDUCE_RATE_INIT};
	uint64_t digest;

	out.stop.min_delta = out.reduce.min_delta = 1e9;
	out.stop.patience = 100;
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	at.next_batch += first;
	run(&wrong, net, &at, &out);
	at.next_batch -= first;
	cr_expect_eq(out.rc, -EINVAL, "%s: %d", word, out.rc);
	cr_expect(strstr(out.err.text, word), "\"%s\" is not in: %s", word, out.err.text);
	cr_assert_eq(baton_model_save(net, in_scratch("after"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("middle"), in_scratch("after")), "%s", word);
	run(right, net, &at, &out);
	cr_expect_eq(out.rc, BATON_OK, "%s: then: %s", word, out.err.text);
	digest = out.digest;
	baton_model_destroy(&net);
	net = make(right);
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	run(right, net, &at, &out);
	cr_expect_eq(out.digest, digest, "%s", word);
	baton_model_destroy(&net);
}

Test(checkpoint, a_fit_with_other_metrics_callbacks_or_batches_is_refused_and_may_be_repeated)
{
	struct how right = plain(), wrong = plain();

	right.reduces = true;
	save_middle(right);
	wrong = right;
	wrong.metrics = BATON_METRIC_MAE;
	fit_refused(wrong, 0, &right, "metrics is 0x1");
	wrong = right;
	wrong.reduces = false;
	fit_refused(wrong, 0, &right, "the state of 1 callbacks, the fit 0");
	wrong.stops = true;
	fit_refused(wrong, 0, &right, "early stopping: the checkpoint is of another");
	wrong.reduces = true;
	fit_refused(wrong, 0, &right, "the state of 1 callbacks, the fit 2");
	fit_refused(right, 3, &right, "the pipeline begins at 11");
	right.metrics = BATON_METRIC_MSE;
	save_middle(right);
	wrong = right;
	wrong.metrics = 0;
	fit_refused(wrong, 0, &right, "metrics is 0;");
}

Test(checkpoint, a_callback_of_another_kind_is_refused)
{
	struct how right = plain(), wrong;

	right.stops = true;
	save_middle(right);
	wrong = right;
	wrong.stops = false;
	wrong.reduces = true;
	fit_refused(wrong, 0, &right, "reduce rate: the checkpoint is of another");
}

Test(checkpoint, an_epoch_is_no_shorter_than_what_was_made_of_it)
{
	struct how how = plain();
	baton_model *net;
	baton_pipeline *feed;
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_resume at = BATON_RESUME_INIT;
	baton_error err;

	save_middle(how);
	net = make(&how);
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	cr_assert_geq(at.epoch_step, 2);
	feed = feed_from(at.next_batch, &how);
	options.epochs = EPOCHS;
	options.steps_per_epoch = 1;
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), -EINVAL);
	cr_expect(strstr(err.text, "steps_per_epoch is 1"), "%s", err.text);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

static size_t save_many(void *state, double *numbers)
{
	memset(numbers, 0, BATON_CALLBACK_NUMBERS * sizeof(*numbers));
	return *(size_t *)state;
}

Test(checkpoint, a_fit_does_not_begin_with_more_callbacks_numbers_than_it_can_keep)
{
	const struct how how = plain();
	baton_model *net = make(&how);
	baton_pipeline *feed = feed_from(0, &how);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_callback callbacks[10];
	size_t n = BATON_CALLBACK_NUMBERS + 1;
	baton_error err;

	for (size_t i = 0; i < 10; i++) {
		callbacks[i] = (baton_callback)BATON_CALLBACK_INIT;
		callbacks[i].state = &n;
		callbacks[i].on_save = save_many;
	}
	options.steps_per_epoch = 1;
	options.callbacks = callbacks;
	options.n_callbacks = 1;
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), -EINVAL);
	cr_expect(strstr(err.text, "9 numbers are too many"), "%s", err.text);
	n--;
	options.n_callbacks = 10;
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), -EINVAL);
	cr_expect(strstr(err.text, "callback 7, on_save: 8 numbers"), "%s", err.text);
	options.n_callbacks = 7;
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), BATON_OK, "%s", err.text);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

static int fails_at_its_end(void *state, const baton_epoch *epoch)
{
	(void)epoch;
	*(size_t *)state = BATON_CALLBACK_NUMBERS + 1;
	return -EPIPE;
}

Test(checkpoint, a_callback_that_has_failed_may_have_any_numbers)
{
	const struct how how = plain();
	baton_model *net = make(&how);
	baton_pipeline *feed = feed_from(0, &how);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	size_t n = 0;
	baton_error err;

	callback.state = &n;
	callback.on_save = save_many;
	callback.on_epoch_end = fails_at_its_end;
	options.steps_per_epoch = 1;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), -EPIPE);
	cr_expect(err.code == -EPIPE && strstr(err.text, "on_epoch_end"), "%s", err.text);
	cr_expect_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(checkpoint, batches_that_begin_elsewhere_are_refused)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};

	save_middle(how);
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	at.next_batch = 0;
	run(&how, net, &at, &out);
	cr_expect_eq(out.rc, -EINVAL);
	cr_expect(strstr(out.err.text, "batch 8, the pipeline begins at 0"), "%s", out.err.text);
	cr_expect_eq(out.steps, 0);
	baton_model_destroy(&net);
}

Test(checkpoint, best_weights_are_not_in_it)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.stop = BATON_EARLY_STOPPING_INIT};
	float best[3];

	how.stops = true;
	save_middle(how);
	out.stop.best_weights = best;
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	run(&how, net, &at, &out);
	cr_expect_eq(out.rc, -ENOTSUP);
	baton_model_destroy(&net);
}

Test(checkpoint, a_loss_that_is_not_finite_does_not_replace_one_that_is)
{
	struct how how = plain();
	baton_model *net;
	baton_error err;
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};
	const float bad[3] = {NAN, 0, 0};

	save_middle(how);
	net = make(&how);
	cr_assert_eq(baton_weights_set(net, bad, 3), BATON_OK);
	run(&how, net, &at, &out);
	cr_expect_eq(baton_model_save(net, in_scratch("middle"), NULL, 0, &err), BATON_ERR_NAN);
	cr_expect(strstr(err.text, "not finite"), "%s", err.text);
	cr_expect_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, NULL, NULL), BATON_OK);
	baton_model_destroy(&net);
}

/* A load would refuse them, whatever made them so. */
Test(checkpoint, sums_that_are_not_finite_are_not_saved)
{
	struct how how = plain();
	baton_model *net = make(&how);
	struct baton_state state = baton_model_state_of(net);

	for (int i = 0; i < 4; i++) {
		struct baton_run run = net->run;
		baton_error err;

		(i == 1   ? &run.loss_sum
		 : i == 2 ? &run.mae_sum
		          : &run.mse_sum)[0] = i == 0 ? 1 : (double)INFINITY;
		state.run = &run;
		cr_expect_eq(baton_state_save(&state, in_scratch("x"), 1, NULL, 0, &err),
		             i == 0 ? BATON_OK : BATON_ERR_NAN, "%d", i);
		cr_expect_eq(count_scratch(), 1, "%d", i);
	}
	baton_model_destroy(&net);
}

static int end_at_once(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state, (void)b, (void)rng;
	return BATON_END;
}

/* What its callbacks were told, they were told. */
Test(checkpoint, an_epoch_that_began_and_made_no_step_goes_on)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_source source = mean_source(8);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
	baton_callback callback = baton_rate_schedule_callback(&schedule);
	baton_resume at = BATON_RESUME_INIT;
	baton_pipeline *feed;
	struct outcome whole, rest;

	source.fill = end_at_once;
	feed = open_inline(&source);
	schedule.schedule = fall;
	options.epochs = EPOCHS;
	options.steps_per_epoch = STEPS;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_END);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	cr_assert_eq(baton_model_save(net, in_scratch("middle"), NULL, 0, NULL), BATON_OK);
	cr_assert_eq(baton_model_load(net, in_scratch("middle"), NULL, 0, &at, NULL), BATON_OK);
	cr_expect(at.step == 0 && at.next_batch == 0 && at.epoch == 0 && at.epoch_step == 0);
	baton_model_destroy(&net);
	how.scheduled = true;
	whole = train(&how);
	how.from = in_scratch("middle");
	rest = train(&how);
	cr_expect_eq(rest.rc, BATON_OK, "%s", rest.err.text);
	cr_expect_eq(rest.digest, whole.digest);
	cr_expect(rest.rate == whole.rate, "the first epoch was told twice: %g, %g", rest.rate,
	          whole.rate);
}

/* Without steps_per_epoch an epoch is as long as its source. */
Test(checkpoint, it_goes_on_to_the_end_of_the_source)
{
	struct how how = plain();
	uint64_t digests[2];

	how.to = in_scratch("middle");
	how.save_at = 2;
	for (int i = 0; i < 2; i++) {
		baton_model *net = make(&how);
		baton_source source = mean_source(8);
		baton_options from = BATON_OPTIONS_INIT;
		baton_history history = BATON_HISTORY_INIT;
		baton_resume at = BATON_RESUME_INIT;
		baton_fit_options options = BATON_FIT_OPTIONS_INIT;
		struct saver saver = {&how, net, 0};
		baton_callback callback = BATON_CALLBACK_INIT;
		baton_pipeline *feed = NULL;

		if (i == 1)
			cr_assert_eq(baton_model_load(net, how.to, NULL, 0, &at, NULL), BATON_OK);
		callback.state = &saver;
		callback.on_step = i == 0 ? save_in_step : NULL;
		options.callbacks = &callback;
		options.n_callbacks = 1;
		source.n_batches = 5;
		from.producers = BATON_INLINE;
		from.first_batch = at.next_batch;
		cr_assert_eq(baton_open(&feed, &source, &from, NULL), BATON_OK);
		cr_expect_eq(baton_fit(net, feed, &options, &history, NULL), BATON_END);
		cr_expect_eq(history.steps, i == 0 ? 5 : 3);
		digests[i] = history.digest;
		baton_history_free(&history);
		cr_assert_eq(baton_close(&feed), BATON_OK);
		baton_model_destroy(&net);
	}
	cr_expect_eq(digests[0], digests[1]);
}

static void limit_size(rlim_t bytes)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(checkpoint, a_limit_on_the_size_of_files_is_an_error_and_no_signal)
{
	struct how how = plain();
	baton_model *net = make(&how);
	struct bytes good;
	baton_error err;

	cr_assert_eq(baton_model_save(net, in_scratch("x"), NULL, 0, NULL), BATON_OK);
	good = read_bytes(in_scratch("x"));
	write_bytes(in_scratch("x"), "old", 3);
	limit_size(good.n - 1);
	cr_expect_eq(baton_model_save(net, in_scratch("x"), NULL, 0, &err), -EFBIG);
	cr_expect(strstr(err.text, "File too large"), "%s", err.text);
	limit_size(good.n);
	cr_expect_eq(count_scratch(), 1);
	free(good.at);
	good = read_bytes(in_scratch("x"));
	cr_expect_eq(good.n, 3);
	cr_expect_eq(baton_model_save(net, in_scratch("x"), NULL, 0, &err), BATON_OK);
	free(good.at);
	limit_size(RLIM_INFINITY); /* else what writes at the exit is killed */
	baton_model_destroy(&net);
}

static void snapshot_of(const struct how *how, baton_model *net, const baton_snapshot **s)
{
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};

	run(how, net, &at, &out);
	*s = baton_snapshot_get(net);
	cr_assert_not_null(*s);
}

Test(checkpoint, null_and_unset_are_refused)
{
	struct how how = plain();
	baton_model *net = make(&how), *raw = mean_model();
	const baton_note note = {"a", "b"};
	const char *path = in_scratch("x");
	const baton_snapshot *s;
	baton_resume at = {0};
	baton_error err;

	cr_expect_eq(baton_model_save(NULL, path, NULL, 0, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_save(net, NULL, NULL, 0, &err), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_save(net, path, NULL, 1, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_save(raw, path, NULL, 0, &err), -EINVAL);
	cr_expect(strstr(err.text, "not compiled"));
	cr_expect_eq(baton_snapshot_save(NULL, path, NULL, 0, NULL), BATON_MISUSE_NULL);
	cr_expect_null(baton_snapshot_get(net)); /* asks for one */
	snapshot_of(&how, net, &s);
	cr_expect_eq(baton_snapshot_save(s, NULL, NULL, 0, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_snapshot_save(s, path, NULL, 1, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_snapshot_save(s, path, &note, 1, NULL), BATON_OK);
	cr_expect_eq(baton_snapshot_save(s, path, &note, 0, NULL), BATON_OK);
	cr_expect_eq(baton_snapshot_save(s, path, NULL, 0, NULL), BATON_OK);
	baton_snapshot_put(&s);
	cr_assert_eq(baton_model_save(net, path, NULL, 0, NULL), BATON_OK);
	cr_expect_eq(baton_model_load(NULL, path, NULL, 0, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_load(net, NULL, NULL, 0, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_load(net, path, NULL, 1, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_model_load(raw, path, NULL, 0, NULL, NULL), -EINVAL);
	cr_expect_eq(baton_model_load(net, path, NULL, 0, &at, &err), -EINVAL);
	cr_expect(strstr(err.text, "size"));
	cr_expect_eq(baton_weights_load(NULL, path, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_weights_load(net, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_weights_load(raw, path, NULL), BATON_OK);
	baton_model_destroy(&net);
	baton_model_destroy(&raw);
}

Test(checkpoint, a_link_at_the_temporary_name_is_not_followed)
{
	struct how how = plain();
	baton_model *net = make(&how);
	struct bytes precious;

	write_bytes(in_scratch("precious"), "gold", 4);
	cr_assert_eq(symlink(in_scratch("precious"), in_scratch("x.tmp")), 0);
	cr_expect_eq(baton_model_save(net, in_scratch("x"), NULL, 0, NULL), BATON_OK);
	precious = read_bytes(in_scratch("precious"));
	cr_expect(precious.n == 4 && memcmp(precious.at, "gold", 4) == 0);
	free(precious.at);
	cr_expect_eq(count_scratch(), 2);
	baton_model_destroy(&net);
}

/* --- the thread that saves ------------------------------------------------------------ */

static baton_checkpoint_options keeping(uint64_t every, unsigned keep)
{
	baton_checkpoint_options options = BATON_CHECKPOINT_OPTIONS_INIT;

	options.path = in_scratch("kept");
	options.every = every;
	options.keep = keep;
	return options;
}

Test(checkpoint, the_thread_saves_the_end_at_least)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_checkpoint_options options = keeping(0, 0);
	baton_checkpointer *c;
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};
	uint64_t saved = 9;

	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	run(&how, net, &at, &out);
	cr_expect_eq(count_scratch(), 0);
	cr_expect_eq(baton_checkpointer_stop(&c, &saved, NULL), BATON_OK);
	cr_expect_null(c);
	cr_expect_eq(saved, EPOCHS * STEPS);
	cr_assert_eq(baton_model_save(net, in_scratch("last"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("kept"), in_scratch("last")));
	cr_expect_eq(count_scratch(), 2);
	baton_model_destroy(&net);
}

Test(checkpoint, the_thread_saves_on_the_way_and_keeps_so_many)
{
	struct how how = plain();
	baton_source source = mean_source(8);
	baton_pipeline *feed = open_inline(&source);
	baton_model *net = make(&how);
	baton_checkpoint_options options = keeping(1, 3);
	baton_fit_options fit = BATON_FIT_OPTIONS_INIT;
	baton_checkpointer *c;
	baton_resume at = BATON_RESUME_INIT;
	uint64_t saved, before;
	char name[8];

	fit.steps_per_epoch = 100000;
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	while (access(in_scratch("kept.2"), F_OK) != 0) /* it must come */
		cr_assert_eq(baton_fit(net, feed, &fit, NULL, NULL), BATON_OK);
	cr_assert_eq(baton_checkpointer_stop(&c, &saved, NULL), BATON_OK);
	cr_expect_eq(count_scratch(), 3);
	before = UINT64_MAX;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), i ? "kept.%d" : "kept", i);
		cr_assert_eq(baton_model_load(net, in_scratch(name), NULL, 0, &at, NULL), BATON_OK);
		cr_expect_leq(at.step, before);
		cr_expect(i || at.step == saved);
		before = at.step;
	}
	cr_assert_eq(baton_close(&feed), BATON_OK);
	baton_model_destroy(&net);
}

Test(checkpoint, the_threads_last_error_comes_back_and_the_training_went_on)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_checkpoint_options options = keeping(1, 1);
	baton_checkpointer *c;
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};
	baton_error err;
	uint64_t saved = 9;

	cr_assert_eq(mkdir(in_scratch("gone"), 0777), 0);
	options.path = in_scratch("gone/x");
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	cr_assert_eq(rmdir(in_scratch("gone")), 0);
	run(&how, net, &at, &out);
	cr_expect_eq(out.steps, EPOCHS * STEPS);
	cr_expect_eq(baton_checkpointer_stop(&c, &saved, &err), -ENOENT);
	cr_expect(err.code == -ENOENT && strstr(err.text, "gone/x"), "%s", err.text);
	cr_expect_eq(saved, 0);
	baton_model_destroy(&net);
}

Test(checkpoint, the_thread_refuses_a_path_that_can_not_be_written)
{
	struct how how = plain();
	baton_model *net = make(&how);
	const struct {
		const char *path, *says;
		int rc;
	} wrong[] = {{"no/such", "No such file", -ENOENT},
	             {"file/x", "Not a directory", -ENOTDIR},
	             {".", "Is a directory", -EISDIR},
	             {"pipe", "not a regular file", -EINVAL},
	             {"x", "File exists", -EEXIST}};
	baton_checkpointer *c;
	baton_error err;

	write_bytes(in_scratch("file"), "old", 3);
	cr_assert_eq(mkfifo(in_scratch("pipe"), 0666), 0);
	cr_assert_eq(mkdir(in_scratch("x.tmp"), 0777), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		baton_checkpoint_options options = keeping(0, 1);

		options.path = in_scratch(wrong[i].path);
		cr_expect_eq(baton_checkpointer_start(&c, net, &options, &err), wrong[i].rc);
		cr_expect_null(c);
		cr_expect(strstr(err.text, options.path) && strstr(err.text, wrong[i].says), "%s",
		          err.text);
	}
	cr_expect_eq(count_scratch(), 3);
	baton_model_destroy(&net);
}

static void sleep_60_ms(void)
{
	const struct timespec some = {0, 60000000};

	nanosleep(&some, NULL);
}

/* It looks while this sleeps, or it does not: nothing is to be saved either way. */
Test(checkpoint, the_thread_saves_no_step_that_is_too_near_or_behind)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_checkpoint_options options = keeping(UINT64_MAX, 1);
	baton_checkpointer *c;
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};

	cr_assert_eq(baton_model_save(net, in_scratch("fresh"), NULL, 0, NULL), BATON_OK);
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	sleep_60_ms();
	run(&how, net, &at, &out);
	sleep_60_ms();
	cr_expect_eq(count_scratch(), 1);
	cr_assert_eq(baton_checkpointer_stop(&c, NULL, NULL), BATON_OK);
	cr_assert_eq(baton_model_save(net, in_scratch("end"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("kept"), in_scratch("end")));
	unlink(in_scratch("kept"));
	options.every = 1;
	run(&how, net, &at, &out); /* twice as far */
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	cr_assert_eq(baton_model_load(net, in_scratch("fresh"), NULL, 0, &at, NULL), BATON_OK);
	run(&how, net, &at, &out);
	sleep_60_ms();
	cr_expect_eq(count_scratch(), 2);
	cr_assert_eq(baton_checkpointer_stop(&c, NULL, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("kept"), in_scratch("end")));
	baton_model_destroy(&net);
}

Test(checkpoint, the_threads_file_has_the_notes)
{
	struct how how = plain();
	baton_model *net = make(&how);
	const baton_note notes[] = {{"seed", "7"}, {"lr", "1"}}, other = {"lr", "2"};
	baton_checkpoint_options options = keeping(0, 1);
	baton_checkpointer *c;
	baton_resume at = BATON_RESUME_INIT;
	struct outcome out = {.rc = 0};

	options.notes = notes;
	options.n_notes = 2;
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	run(&how, net, &at, &out);
	cr_expect_eq(baton_checkpointer_stop(&c, NULL, NULL), BATON_OK);
	cr_expect_eq(baton_model_load(net, in_scratch("kept"), notes, 2, NULL, NULL), BATON_OK);
	refused(net, in_scratch("kept"), &other, 1, "lr is \"1\" there");
	baton_model_destroy(&net);
}

Test(checkpoint, a_model_that_made_no_step_replaces_nothing)
{
	struct how how = plain();
	baton_model *net = make(&how);
	baton_checkpoint_options options = keeping(1, 1);
	baton_checkpointer *c;
	uint64_t saved = 9;
	struct bytes kept;

	write_bytes(in_scratch("kept"), "old", 3);
	cr_assert_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_OK);
	cr_expect_eq(baton_checkpointer_stop(&c, &saved, NULL), BATON_OK);
	cr_expect_eq(saved, 0);
	kept = read_bytes(in_scratch("kept"));
	cr_expect_eq(kept.n, 3);
	free(kept.at);
	baton_model_destroy(&net);
}

Test(checkpoint, the_thread_refuses_null_and_unset)
{
	struct how how = plain();
	baton_model *net = make(&how), *raw = mean_model();
	baton_checkpoint_options options = keeping(1, 1), unset = {0};
	baton_checkpointer *c = NULL;
	uint64_t saved = 77;

	cr_expect_eq(baton_checkpointer_start(NULL, net, &options, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_checkpointer_start(&c, NULL, &options, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_checkpointer_start(&c, net, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_checkpointer_start(&c, net, &unset, NULL), -EINVAL);
	cr_expect_eq(baton_checkpointer_start(&c, raw, &options, NULL), -EINVAL);
	options.n_notes = 1;
	cr_expect_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_MISUSE_NULL);
	options.n_notes = 0;
	options.keep = 1001;
	cr_expect_eq(baton_checkpointer_start(&c, net, &options, NULL), -EINVAL);
	options.path = NULL;
	cr_expect_eq(baton_checkpointer_start(&c, net, &options, NULL), BATON_MISUSE_NULL);
	cr_expect_null(c);
	cr_expect_eq(baton_checkpointer_stop(&c, &saved, NULL), BATON_OK);
	cr_expect_eq(saved, 0, "the caller's own number stays");
	cr_expect_eq(baton_checkpointer_stop(NULL, NULL, NULL), BATON_OK);
	baton_model_destroy(&net);
	baton_model_destroy(&raw);
}
