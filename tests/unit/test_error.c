/* SPDX-License-Identifier: MIT */
#include "error.h"
#include <baton/error.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

static const int named[] = {
        BATON_OK,           BATON_END,           BATON_CANCELED,       BATON_TIMEOUT,
        BATON_ERR_SHAPE,    BATON_ERR_NAN,       BATON_MISUSE_NULL,    BATON_MISUSE_EMPTY,
        BATON_MISUSE_STALE, BATON_MISUSE_FOREIGN, BATON_MISUSE_OCCUPIED, BATON_MISUSE_HELD,
        BATON_MISUSE_LENT,  BATON_MISUSE_FILLED, BATON_MISUSE_DETACHED, -EINVAL,
        -ENOMEM,            -EAGAIN,             -EIO,
};
enum { N_NAMED = sizeof(named) / sizeof(named[0]) };

Test(error, every_code_has_a_text_of_its_own)
{
	for (int i = 0; i < N_NAMED; i++)
		for (int j = 0; j < i; j++)
			cr_assert_str_neq(baton_strerror(named[i]), baton_strerror(named[j]),
			                  "%d and %d", named[i], named[j]);
}

Test(error, every_text_is_one_line_that_fits_a_baton_error)
{
	for (int i = 0; i < N_NAMED; i++) {
		const char *text = baton_strerror(named[i]);

		cr_assert_neq(text[0], '\0', "%d", named[i]);
		cr_assert_null(strchr(text, '\n'), "%d", named[i]);
		cr_assert_lt(strlen(text), sizeof(((baton_error *)0)->text), "%d", named[i]);
	}
}

Test(error, a_named_code_is_not_called_unknown)
{
	for (int i = 0; i < N_NAMED; i++) {
		cr_assert_str_neq(baton_strerror(named[i]), baton_strerror(INT_MAX), "%d", named[i]);
		cr_assert_str_neq(baton_strerror(named[i]), baton_strerror(-ENOTTY), "%d", named[i]);
	}
}

Test(error, an_unknown_code_has_a_text_too)
{
	static const int unknown[] = {4, 77, INT_MAX, -4096, -5000, -5010, -5100, -5103, INT_MIN};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		cr_assert_str_eq(baton_strerror(unknown[i]), "unknown code", "%d", unknown[i]);
}

Test(error, an_errno_without_a_text_of_its_own_has_the_systems)
{
	cr_assert_str_eq(baton_strerror(-ENOENT), "No such file or directory");
	cr_assert_str_eq(baton_strerror(-EPIPE), "Broken pipe");
	cr_assert_str_eq(baton_strerror(-4095), "system error");
}

Test(error, what_is_lent_may_be_a_snapshot)
{
	cr_assert_not_null(strstr(baton_strerror(BATON_MISUSE_LENT), "snapshots"));
	cr_assert_not_null(strstr(baton_strerror(BATON_MISUSE_LENT), "batches"));
}

Test(error, misuse_is_exactly_the_nine_misuse_codes)
{
	int n = 0;

	for (int code = -6000; code <= 6000; code++)
		n += baton_is_misuse(code) != 0;
	cr_assert_eq(n, 9);
	for (int code = BATON_MISUSE_NULL; code >= BATON_MISUSE_DETACHED; code--)
		cr_assert(baton_is_misuse(code), "%d", code);
	cr_assert_not(baton_is_misuse(INT_MIN));
	cr_assert_not(baton_is_misuse(BATON_ERR_SHAPE));
}

Test(error, a_text_that_is_too_long_is_cut)
{
	baton_error err;
	char text[400];

	memset(&err, 'z', sizeof(err));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(baton_error_set(&err, -EIO, "%s", text), -EIO);
	cr_assert_eq(err.code, -EIO);
	cr_assert_eq(err.batch, 0);
	cr_assert_eq(strlen(err.text), sizeof(err.text) - 1);
}

Test(error, nobody_has_to_want_the_text)
{
	cr_assert_eq(baton_error_set(NULL, -EIO, "%d", 3), -EIO);
}

Test(error, whatever_breaks_a_line_becomes_a_space)
{
	char text[] = "\tframe 17:\r\nbad\x1bheader \xc3\xa9\x7f";

	baton_error_one_line(text);
	cr_assert_str_eq(text, " frame 17:  bad header \xc3\xa9\x7f");
}

Test(error, a_name_with_a_line_break_forges_no_second_line)
{
	baton_error err;

	baton_error_set(&err, -EIO, "%.60s: can't be opened", "/tmp/a\nbaton: all is well\x1b[2K");
	cr_assert_str_eq(err.text, "/tmp/a baton: all is well [2K: can't be opened");
}
