/* SPDX-License-Identifier: MIT */
/* Observers: the callbacks of a fit, told of each event in their order; what a checkpoint
 * shall hold of them, and giving it back. */

#include "observers.h"
#include "error.h"
#include "model.h"
#include "spec.h"
#include <baton/ledger.h>
#include <errno.h>
#include <stdlib.h>

int baton_observers_copy(struct baton_observers *o, const baton_fit_options *options,
                         baton_error *err)
{
	const char *theirs = (const char *)options->callbacks;

	o->n = options->n_callbacks;
	o->of = calloc(o->n + 1, sizeof(*o->of));
	if (!o->of)
		return baton_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < o->n; i++, theirs += options->callbacks->size) {
		if (!baton_spec_read(&o->of[i], sizeof(*o->of), theirs))
			return baton_error_set(err, -EINVAL, "fit: callback %zu's size is not set",
			                       i);
		o->of_steps |= o->of[i].on_step != NULL;
	}
	return BATON_OK;
}

int baton_observers_merge(int so_far, int answer)
{
	if (so_far < 0 || answer == 0)
		return so_far;
	if (answer < 0)
		return answer;
	return so_far == BATON_OK ? BATON_STOPPED : so_far;
}

/* What the ith callback answered to an event: its words, if it has some, are kept. */
static int hear(struct baton_observers *o, int so_far, size_t i, const char *event, int answer)
{
	baton_error *words = &o->net->err;

	if (answer < 0 && o->err->code == BATON_OK) {
		baton_error_set(o->err, answer, "callback %zu, %s: %s", i, event,
		                words->code == answer ? words->text : baton_strerror(answer));
		*words = (baton_error){0};
	}
	return baton_observers_merge(so_far, answer);
}

int baton_tell_fit_begin(struct baton_observers *o)
{
	const baton_callback *c = o->of;
	int rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++, c++) {
		if (c->on_fit_begin)
			rc = hear(o, rc, i, "on_fit_begin", c->on_fit_begin(c->state, o->net));
	}
	return rc;
}

int baton_tell_epoch_begin(struct baton_observers *o, uint64_t epoch)
{
	const baton_callback *c = o->of;
	int before = baton_ledger_charge(o->net->feed, BATON_TIME_LOG), rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++, c++) {
		if (c->on_epoch_begin)
			rc = hear(o, rc, i, "on_epoch_begin", c->on_epoch_begin(c->state, epoch));
	}
	baton_ledger_charge(o->net->feed, before);
	return rc;
}

int baton_tell_step(struct baton_observers *o, uint64_t steps_per_epoch, float loss)
{
	const struct baton_run *run = &o->net->run;
	const baton_progress progress = {
		.epoch = run->epoch,
		.step = run->epoch_step - 1,
		.steps = steps_per_epoch,
		.loss = loss,
		.mean = baton_run_mean(run),
		.mae = baton_run_metric(run, BATON_METRIC_MAE),
		.mse = baton_run_metric(run, BATON_METRIC_MSE),
	};
	const baton_callback *c = o->of;
	int before = baton_ledger_charge(o->net->feed, BATON_TIME_LOG), rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++, c++) {
		if (c->on_step)
			rc = hear(o, rc, i, "on_step", c->on_step(c->state, &progress));
	}
	baton_ledger_charge(o->net->feed, before);
	return rc;
}

int baton_tell_epoch_end(struct baton_observers *o, const baton_epoch *epoch)
{
	const baton_callback *c = o->of;
	int before = baton_ledger_charge(o->net->feed, BATON_TIME_LOG), rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++, c++) {
		if (c->on_epoch_end)
			rc = hear(o, rc, i, "on_epoch_end", c->on_epoch_end(c->state, epoch));
	}
	baton_ledger_charge(o->net->feed, before);
	return rc;
}

int baton_tell_fit_end(struct baton_observers *o)
{
	const baton_callback *c = o->of;
	int before = baton_ledger_charge(o->net->feed, BATON_TIME_LOG), rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++, c++) {
		if (c->on_fit_end)
			rc = hear(o, rc, i, "on_fit_end", c->on_fit_end(c->state, o->net));
	}
	baton_ledger_charge(o->net->feed, before);
	return rc;
}

int baton_observers_save(struct baton_observers *o)
{
	struct baton_run *run = &o->net->run;
	const baton_callback *c = o->of;

	run->n_saved = 0;
	for (size_t i = 0; i < o->n; i++, c++) {
		double numbers[BATON_CALLBACK_NUMBERS];
		size_t n;

		if (!c->on_save)
			continue;
		n = c->on_save(c->state, numbers);
		if (n > BATON_CALLBACK_NUMBERS || run->n_saved + 1 + n > BATON_RUN_SAVED)
			return o->err->code < 0 ? -EINVAL
			                        : baton_error_set(o->err, -EINVAL,
			                                          "callback %zu, on_save: "
			                                          "%zu numbers are too many",
			                                          i, n);
		run->saved[run->n_saved++] = (double)n;
		memcpy(run->saved + run->n_saved, numbers, n * sizeof(double));
		run->n_saved += (unsigned)n;
	}
	return BATON_OK;
}

/* How many callbacks' numbers a checkpoint holds; -1: it is damaged. */
static int count_saved(const struct baton_run *run)
{
	unsigned at = 0;
	int count = 0;

	for (; at < run->n_saved; count++) {
		double n = run->saved[at++];

		if (!(n >= 0 && n <= BATON_CALLBACK_NUMBERS && n <= run->n_saved - at) ||
		    n != (double)(unsigned)n)
			return -1;
		at += (unsigned)n;
	}
	return count;
}

int baton_observers_restore(struct baton_observers *o)
{
	const struct baton_run *run = &o->net->run;
	const baton_callback *c = o->of;
	const double *at = run->saved;
	int count = 0, rc = BATON_OK;

	for (size_t i = 0; i < o->n; i++)
		count += c[i].on_restore != NULL;
	if (count != count_saved(run))
		return baton_error_set(o->err, -EINVAL,
		                       "the checkpoint has the state of %d callbacks, the fit %d "
		                       "that would go on from it",
		                       count_saved(run), count);
	for (size_t i = 0; i < o->n; i++, c++) {
		if (!c->on_restore)
			continue;
		rc = hear(o, rc, i, "on_restore", c->on_restore(c->state, at + 1, (size_t)at[0]));
		at += 1 + (size_t)at[0];
	}
	return rc;
}

int baton_callback_fail(baton_model *net, int code, const char *text)
{
	code = code < 0 ? code : -EINVAL;
	if (net) {
		baton_error_set(&net->err, code, "%s", text ? text : baton_strerror(code));
		baton_error_one_line(net->err.text);
	}
	return code;
}
