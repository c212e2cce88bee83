/* SPDX-License-Identifier: MIT */
#include <baton/bar.h>
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const char *bar(uint64_t step, uint64_t steps, double seconds, double loss, size_t columns)
{
	static char line[256];
	baton_bar b = {sizeof(b), step, steps, (uint64_t)(seconds * 1e9), loss, columns, 0, false};

	cr_assert_eq(baton_bar_format(line, sizeof(line), &b), strlen(line));
	return line;
}

Test(bar, is_what_keras_2_prints)
{
	cr_assert_str_eq(bar(1, 1000, 0.0015, 5000, 0),
	                 "   1/1000 [..............................] - ETA: 1s - loss: 5000.0000");
	cr_assert_str_eq(bar(500, 1000, 1, 1072, 0),
	                 " 500/1000 [==============>...............] - ETA: 1s - loss: 1072.0000");
	cr_assert_str_eq(
		bar(1000, 1000, 2, 985.9, 0),
		"1000/1000 [==============================] - 2s 2ms/step - loss: 985.9000");
}

Test(bar, says_a_small_loss_with_an_exponent)
{
	cr_assert_str_eq(bar(5, 5, 0, 0, 0),
	                 "5/5 [==============================] - 0s 0ns/step - loss: 0.0000e+00");
	cr_assert(strstr(bar(5, 5, 1, 0.001, 0), "loss: 1.0000e-03"));
	cr_assert(strstr(bar(5, 5, 1, 0.0029, 0), "loss: 0.0029"));
	cr_assert(strstr(bar(5, 5, 1, (double)NAN, 0), "loss: nan"));
}

Test(bar, counts_time_in_the_unit_that_fits)
{
	cr_assert(strstr(bar(2, 2, 4, 1, 0), " - 4s 2s/step"));
	cr_assert(strstr(bar(1000, 1000, 0.5, 1, 0), " - 0s 500us/step"));
	cr_assert(strstr(bar(1000, 1000, 92e-6, 1, 0), " - 0s 92ns/step"));
	cr_assert(strstr(bar(1, 101, 1, 1, 0), "ETA: 1:40"));
	cr_assert(strstr(bar(1, 4001, 1, 1, 0), "ETA: 1:06:40"));
}

Test(bar, shows_the_validation_if_there_was_one)
{
	baton_bar b = {sizeof(b), 5, 5, 0, 1, 0, 2.5, true};
	char line[256];

	baton_bar_format(line, sizeof(line), &b);
	cr_assert(strstr(line, " - loss: 1.0000 - val_loss: 2.5000"), "%s", line);
}

Test(bar, holds_the_largest_numbers)
{
	baton_bar b = {sizeof(b), UINT64_MAX, UINT64_MAX, UINT64_MAX, -DBL_MAX, 0, -DBL_MAX, true};
	char line[2048];

	cr_assert_gt(baton_bar_format(line, sizeof(line), &b), 2 * 310);
	cr_assert(strstr(line, ".0000 - val_loss: -1797"), "%s", line);
}

Test(bar, does_without_a_known_length)
{
	cr_assert_str_eq(bar(7, 0, 7, 1, 0), "      7/Unknown - 7s 1s/step - loss: 1.0000");
}

Test(bar, shrinks_to_the_terminal)
{
	cr_assert_str_eq(bar(500, 1000, 1, 1072, 60),
	                 " 500/1000 [=========>..........] - ETA: 1s - loss: 1072.0000");
	cr_assert_str_eq(bar(500, 1000, 1, 1072, 38), " 500/1000 - ETA: 1s - loss: 1072.0000");
	cr_assert_str_eq(bar(500, 1000, 1, 1072, 34), " 500/1000 [=>..] - loss: 1072.0000");
	for (size_t columns = 1; columns < 100; columns++)
		for (uint64_t step = 0; step <= 1000; step += 250)
			cr_assert_leq(strlen(bar(step, 1000, 1, 1072, columns)), columns);
}

Test(bar, is_cut_to_the_buffer)
{
	baton_bar b = {sizeof(b), 500, 1000, 1000000000, 1072, 0, 0, false};
	char line[256], small[10];

	baton_bar_format(line, sizeof(line), &b);
	cr_assert_eq(baton_bar_format(small, sizeof(small), &b), 9);
	cr_assert(strncmp(small, line, 9) == 0 && small[9] == '\0');
	cr_assert_eq(baton_bar_format(small, 0, &b), 0);
}

Test(bar, an_eta_beyond_every_clock_is_a_number_all_the_same)
{
	cr_assert(strstr(bar(1, UINT64_MAX, 1e10, 1, 0), " - ETA: 277777777777:46:40"));
}

Test(bar, is_cut_to_the_buffer_if_the_terminal_is_wider)
{
	baton_bar b = {sizeof(b), 500, 1000, 1000000000, 1072, 20, 0, false};
	char line[10];

	cr_assert_eq(baton_bar_format(line, sizeof(line), &b), 9);
	cr_assert_str_eq(line, " 500/1000");
}
