/* SPDX-License-Identifier: MIT */
#include "feed_source.h"

static struct known endless = KNOWN_INIT;

static baton_pipeline *open_endless(int producers, uint32_t block_batches, uint32_t blocks)
{
	baton_source source = known_source(&endless);

	return open_feed(&source, producers, block_batches, blocks);
}

static const int all_p[] = {BATON_INLINE, 1, 3};

static void expect_next(baton_pipeline *feed, uint64_t k)
{
	baton_batch b = take(feed);

	cr_assert(is_known(&b, 42, k), "batch %" PRIu64, k);
	give(feed, &b);
}

/* --- holding ------------------------------------------------------------------------- */

Unit(holding, batches_may_be_released_in_any_order)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};

	for (size_t p = 0; p < LENGTH(all_p); p++)
		for (uint32_t m = 1; m <= 4; m++) {
			baton_pipeline *feed = open_endless(all_p[p], m, 4);
			uint64_t k = 0;

			for (size_t o = 0; o < LENGTH(orders); o++) {
				baton_batch b[4];

				for (int i = 0; i < 4; i++, k++) {
					b[i] = take(feed);
					cr_assert(is_known(&b[i], 42, k));
				}
				for (int i = 0; i < 4; i++)
					give(feed, &b[orders[o][i]]);
			}
			expect_next(feed, k);
			cr_assert_eq(stats_of(feed).held, 0);
			close_feed(feed);
		}
}

Unit(holding, C_minus_1_blocks_may_be_held_all_the_time)
{
	for (size_t p = 0; p < LENGTH(all_p); p++)
		for (uint32_t C = 2; C <= 8; C *= 2) {
			baton_pipeline *feed = open_endless(all_p[p], 1, C);
			baton_batch window[7];
			uint64_t n = C - 1;

			for (uint64_t k = 0; k < 100; k++) {
				baton_batch b = take(feed);

				if (k >= n) {
					cr_assert(is_known(&window[k % n], 42, k - n));
					give(feed, &window[k % n]);
				}
				window[k % n] = b;
			}
			cr_assert_eq(stats_of(feed).held, n);
			for (uint64_t i = 0; i < n; i++)
				give(feed, &window[i]);
			close_feed(feed);
		}
}

/* A held block is only in the way of the ticket C later: C of them may be held, and to
 * ask for one more is misuse. */
Unit(holding, all_C_blocks_may_be_held_and_one_more_is_refused)
{
	for (size_t p = 0; p < LENGTH(all_p); p++)
		for (uint32_t C = 1; C <= 8; C *= 2) {
			baton_pipeline *feed = open_endless(all_p[p], 1, C);
			baton_batch b[8];

			for (uint32_t i = 0; i < C; i++)
				b[i] = take(feed);
			for (int again = 0; again < 3; again++)
				cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
			cr_assert_eq(stats_of(feed).held, C);
			cr_assert_eq(baton_status(feed, NULL), BATON_MISUSE_HELD);
			for (uint32_t i = 0; i < C; i++)
				cr_assert(is_known(&b[i], 42, i));
			give(feed, &b[0]);
			b[0] = take(feed);
			cr_assert(is_known(&b[0], 42, C));
			cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
			for (uint32_t i = 0; i < C; i++)
				give(feed, &b[i]);
			for (uint64_t k = C + 1; k < C + 20; k++)
				expect_next(feed, k);
			close_feed(feed);
		}
}

Unit(holding, to_release_a_later_block_does_not_help_the_oldest_ones_slot)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch b[4];

	for (int i = 0; i < 4; i++)
		b[i] = take(feed);
	for (int i = 1; i < 4; i++) {
		give(feed, &b[i]);
		cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
	}
	give(feed, &b[0]);
	for (uint64_t k = 4; k < 20; k++)
		expect_next(feed, k);
	close_feed(feed);
}

Unit(holding, an_old_batch_may_be_kept_while_C_minus_1_later_blocks_are_taken)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t p = 0; p < LENGTH(all_p); p++)
		for (size_t m = 0; m < LENGTH(ms); m++)
			for (uint32_t C = 1; C <= 8; C *= 2) {
				baton_pipeline *feed = open_endless(all_p[p], ms[m], C);
				baton_batch old = take(feed);

				for (uint64_t k = 1; k < (uint64_t)C * ms[m]; k++)
					expect_next(feed, k);
				cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
				cr_assert(is_known(&old, 42, 0));
				give(feed, &old);
				for (uint64_t k = C * ms[m]; k < C * ms[m] + 20; k++)
					expect_next(feed, k);
				close_feed(feed);
			}
}

