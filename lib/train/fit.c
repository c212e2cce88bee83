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
#include "spec.h"
#include <baton/fit.h>
#include <errno.h>
#include <stdlib.h>

/* How a fit goes on after a step, beside an outcome or error: a callback has seen enough. */
#define STOPPED 1000

/* What one call of baton_fit() knows. */
struct fit {
	baton_model *net;
	baton_pipeline *feed;
	baton_fit_options options;
	baton_callback *callbacks; /* [options.n_callbacks], of our own length */
	baton_history history;
	uint64_t start_ns;
};

/* The first failure wins over a wish to stop, and that over going on. */
static int merge(int so_far, int answer)
{
	if (so_far < 0 || answer == 0)
		return so_far;
	return answer < 0 ? answer : STOPPED;
}

static int tell_begin(const struct fit *fit, uint64_t epoch)
{
	const baton_callback *c = fit->callbacks;
	int rc = BATON_OK;

	for (size_t i = 0; i < fit->options.n_callbacks; i++, c++) {
		if (c->on_epoch_begin)
			rc = merge(rc, c->on_epoch_begin(c->state, epoch));
	}
	return rc;
}

static int tell_step(const struct fit *fit, float loss)
{
	const struct baton_run *run = &fit->net->run;
	const baton_progress progress = {run->epoch, run->epoch_step - 1,
	                                 fit->options.steps_per_epoch, loss, baton_run_mean(run)};
	const baton_callback *c = fit->callbacks;
	int rc = BATON_OK;

	for (size_t i = 0; i < fit->options.n_callbacks; i++, c++) {
		if (c->on_step)
			rc = merge(rc, c->on_step(c->state, &progress));
	}
	return rc;
}

static int tell_end(const struct fit *fit, const baton_epoch *epoch)
{
	const baton_callback *c = fit->callbacks;
	int rc = BATON_OK;

	for (size_t i = 0; i < fit->options.n_callbacks; i++, c++) {
		if (c->on_epoch_end)
			rc = merge(rc, c->on_epoch_end(c->state, epoch));
	}
	return rc;
}

/* Take one batch, train on it, give it back. */
static int step(const struct fit *fit)
{
	baton_batch b = BATON_BATCH_INIT;
	float loss = 0;
	int rc = baton_next(fit->feed, &b);

	if (rc != BATON_OK)
		return rc;
	rc = baton_step(fit->net, &b, &loss);
	baton_release(fit->feed, &b);
	if (rc == BATON_OK && fit->options.n_callbacks > 0)
		rc = tell_step(fit, loss);
	return rc;
}

/* Write down what the epoch came to, if it came to anything. */
static int record(struct fit *fit, uint64_t begin_ns, uint64_t end_ns)
{
	const struct baton_run *run = &fit->net->run;
	baton_history *history = &fit->history;
	baton_epoch *epoch = &history->epochs[history->n_epochs];

	if (run->epoch_step == 0)
		return BATON_OK;
	*epoch = (baton_epoch){run->epoch, run->epoch_step, run->epoch_rows, end_ns - begin_ns,
	                       baton_run_mean(run)};
	history->n_epochs++;
	history->steps += run->epoch_step;
	history->train_ns = end_ns - fit->start_ns;
	return tell_end(fit, epoch);
}

static int run_epoch(struct fit *fit, uint64_t epoch)
{
	uint64_t steps = fit->options.steps_per_epoch;
	uint64_t begin_ns, end_ns;
	int rc, ended;

	baton_run_begin_epoch(&fit->net->run, epoch);
	rc = tell_begin(fit, epoch);
	begin_ns = epoch == 0 ? fit->start_ns : baton_now_ns();
	for (uint64_t i = 0; rc == BATON_OK && (steps == 0 || i < steps); i++)
		rc = step(fit);
	end_ns = baton_now_ns();
	ended = record(fit, begin_ns, end_ns);
	return rc == BATON_OK ? ended : rc;
}

