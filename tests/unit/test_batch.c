/* SPDX-License-Identifier: MIT */
#include "feed_source.h"
#include <stdint.h>

static struct known state = KNOWN_INIT;

/* Filled inside next: nothing moves unless the test calls. */
static baton_pipeline *open_inline(uint32_t block_batches, uint32_t blocks)
{
	baton_source source = known_source(&state);

	return open_feed(&source, BATON_INLINE, block_batches, blocks);
}

static baton_pipeline *open_own(uint32_t blocks)
{
	baton_source source = own_source();

	return open_feed(&source, 0, 0, blocks);
}

BATON_NO_ANALYSIS static void assert_unreadable(const baton_batch *b)
{
	cr_assert_null(baton_data(b, 0));
	cr_assert_null(baton_f32(b, 0));
	cr_assert_eq(baton_rows(b), 0);
	cr_assert_eq(baton_k(b), 0);
}

static void assert_dead(baton_writable *w)
{
	cr_assert_null(baton_writable_data(w, 0));
	cr_assert_null(baton_writable_f32(w, 0));
	cr_assert_eq(baton_writable_rows(w), 0);
	cr_assert_eq(baton_writable_k(w), 0);
	cr_assert_eq(baton_set_rows(w, 1), BATON_MISUSE_STALE);
}

/* --- reading ------------------------------------------------------------------------ */

Unit(batch, an_empty_handle_reads_as_nothing)
{
	baton_batch b = BATON_BATCH_INIT;

	assert_unreadable(&b);
	assert_unreadable(NULL);
}

Unit(batch, a_stale_copy_reads_as_nothing)
{
	baton_pipeline *feed = open_inline(1, 2);
	baton_batch b, copy;

	b = take(feed);
	give(feed, &b); /* so that k below is not 0 */
	b = copy = take(feed);
	cr_assert_eq(baton_k(&copy), 1);
	give(feed, &b);
	assert_unreadable(&b);
	assert_unreadable(&copy); /* its slot is free */
	b = take(feed);
	give(feed, &b);
	b = take(feed);
	cr_assert_eq(baton_k(&b), 3);
	assert_unreadable(&copy); /* its slot is held again, for batch 3 */
	give(feed, &b);
	close_feed(feed);
}

/* Slots hold a block, not a batch: the turn alone does not tell. */
Unit(batch, a_stale_copy_reads_as_nothing_while_the_rest_of_its_block_is_held)
{
	baton_pipeline *feed = open_inline(4, 2);
	baton_batch b, copy, next;

	b = take(feed);
	give(feed, &b);
	b = copy = take(feed);
	next = take(feed);
	give(feed, &b);
	assert_unreadable(&copy);
	cr_assert(is_known(&next, 42, 2));
	give(feed, &next);
	close_feed(feed);
}

Unit(batch, a_copy_of_a_held_handle_reads_the_same_batch)
{
	baton_pipeline *feed = open_inline(4, 2);
	baton_batch b = take(feed), copy = b;

	cr_assert_eq(baton_data(&copy, 0), baton_data(&b, 0));
	give(feed, &b);
	close_feed(feed);
}

Unit(batch, a_field_out_of_range_reads_as_nothing)
{
	baton_pipeline *feed = open_inline(1, 2);
	baton_batch b = take(feed);

	cr_assert_not_null(baton_data(&b, 1));
	cr_assert_null(baton_data(&b, 2));
	cr_assert_null(baton_data(&b, SIZE_MAX));
	cr_assert_null(baton_f32(&b, 2));
	give(feed, &b);
	close_feed(feed);
}

Unit(batch, a_field_of_another_dtype_is_not_f32)
{
	baton_pipeline *feed = open_inline(1, 2);
	baton_batch b = take(feed);

	cr_assert_not_null(baton_f32(&b, 0));
	cr_assert_eq(baton_f32(&b, 0), baton_data(&b, 0));
	cr_assert_null(baton_f32(&b, 1));
	give(feed, &b);
	close_feed(feed);
}