Unit(holding, batches_of_a_block_that_was_taken_are_never_refused)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 4, 1);
	baton_batch b[4];

	for (int lap = 0; lap < 3; lap++) {
		for (int i = 0; i < 4; i++)
			b[i] = take(feed);
		cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
		for (int i = 0; i < 3; i++) {
			give(feed, &b[i]);
			cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
		}
		give(feed, &b[3]);
	}
	close_feed(feed);
}

Unit(holding, a_known_end_comes_before_a_refusal)
{
	struct known state = {.end = 2, .fail_at = NEVER};
	baton_source source = known_source(&state);
	baton_pipeline *feed;
	baton_batch b[2];

	source.n_batches = 2;
	feed = open_feed(&source, BATON_INLINE, 1, 2);
	b[0] = take(feed);
	b[1] = take(feed);
	cr_assert_eq(refused(feed), BATON_END); /* nothing is left that needs their memory */
	give(feed, &b[0]);
	give(feed, &b[1]);
	close_feed(feed);
}

Unit(holding, an_end_that_nobody_knew_needs_a_slot_as_a_batch_does)
{
	struct known state = {.end = 2, .fail_at = NEVER};
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, 1, 1, 2);
	baton_batch b[2] = {take(feed), take(feed)};

	cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
	give(feed, &b[0]);
	cr_assert_eq(refused(feed), BATON_END);
	give(feed, &b[1]);
	close_feed(feed);
}

Unit(holding, in_completion_order_nothing_is_refused_while_something_may_come)
{
	baton_source source = own_source();
	baton_options o = options_of(0, 0, 2);
	baton_pipeline *feed;
	baton_claim zero;
	baton_batch one, b;

	o.order = BATON_COMPLETION;
	feed = open_with(&source, &o);
	zero = begin(feed);
	put(feed, 1);
	one = take(feed);
	cr_assert_eq(baton_k(&one), 1);
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT); /* 0 may come */
	cr_assert_eq(baton_submit(feed, &zero), BATON_OK);
	b = take(feed);
	cr_assert_eq(baton_k(&b), 0);
	cr_assert_eq(refused(feed), BATON_MISUSE_HELD); /* now nothing can */
	give(feed, &b);
	put(feed, 2);
	b = take(feed);
	cr_assert_eq(baton_k(&b), 2);
	cr_assert_eq(refused(feed), BATON_MISUSE_HELD); /* 3 needs the slot of 1 */
	give(feed, &one);
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
	give(feed, &b);
	close_feed(feed);
}

/* --- misuse -------------------------------------------------------------------------- */

/* After whatever was refused: one batch held, its contents whole, the stream unmoved. */
static void expect_unchanged(baton_pipeline *feed, baton_batch *b, uint64_t k)
{
	cr_assert_eq(stats_of(feed).held, 1);
	cr_assert(is_known(b, 42, k));
	expect_next(feed, k + 1);
	cr_assert_eq(stats_of(feed).held, 1);
	give(feed, b);
	cr_assert_eq(stats_of(feed).held, 0);
	expect_next(feed, k + 2);
	close_feed(feed);
}

Unit(misuse, a_second_release_of_a_handle_is_EMPTY)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch a = take(feed), b = take(feed);

	give(feed, &a);
	cr_assert_eq(baton_release(feed, &a), BATON_MISUSE_EMPTY);
	cr_assert_eq(baton_detach(feed, &a), BATON_MISUSE_EMPTY);
	expect_unchanged(feed, &b, 1);
}

Unit(misuse, a_release_of_a_stale_copy_is_STALE)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t i = 0; i < LENGTH(ms); i++) {
		baton_pipeline *feed = open_endless(BATON_INLINE, ms[i], 4);
		baton_batch a = take(feed), copy = a, b = take(feed);

		give(feed, &a);
		cr_assert_eq(baton_release(feed, &copy), BATON_MISUSE_STALE);
		cr_assert_eq(baton_detach(feed, &copy), BATON_MISUSE_STALE);
		cr_assert_neq(copy.kind_, 0); /* a refused handle is left as it was */
		expect_unchanged(feed, &b, 1);
	}
}

/* The memory holds another batch by now, and the copy must not give that one back. */
Unit(misuse, a_stale_copy_is_STALE_for_ever)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 1);
	baton_batch a = take(feed), copy = a;

	give(feed, &a);
	for (uint64_t k = 1; k < 10; k++) {
		baton_batch b = take(feed);

		cr_assert_eq(baton_release(feed, &copy), BATON_MISUSE_STALE);
		cr_assert_eq(baton_detach(feed, &copy), BATON_MISUSE_STALE);
		cr_assert(is_known(&b, 42, k));
		cr_assert_eq(stats_of(feed).held, 1);
		give(feed, &b);
		cr_assert_eq(baton_release(feed, &copy), BATON_MISUSE_STALE);
	}
	close_feed(feed);
}

