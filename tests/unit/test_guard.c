/* SPDX-License-Identifier: MIT */
/* BATON_GUARD: when it is on, what it says, and its limit. That it catches what it must is
 * tests/misuse/stale.c's business. */
#include "feed.h"
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

static int fill_nothing(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state, (void)b, (void)rng;
	return BATON_OK;
}

static void explain(const void *address, char text[200])
{
	cr_assert(baton_guard_explain(address, text, 200));
}

Unit(guard, explains_batches_at_every_stage)
{
	baton_source source = known_source(&endless);
	baton_options options = options_of(BATON_INLINE, 2, 2);
	baton_pipeline *feed;
	char text[200];
	const char *one;
	baton_batch b[2];

	cr_assert_eq(setenv("BATON_GUARD", "1", 1), 0);
	feed = open_with(&source, &options);
	b[0] = take(feed);
	one = (const char *)baton_data(&b[0], 0) +
	      baton_ring_slot(&feed->ring, 0)->block->layout->stride;
	explain(one, text);
	cr_assert_not_null(strstr(text, "now batch 1 is taken, not handed out yet, by the trainer"),
	                   "%s", text);
	b[1] = take(feed);
	cr_assert_eq(baton_data(&b[1], 0), one);
	explain(one, text);
	cr_assert_not_null(strstr(text, "now batch 1 is held by the trainer"), "%s", text);
	cr_assert_eq(baton_detach(feed, &b[0]), BATON_OK);
	explain(baton_data(&b[0], 0), text);
	cr_assert_not_null(strstr(text, "now batch 0 is detached, read only"), "%s", text);
	give(feed, &b[1]);
	explain(one, text);
	cr_assert_not_null(strstr(text, "now batch 1 was released by the trainer"), "%s", text);
	cr_assert_eq(baton_free(&b[0]), BATON_OK);
	close_feed(feed);
}

/* Each but the first differs from it in one thing alone. A dead window is taken again after
 * 64 more deaths at the latest: 200 of each kind mix them well. */
Unit(guard, a_closed_pipelines_addresses_are_used_again_for_the_same_fields_only)
{
	static const struct {
		baton_field fields[2];
		size_t n;
		uint32_t block_batches;
	} kinds[] = {
		{{{"a", BATON_U8, 1, {64}}, {"b", BATON_U8, 1, {64}}}, 2, 1},
		{{{"a", BATON_U8, 1, {64}}, {"b", BATON_U8, 1, {64}}}, 2, 2},
		{{{"a", BATON_U8, 1, {64}}, {"b", BATON_U8, 1, {9000}}}, 2, 1},
		{{{"a", BATON_U8, 1, {64}}}, 1, 1},
		{{{"a", BATON_U8, 1, {100}}, {"b", BATON_U8, 1, {64}}}, 2, 1},
		{{{"a", BATON_U8, 1, {63}}, {"b", BATON_U8, 1, {64}}}, 2, 1},
		{{{"a", BATON_U8, 1, {64}}, {"c", BATON_U8, 1, {64}}}, 2, 1},
	};

	cr_assert_eq(setenv("BATON_GUARD", "1", 1), 0);
	for (int lap = 0; lap < 200; lap++)
		for (size_t i = 0; i < LENGTH(kinds); i++) {
			size_t last = kinds[i].n - 1;
			baton_source source = known_source(NULL);
			baton_options options = options_of(BATON_INLINE, kinds[i].block_batches, 1);
			baton_pipeline *feed;
			char text[200], field[32];
			const char *end;
			baton_batch b;

			source.fields = kinds[i].fields;
			source.n_fields = kinds[i].n;
			source.rows = 1;
			source.fill = fill_nothing;
			feed = open_with(&source, &options);
			b = take(feed);
			end = (const char *)baton_data(&b, last) + kinds[i].fields[last].shape[0];
			snprintf(field, sizeof(field), " in field %zu \"%s\" of", last,
			         kinds[i].fields[last].name);
			explain(end - 1, text);
			cr_assert_not_null(strstr(text, field), "kind %zu: %s", i, text);
			explain(end, text);
			cr_assert_not_null(strstr(text, " behind the end of field "),
			                   "kind %zu: %s", i, text);
			give(feed, &b);
			close_feed(feed);
		}
}

#endif
