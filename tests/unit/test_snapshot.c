/* SPDX-License-Identifier: MIT */
/* Snapshots from one thread: who gets what, when. What threads do to each other is in
 * tests/stress/snapshot.c. */
#include "training.h"
#include <baton/snapshot.h>
#include <math.h>
#include <time.h>

static baton_model *net;
static baton_pipeline *feed;

static void setup(void)
{
	baton_source source = mean_source(16);

	net = compiled_mean_model();
	feed = open_inline(&source);
	cr_assert_eq(baton_bind(net, feed, NULL), BATON_OK);
}

static void teardown(void)
{
	baton_model_destroy(&net);
	if (baton_close(&feed) < 0)
		abort();
}

TestSuite(snapshot, .init = setup, .fini = teardown);

static void steps(int n)
{
	baton_batch b = BATON_BATCH_INIT;
	int made = 0;

	while (made < n && baton_next(feed, &b) == BATON_OK) {
		made += baton_step(net, &b, NULL) == BATON_OK;
		baton_release(feed, &b);
	}
	cr_assert_eq(made, n);
}

Test(snapshot, there_is_none_before_somebody_asks_and_a_step_answers)
{
	const baton_snapshot *s;

	steps(5);
	cr_expect_null(baton_snapshot_get(net));
	cr_expect_null(baton_snapshot_get(net), "no step in between");
	steps(1);
	s = baton_snapshot_get(net);
	cr_assert_not_null(s);
	cr_expect_eq(baton_snapshot_step(s), 6);
	baton_snapshot_put(&s);
	cr_expect_null(s);
}

Test(snapshot, one_ask_is_one_answer)
{
	const baton_snapshot *s;

	baton_snapshot_get(net);
	steps(10);
	s = baton_snapshot_get(net);
	cr_assert_not_null(s);
	cr_expect_eq(baton_snapshot_step(s), 1);
	baton_snapshot_put(&s);
}

Test(snapshot, holds_what_the_model_was)
{
	const baton_snapshot *s;
	const float x[2] = {3, 4};
	float w[3], then, now;
	size_t n, n_state;

	baton_snapshot_get(net);
	steps(1);
	memcpy(w, baton_weights(net, NULL), sizeof(w));
	cr_assert_eq(baton_predict(net, x, 1, &then), BATON_OK);
	s = baton_snapshot_get(net);
	cr_assert_not_null(s);
	steps(100);
	cr_expect_arr_eq(baton_snapshot_weights(s, &n), w, sizeof(w));
	cr_expect_eq(n, 3);
	cr_expect_gt(baton_snapshot_state(s, &n_state)[0], 0);
	cr_expect_eq(n_state, 3);
	cr_assert_eq(baton_snapshot_predict(s, x, 1, &now), BATON_OK);
	cr_expect_eq(now, then);
	cr_assert_eq(baton_predict(net, x, 1, &now), BATON_OK);
	cr_expect_neq(now, then);
	cr_expect_gt(baton_snapshot_loss(s), 0);
	cr_expect_eq(baton_snapshot_epoch(s), 0);
	baton_snapshot_put(&s);
}

Test(snapshot, a_held_set_stops_new_ones_but_no_step)
{
	const baton_snapshot *held[BATON_SNAPSHOTS], *s;

	baton_snapshot_get(net);
	for (int i = 0; i < BATON_SNAPSHOTS; i++) {
		steps(1);
		held[i] = baton_snapshot_get(net);
		cr_assert_eq(baton_snapshot_step(held[i]), (uint64_t)i + 1);
	}
	steps(100);
	s = baton_snapshot_get(net);
	cr_expect_eq(baton_snapshot_step(s), BATON_SNAPSHOTS, "there is no ninth");
	baton_snapshot_put(&s);
	for (int i = 0; i < BATON_SNAPSHOTS; i++)
		baton_snapshot_put(&held[i]);
}

/* Far more than the set has: they come back, one grace period after they were replaced. */
Test(snapshot, what_is_put_comes_back, .timeout = 60)
{
	uint64_t seen = 0, fresh = 0;

	while (fresh < 20 * BATON_SNAPSHOTS) {
		const baton_snapshot *s;

		steps(1);
		s = baton_snapshot_get(net);
		if (s) {
			cr_assert_geq(baton_snapshot_step(s), seen);
			fresh += baton_snapshot_step(s) > seen;
			seen = baton_snapshot_step(s);
		}
		baton_snapshot_put(&s);
	}
}

Test(snapshot, destroy_refuses_while_one_is_held)
{
	const baton_snapshot *s;

	baton_snapshot_get(net);
	steps(1);
	s = baton_snapshot_get(net);
	cr_expect_eq(baton_model_destroy(&net), BATON_MISUSE_LENT);
	cr_assert_not_null(net);
	steps(1);
	baton_snapshot_put(&s);
	cr_expect_eq(baton_model_destroy(&net), BATON_OK);
	cr_expect_null(net);
}

Test(snapshot, null_is_answered)
{
	const baton_snapshot *none = NULL;
	baton_model *fresh = mean_model();
	float x[2] = {0}, y;

	cr_expect_null(baton_snapshot_get(NULL));
	cr_expect_null(baton_snapshot_get(fresh), "not compiled");
	baton_snapshot_put(NULL);
	baton_snapshot_put(&none);
	cr_expect_eq(baton_snapshot_predict(NULL, x, 1, &y), BATON_MISUSE_NULL);
	baton_model_destroy(&fresh);
}

Test(snapshot, fit_publishes_every_so_many_steps_and_at_its_end)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	const baton_snapshot *s;

	options.epochs = 2;
	options.steps_per_epoch = 5;
	options.snapshot_steps = 3;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_OK);
	s = baton_snapshot_get(net);
	cr_assert_not_null(s);
	cr_expect_eq(baton_snapshot_step(s), 10);
	cr_expect_eq(baton_snapshot_epoch(s), 1);
	baton_snapshot_put(&s);
}

Test(snapshot, has_the_metrics_that_the_fit_measured)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	const baton_snapshot *s;

	options.epochs = 1;
	options.steps_per_epoch = 5;
	options.snapshot_steps = 5;
	options.metrics = BATON_METRIC_MSE;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_OK);
	s = baton_snapshot_get(net);
	cr_assert_not_null(s);
	cr_expect_eq(baton_snapshot_metric(s, BATON_METRIC_MSE), baton_snapshot_loss(s));
	cr_expect(isnan(baton_snapshot_metric(s, BATON_METRIC_MAE)));
	cr_expect_not_null(baton_snapshot_weights(s, NULL));
	cr_expect_not_null(baton_snapshot_state(s, NULL));
	baton_snapshot_put(&s);
}
