/* SPDX-License-Identifier: MIT */
#include "train/optimizer.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>

static struct baton_rule rule_of(baton_optimizer spec)
{
	struct baton_rule rule;

	cr_assert_eq(baton_rule_init(&rule, &spec, NULL), BATON_OK);
	return rule;
}

Test(optimizer, zero_means_keras_defaults)
{
	struct baton_rule rule = rule_of(baton_rmsprop(0));

	cr_expect_eq(rule.learning_rate, 1e-3f);
	cr_expect_eq(rule.rho, 0.9f);
	cr_expect_eq(rule.epsilon, 1e-7f);
}

Test(optimizer, one_minus_rho_is_rounded_once)
{
	struct baton_rule rule = rule_of(baton_rmsprop(0));

	cr_expect_eq(rule.one_minus_rho, 0.1f);
	cr_expect_neq(rule.one_minus_rho, 1.0f - 0.9f);
}

Test(optimizer, rmsprop_averages_squares_and_divides_by_their_root)
{
	struct baton_rule rule = rule_of(baton_rmsprop(0.5));
	float w = 1, g = 2, v = 3;

	rule.ops->update(&rule, 1, &w, &g, &v, 1);
	cr_expect_float_eq(v, 0.9 * 3 + 0.1 * 4, 1e-6);
	cr_expect_float_eq(w, 1 - 0.5 * 2 / sqrt(3.1), 1e-6);
}

/* A gradient as small as the root of epsilon: inside it 1 / sqrt(1.1), outside 3.16. */
Test(optimizer, rmsprop_puts_epsilon_under_the_root)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1));
	float w = 0, g = 3.1622776e-4f, v = 0;

	rule.ops->update(&rule, 1, &w, &g, &v, 1);
	cr_expect_float_eq(w, -3.1622776e-4 / sqrt(1.1e-7), 1e-5);
	cr_expect_gt(fabs((double)w + 3.1622776e-4 / (sqrt(1e-8) + 1e-7)), 1);
}

Test(optimizer, a_weight_without_gradient_stays)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1));
	float w = 42, g = 0, v = 0;

	rule.ops->update(&rule, 1, &w, &g, &v, 1);
	cr_expect(w == 42 && v == 0);
}

Test(optimizer, each_weight_has_its_own_state)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1e-3));
	float w[37] = {0}, g[37], v[37] = {0};

	for (int i = 0; i < 37; i++)
		g[i] = (float)(i - 18);
	rule.ops->update(&rule, 1, w, g, v, 37);
	for (int i = 0; i < 37; i++) {
		cr_assert_float_eq(v[i], 0.1f * g[i] * g[i], 1e-4);
		cr_assert_eq(signbit(w[i]) != 0, g[i] > 0);
	}
}

/* Three steps of one weight with these gradients, to be followed in double. */
enum { STEPS = 3 };
static const float slopes[STEPS] = {2, -0.5f, 0.25f};

static void expect_after_steps(baton_optimizer spec, float *state, double expected)
{
	struct baton_rule rule = rule_of(spec);
	float w = 1;

	for (int i = 0; i < STEPS; i++)
		rule.ops->update(&rule, (uint64_t)i + 1, &w, &slopes[i], state, 1);
	cr_expect_float_eq(w, expected, 1e-6);
}

Test(optimizer, sgd_goes_down_the_slope)
{
	struct baton_rule rule = rule_of(baton_sgd(0));
	float w = 1, g = 2;

	cr_expect_eq(rule.n_slots, 0);
	rule.ops->update(&rule, 1, &w, &g, NULL, 1);
	cr_expect_eq(w, 1 - 2 * 0.01f);
}

Test(optimizer, momentum_keeps_going_and_nesterov_looks_ahead)
{
	baton_optimizer plain = baton_sgd(0.125), ahead = plain;
	double m = 0, w = 1, w_ahead = 1;
	float state[2] = {0, 0};

	plain.momentum = ahead.momentum = 0.75;
	ahead.nesterov = true;
	for (int i = 0; i < STEPS; i++) {
		m = 0.75 * m - 0.125 * (double)slopes[i];
		w += m;
		w_ahead += 0.75 * m - 0.125 * (double)slopes[i];
	}
	cr_expect_eq(rule_of(plain).n_slots, 1);
	expect_after_steps(plain, &state[0], w);
	expect_after_steps(ahead, &state[1], w_ahead);
	cr_expect_float_eq(state[0], m, 1e-6);
	cr_expect_eq(state[0], state[1]);
}

Test(optimizer, rmsprop_may_be_centered_and_have_momentum)
{
	baton_optimizer spec = baton_rmsprop(0.125);
	double v = 0, a = 0, m = 0, w = 1;
	float state[3] = {0, 0, 0};

	spec.rho = 0.5;
	spec.epsilon = 0.25;
	spec.centered = true;
	spec.momentum = 0.75;
	for (int i = 0; i < STEPS; i++) {
		double g = (double)slopes[i];

		v = 0.5 * v + 0.5 * g * g;
		a = 0.5 * a + 0.5 * g;
		m = 0.75 * m + 0.125 * g / sqrt(v - a * a + 0.25);
		w -= m;
	}
	cr_expect_eq(rule_of(spec).n_slots, 3);
	expect_after_steps(spec, state, w);
	cr_expect_float_eq(state[0], v, 1e-6);
	cr_expect_float_eq(state[1], a, 1e-6);
	cr_expect_float_eq(state[2], m, 1e-6);
}