Unit(misuse, a_copy_of_a_detached_batchs_old_handle_is_STALE)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t i = 0; i < LENGTH(ms); i++) {
		baton_pipeline *feed = open_endless(BATON_INLINE, ms[i], 4);
		baton_batch a = take(feed), copy = a, b = take(feed);

		cr_assert_eq(baton_detach(feed, &a), BATON_OK);
		cr_assert_eq(baton_release(feed, &copy), BATON_MISUSE_STALE);
		cr_assert_null(baton_data(&copy, 0));
		cr_assert_eq(baton_free(&a), BATON_OK);
		expect_unchanged(feed, &b, 1);
	}
}

Unit(misuse, a_batch_of_another_pipeline_is_FOREIGN)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_pipeline *other = open_endless(BATON_INLINE, 1, 4);
	baton_batch b = take(feed), theirs = take(other);

	cr_assert_eq(baton_release(feed, &theirs), BATON_MISUSE_FOREIGN);
	cr_assert_eq(baton_detach(feed, &theirs), BATON_MISUSE_FOREIGN);
	expect_unchanged(feed, &b, 0);
	expect_unchanged(other, &theirs, 0);
}

Unit(misuse, an_empty_handle_is_EMPTY)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch b = take(feed), empty = BATON_BATCH_INIT;

	cr_assert_eq(baton_release(feed, &empty), BATON_MISUSE_EMPTY);
	cr_assert_eq(baton_detach(feed, &empty), BATON_MISUSE_EMPTY);
	expect_unchanged(feed, &b, 0);
}

Unit(misuse, a_missing_argument_is_NULL)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch b = take(feed), empty = BATON_BATCH_INIT;

	cr_assert_eq(baton_release(NULL, &b), BATON_MISUSE_NULL);
	cr_assert_eq(baton_release(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_detach(NULL, &b), BATON_MISUSE_NULL);
	cr_assert_eq(baton_detach(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_next(NULL, &empty), BATON_MISUSE_NULL);
	cr_assert_eq(baton_next(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_next_until(NULL, &empty, 0), BATON_MISUSE_NULL);
	expect_unchanged(feed, &b, 0);
}

Unit(misuse, a_handle_that_holds_a_batch_is_OCCUPIED)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch b = take(feed);

	cr_assert_eq(baton_next(feed, &b), BATON_MISUSE_OCCUPIED);
	cr_assert_eq(baton_next_until(feed, &b, 0), BATON_MISUSE_OCCUPIED);
	expect_unchanged(feed, &b, 0);
}

Unit(misuse, a_handle_that_holds_a_detached_batch_is_OCCUPIED)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch mine = take(feed), b = take(feed);

	cr_assert_eq(baton_detach(feed, &mine), BATON_OK);
	cr_assert_eq(baton_next(feed, &mine), BATON_MISUSE_OCCUPIED);
	cr_assert(is_known(&mine, 42, 0));
	cr_assert_eq(baton_free(&mine), BATON_OK);
	expect_unchanged(feed, &b, 1);
}

Unit(misuse, a_detached_batch_is_not_released_or_detached_again)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 4);
	baton_batch mine = take(feed), b = take(feed);

	cr_assert_eq(baton_detach(feed, &mine), BATON_OK);
	cr_assert_eq(baton_release(feed, &mine), BATON_MISUSE_DETACHED);
	cr_assert_eq(baton_detach(feed, &mine), BATON_MISUSE_DETACHED);
	cr_assert(is_known(&mine, 42, 0));
	cr_assert_eq(baton_free(&mine), BATON_OK);
	expect_unchanged(feed, &b, 1);
}

/* --- detach -------------------------------------------------------------------------- */

Unit(detach, of_a_blocks_only_batch_copies_nothing)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 1, 2);
	baton_batch b = take(feed);
	const void *at = baton_data(&b, 0);

	cr_assert_eq(baton_detach(feed, &b), BATON_OK);
	cr_assert_eq(baton_data(&b, 0), at);
	cr_assert_eq(baton_free(&b), BATON_OK);
	close_feed(feed);
}

Unit(detach, of_one_batch_of_several_copies_it)
{
	baton_pipeline *feed = open_endless(BATON_INLINE, 4, 2);
	baton_batch b[4];

	for (int i = 0; i < 4; i++)
		b[i] = take(feed);
	for (uint64_t i = 0; i < 4; i++) {
		const void *at = baton_data(&b[i], 0);

		cr_assert_eq(baton_detach(feed, &b[i]), BATON_OK);
		cr_assert_neq(baton_data(&b[i], 0), at);
		cr_assert(is_known(&b[i], 42, i));
		cr_assert_eq((uintptr_t)baton_data(&b[i], 1) % 64, 0);
	}
	for (uint64_t k = 4; k < 20; k++)
		expect_next(feed, k);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(baton_free(&b[i]), BATON_OK);
	close_feed(feed);
}

