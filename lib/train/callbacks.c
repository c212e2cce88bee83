/* SPDX-License-Identifier: MIT */
/* Callbacks: what to do at an epoch's end, or beginning, about how the training goes. They
 * use nothing but the public interface, as a caller's own would: the fit does not know of
 * them.
 *
 * Source: keras 3, callbacks/early_stopping.py, reduce_lr_on_plateau.py,
 * learning_rate_scheduler.py; the comparisons and the order of their steps are theirs.
 *
 * Who may call: the trainer's thread, by way of the fit. */

#include <baton/callbacks.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Fail with words: "early stopping: there is no monitor 77". */
static int fail(baton_model *net, int code, const char *who, const char *why, ...)
	BATON_PRINTF(4, 5);
static int fail(baton_model *net, int code, const char *who, const char *why, ...)
{
	char text[sizeof(((baton_error *)0)->text)];
	int n = snprintf(text, sizeof(text), "%s: ", who);
	va_list args;

	va_start(args, why);
	vsnprintf(text + n, sizeof(text) - (size_t)n, why, args);
	va_end(args);
	return baton_callback_fail(net, code, text);
}

/* A callback's struct, whose first member is its size: was there one, and initialised? */
static int check(baton_model *net, const size_t *size, const char *who)
{
	if (!size)
		return fail(net, BATON_MISUSE_NULL, who, "its struct is NULL");
	if (*size == 0)
		return fail(net, -EINVAL, who, "size is not set: use the _INIT macro");
	return BATON_OK;
}

static const char *const monitors[] = {
	[BATON_MONITOR_LOSS] = "loss",       [BATON_MONITOR_MAE] = "mae",
	[BATON_MONITOR_MSE] = "mse",         [BATON_MONITOR_VAL_LOSS] = "val_loss",
	[BATON_MONITOR_VAL_MAE] = "val_mae", [BATON_MONITOR_VAL_MSE] = "val_mse",
};

/* The monitored number of an epoch. Returns OK, -EINVAL: it was not measured. */
static int monitored(const baton_epoch *epoch, int monitor, double *value, baton_model *net,
                     const char *who)
{
	const struct {
		double value;
		bool measured;
	} all[] = {
		[BATON_MONITOR_LOSS] = {epoch->loss, true},
		[BATON_MONITOR_MAE] = {epoch->mae, epoch->metrics & BATON_METRIC_MAE},
		[BATON_MONITOR_MSE] = {epoch->mse, epoch->metrics & BATON_METRIC_MSE},
		[BATON_MONITOR_VAL_LOSS] = {epoch->val_loss, true},
		[BATON_MONITOR_VAL_MAE] = {epoch->val_mae, epoch->metrics & BATON_METRIC_MAE},
		[BATON_MONITOR_VAL_MSE] = {epoch->val_mse, epoch->metrics & BATON_METRIC_MSE},
	};

	*value = (double)NAN;
	if (monitor == BATON_MONITOR_DEFAULT)
		monitor = epoch->val_steps ? BATON_MONITOR_VAL_LOSS : BATON_MONITOR_LOSS;
	if (monitor < 0 || monitor > BATON_MONITOR_VAL_MSE)
		return fail(net, -EINVAL, who, "there is no monitor %d", monitor);
	if (monitor >= BATON_MONITOR_VAL_LOSS && epoch->val_steps == 0)
		return fail(net, -EINVAL, who, "no %s: the fit has no validation",
		            monitors[monitor]);
	if (!all[monitor].measured)
		return fail(net, -EINVAL, who, "no %s: the fit's metrics do not ask for it",
		            monitors[monitor]);
	*value = all[monitor].value;
	return BATON_OK;
}

/* --- early stopping ----------------------------------------------------------------- */

static void keep_weights(baton_early_stopping *stop, uint64_t epoch)
{
	size_t n;
	const float *weights = baton_weights(stop->net, &n);

	stop->best_epoch = epoch;
	stop->kept = true;
	if (stop->best_weights)
		memcpy(stop->best_weights, weights, n * sizeof(float));
}

static int stop_begin(void *state, baton_model *net)
{
	baton_early_stopping *stop = state;
	int rc = check(net, state, "early stopping");

	if (rc < 0)
		return rc;
	stop->net = net;
	stop->best = (double)INFINITY;
	stop->best_epoch = 0;
	stop->wait = 0;
	stop->stopped = stop->kept = false;
	return 0;
}

static int stop_epoch(void *state, const baton_epoch *epoch)
{
	baton_early_stopping *stop = state;
	double value;
	int rc;

	if (epoch->cut_short)
		return 0;
	rc = monitored(epoch, stop->monitor, &value, stop->net, "early stopping");
	if (rc < 0)
		return rc;
	if (!stop->kept)
		keep_weights(stop, epoch->epoch); /* better than none, even if it is NaN */
	if (value + stop->min_delta < stop->best) {
		stop->best = value;
		stop->wait = 0;
		keep_weights(stop, epoch->epoch);
		return 0;
	}
	stop->wait++;
	stop->stopped = stop->wait >= stop->patience && epoch->epoch > 0;
	return stop->stopped;
}

static int stop_end(void *state, baton_model *net)
{
	const baton_early_stopping *stop = state;
	size_t n;

	if (!stop || !stop->best_weights || !stop->kept)
		return 0;
	baton_weights(net, &n);
	return baton_weights_set(net, stop->best_weights, n);
}

/* Can a checkpoint's number be a count? */
static bool is_count(double number)
{
	return number >= 0 && number < 0x1p53;
}