static int run_epochs(struct fit *fit)
{
	int rc = BATON_OK;

	for (uint64_t i = 0; rc == BATON_OK && i < fit->options.epochs; i++)
		rc = run_epoch(fit, i);
	return rc;
}

/* The run starts: fresh epochs and digest; weights, state and step count go on. */
static void begin(struct fit *fit)
{
	baton_model *net = fit->net;

	net->run.digest = BATON_DIGEST_INIT;
	baton_run_begin_epoch(&net->run, 0);
	if (fit->options.snapshot_steps > 0) {
		net->snapshot_steps = fit->options.snapshot_steps;
		net->snapshot_next = net->run.steps + net->snapshot_steps;
		baton_reclaimer_watch(&net->snapshots->reclaimer);
	}
	fit->start_ns = baton_now_ns();
}

/* The run is over, however it went. */
static void finish(struct fit *fit)
{
	baton_model *net = fit->net;
	uint64_t digest = net->run.digest;

	for (size_t i = 0; i < net->plan->n_weights; i++)
		digest = baton_digest_add(digest, net->weights[i]);
	fit->history.digest = digest;
	fit->history.target_expanded = net->binding.expanded;
	net->snapshot_next = UINT64_MAX;
	if (baton_reclaimer_watched(&net->snapshots->reclaimer))
		baton_snapshots_publish(net->snapshots, &net->run, net->weights, net->state);
}

/* What run_epochs() ended with, as the caller is told. */
static int explain(const struct fit *fit, int rc, baton_error *err)
{
	if (rc == STOPPED)
		return BATON_OK;
	if (rc < 0 && baton_status(fit->feed, err) != rc)
		baton_error_set(err, rc, "%s", baton_strerror(rc)); /* misuse, or a callback's */
	return rc;
}

static int read_options(struct fit *fit, const baton_fit_options *options, baton_error *err)
{
	const baton_fit_options defaults = BATON_FIT_OPTIONS_INIT;

	if (!baton_spec_read(&fit->options, sizeof(fit->options), options ? options : &defaults))
		return baton_error_set(err, -EINVAL, "fit: the options' size is not set");
	if (fit->options.n_callbacks > 0 && !fit->options.callbacks)
		return baton_error_set(err, BATON_MISUSE_NULL, "fit: callbacks is NULL");
	if (fit->options.epochs == 0)
		fit->options.epochs = 1;
	return BATON_OK;
}

/* Their elements are as long as the first one says. */
static int copy_callbacks(struct fit *fit, baton_error *err)
{
	const char *theirs = (const char *)fit->options.callbacks;
	size_t n = fit->options.n_callbacks;

	fit->callbacks = calloc(n + 1, sizeof(*fit->callbacks));
	if (!fit->callbacks)
		return baton_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++, theirs += fit->options.callbacks->size) {
		if (!baton_spec_read(&fit->callbacks[i], sizeof(*fit->callbacks), theirs))
			return baton_error_set(err, -EINVAL, "fit: callback %zu's size is not set",
			                       i);
	}
	return BATON_OK;
}

static int reserve_history(struct fit *fit, baton_error *err)
{
	fit->history.epochs = calloc(fit->options.epochs, sizeof(baton_epoch));
	if (!fit->history.epochs)
		return baton_error_set(err, -ENOMEM, "out of memory");
	return BATON_OK;
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

	if (!net || !feed)
		return baton_error_set(err, BATON_MISUSE_NULL, "net or feed is NULL");
	if ((rc = read_options(&fit, options, err)) == BATON_OK &&
	    (rc = copy_callbacks(&fit, err)) == BATON_OK &&
	    (rc = reserve_history(&fit, err)) == BATON_OK &&
	    (rc = baton_bind(net, feed, err)) == BATON_OK) {
		begin(&fit);
		rc = run_epochs(&fit);
		finish(&fit);
		rc = explain(&fit, rc, err);
	}
	free(fit.callbacks);
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
