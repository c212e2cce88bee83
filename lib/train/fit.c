/* SPDX-License-Identifier: MIT */
/* Fit: the training loop. It takes a batch, makes a step, gives the batch back; all else
 * happens once an epoch, or because somebody asked for it.
 *
 * Invariant: whatever ends a fit ends it between two steps: no batch is held, the history
 * holds every step that was made, and the digest covers exactly their losses.
 *
 * Who may call: the trainer's thread, which is the caller's. Callbacks run on it. */

#include "error.h"
#include "model.h"
#include "observers.h"
#include "spec.h"
#include <baton/fit.h>
#include <baton/ledger.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* What one call of baton_fit() knows. */
struct fit {
	baton_model *net;
	baton_pipeline *feed;
	baton_fit_options options;
	struct baton_observers observers;
	bool resumes;            /* from a checkpoint */
	uint64_t steps_before;   /* it: steps of the epoch in hand that it had made */
	bool placed;             /* the first batch was looked at */
	bool misplaced;          /* and it was another one than the checkpoint's next */
	struct baton_run loaded; /* then the model goes back to this */
	struct baton_binding validation;
	baton_history history;
	uint64_t start_ns;
	baton_error err; /* what went wrong first, if its code is what the fit ends with */
};

/* Keep a pipeline's words for why it ended. Returns rc. */
static int note_feed(struct fit *fit, const baton_pipeline *feed, int rc)
{
	if (rc < 0)
		baton_status(feed, &fit->err);
	return rc;
}

/* Keep a layer's words for why batch k failed. Returns rc. */
static int note_layer(struct fit *fit, uint64_t k, int rc)
{
	if (rc >= 0)
		return rc;
	fit->err = fit->net->err;
	if (fit->err.code != rc)
		baton_error_set(&fit->err, rc, "%s", baton_strerror(rc)); /* misuse */
	fit->err.batch = k;
	return rc;
}

static int note_nan(struct fit *fit, float loss)
{
	const struct baton_run *run = &fit->net->run;
	int rc = baton_error_set(&fit->err, BATON_ERR_NAN, "epoch %llu, step %llu: the loss is %f",
	                         (unsigned long long)run->epoch + 1,
	                         (unsigned long long)run->epoch_step, (double)fabsf(loss));

	fit->err.batch = run->next_batch - 1;
	return rc;
}

/* After a checkpoint: is this the batch that it would have gone on with? */
static int check_place(struct fit *fit, uint64_t k)
{
	uint64_t wanted = fit->net->run.next_batch;

	fit->placed = k == wanted;
	if (fit->placed)
		return BATON_OK;
	baton_error_set(&fit->err, -EINVAL,
	                "the checkpoint goes on with batch %llu, the pipeline begins at %llu",
	                (unsigned long long)wanted, (unsigned long long)k);
	fit->err.batch = k;
	fit->misplaced = true;
	return -EINVAL;
}

/* Take one batch, train on it, give it back. */
static int step(struct fit *fit)
{
	baton_batch b = BATON_BATCH_INIT;
	float loss = 0;
	int rc = baton_next(fit->feed, &b);

	if (rc != BATON_OK)
		return note_feed(fit, fit->feed, rc);
	if (fit->resumes && !fit->placed)
		rc = check_place(fit, baton_k(&b));
	if (rc == BATON_OK && (rc = baton_step(fit->net, &b, &loss)) < 0)
		note_layer(fit, baton_k(&b), rc);
	baton_release(fit->feed, &b);
	if (rc == BATON_OK && fit->observers.of_steps)
		rc = baton_tell_step(&fit->observers, fit->options.steps_per_epoch, loss);
	if (fit->options.terminate_on_nan && !isfinite(loss))
		return note_nan(fit, loss);
	return rc;
}

/* Take one batch of the validation, and add what it comes to. */
static int validation_step(struct fit *fit, struct baton_run *sums)
{
	baton_batch b = BATON_BATCH_INIT;
	struct baton_scores scores = {0, 0, 0};
	struct baton_rows rows;
	int rc = baton_next(fit->options.validation, &b);

	if (rc != BATON_OK)
		return note_feed(fit, fit->options.validation, rc);
	/* they are there: resolve has looked */
	baton_model_rows(fit->net, &fit->validation, &b, &rows);
	/* a callback may have bound the model to smaller batches than these */
	rc = rows.n > fit->net->rows ? BATON_ERR_SHAPE
	                             : baton_model_evaluate(fit->net, &rows, &scores);
	rc = note_layer(fit, baton_k(&b), rc);
	if (rc == BATON_OK)
		baton_run_add(sums, &scores, rows.n, rows.k);
	baton_release(fit->options.validation, &b);
	return rc;
}

