/* SPDX-License-Identifier: MIT */
#include "train/loss.h"
#include "train/reduce.h"
#include <criterion/criterion.h>
#include <math.h>

Test(loss, mse_is_the_mean_over_values_then_rows)
{
	/* two columns of 16 lanes, 3 rows */
	float prediction[32] = {1, 2, 3, [16] = 4, 5, 6}, target[32] = {0}, gradient[32];

	cr_expect_float_eq(baton_loss_mse.gradient(prediction, target, 3, 2, gradient),
			   (1 + 16 + 4 + 25 + 9 + 36) / 2.0 / 3, 1e-5);
}

Test(loss, mse_gradient_is_twice_the_difference_over_their_number)
{
	float prediction[16] = {1, 2, 3, 4}, target[16] = {0, 0, 5, 0}, gradient[16];

	baton_loss_mse.gradient(prediction, target, 4, 1, gradient);
	cr_expect(gradient[0] == 0.5f && gradient[1] == 1 && gradient[2] == -1 && gradient[3] == 2);
}

Test(loss, lanes_past_the_last_row_do_not_count)
{
	float prediction[32], target[32] = {0}, gradient[32];

	for (size_t i = 0; i < 32; i++)
		prediction[i] = i % 16 < 5 ? 1 : NAN;
	cr_expect_eq(baton_loss_mse.gradient(prediction, target, 5, 2, gradient), 1);
	for (size_t i = 0; i < 32; i++)
		cr_expect_eq(gradient[i], i % 16 < 5 ? 0.2f : 0);
}

Test(loss, mse_of_a_nan_is_a_nan)
{
	float prediction[16] = {NAN, 1}, target[16] = {0}, gradient[16];

	cr_expect(isnan(baton_loss_mse.gradient(prediction, target, 2, 1, gradient)));
}

static bool accepts(struct baton_shape prediction, struct baton_shape target, bool *expanded)
{
	return baton_loss_accepts(&prediction, &target, expanded);
}

Test(loss, accepts_equal_shapes_and_nothing_else_but_one_rule)
{
	const struct baton_shape none = {0, {0}}, one = {1, {1}}, two = {1, {2}},
				 square = {2, {1, 1}};
	bool expanded;

	cr_expect(accepts(one, one, &expanded) && !expanded);
	cr_expect(accepts(two, two, &expanded) && !expanded);
	cr_expect(accepts(none, none, &expanded) && !expanded);
	cr_expect(accepts(one, none, &expanded) && expanded);
	cr_expect_not(accepts(none, one, &expanded));
	cr_expect_not(accepts(two, none, &expanded));
	cr_expect_not(accepts(two, one, &expanded));
	cr_expect_not(accepts(one, two, &expanded));
	cr_expect_not(accepts(square, none, &expanded));
	cr_expect_not(accepts(square, one, &expanded));
}