static size_t stop_save(void *state, double *numbers)
{
	const baton_early_stopping *stop = state;

	numbers[0] = stop->best;
	numbers[1] = (double)stop->best_epoch;
	numbers[2] = (double)stop->wait;
	numbers[3] = stop->stopped;
	numbers[4] = stop->kept;
	return 5;
}

static int stop_restore(void *state, const double *numbers, size_t n)
{
	baton_early_stopping *stop = state;

	if (n != 5 || !is_count(numbers[1]) || !is_count(numbers[2]))
		return fail(stop->net, -EINVAL, "early stopping", "the checkpoint is of another");
	if (stop->best_weights)
		return fail(stop->net, -ENOTSUP, "early stopping",
		            "a checkpoint does not hold the best epoch's weights");
	stop->best = numbers[0];
	stop->best_epoch = (uint64_t)numbers[1];
	stop->wait = (uint64_t)numbers[2];
	stop->stopped = numbers[3] != 0;
	stop->kept = numbers[4] != 0;
	return stop->stopped;
}

baton_callback baton_early_stopping_callback(baton_early_stopping *stop)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.state = stop;
	callback.on_fit_begin = stop_begin;
	callback.on_epoch_end = stop_epoch;
	callback.on_fit_end = stop_end;
	callback.on_save = stop_save;
	callback.on_restore = stop_restore;
	return callback;
}

/* --- a smaller learning rate -------------------------------------------------------- */

static double or_default(double value, double otherwise)
{
	return value == 0 ? signbit(value) ? 0 : otherwise : value;
}

static int reduce_begin(void *state, baton_model *net)
{
	baton_reduce_rate *reduce = state;
	int rc = check(net, state, "reduce rate");

	if (rc < 0)
		return rc;
	reduce->net = net;
	reduce->best = (double)INFINITY;
	reduce->wait = reduce->cooling = reduce->reductions = 0;
	if (reduce->factor >= 0 && reduce->factor < 1)
		return 0;
	return fail(net, -EINVAL, "reduce rate", "factor %g is not from 0 to below 1",
	            reduce->factor);
}

static int lower_rate(baton_reduce_rate *reduce)
{
	double rate = baton_learning_rate(reduce->net);

	if (!(rate > (double)(float)reduce->min_rate))
		return 0;
	reduce->cooling = reduce->cooldown;
	reduce->wait = 0;
	reduce->reductions++;
	return baton_learning_rate_set(
		reduce->net, fmax(rate * or_default(reduce->factor, 0.1), reduce->min_rate));
}

static int reduce_epoch(void *state, const baton_epoch *epoch)
{
	baton_reduce_rate *reduce = state;
	uint64_t patience = reduce->patience ? reduce->patience : 10;
	double value;
	int rc;

	if (epoch->cut_short)
		return 0;
	rc = monitored(epoch, reduce->monitor, &value, reduce->net, "reduce rate");
	if (rc < 0)
		return rc;
	if (reduce->cooling > 0) {
		reduce->cooling--;
		reduce->wait = 0;
	}
	if (value < reduce->best - or_default(reduce->min_delta, 1e-4)) {
		reduce->best = value;
		reduce->wait = 0;
		return 0;
	}
	if (reduce->cooling > 0 || ++reduce->wait < patience)
		return 0;
	return lower_rate(reduce);
}

static size_t reduce_save(void *state, double *numbers)
{
	const baton_reduce_rate *reduce = state;

	numbers[0] = reduce->best;
	numbers[1] = (double)reduce->wait;
	numbers[2] = (double)reduce->cooling;
	numbers[3] = (double)reduce->reductions;
	return 4;
}

static int reduce_restore(void *state, const double *numbers, size_t n)
{
	baton_reduce_rate *reduce = state;

	if (n != 4 || !is_count(numbers[1]) || !is_count(numbers[2]) || !is_count(numbers[3]))
		return fail(reduce->net, -EINVAL, "reduce rate", "the checkpoint is of another");
	reduce->best = numbers[0];
	reduce->wait = (uint64_t)numbers[1];
	reduce->cooling = (uint64_t)numbers[2];
	reduce->reductions = (uint64_t)numbers[3];
	return 0;
}

baton_callback baton_reduce_rate_callback(baton_reduce_rate *reduce)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.state = reduce;
	callback.on_fit_begin = reduce_begin;
	callback.on_epoch_end = reduce_epoch;
	callback.on_save = reduce_save;
	callback.on_restore = reduce_restore;
	return callback;
}

/* --- a schedule --------------------------------------------------------------------- */

static int schedule_begin(void *state, baton_model *net)
{
	baton_rate_schedule *schedule = state;
	int rc = check(net, state, "rate schedule");

	if (rc < 0)
		return rc;
	schedule->net = net;
	return schedule->schedule ? 0 : fail(net, -EINVAL, "rate schedule", "schedule is NULL");
}

static int schedule_epoch(void *state, uint64_t epoch)
{
	const baton_rate_schedule *schedule = state;
	double rate =
		schedule->schedule(schedule->state, epoch, baton_learning_rate(schedule->net));
	int rc = baton_learning_rate_set(schedule->net, rate);

	return rc < 0 ? fail(schedule->net, rc, "rate schedule",
	                     "epoch %llu: %g is not a float32 from 0 upwards",
	                     (unsigned long long)epoch + 1, rate)
	              : rc;
}

baton_callback baton_rate_schedule_callback(baton_rate_schedule *schedule)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.state = schedule;
	callback.on_fit_begin = schedule_begin;
	callback.on_epoch_begin = schedule_epoch;
	return callback;
}
