/* SPDX-License-Identifier: MIT */
#include "train/loss.h"
#include "train/reduce.h"
#include <criterion/criterion.h>
#include <math.h>

static float mse(const float *prediction, const float *target, const float *weight, size_t rows,
		 size_t units, float *gradient)
{
	const struct baton_pass pass = baton_pass_of(rows, false, NULL);

	return baton_loss_mse.gradient(&pass, prediction, target, weight, units, gradient);
}

static float mae(const float *prediction, const float *target, const float *weight, size_t rows,
		 size_t units, float *gradient)
{
	const struct baton_pass pass = baton_pass_of(rows, false, NULL);

	return baton_loss_mae.gradient(&pass, prediction, target, weight, units, gradient);
}

Test(loss, mse_is_the_mean_over_values_then_rows)
{
	/* two columns of 16 lanes, 3 rows */
	float prediction[32] = {1, 2, 3, [16] = 4, 5, 6}, target[32] = {0}, gradient[32];

	cr_expect_float_eq(mse(prediction, target, NULL, 3, 2, gradient),
			   (1 + 16 + 4 + 25 + 9 + 36) / 2.0 / 3, 1e-5);
}

Test(loss, mse_gradient_is_twice_the_difference_over_their_number)
{
	float prediction[16] = {1, 2, 3, 4}, target[16] = {0, 0, 5, 0}, gradient[16];

	mse(prediction, target, NULL, 4, 1, gradient);
	cr_expect(gradient[0] == 0.5f && gradient[1] == 1 && gradient[2] == -1 && gradient[3] == 2);
}

Test(loss, lanes_past_the_last_row_do_not_count)
{
	float prediction[32], target[32] = {0}, gradient[32];

	for (size_t i = 0; i < 32; i++)
		prediction[i] = i % 16 < 5 ? 1 : NAN;
	cr_expect_eq(mse(prediction, target, NULL, 5, 2, gradient), 1);
	for (size_t i = 0; i < 32; i++)
		cr_expect_eq(gradient[i], i % 16 < 5 ? 0.2f : 0);
}

Test(loss, mse_of_a_nan_is_a_nan)
{
	float prediction[16] = {NAN, 1}, target[16] = {0}, gradient[16];

	cr_expect(isnan(mse(prediction, target, NULL, 2, 1, gradient)));
}

Test(loss, mae_is_the_mean_of_absolute_differences_and_its_slope_a_sign)
{
	/* two columns of 16 lanes, 3 rows */
	float prediction[32] = {1, 2, 0, [16] = 4, 5, -6}, target[32] = {2, 0}, gradient[32];
	const float unit = 1.0f / 6;

	cr_expect_float_eq(mae(prediction, target, NULL, 3, 2, gradient),
			   (1 + 4 + 2 + 5 + 0 + 6) / 6.0, 1e-6);
	cr_expect(gradient[0] == -unit && gradient[1] == unit && gradient[2] == 0);
	cr_expect(gradient[16] == unit && gradient[17] == unit && gradient[18] == -unit);
	cr_expect(gradient[3] == 0 && gradient[19] == 0);
}

Test(loss, mae_of_a_nan_is_a_nan_and_so_is_its_slope)
{
	float prediction[16] = {NAN, 1}, target[16] = {0}, gradient[16];

	cr_expect(isnan(mae(prediction, target, NULL, 2, 1, gradient)));
	cr_expect(isnan(gradient[0]) && gradient[1] == 0.5f);
}

Test(loss, weights_count_rows_more_or_less_and_do_not_change_their_number)
{
	float prediction[32] = {1, 2, [16] = 3, 4}, target[32] = {0}, gradient[32];
	const float weight[16] = {2, 0.5f};

	cr_expect_eq(mse(prediction, target, weight, 2, 2, gradient),
		     (2 * (1 + 9) / 2.0f + 0.5f * (4 + 16) / 2) / 2);
	cr_expect(gradient[0] == 1 && gradient[16] == 3 && gradient[1] == 0.5f && gradient[17] == 1);
	cr_expect_eq(mae(prediction, target, weight, 2, 2, gradient),
		     (2 * (1 + 3) / 2.0f + 0.5f * (2 + 4) / 2) / 2);
	cr_expect(gradient[0] == 0.5f && gradient[1] == 0.125f);
}

Test(loss, weights_of_one_change_nothing)
{
	float prediction[112], target[112], weight[112], a[112], b[112];

	for (size_t i = 0; i < 112; i++) {
		prediction[i] = (float)(i % 13) / 7;
		target[i] = (float)(i % 5) / 3;
		weight[i] = 1;
	}
	cr_expect_eq(mse(prediction, target, NULL, 100, 1, a),
		     mse(prediction, target, weight, 100, 1, b));
	cr_expect_arr_eq(a, b, sizeof(a));
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