/* What the weights of now come to on the validation's next batches. */
static int validate(struct fit *fit, baton_epoch *epoch)
{
	struct baton_run sums = {.metrics = fit->options.metrics};
	int before = baton_ledger_charge(fit->feed, BATON_TIME_VALIDATE), rc = BATON_OK;

	if (fit->options.validation) {
		for (uint64_t i = 0; rc == BATON_OK && i < fit->options.validation_steps; i++)
			rc = validation_step(fit, &sums);
	}
	baton_ledger_charge(fit->feed, before);
	epoch->val_steps = sums.epoch_step;
	epoch->val_loss = baton_run_mean(&sums);
	epoch->val_mae = baton_run_metric(&sums, BATON_METRIC_MAE);
	epoch->val_mse = baton_run_metric(&sums, BATON_METRIC_MSE);
	return rc;
}

static baton_epoch describe(const struct fit *fit, uint64_t ns)
{
	const struct baton_run *run = &fit->net->run;

	return (baton_epoch){
		.epoch = run->epoch,
		.steps = run->epoch_step,
		.rows = run->epoch_rows,
		.ns = ns,
		.loss = baton_run_mean(run),
		.mae = baton_run_metric(run, BATON_METRIC_MAE),
		.mse = baton_run_metric(run, BATON_METRIC_MSE),
		.metrics = run->metrics,
		.val_loss = (double)NAN,
		.val_mae = (double)NAN,
		.val_mse = (double)NAN,
		.learning_rate = baton_learning_rate(fit->net),
	};
}

/* All were told: what they made of the learning rate is part of the run. */
static void settle_rate(baton_model *net)
{
	net->telling = false;
	net->run.learning_rate = (double)net->rule.learning_rate;
}

/* Write down what the epoch came to, if it came to anything; rc is how it went so far. One
 * that was not cut short is validated. */
static int record(struct fit *fit, int rc, uint64_t begin_ns, uint64_t end_ns)
{
	struct baton_run *run = &fit->net->run;
	baton_history *history = &fit->history;
	baton_epoch *epoch = &history->epochs[history->n_epochs];
	int validated = BATON_OK, told, saved;

	if (run->epoch_step == 0)
		return rc;
	*epoch = describe(fit, end_ns - begin_ns);
	history->n_epochs++;
	history->steps += epoch->steps - fit->steps_before;
	history->train_ns = end_ns - fit->start_ns;
	if (rc == BATON_OK || rc == BATON_END)
		validated = validate(fit, epoch);
	epoch->cut_short = (rc != BATON_OK && rc != BATON_END) || validated != BATON_OK;
	fit->net->telling = true;
	told = baton_tell_epoch_end(&fit->observers, epoch);
	run->epoch_closed = !epoch->cut_short;
	settle_rate(fit->net);
	if (rc == BATON_OK || (rc == BATON_END && validated < 0))
		rc = validated;
	saved = baton_observers_save(
		&fit->observers); /* also of a fit that fails: a checkpoint may follow */
	return baton_observers_merge(baton_observers_merge(rc, told), saved);
}

/* The epoch begins, unless a checkpoint was made in the middle of it. Returns what callbacks
 * answer. */
static int enter_epoch(struct fit *fit, uint64_t epoch)
{
	struct baton_run *run = &fit->net->run;
	int rc;

	if (fit->resumes && epoch == run->epoch && run->epoch_begun) {
		fit->steps_before = run->epoch_step;
		return BATON_OK;
	}
	fit->steps_before = 0;
	baton_run_begin_epoch(run, epoch);
	fit->net->telling = true;
	rc = baton_tell_epoch_begin(&fit->observers, epoch);
	if (rc >= 0)
		run->epoch_begun = true;
	settle_rate(fit->net);
	return rc;
}