Unit(detach, leaves_the_pool_as_large_as_it_was)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t i = 0; i < LENGTH(ms); i++) {
		baton_pipeline *feed = open_endless(BATON_INLINE, ms[i], 2);
		baton_stats before = stats_of(feed);
		baton_batch mine[20];

		for (int k = 0; k < 20; k++) {
			mine[k] = take(feed);
			cr_assert_eq(stats_of(feed).held, 1);
			cr_assert_eq(baton_detach(feed, &mine[k]), BATON_OK);
			cr_assert_eq(stats_of(feed).held, 0);
		}
		cr_assert_eq(stats_of(feed).blocks, before.blocks);
		cr_assert_eq(stats_of(feed).bytes, before.bytes);
		for (int k = 0; k < 20; k++)
			cr_assert_eq(baton_free(&mine[k]), BATON_OK);
		close_feed(feed);
	}
}

/* Every third batch is kept for good, at every kind of producer. */
Unit(detach, a_detached_batch_is_not_touched_by_later_laps)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t p = 0; p < LENGTH(all_p); p++)
		for (size_t m = 0; m < LENGTH(ms); m++) {
			baton_pipeline *feed = open_endless(all_p[p], ms[m], 2);
			baton_batch mine[20];

			for (uint64_t k = 0; k < 60; k++) {
				if (k % 3) {
					expect_next(feed, k);
					continue;
				}
				mine[k / 3] = take(feed);
				cr_assert_eq(baton_detach(feed, &mine[k / 3]), BATON_OK);
			}
			for (uint64_t i = 0; i < 20; i++) {
				cr_assert(is_known(&mine[i], 42, 3 * i));
				cr_assert_eq(baton_free(&mine[i]), BATON_OK);
			}
			close_feed(feed);
		}
}

Unit(detach, frees_the_place_that_the_next_batch_needs)
{
	static const uint32_t ms[] = {1, 2};

	for (size_t m = 0; m < LENGTH(ms); m++) {
		baton_pipeline *feed = open_endless(1, ms[m], 1);
		baton_batch a = take(feed);

		if (ms[m] == 2)
			expect_next(feed, 1);
		cr_assert_eq(refused(feed), BATON_MISUSE_HELD);
		cr_assert_eq(baton_detach(feed, &a), BATON_OK);
		expect_next(feed, ms[m]);
		cr_assert(is_known(&a, 42, 0));
		cr_assert_eq(baton_free(&a), BATON_OK);
		close_feed(feed);
	}
}

Unit(detach, and_release_are_legal_after_the_end_and_after_an_error)
{
	static const int codes[] = {BATON_END, -EIO};

	for (size_t i = 0; i < LENGTH(codes); i++) {
		struct known state = {NEVER, 3, codes[i], NULL};
		baton_source source = known_source(&state);
		baton_pipeline *feed = open_feed(&source, 1, 2, 4);
		baton_batch b[3] = {take(feed), take(feed), take(feed)};

		cr_assert_eq(refused(feed), codes[i]);
		cr_assert(is_known(&b[1], 42, 1));
		cr_assert_eq(baton_detach(feed, &b[1]), BATON_OK);
		give(feed, &b[2]);
		give(feed, &b[0]);
		cr_assert_eq(refused(feed), codes[i]);
		close_feed(feed);
		cr_assert(is_known(&b[1], 42, 1));
		cr_assert_eq(baton_free(&b[1]), BATON_OK);
	}
}

/* The usual loop asks only for BATON_OK: what ended it must not be lost. */
Unit(misuse, status_tells_what_ended_a_loop_that_forgot_to_release)
{
	struct known state = {NEVER, NEVER, 0, ""};
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, BATON_INLINE, 1, 2);
	baton_batch b = BATON_BATCH_INIT;
	baton_error err;

	while (baton_next(feed, &b) == BATON_OK)
		;
	cr_assert_eq(baton_status(feed, &err), BATON_MISUSE_OCCUPIED);
	cr_assert_str_eq(err.text, baton_strerror(BATON_MISUSE_OCCUPIED));
	baton_release(feed, &b);
	cr_assert_eq(baton_next(feed, &b), BATON_OK);
	cr_assert_eq(baton_status(feed, &err), BATON_OK);
	baton_release(feed, &b);
	close_feed(feed);
}
