/* SPDX-License-Identifier: MIT */
/* Callbacks, told of epochs that never were: what they answer and do to the model. */
#include "training.h"
#include <baton/callbacks.h>
#include <math.h>

static baton_model *net;

static void setup(void)
{
	net = compiled_mean_model();
}

static void teardown(void)
{
	baton_model_destroy(&net);
}

TestSuite(callbacks, .init = setup, .fini = teardown);

static baton_epoch epoch_of(uint64_t number, double loss)
{
	baton_epoch epoch = {.epoch = number, .loss = loss};

	epoch.mae = epoch.mse = epoch.val_loss = epoch.val_mae = epoch.val_mse = (double)NAN;
	return epoch;
}

/* Epochs of these losses, up to the first answer. Returns how many were told; *answer. */
static uint64_t tell(baton_callback callback, const double *losses, uint64_t n, int *answer)
{
	*answer = callback.on_fit_begin(callback.state, net);
	for (uint64_t i = 0; i < n; i++) {
		baton_epoch epoch = epoch_of(i, losses[i]);
		float w[3] = {(float)i, 0, 0}; /* weights that name their epoch */

		cr_assert_eq(baton_weights_set(net, w, 3), BATON_OK);
		if (callback.on_epoch_begin)
			*answer = callback.on_epoch_begin(callback.state, i);
		if (*answer == 0 && callback.on_epoch_end)
			*answer = callback.on_epoch_end(callback.state, &epoch);
		if (*answer != 0)
			return i + 1;
	}
	return n;
}

Test(callbacks, early_stopping_waits_for_patience_epochs_without_improvement)
{
	const double losses[] = {5, 4, 4, 3, 3.5, 3, 9, 1};
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	int answer;

	stop.patience = 3;
	cr_expect_eq(tell(baton_early_stopping_callback(&stop), losses, 8, &answer), 7);
	cr_expect(answer > 0 && stop.stopped);
	cr_expect(stop.best == 3 && stop.best_epoch == 3 && stop.wait == 3);
	stop.patience = 4;
	cr_expect_eq(tell(baton_early_stopping_callback(&stop), losses, 8, &answer), 8);
	cr_expect(answer == 0 && !stop.stopped && stop.best == 1);
}

Test(callbacks, early_stopping_wants_more_than_min_delta)
{
	const double losses[] = {5, 4.5, 4.1, 3.6};
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	int answer;

	stop.patience = 2;
	stop.min_delta = 1;
	cr_expect_eq(tell(baton_early_stopping_callback(&stop), losses, 4, &answer), 3);
}

Test(callbacks, early_stopping_never_stops_at_the_first_epoch_and_takes_nan_for_no_better)
{
	const double losses[] = {(double)NAN, (double)NAN, 1};
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	int answer;

	cr_expect_eq(tell(baton_early_stopping_callback(&stop), losses, 3, &answer), 2);
	cr_expect_eq(answer, 1);
}

Test(callbacks, early_stopping_restores_the_best_weights)
{
	const double losses[] = {5, 3, 4, 4};
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	baton_callback callback = baton_early_stopping_callback(&stop);
	float room[3];
	int answer;

	stop.patience = 2;
	stop.best_weights = room;
	cr_expect_eq(tell(callback, losses, 4, &answer), 4);
	cr_expect_eq(baton_weights(net, NULL)[0], 3);
	cr_expect_eq(callback.on_fit_end(callback.state, net), BATON_OK);
	cr_expect_eq(baton_weights(net, NULL)[0], 1);
}

Test(callbacks, a_fit_without_a_whole_epoch_keeps_its_weights)
{
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	baton_callback callback = baton_early_stopping_callback(&stop);
	baton_epoch epoch = epoch_of(0, 1);
	float room[3] = {9, 9, 9}, w = baton_weights(net, NULL)[0];

	stop.best_weights = room;
	epoch.cut_short = true;
	cr_expect_eq(callback.on_fit_begin(callback.state, net), 0);
	cr_expect_eq(callback.on_epoch_end(callback.state, &epoch), 0);
	cr_expect_eq(callback.on_fit_end(callback.state, net), 0);
	cr_expect_eq(baton_weights(net, NULL)[0], w);
}

Test(callbacks, what_is_not_measured_can_not_be_monitored)
{
	baton_epoch epoch = epoch_of(0, 1);

	for (int monitor = -1; monitor <= BATON_MONITOR_VAL_MSE + 1; monitor++) {
		bool known = monitor == BATON_MONITOR_DEFAULT || monitor == BATON_MONITOR_LOSS;
		baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
		baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
		baton_callback a = baton_early_stopping_callback(&stop);
		baton_callback b = baton_reduce_rate_callback(&reduce);

		stop.monitor = reduce.monitor = monitor;
		a.on_fit_begin(a.state, net);
		b.on_fit_begin(b.state, net);
		cr_expect_eq(a.on_epoch_end(a.state, &epoch), known ? 0 : -EINVAL);
		cr_expect_eq(b.on_epoch_end(b.state, &epoch), known ? 0 : -EINVAL);
	}
}