static int run_epoch(struct fit *fit, uint64_t epoch)
{
	uint64_t steps = fit->options.steps_per_epoch;
	uint64_t begin_ns, end_ns;
	int rc = enter_epoch(fit, epoch);

	begin_ns = fit->history.n_epochs == 0 ? fit->start_ns : baton_now_ns();
	for (uint64_t i = fit->steps_before; rc == BATON_OK && (steps == 0 || i < steps); i++)
		rc = step(fit);
	end_ns = baton_now_ns();
	return record(fit, rc, begin_ns, end_ns);
}

/* Where the first epoch of this fit is. */
static uint64_t first_epoch(const struct fit *fit)
{
	const struct baton_run *run = &fit->net->run;

	return fit->resumes ? run->epoch + run->epoch_closed : 0;
}

static int run_epochs(struct fit *fit)
{
	int rc;

	fit->net->telling = true;
	rc = baton_tell_fit_begin(&fit->observers);
	if (rc == BATON_OK && fit->resumes)
		rc = baton_observers_restore(&fit->observers);
	if (fit->resumes) /* it was told the first time, too, and then went on */
		fit->net->rule.learning_rate = (float)fit->net->run.learning_rate;
	settle_rate(fit->net);
	if (rc >= 0)
		fit->net->resumes = false; /* else another fit may go on from there */
	if (rc == BATON_OK)
		rc = baton_observers_save(&fit->observers);
	for (uint64_t i = first_epoch(fit); rc == BATON_OK && i < fit->options.epochs; i++)
		rc = run_epoch(fit, i);
	return baton_observers_merge(rc, baton_tell_fit_end(&fit->observers));
}

/* The run starts: fresh epochs and digest, unless a checkpoint's go on; weights, state and
 * step count go on. */
static void begin(struct fit *fit)
{
	baton_model *net = fit->net;

	net->err.code = BATON_OK;
	fit->resumes = net->resumes;
	fit->loaded = net->run;
	net->metrics = fit->options.metrics;
	net->feed = fit->feed;
	if (!fit->resumes) {
		net->run.metrics = net->metrics;
		net->run.n_saved = 0;
		net->run.digest = BATON_DIGEST_INIT;
		baton_run_begin_epoch(&net->run, 0);
	}
	if (fit->options.snapshot_steps > 0) {
		net->snapshot_steps = fit->options.snapshot_steps;
		net->snapshot_next = net->run.steps + net->snapshot_steps;
		baton_reclaimer_watch(&net->snapshots->reclaimer);
	}
	fit->start_ns = baton_now_ns();
}

/* Not a step was made: another fit may go on from the checkpoint. */
static void load_again(struct fit *fit)
{
	baton_model *net = fit->net;

	net->run = fit->loaded;
	net->rule.learning_rate = (float)net->run.learning_rate;
	net->resumes = true;
}

/* The run is over, however it went. */
static void finish(struct fit *fit)
{
	baton_model *net = fit->net;
	uint64_t digest;
	int before;

	if (fit->misplaced)
		load_again(fit);
	digest = net->run.digest;
	for (size_t i = 0; i < net->plan->n_weights; i++)
		digest = baton_digest_add(digest, net->weights[i]);
	fit->history.digest = digest;
	fit->history.target_expanded = net->binding.expanded;
	net->metrics = 0;
	net->feed = NULL;
	net->snapshot_next = UINT64_MAX;
	before = baton_ledger_charge(fit->feed, BATON_TIME_SNAPSHOT);
	if (baton_reclaimer_watched(&net->snapshots->reclaimer))
		baton_snapshots_publish(net->snapshots, &net->run, net->weights, net->state);
	baton_ledger_charge(fit->feed, before);
}

/* What run_epochs() ended with, as the caller is told. */
static int explain(const struct fit *fit, int rc, baton_error *err)
{
	if (rc == BATON_STOPPED)
		return BATON_OK;
	if (rc < 0 && err)
		*err = fit->err;
	return rc;
}

/* What of the options a checkpoint knows. */
static int check_sameness(const baton_fit_options *options, const baton_model *net,
                          baton_error *err)
{
	const struct baton_run *run = &net->run;

	if (!net->resumes)
		return BATON_OK;
	if (options->metrics != run->metrics)
		return baton_error_set(err, -EINVAL,
		                       "fit: metrics is %#x; it is %#llx in the checkpoint",
		                       options->metrics, (unsigned long long)run->metrics);
	if (options->steps_per_epoch && options->steps_per_epoch < run->epoch_step)
		return baton_error_set(err, -EINVAL,
		                       "fit: steps_per_epoch is %llu; in the checkpoint an epoch "
		                       "has %llu or more",
		                       (unsigned long long)options->steps_per_epoch,
		                       (unsigned long long)run->epoch_step);
	return BATON_OK;
}