Unit(batch, every_field_of_every_batch_is_aligned_to_64_bytes)
{
	static const uint32_t ms[] = {1, 3, 4};

	for (size_t i = 0; i < LENGTH(ms); i++) {
		baton_pipeline *feed = open_inline(ms[i], 2);

		for (uint64_t k = 0; k < 8; k++) {
			baton_batch b = take(feed);

			for (size_t f = 0; f < 2; f++)
				cr_assert_eq((uintptr_t)baton_data(&b, f) % 64, 0);
			give(feed, &b);
		}
		close_feed(feed);
	}
}

Unit(batch, batches_of_a_block_do_not_overlap)
{
	baton_pipeline *feed = open_inline(4, 1);
	baton_batch b[4];

	for (int i = 0; i < 4; i++)
		b[i] = take(feed);
	for (uint64_t i = 0; i < 4; i++)
		cr_assert(is_known(&b[i], 42, i));
	for (int i = 0; i < 4; i++)
		give(feed, &b[i]);
	close_feed(feed);
}

/* --- writing ------------------------------------------------------------------------ */

Unit(batch, a_claim_is_written_with_the_pipelines_fields)
{
	baton_pipeline *feed = open_own(2);
	baton_claim c = begin(feed);
	baton_writable *w = baton_claimed(&c);

	cr_assert_not_null(baton_writable_f32(w, 0));
	cr_assert_eq(baton_writable_f32(w, 0), baton_writable_data(w, 0));
	cr_assert_null(baton_writable_f32(w, 1)); /* not float32 */
	cr_assert_not_null(baton_writable_data(w, 1));
	cr_assert_null(baton_writable_data(w, 2));
	cr_assert_null(baton_writable_f32(w, 2));
	cr_assert_eq((uintptr_t)baton_writable_data(w, 1) % 64, 0);
	cr_assert_eq(baton_writable_rows(w), KNOWN_ROWS);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	close_feed(feed);
}

Unit(batch, an_empty_writable_is_nothing)
{
	baton_writable empty = {0, 0, 0, 0};

	assert_dead(&empty);
	cr_assert_null(baton_writable_data(NULL, 0));
	cr_assert_null(baton_writable_f32(NULL, 0));
	cr_assert_eq(baton_writable_rows(NULL), 0);
	cr_assert_eq(baton_writable_k(NULL), 0);
	cr_assert_eq(baton_set_rows(NULL, 1), BATON_MISUSE_NULL);
}

Unit(batch, rows_outside_1_to_the_most_are_refused_and_change_nothing)
{
	baton_pipeline *feed = open_own(2);
	baton_claim c = begin(feed);
	baton_batch b;

	cr_assert_eq(baton_set_rows(baton_claimed(&c), 2), BATON_OK);
	cr_assert_eq(baton_set_rows(baton_claimed(&c), 0), -EINVAL);
	cr_assert_eq(baton_set_rows(baton_claimed(&c), KNOWN_ROWS + 1), -EINVAL);
	cr_assert_eq(baton_set_rows(baton_claimed(&c), (size_t)1 << 32 | 1), -EINVAL);
	cr_assert_eq(baton_set_rows(baton_claimed(&c), SIZE_MAX), -EINVAL);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	b = take(feed);
	cr_assert_eq(baton_rows(&b), 2);
	give(feed, &b);
	close_feed(feed);
}

Unit(batch, the_most_a_batch_can_hold_does_not_change_with_its_rows)
{
	baton_pipeline *feed = open_own(2);
	baton_claim c = begin(feed);

	cr_assert_eq(baton_set_rows(baton_claimed(&c), 1), BATON_OK);
	cr_assert_eq(baton_writable_rows(baton_claimed(&c)), KNOWN_ROWS);
	cr_assert_eq(baton_set_rows(baton_claimed(&c), KNOWN_ROWS), BATON_OK);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	close_feed(feed);
}

