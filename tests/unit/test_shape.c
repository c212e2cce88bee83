/* SPDX-License-Identifier: MIT */
#include "train/shape.h"
#include <criterion/criterion.h>

Test(shape, a_row_without_axis_is_not_a_row_of_one)
{
	const baton_field scalar = {"y", BATON_F32, 0, {0}}, one = {"y", BATON_F32, 1, {1}};
	struct baton_shape a = baton_shape_of(&scalar), b = baton_shape_of(&one);

	cr_expect_not(baton_shape_equal(&a, &b));
	cr_expect(baton_shape_equal(&a, &a));
	cr_expect(baton_shape_equal(&b, &b));
}

Test(shape, every_axis_counts)
{
	const baton_field image = {"x", BATON_U8, 2, {28, 28}}, wide = {"x", BATON_U8, 2, {28, 29}};
	struct baton_shape a = baton_shape_of(&image), b = baton_shape_of(&wide);

	cr_expect_not(baton_shape_equal(&a, &b));
	cr_expect_eq(baton_shape_volume(&a), 784);
	cr_expect_eq(baton_shape_volume(&b), 812);
}

Test(shape, volume_of_no_axis_is_one)
{
	struct baton_shape scalar = {0, {0}};

	cr_expect_eq(baton_shape_volume(&scalar), 1);
}

Test(shape, is_printed_with_its_row_axis_first)
{
	char text[BATON_SHAPE_TEXT];
	struct baton_shape image = {2, {28, 28}}, scalar = {0, {0}};

	cr_expect_str_eq(baton_shape_print(text, &image, 64), "[64, 28, 28]");
	cr_expect_str_eq(baton_shape_print(text, &scalar, 64), "[64]");
}

Test(shape, the_largest_shape_fits_its_text)
{
	char text[BATON_SHAPE_TEXT];
	struct baton_shape huge = {BATON_MAX_RANK,
				   {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX}};

	baton_shape_print(text, &huge, SIZE_MAX);
	cr_expect_eq(text[strlen(text) - 1], ']');
}