Test(optimizer, epsilon_goes_beside_the_root_on_request)
{
	baton_optimizer spec = baton_rmsprop(1);
	struct baton_rule rule;
	float w = 0, g = 2, v = 0;

	spec.rho = 0.75;
	spec.epsilon = 0.5;
	spec.epsilon_outside = true;
	rule = rule_of(spec);
	rule.ops->update(&rule, 1, &w, &g, &v, 1);
	cr_expect_float_eq(w, -2 / (1 + 0.5), 1e-6);
}

Test(optimizer, adam_corrects_for_moments_that_start_at_0)
{
	baton_optimizer spec = baton_adam(0.125);
	double m = 0, v = 0, w = 1;
	float state[2] = {0, 0};

	spec.beta_1 = 0.75;
	spec.beta_2 = 0.875;
	spec.epsilon = 0.25;
	for (int i = 0; i < STEPS; i++) {
		double g = (double)slopes[i];

		m = 0.75 * m + 0.25 * g;
		v = 0.875 * v + 0.125 * g * g;
		w -= 0.125 * sqrt(1 - pow(0.875, i + 1)) / (1 - pow(0.75, i + 1)) * m /
		     (sqrt(v) + 0.25);
	}
	cr_expect_eq(rule_of(spec).n_slots, 2);
	expect_after_steps(spec, state, w);
	cr_expect_float_eq(state[0], m, 1e-6);
	cr_expect_float_eq(state[1], v, 1e-6);
}

/* Late steps, where the correction is gone: what is left is m / sqrt(v). */
Test(optimizer, adam_knows_any_step)
{
	struct baton_rule rule = rule_of(baton_adam(0));
	float w = 0, g = 1, state[2] = {1, 1};

	rule.ops->update(&rule, UINT64_MAX, &w, &g, state, 1);
	cr_expect_float_eq(w, -1e-3, 1e-9);
	w = 0;
	rule.ops->update(&rule, 1000, &w, &g, state, 1);
	cr_expect_float_eq(w, -1e-3 * sqrt(1 - pow((double)0.999f, 1000)), 1e-9);
}

Test(optimizer, a_negative_zero_is_a_zero_and_no_default)
{
	baton_optimizer spec = baton_adam(BATON_ZERO);
	struct baton_rule rule;

	spec.rho = spec.epsilon = spec.beta_1 = spec.beta_2 = BATON_ZERO;
	rule = rule_of(spec);
	cr_expect(rule.learning_rate == 0 && rule.rho == 0 && rule.epsilon == 0);
	cr_expect(rule.beta_1 == 0 && rule.one_minus_beta_1 == 1 && rule.one_minus_beta_2 == 1);
}

static void expect_refused(baton_optimizer spec, const char *text)
{
	struct baton_rule rule;
	baton_error err;

	cr_expect_eq(baton_rule_init(&rule, &spec, &err), -EINVAL);
	cr_expect_str_eq(err.text, text);
}

Test(optimizer, senseless_constants_are_refused_by_name)
{
	baton_optimizer rho = baton_rmsprop(0), epsilon = baton_rmsprop(0), kind = baton_rmsprop(0);
	baton_optimizer momentum = baton_sgd(0), beta = baton_adam(0);

	rho.rho = 1;
	epsilon.epsilon = -1;
	kind.kind = 99;
	momentum.momentum = 1.5;
	beta.beta_2 = (double)NAN;
	expect_refused(baton_rmsprop(-1),
	               "rmsprop: learning_rate -1 is not a float32 from 0 upwards");
	expect_refused(baton_sgd((double)INFINITY),
	               "sgd: learning_rate inf is not a float32 from 0 upwards");
	expect_refused(baton_adam(1e300),
	               "adam: learning_rate 1e+300 is not a float32 from 0 upwards");
	expect_refused(rho, "rmsprop: rho 1 is not from 0 to below 1");
	expect_refused(epsilon, "rmsprop: epsilon -1 is not a float32 from 0 upwards");
	expect_refused(momentum, "sgd: momentum 1.5 is above 1");
	expect_refused(beta, "adam: beta_2 nan is not from 0 to below 1");
	expect_refused(kind, "optimizer: there is no kind 99");
}

Test(optimizer, each_constant_is_looked_at)
{
	static const double bad[] = {-1, (double)NAN, (double)INFINITY};

	for (int i = 0; i < 3; i++) {
		baton_optimizer cases[5];

		for (int c = 0; c < 5; c++)
			cases[c] = c < 2 ? baton_rmsprop(0) : c < 3 ? baton_sgd(0) : baton_adam(0);
		cases[0].epsilon = cases[1].rho = cases[2].momentum = bad[i];
		cases[3].beta_1 = cases[4].beta_2 = bad[i];
		for (int c = 0; c < 5; c++) {
			struct baton_rule rule;
			baton_error err;

			cr_expect_eq(baton_rule_init(&rule, &cases[c], &err), -EINVAL, "%d, %g", c,
				     bad[i]);
		}
	}
}