Unit(batch, a_batch_is_full_unless_it_says_otherwise)
{
	baton_pipeline *feed = open_own(1);

	for (int lap = 0; lap < 2; lap++) { /* nor does a short one leave its count behind */
		baton_claim c = begin(feed);
		baton_batch b;

		if (lap == 0)
			cr_assert_eq(baton_set_rows(baton_claimed(&c), 1), BATON_OK);
		cr_assert_eq(baton_submit(feed, &c), BATON_OK);
		b = take(feed);
		cr_assert_eq(baton_rows(&b), lap == 0 ? 1 : KNOWN_ROWS);
		give(feed, &b);
	}
	close_feed(feed);
}

/* --- a view kept aside -------------------------------------------------------------- */

static baton_writable kept;
static uint64_t keep_k;

static int fill_and_keep(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	if (baton_writable_k(b) == keep_k)
		kept = *b;
	known_write(b, rng);
	return BATON_OK;
}

/* A view's ticket never comes again, so there is no lap after which it would be taken
 * for alive: neither while its slot is ready, held, free or being refilled. */
static baton_writable *reviewed;

static int fill_and_look(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	if (reviewed)
		assert_dead(reviewed);
	if (baton_writable_k(b) == keep_k) {
		kept = *b;
		cr_assert_not_null(baton_writable_data(&kept, 0)); /* a copy, alive as long */
	}
	known_write(b, rng);
	return BATON_OK;
}

Unit(batch, a_view_kept_after_its_fill_is_dead_for_good)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;

	keep_k = 1;
	source.fill = fill_and_look;
	feed = open_feed(&source, BATON_INLINE, 1, 2);
	for (uint64_t k = 0; k < 8; k++) {
		baton_batch b = take(feed);

		if (k >= 1)
			reviewed = &kept;
		if (k >= 1)
			assert_dead(&kept); /* its slot: held, later free or refilled */
		give(feed, &b);
		if (k >= 1)
			assert_dead(&kept); /* free, unclaimed */
	}
	close_feed(feed);
}

Unit(batch, a_view_is_dead_while_its_slot_is_ready_and_nobody_took_it)
{
	baton_pipeline *feed = open_own(2);
	baton_claim c = begin(feed);
	baton_writable w = *baton_claimed(&c);

	cr_assert_not_null(baton_writable_data(&w, 0));
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	assert_dead(&w);
	close_feed(feed);
}

Unit(batch, a_view_is_dead_while_its_slot_is_claimed_again)
{
	baton_pipeline *feed = open_own(1);
	baton_claim c = begin(feed), again;
	baton_writable w = *baton_claimed(&c);
	baton_batch b;

	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	b = take(feed);
	give(feed, &b);
	again = begin(feed);
	assert_dead(&w);
	cr_assert_not_null(baton_writable_data(baton_claimed(&again), 0));
	cr_assert_eq(baton_submit(feed, &again), BATON_OK);
	close_feed(feed);
}

/* In a block the turn stays where it is from batch to batch. */
Unit(batch, a_view_is_dead_while_the_next_batch_of_its_block_is_filled)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;
	baton_batch b;

	keep_k = 0;
	source.fill = fill_and_keep;
	feed = open_feed(&source, BATON_INLINE, 4, 2);
	b = take(feed);
	assert_dead(&kept);
	give(feed, &b);
	close_feed(feed);
}

static int fill_and_look_back(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	if (baton_writable_k(b) > 0)
		assert_dead(&kept);
	kept = *b;
	known_write(b, rng);
	return BATON_OK;
}

Unit(batch, each_fill_finds_the_view_of_the_batch_before_dead)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;

	source.fill = fill_and_look_back;
	feed = open_feed(&source, BATON_INLINE, 4, 2);
	for (uint64_t k = 0; k < 20; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	close_feed(feed);
}

/* --- failing ------------------------------------------------------------------------ */

