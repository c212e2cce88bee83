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

	rule.ops->update(&rule, &w, &g, &v, 1);
	cr_expect_float_eq(v, 0.9 * 3 + 0.1 * 4, 1e-6);
	cr_expect_float_eq(w, 1 - 0.5 * 2 / sqrt(3.1), 1e-6);
}

/* A gradient as small as the root of epsilon: inside it 1 / sqrt(1.1), outside 3.16. */
Test(optimizer, rmsprop_puts_epsilon_under_the_root)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1));
	float w = 0, g = 3.1622776e-4f, v = 0;

	rule.ops->update(&rule, &w, &g, &v, 1);
	cr_expect_float_eq(w, -3.1622776e-4 / sqrt(1.1e-7), 1e-5);
	cr_expect_gt(fabs((double)w + 3.1622776e-4 / (sqrt(1e-8) + 1e-7)), 1);
}

Test(optimizer, a_weight_without_gradient_stays)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1));
	float w = 42, g = 0, v = 0;

	rule.ops->update(&rule, &w, &g, &v, 1);
	cr_expect(w == 42 && v == 0);
}

Test(optimizer, each_weight_has_its_own_state)
{
	struct baton_rule rule = rule_of(baton_rmsprop(1e-3));
	float w[37] = {0}, g[37], v[37] = {0};

	for (int i = 0; i < 37; i++)
		g[i] = (float)(i - 18);
	rule.ops->update(&rule, w, g, v, 37);
	for (int i = 0; i < 37; i++) {
		cr_assert_float_eq(v[i], 0.1f * g[i] * g[i], 1e-4);
		cr_assert_eq(signbit(w[i]) != 0, g[i] > 0);
	}
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

	rho.rho = 1;
	epsilon.epsilon = -1;
	kind.kind = 99;
	expect_refused(baton_rmsprop(-1), "rmsprop: learning_rate -1 is not above 0");
	expect_refused(rho, "rmsprop: rho 1 is not between 0 and 1");
	expect_refused(epsilon, "rmsprop: epsilon -1 is not above 0");
	expect_refused(kind, "optimizer: there is no kind 99");
}