static int read_options(struct fit *fit, const baton_fit_options *options, baton_error *err)
{
	const baton_fit_options defaults = BATON_FIT_OPTIONS_INIT;

	if (!baton_spec_read(&fit->options, sizeof(fit->options), options ? options : &defaults))
		return baton_error_set(err, -EINVAL, "fit: the options' size is not set");
	if (fit->options.n_callbacks > 0 && !fit->options.callbacks)
		return baton_error_set(err, BATON_MISUSE_NULL, "fit: callbacks is NULL");
	if (fit->options.validation == fit->feed)
		return baton_error_set(err, -EINVAL,
		                       "fit: validation is the training's own pipeline");
	if (fit->options.validation && fit->options.validation_steps == 0)
		return baton_error_set(err, -EINVAL, "fit: validation_steps is 0");
	if (!fit->options.validation && fit->options.validation_steps > 0)
		return baton_error_set(err, -EINVAL,
		                       "fit: validation_steps is %llu, but validation is NULL",
		                       (unsigned long long)fit->options.validation_steps);
	if (fit->options.metrics & ~(BATON_METRIC_MAE | BATON_METRIC_MSE))
		return baton_error_set(err, -EINVAL,
		                       "fit: metrics is %#x; BATON_METRIC_MAE and _MSE are known",
		                       fit->options.metrics);
	if (fit->options.epochs == 0)
		fit->options.epochs = 1;
	return check_sameness(&fit->options, fit->net, err);
}

static int reserve_history(struct fit *fit, baton_error *err)
{
	fit->history.epochs = calloc(fit->options.epochs, sizeof(baton_epoch));
	if (!fit->history.epochs)
		return baton_error_set(err, -ENOMEM, "out of memory");
	return BATON_OK;
}

static int resolve_validation(struct fit *fit, size_t *rows, baton_error *err)
{
	baton_error its;
	int rc;

	if (!fit->options.validation)
		return BATON_OK;
	rc = baton_model_resolve(fit->net, fit->options.validation, &fit->validation, rows, &its);
	return rc < 0 ? baton_error_set(err, rc, "validation: %.140s", its.text) : rc;
}

/* Hold both pipelines against the network, and get memory for the larger batches. */
static int bind(struct fit *fit, baton_error *err)
{
	size_t rows = 0;
	int rc = resolve_validation(fit, &rows, err);

	if (rc == BATON_OK)
		rc = baton_bind(fit->net, fit->feed, err);
	if (rc == BATON_OK && rows > fit->net->rows)
		rc = baton_model_reserve(fit->net, rows, err);
	return rc;
}

/* Hand over to the caller, or free what nobody wants. */
static void deliver(struct fit *fit, baton_history *history)
{
	baton_history_free(history ? history : &fit->history);
	if (history)
		baton_spec_write(history, &fit->history, sizeof(fit->history));
}

int baton_fit(baton_model *net, baton_pipeline *feed, const baton_fit_options *options,
              baton_history *history, baton_error *err)
{
	struct fit fit = {.net = net, .feed = feed, .history = BATON_HISTORY_INIT};
	int rc;

	fit.observers.net = net;
	fit.observers.err = &fit.err;
	if (!net || !feed)
		return baton_error_set(err, BATON_MISUSE_NULL, "net or feed is NULL");
	if (history && history->size < offsetof(baton_history, n_epochs))
		return baton_error_set(err, -EINVAL, "fit: the history's size is not set");
	if ((rc = read_options(&fit, options, err)) == BATON_OK &&
	    (rc = baton_observers_copy(&fit.observers, &fit.options, err)) == BATON_OK &&
	    (rc = reserve_history(&fit, err)) == BATON_OK && (rc = bind(&fit, err)) == BATON_OK) {
		begin(&fit);
		rc = run_epochs(&fit);
		finish(&fit);
		rc = explain(&fit, rc, err);
	}
	free(fit.observers.of);
	deliver(&fit, history);
	return rc;
}

void baton_history_free(baton_history *history)
{
	const baton_history fresh = BATON_HISTORY_INIT;

	if (!history)
		return;
	free(history->epochs);
	baton_spec_write(history, &fresh, sizeof(fresh));
}