Unit(batch, fail_never_returns_a_success)
{
	baton_pipeline *feed = open_own(2);
	baton_claim c = begin(feed);

	cr_assert_eq(baton_fail(baton_claimed(&c), -EIO, "x"), -EIO);
	cr_assert_eq(baton_fail(baton_claimed(&c), 0, "x"), -EINVAL);
	cr_assert_eq(baton_fail(baton_claimed(&c), 5, "x"), -EINVAL);
	cr_assert_eq(baton_fail(baton_claimed(&c), BATON_END, NULL), -EINVAL);
	cr_assert_eq(baton_fail(NULL, -EIO, "x"), -EIO);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	close_feed(feed);
}

static int fail_without_a_text(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	if (baton_writable_k(b) == 3)
		return -EIO;
	baton_fail(b, -ENOMEM, "of another batch");
	known_write(b, rng);
	return BATON_OK;
}

Unit(batch, a_failure_has_no_other_batchs_text)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;
	baton_error err;

	source.fill = fail_without_a_text;
	feed = open_feed(&source, BATON_INLINE, 2, 1);
	for (uint64_t k = 0; k < 3; k++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
	cr_assert_eq(refused(feed), -EIO);
	cr_assert_eq(baton_status(feed, &err), -EIO);
	cr_assert_str_eq(err.text, baton_strerror(-EIO));
	close_feed(feed);
}

/* With threads of one's own it is submit that says how it ended. */
Unit(batch, a_claim_that_is_submitted_has_not_failed)
{
	baton_pipeline *feed = open_own(2);

	for (uint64_t k = 0; k < 4; k++) {
		baton_claim c = begin(feed);
		baton_batch b;

		cr_assert_eq(baton_fail(baton_claimed(&c), -EIO, "said, not meant"), -EIO);
		cr_assert_eq(baton_submit(feed, &c), BATON_OK);
		b = take(feed);
		cr_assert_eq(baton_k(&b), k);
		give(feed, &b);
		cr_assert_eq(baton_status(feed, NULL), BATON_OK);
	}
	close_feed(feed);
}

/* What the run says after a source that fails at once with these. */
static baton_error failure(int code, const char *text)
{
	struct known failing = {NEVER, 0, code, text};
	baton_source source = known_source(&failing);
	baton_pipeline *feed = open_feed(&source, BATON_INLINE, 1, 2);
	baton_error err;

	cr_assert_eq(refused(feed), code);
	cr_assert_eq(baton_status(feed, &err), code);
	close_feed(feed);
	return err;
}

Unit(batch, the_text_of_a_failure_arrives)
{
	cr_assert_str_eq(failure(-EIO, "frame 17: bad header").text, "frame 17: bad header");
}

Unit(batch, a_failure_without_a_text_has_its_codes)
{
	cr_assert_str_eq(failure(-EIO, NULL).text, baton_strerror(-EIO));
	cr_assert_str_eq(failure(-EIO, "").text, baton_strerror(-EIO));
}

Unit(batch, a_failures_text_is_cut_to_fit)
{
	char text[400];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(strlen(failure(-EIO, text).text), sizeof(((baton_error *)0)->text) - 1);
}

static int fail_and_go_on(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	baton_fail(b, -EIO, "said, not meant");
	known_write(b, rng);
	return baton_writable_k(b) < 3 ? BATON_OK : -ENOTTY;
}

/* What a fill returns counts, and its text is of its own batch. */
Unit(batch, a_fill_that_returns_ok_has_not_failed)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;

	source.fill = fail_and_go_on;
	feed = open_feed(&source, BATON_INLINE, 2, 2);
	for (uint64_t k = 0; k < 3; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	cr_assert_eq(refused(feed), -ENOTTY);
	close_feed(feed);
}

/* --- detached ------------------------------------------------------------------------ */

BATON_NO_ANALYSIS static void *check_and_free(void *arg)
{
	baton_batch *b = arg;
	bool good = is_known(b, 42, 0) && baton_free(b) == BATON_OK && b->kind_ == 0;

	return (void *)(intptr_t)good;
}