Test(callbacks, each_number_can_be_monitored)
{
	const double values[] = {4, 1, 2, 3, 4, 5, 6}; /* by default: val_loss */
	baton_epoch epoch = {.loss = 1, .mae = 2, .mse = 3, .val_loss = 4, .val_mae = 5};

	epoch.val_mse = 6;
	epoch.val_steps = 1;
	epoch.metrics = BATON_METRIC_MAE | BATON_METRIC_MSE;
	for (int monitor = 0; monitor <= BATON_MONITOR_VAL_MSE; monitor++) {
		baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
		baton_callback callback = baton_early_stopping_callback(&stop);

		stop.monitor = monitor;
		callback.on_fit_begin(callback.state, net);
		cr_expect_eq(callback.on_epoch_end(callback.state, &epoch), 0);
		cr_expect_eq(stop.best, values[monitor]);
	}
}

Test(callbacks, the_rate_is_reduced_on_a_plateau)
{
	const double losses[] = {5, 4, 4, 4, 4, 4, 4, 4};
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	int answer;

	reduce.patience = 2;
	reduce.factor = 0.5;
	cr_expect_eq(tell(baton_reduce_rate_callback(&reduce), losses, 8, &answer), 8);
	cr_expect_eq(answer, 0);
	cr_expect_eq(reduce.reductions, 3);
	cr_expect_float_eq(baton_learning_rate(net), 1e-3 / 8, 1e-10);
}

Test(callbacks, after_a_reduction_epochs_may_pass_uncounted)
{
	const double losses[] = {4, 4, 4, 4, 4, 4, 4};
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	int answer;

	reduce.patience = 1;
	reduce.cooldown = 2;
	tell(baton_reduce_rate_callback(&reduce), losses, 7, &answer);
	cr_expect_eq(reduce.reductions, 3, "epochs 1, 3 and 5, as in Keras");
}

Test(callbacks, the_rate_has_a_lower_bound)
{
	const double losses[] = {4, 4, 4, 4, 4, 4, 4};
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	int answer;

	reduce.patience = 1;
	reduce.min_rate = 2e-5;
	tell(baton_reduce_rate_callback(&reduce), losses, 7, &answer);
	cr_expect_eq(reduce.reductions, 2);
	cr_expect_eq(baton_learning_rate(net), (double)2e-5f);
	reduce.factor = 1;
	tell(baton_reduce_rate_callback(&reduce), losses, 1, &answer);
	cr_expect_eq(answer, -EINVAL);
}

static double halve(void *state, uint64_t epoch, double rate)
{
	const double *poison = state;

	return epoch == 3 ? *poison : rate / 2;
}

Test(callbacks, a_schedule_sets_the_rate_of_each_epoch)
{
	const double losses[5] = {0};
	double poison = -1;
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
	int answer;

	schedule.schedule = halve;
	schedule.state = &poison;
	cr_expect_eq(tell(baton_rate_schedule_callback(&schedule), losses, 5, &answer), 4);
	cr_expect_eq(answer, -EINVAL, "a rate below 0");
	poison = 1e300;
	cr_expect_eq(tell(baton_rate_schedule_callback(&schedule), losses, 5, &answer), 4);
	cr_expect_eq(answer, -EINVAL, "inf, as a float32");
	cr_expect_float_eq(baton_learning_rate(net), 1e-3 / 64, 1e-10);
}

Test(callbacks, an_epoch_that_was_cut_short_does_not_count)
{
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	const baton_callback callbacks[] = {baton_early_stopping_callback(&stop),
					    baton_reduce_rate_callback(&reduce)};
	baton_epoch epoch = epoch_of(1, 1);

	epoch.cut_short = true;
	reduce.patience = 1;
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(callbacks[i].on_fit_begin(callbacks[i].state, net), 0);
		cr_expect_eq(callbacks[i].on_epoch_end(callbacks[i].state, &epoch), 0);
	}
	cr_expect(!stop.kept && stop.wait == 0 && isinf(stop.best));
	cr_expect(reduce.reductions == 0 && reduce.wait == 0 && isinf(reduce.best));
}

Test(callbacks, without_room_for_weights_none_are_put_back)
{
	const double losses[] = {5, 3, 4};
	baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
	baton_callback callback = baton_early_stopping_callback(&stop);
	int answer;

	stop.patience = 9;
	tell(callback, losses, 3, &answer);
	cr_expect_eq(callback.on_fit_end(callback.state, net), BATON_OK);
	cr_expect_eq(baton_weights(net, NULL)[0], 2, "the last epoch's");
}

/* 0 is the default of 1e-4; BATON_ZERO is 0. */
Test(callbacks, a_min_delta_of_zero_can_be_said)
{
	const double losses[] = {1, 1 - 5e-5};
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	int answer;

	reduce.patience = 1;
	tell(baton_reduce_rate_callback(&reduce), losses, 2, &answer);
	cr_expect_eq(reduce.reductions, 1);
	reduce.min_delta = BATON_ZERO;
	tell(baton_reduce_rate_callback(&reduce), losses, 2, &answer);
	cr_expect_eq(reduce.reductions, 0);
}

Test(callbacks, senseless_factors_and_schedules_are_refused_at_the_start)
{
	static const double factors[] = {-0.5, 1, (double)NAN};
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
	baton_callback callback = baton_rate_schedule_callback(&schedule);

	for (int i = 0; i < 3; i++) {
		baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
		baton_callback reducer = baton_reduce_rate_callback(&reduce);

		reduce.factor = factors[i];
		cr_expect_eq(reducer.on_fit_begin(reducer.state, net), -EINVAL);
	}
	cr_expect_eq(callback.on_fit_begin(callback.state, net), -EINVAL);
}
