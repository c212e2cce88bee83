/* SPDX-License-Identifier: MIT */
/* BATON_GUARD: when it is on, what it says, and its limit. That it catches what it must is
 * tests/misuse/stale.c's business. */
#include "feed_source.h"
#include <baton/guard.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

static struct known endless = KNOWN_INIT;

static int open_under(const char *value, baton_pipeline **feed, baton_error *err)
{
	baton_source source = known_source(&endless);
	baton_options options = options_of(BATON_INLINE, 1, 1);

	cr_assert_eq(setenv("BATON_GUARD", value, 1), 0);
	return baton_open(feed, &source, &options, err);
}

Unit(guard, refuses_a_value_that_is_neither_0_nor_1)
{
	static const char *const values[] = {"2", "yes", " 1", "10",
	                                     "a value of more than 20 bytes"};
	baton_pipeline *feed;
	baton_error err;

	for (size_t i = 0; i < LENGTH(values); i++) {
		cr_assert_eq(open_under(values[i], &feed, &err), -EINVAL);
		cr_assert_null(feed);
		cr_assert_not_null(strstr(err.text, "BATON_GUARD is \""), "%s", err.text);
		cr_assert_not_null(strstr(err.text, "1 for on"), "%s", err.text);
	}
}

Unit(guard, is_off_when_empty_or_0)
{
	baton_pipeline *feed;
	baton_error err;

	cr_assert_eq(open_under("", &feed, &err), BATON_OK);
	close_feed(feed);
	cr_assert_eq(open_under("0", &feed, &err), BATON_OK);
	close_feed(feed);
}

Unit(guard, explains_no_address_that_is_not_a_batchs)
{
	char text[64] = "untouched";
	int local = 0;

	cr_assert_not(baton_guard_explain(&local, text, sizeof(text)));
	cr_assert_str_empty(text);
	cr_assert_not(baton_guard_explain(NULL, text, sizeof(text)));
	cr_assert_not(baton_guard_explain(&local, NULL, 0));
}

#ifdef TSAN

Unit(guard, is_refused_where_tsan_would_be_blind)
{
	baton_pipeline *feed;
	baton_error err;

	cr_assert_eq(open_under("1", &feed, &err), -ENOTSUP);
	cr_assert_not_null(strstr(err.text, "ThreadSanitizer"), "%s", err.text);
}

#else

Unit(guard, gives_the_same_batches_at_new_addresses_until_32_trips_are_over)
{
	const void *first = NULL;
	baton_pipeline *feed;
	baton_error err;

	cr_assert_eq(open_under("1", &feed, &err), BATON_OK, "%s", err.text);
	for (uint64_t k = 0; k <= 64; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k));
		if (k == 0)
			first = baton_data(&b, 0);
		cr_assert_eq(baton_data(&b, 0) == first, k % 32 == 0, "batch %" PRIu64, k);
		give(feed, &b);
	}
	close_feed(feed);
}

Unit(guard, explains_and_cuts)
{
	baton_pipeline *feed;
	char text[200], cut[20];
	baton_error err;
	const char *x;
	baton_batch b;

	cr_assert_eq(open_under("1", &feed, &err), BATON_OK, "%s", err.text);
	b = take(feed);
	x = baton_data(&b, 0);
	cr_assert(baton_guard_explain(x + 59, text, sizeof(text)));
	cr_assert_not_null(
		strstr(text, " is in field 0 \"x\" of batch 0, as the trainer (thread "));
	cr_assert_not_null(strstr(text, " read it; now batch 0 is held by the trainer (thread "));
	cr_assert(baton_guard_explain(x + 60, text, sizeof(text)));
	cr_assert_not_null(strstr(text, " is behind the end of field 0 \"x\" of "), "%s", text);
	cr_assert(baton_guard_explain(x + 60, cut, sizeof(cut)));
	cr_assert_eq(strlen(cut), sizeof(cut) - 1);
	cr_assert_eq(strncmp(cut, text, sizeof(cut) - 1), 0);
	cr_assert(baton_guard_explain(x + 4096 * 20, text, sizeof(text)));
	cr_assert_not_null(strstr(text, "that nobody has had yet"), "%s", text);
	give(feed, &b);
	close_feed(feed);
}

#endif