BATON_NO_ANALYSIS static void outlives_its_pipeline(uint32_t block_batches)
{
	baton_pipeline *feed = open_inline(block_batches, 2);
	baton_batch b = take(feed);
	void *good;

	cr_assert_eq(baton_detach(feed, &b), BATON_OK);
	close_feed(feed);
	cr_assert(is_known(&b, 42, 0));
	pthread_join(spawn(check_and_free, &b), &good);
	cr_assert(good != NULL);
	assert_unreadable(&b);
}

Unit(batch, a_detached_batch_outlives_its_pipeline_and_is_freed_by_any_thread)
{
	outlives_its_pipeline(1);
}

Unit(batch, a_detached_copy_outlives_its_pipeline_and_is_freed_by_any_thread)
{
	outlives_its_pipeline(4);
}

Unit(batch, free_refuses_what_was_not_detached_and_changes_nothing)
{
	baton_pipeline *feed = open_inline(1, 2);
	baton_batch b = take(feed), empty = BATON_BATCH_INIT;

	cr_assert_eq(baton_free(&b), BATON_MISUSE_DETACHED);
	cr_assert(is_known(&b, 42, 0));
	cr_assert_eq(stats_of(feed).held, 1);
	cr_assert_eq(baton_free(&empty), BATON_MISUSE_EMPTY);
	cr_assert_eq(baton_free(NULL), BATON_MISUSE_NULL);
	give(feed, &b);
	cr_assert_eq(baton_free(&b), BATON_MISUSE_EMPTY);
	close_feed(feed);
}

Unit(batch, its_fields_are_the_pipelines_while_it_is_held)
{
	baton_pipeline *feed = open_inline(1, 2);
	baton_batch b = take(feed), copy = b;
	const baton_field *fields = baton_layout(feed, NULL, NULL);
	size_t n = 99;

	cr_assert_eq(baton_fields(&b, &n), fields);
	cr_assert_eq(n, LENGTH(known_fields));
	cr_assert_eq(baton_fields(&b, NULL), fields);
	give(feed, &b);
	cr_assert_null(baton_fields(&copy, &n));
	cr_assert_eq(n, 0);
	cr_assert_null(baton_fields(NULL, NULL));
	close_feed(feed);
}

/* What a handle holds is nobody's business, but a program may damage it. */
Unit(batch, a_handle_of_a_batch_that_its_block_does_not_have_reads_as_nothing)
{
	struct known five = {.end = 5, .fail_at = NEVER};
	baton_source source = known_source(&five);
	baton_pipeline *feed = open_feed(&source, BATON_INLINE, 4, 2);
	baton_batch b[5], beyond;

	for (int i = 0; i < 5; i++)
		b[i] = take(feed);
	beyond = b[0];
	beyond.index_ = 4; /* has no room for it */
	assert_unreadable(&beyond);
	cr_assert_eq(baton_release(feed, &beyond), BATON_MISUSE_STALE);
	beyond = b[4];
	beyond.index_ = 1; /* has the room, and no such batch */
	assert_unreadable(&beyond);
	for (int i = 0; i < 5; i++)
		give(feed, &b[i]);
	close_feed(feed);
}

/* Nobody is there to tell, but the fill that ends with it must still fail. */
Unit(batch, fail_on_a_dead_view_is_no_success_either)
{
	baton_writable empty = {0, 0, 0, 0};

	cr_assert_eq(baton_fail(&empty, -EIO, "x"), -EIO);
	cr_assert_eq(baton_fail(&empty, BATON_OK, "x"), -EINVAL);
	cr_assert_eq(baton_fail(&empty, BATON_END, "x"), -EINVAL);
	cr_assert_eq(baton_fail(&empty, BATON_MISUSE_HELD, "x"), -EINVAL);
	cr_assert_eq(baton_fail(NULL, BATON_CANCELED, NULL), -EINVAL);
}
