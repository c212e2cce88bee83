/* SPDX-License-Identifier: MIT */
#include "feed.h"
#include "feed_source.h"

static baton_pipeline *open_own(uint32_t blocks)
{
	baton_source source = own_source();

	return open_feed(&source, 0, 0, blocks);
}

BATON_NO_ANALYSIS static void expect_next(baton_pipeline *feed, uint64_t k)
{
	baton_batch b = take(feed);

	cr_assert(is_known(&b, 42, k), "batch %" PRIu64, k);
	give(feed, &b);
}

static void expect_end(baton_pipeline *feed, int code, uint64_t k, const char *text)
{
	baton_error err;

	for (int again = 0; again < 2; again++)
		cr_assert_eq(refused(feed), code);
	cr_assert_eq(baton_status(feed, &err), code);
	cr_assert_eq(err.code, code);
	cr_assert_eq(err.batch, k);
	cr_assert_str_eq(err.text, text);
}

BATON_NO_ANALYSIS static int begin_refused(baton_pipeline *feed)
{
	baton_claim c = BATON_CLAIM_INIT;
	int rc = baton_begin_until(feed, &c, 0);

	cr_assert_neq(rc, BATON_OK);
	cr_assert_null(baton_claimed(&c));
	return rc;
}

/* --- the way it should go ------------------------------------------------------------ */

Unit(claim, one_thread_may_be_producer_and_trainer)
{
	baton_pipeline *feed = open_own(2);

	for (uint64_t k = 0; k < 20; k++) {
		put(feed, k);
		expect_next(feed, k);
	}
	cr_assert_eq(stats_of(feed).producers, 0);
	close_feed(feed);
}

Unit(claim, its_k_starts_at_first_batch)
{
	baton_source source = own_source();
	baton_options o = options_of(0, 1, 2);
	baton_pipeline *feed;

	o.first_batch = 70;
	feed = open_with(&source, &o);
	put(feed, 70);
	put(feed, 71);
	expect_next(feed, 70);
	expect_next(feed, 71);
	close_feed(feed);
}

Unit(claim, claims_submitted_out_of_order_are_delivered_in_order)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c[3];
	baton_rng rng;

	for (int i = 0; i < 3; i++)
		c[i] = begin(feed);
	for (uint64_t i = 3; i-- > 0;) {
		cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
		cr_assert_eq(claim_k(&c[i]), i);
		baton_rng_init(&rng, 42, i);
		known_write(baton_claimed(&c[i]), &rng);
		cr_assert_eq(baton_submit(feed, &c[i]), BATON_OK);
	}
	for (uint64_t k = 0; k < 3; k++)
		expect_next(feed, k);
	close_feed(feed);
}

Unit(claim, stats_count_claims_and_batches_filled)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c = begin(feed), d = begin(feed);
	uint64_t filled = 0;

	cr_assert_eq(stats_of(feed).claims, 2);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	cr_assert_eq(stats_of(feed).claims, 1);
	cr_assert_eq(baton_stats_filled(feed, &filled, 1), 1);
	cr_assert_eq(filled, 1);
	cr_assert_eq(baton_finish(feed, &d), BATON_OK);
	cr_assert_eq(stats_of(feed).claims, 0);
	baton_stats_filled(feed, &filled, 1);
	cr_assert_eq(filled, 1);
	close_feed(feed);
}

/* Several threads, each filling what it gets until the known length is through. */
struct worker {
	baton_pipeline *feed;
	uint64_t filled;
	int rc;
};

BATON_NO_ANALYSIS static void *work(void *arg)
{
	struct worker *w = arg;
	baton_claim c = BATON_CLAIM_INIT;

	while ((w->rc = baton_begin(w->feed, &c)) == BATON_OK) {
		baton_rng rng;

		baton_rng_init(&rng, 42, baton_writable_k(&c.w_));
		known_write(baton_claimed(&c), &rng);
		baton_submit(w->feed, &c);
		w->filled++;
	}
	return NULL;
}

BATON_NO_ANALYSIS static void workers_fill(uint32_t blocks, int order)
{
	enum { N_WORKERS = 4, N = 500 };
	baton_source source = own_source();
	baton_options o = options_of(0, 0, blocks);
	struct worker workers[N_WORKERS];
	pthread_t threads[N_WORKERS];
	bool seen[N] = {false};
	uint64_t filled = 0;
	baton_pipeline *feed;

	source.n_batches = N;
	o.order = order;
	feed = open_with(&source, &o);
	for (int i = 0; i < N_WORKERS; i++) {
		workers[i] = (struct worker){feed, 0, 0};
		threads[i] = spawn(work, &workers[i]);
	}
	for (uint64_t i = 0; i < N; i++) {
		baton_batch b = take(feed);
		uint64_t k = baton_k(&b);

		cr_assert(is_known(&b, 42, k));
		cr_assert(order == BATON_COMPLETION || k == i);
		cr_assert_not(seen[k]);
		seen[k] = true;
		give(feed, &b);
	}
	cr_assert_eq(refused(feed), BATON_END);
	for (int i = 0; i < N_WORKERS; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_eq(workers[i].rc, BATON_END);
		filled += workers[i].filled;
	}
	cr_assert_eq(filled, N);
	close_feed(feed);
}

Unit(claim, several_threads_fill_every_batch_once_and_all_hear_of_the_end)
{
	for (uint32_t C = 1; C <= 8; C *= 2)
		workers_fill(C, BATON_ORDERED);
}

Unit(claim, several_threads_fill_every_batch_once_in_completion_order)
{
	for (uint32_t C = 1; C <= 8; C *= 2)
		workers_fill(C, BATON_COMPLETION);
}

/* --- ends ---------------------------------------------------------------------------- */

Unit(claim, a_discard_delivers_every_batch_before_it_then_its_code_and_text)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c;

	put(feed, 0);
	put(feed, 1);
	c = begin(feed);
	cr_assert_eq(baton_discard(feed, &c, -EIO, "camera unplugged"), BATON_OK);
	cr_assert_null(baton_claimed(&c));
	expect_next(feed, 0);
	expect_next(feed, 1);
	expect_end(feed, -EIO, 2, "camera unplugged");
	cr_assert_eq(begin_refused(feed), BATON_END);
	close_feed(feed);
}

Unit(claim, a_discard_without_a_text_has_its_codes)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c = begin(feed);

	cr_assert_eq(baton_discard(feed, &c, -ENOMEM, NULL), BATON_OK);
	expect_end(feed, -ENOMEM, 0, baton_strerror(-ENOMEM));
	close_feed(feed);
}

Unit(claim, a_discard_cant_look_like_a_success)
{
	static const int codes[] = {BATON_OK, BATON_END, 17};

	for (size_t i = 0; i < LENGTH(codes); i++) {
		baton_pipeline *feed = open_own(4);
		baton_claim c = begin(feed);

		cr_assert_eq(baton_discard(feed, &c, codes[i], "x"), BATON_OK);
		expect_end(feed, -EINVAL, 0, "x");
		close_feed(feed);
	}
}

Unit(claim, a_discards_text_is_cut_to_fit)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c = begin(feed);
	char text[400], cut[sizeof(((baton_error *)0)->text)];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	snprintf(cut, sizeof(cut), "%.159s", text);
	cr_assert_eq(baton_discard(feed, &c, -EIO, text), BATON_OK);
	expect_end(feed, -EIO, 0, cut);
	close_feed(feed);
}

Unit(claim, a_finish_ends_the_run_at_its_k)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c;

	put(feed, 0);
	put(feed, 1);
	c = begin(feed);
	cr_assert_eq(baton_finish(feed, &c), BATON_OK);
	cr_assert_null(baton_claimed(&c));
	expect_next(feed, 0);
	expect_next(feed, 1);
	expect_end(feed, BATON_END, 2, baton_strerror(BATON_END));
	cr_assert_eq(begin_refused(feed), BATON_END);
	close_feed(feed);
}

Unit(claim, what_was_claimed_before_the_finish_still_comes_if_it_is_below_it)
{
	baton_pipeline *feed = open_own(4);
	baton_claim zero = begin(feed), one = begin(feed), two = begin(feed);
	baton_rng rng;

	cr_assert_eq(baton_finish(feed, &one), BATON_OK);
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
	cr_assert_eq(baton_submit(feed, &two), BATON_OK); /* too late, and no error */
	baton_rng_init(&rng, 42, 0);
	known_write(baton_claimed(&zero), &rng);
	cr_assert_eq(baton_submit(feed, &zero), BATON_OK);
	expect_next(feed, 0);
	expect_end(feed, BATON_END, 1, baton_strerror(BATON_END));
	close_feed(feed);
}

Unit(claim, in_completion_order_nothing_past_a_known_end_comes)
{
	baton_source source = own_source();
	baton_options o = options_of(0, 0, 4);
	baton_pipeline *feed;
	baton_claim zero, one;

	o.order = BATON_COMPLETION;
	feed = open_with(&source, &o);
	zero = begin(feed);
	one = begin(feed);
	put(feed, 2);
	cr_assert_eq(baton_finish(feed, &one), BATON_OK);
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT); /* 1 says END; 2 is there, and unwanted */
	cr_assert_eq(baton_discard(feed, &zero, -EIO, "and\nbefore\tthat"), BATON_OK);
	expect_end(feed, -EIO, 0, "and before that");
	close_feed(feed);
}

Unit(claim, past_the_known_length_begin_says_END)
{
	baton_source source = own_source();
	baton_pipeline *feed;

	source.n_batches = 3;
	feed = open_feed(&source, 0, 0, 2);
	put(feed, 0);
	put(feed, 1);
	cr_assert_eq(begin_refused(feed), BATON_TIMEOUT);
	expect_next(feed, 0);
	put(feed, 2);
	cr_assert_eq(begin_refused(feed), BATON_END); /* full too, but that would pass */
	expect_next(feed, 1);
	expect_next(feed, 2);
	cr_assert_eq(begin_refused(feed), BATON_END);
	expect_end(feed, BATON_END, 3, baton_strerror(BATON_END));
	close_feed(feed);
}

Unit(claim, a_full_pool_times_out_and_claims_nothing)
{
	baton_pipeline *feed = open_own(2);

	put(feed, 0);
	put(feed, 1);
	for (int again = 0; again < 3; again++)
		cr_assert_eq(begin_refused(feed), BATON_TIMEOUT);
	cr_assert_eq(stats_of(feed).claims, 0);
	expect_next(feed, 0);
	put(feed, 2);
	expect_next(feed, 1);
	expect_next(feed, 2);
	close_feed(feed);
}

/* --- misuse -------------------------------------------------------------------------- */

Unit(claim, begin_on_a_source_that_fills_by_itself_is_FILLED)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, BATON_INLINE, 1, 2);

	cr_assert_eq(begin_refused(feed), BATON_MISUSE_FILLED);
	cr_assert_eq(stats_of(feed).claims, 0);
	expect_next(feed, 0);
	close_feed(feed);
}

static void refuse_open(int producers, uint32_t block_batches, const char *word)
{
	baton_source source = own_source();
	baton_options o = options_of(producers, block_batches, 2);
	baton_pipeline *feed;
	baton_error err;

	cr_assert_eq(baton_open(&feed, &source, &o, &err), -EINVAL);
	cr_assert_null(feed);
	cr_assert_not_null(strstr(err.text, word), "\"%s\" lacks \"%s\"", err.text, word);
}

Unit(claim, own_threads_allow_no_producers_of_the_pipelines)
{
	refuse_open(1, 1, "producers is 1");
	refuse_open(BATON_INLINE, 1, "producers is -1");
}

Unit(claim, own_threads_allow_no_blocks_of_several_batches)
{
	refuse_open(0, 2, "block_batches is 2");
}

Unit(claim, a_cheap_source_of_own_threads_still_has_blocks_of_one)
{
	baton_source source = own_source();
	baton_pipeline *feed;

	source.cheap = true;
	feed = open_feed(&source, 0, 0, 2);
	cr_assert_eq(stats_of(feed).block_batches, 1);
	close_feed(feed);
}

/* After whatever was refused: one claim out, and the stream unmoved. */
BATON_NO_ANALYSIS static void expect_unchanged(baton_pipeline *feed, baton_claim *c, uint64_t k)
{
	baton_rng rng;

	cr_assert_eq(stats_of(feed).claims, 1);
	cr_assert_eq(claim_k(c), k);
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
	baton_rng_init(&rng, 42, k);
	known_write(baton_claimed(c), &rng);
	cr_assert_eq(baton_submit(feed, c), BATON_OK);
	expect_next(feed, k);
	put(feed, k + 1);
	expect_next(feed, k + 1);
	cr_assert_eq(stats_of(feed).claims, 0);
	close_feed(feed);
}

#define EACH_GIVEN_AWAY(feed, claim, code)                                 \
	do {                                                               \
		cr_assert_eq(baton_submit(feed, claim), code);             \
		cr_assert_eq(baton_discard(feed, claim, -EIO, "x"), code); \
		cr_assert_eq(baton_finish(feed, claim), code);             \
	} while (0)

Unit(claim, an_empty_claim_cant_be_given_away)
{
	baton_pipeline *feed = open_own(4);
	baton_claim empty = BATON_CLAIM_INIT, gone = begin(feed), c;
	baton_batch b;

	cr_assert_eq(baton_submit(feed, &gone), BATON_OK);
	b = take(feed);
	give(feed, &b);
	c = begin(feed);
	EACH_GIVEN_AWAY(feed, &empty, BATON_MISUSE_EMPTY);
	EACH_GIVEN_AWAY(feed, &gone, BATON_MISUSE_EMPTY);
	expect_unchanged(feed, &c, 1);
}

Unit(claim, a_copy_of_a_claim_that_was_given_away_is_STALE)
{
	baton_pipeline *feed = open_own(4);
	baton_claim gone = begin(feed), copy = gone, c;
	baton_rng rng;

	baton_rng_init(&rng, 42, 0);
	known_write(baton_claimed(&gone), &rng);
	cr_assert_eq(baton_submit(feed, &gone), BATON_OK);
	EACH_GIVEN_AWAY(feed, &copy, BATON_MISUSE_STALE); /* its slot is ready */
	expect_next(feed, 0);
	EACH_GIVEN_AWAY(feed, &copy, BATON_MISUSE_STALE); /* free */
	c = begin(feed);
	expect_unchanged(feed, &c, 1);
}

Unit(claim, a_stale_copy_is_STALE_while_its_slot_is_claimed_again)
{
	baton_pipeline *feed = open_own(1);
	baton_claim gone = begin(feed), copy = gone, c;
	baton_batch b;

	cr_assert_eq(baton_submit(feed, &gone), BATON_OK);
	b = take(feed);
	give(feed, &b);
	c = begin(feed);
	EACH_GIVEN_AWAY(feed, &copy, BATON_MISUSE_STALE);
	cr_assert_null(baton_writable_data(baton_claimed(&copy), 0));
	expect_unchanged(feed, &c, 1);
}

Unit(claim, a_copy_of_a_discarded_claim_is_STALE)
{
	baton_pipeline *feed = open_own(4);
	baton_claim gone = begin(feed), copy = gone;

	cr_assert_eq(baton_discard(feed, &gone, -EIO, "real"), BATON_OK);
	EACH_GIVEN_AWAY(feed, &copy, BATON_MISUSE_STALE);
	expect_end(feed, -EIO, 0, "real");
	close_feed(feed);
}

Unit(claim, a_claim_on_another_pipeline_is_FOREIGN)
{
	baton_pipeline *feed = open_own(4), *other = open_own(4);
	baton_claim c = begin(feed), theirs = begin(other);

	EACH_GIVEN_AWAY(feed, &theirs, BATON_MISUSE_FOREIGN);
	expect_unchanged(feed, &c, 0);
	expect_unchanged(other, &theirs, 0);
}

Unit(claim, a_missing_argument_is_NULL)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c = begin(feed), empty = BATON_CLAIM_INIT;

	EACH_GIVEN_AWAY(NULL, &c, BATON_MISUSE_NULL);
	EACH_GIVEN_AWAY(feed, NULL, BATON_MISUSE_NULL);
	cr_assert_eq(baton_begin(NULL, &empty), BATON_MISUSE_NULL);
	cr_assert_eq(baton_begin(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_null(baton_claimed(NULL));
	cr_assert_null(baton_claimed(&empty));
	expect_unchanged(feed, &c, 0);
}

Unit(claim, a_claim_that_is_out_is_OCCUPIED_to_begin)
{
	baton_pipeline *feed = open_own(4);
	baton_claim c = begin(feed);

	cr_assert_eq(baton_begin(feed, &c), BATON_MISUSE_OCCUPIED);
	cr_assert_eq(baton_begin_until(feed, &c, 0), BATON_MISUSE_OCCUPIED);
	expect_unchanged(feed, &c, 0);
}

/* --- close --------------------------------------------------------------------------- */

Unit(claim, close_with_a_claim_out_is_LENT_and_changes_nothing)
{
	baton_pipeline *feed = open_own(4), *same = feed;
	baton_claim c = begin(feed);

	cr_assert_eq(baton_close(&feed), BATON_MISUSE_LENT);
	cr_assert_eq(feed, same);
	cr_assert_eq(baton_status(feed, NULL), BATON_OK);
	expect_unchanged(feed, &c, 0); /* and closes */
}

static void *begin_in_vain(void *arg)
{
	baton_claim c = BATON_CLAIM_INIT;

	return (void *)(intptr_t)baton_begin(arg, &c);
}

Unit(claim, close_with_a_thread_inside_begin_is_LENT_until_cancel_and_join)
{
	baton_pipeline *feed = open_own(1);
	pthread_t thread;
	void *rc;

	put(feed, 0);
	thread = spawn(begin_in_vain, feed);
	while (stats_of(feed).claims == 0)
		sched_yield();
	cr_assert_eq(baton_close(&feed), BATON_MISUSE_LENT);
	cr_assert_eq(stats_of(feed).claims, 1);
	cr_assert_eq(baton_status(feed, NULL), BATON_OK);
	baton_cancel(feed);
	pthread_join(thread, &rc);
	cr_assert_eq((int)(intptr_t)rc, BATON_CANCELED);
	cr_assert_eq(stats_of(feed).claims, 0);
	close_feed(feed);
}

Unit(claim, submit_discard_finish_and_release_are_legal_after_cancel)
{
	baton_pipeline *feed = open_own(8);
	baton_claim c[3];
	baton_batch held, detached;

	put(feed, 0);
	put(feed, 1);
	held = take(feed);
	detached = take(feed);
	for (int i = 0; i < 3; i++)
		c[i] = begin(feed);
	baton_cancel(feed);
	cr_assert_eq(begin_refused(feed), BATON_CANCELED);
	cr_assert_eq(baton_submit(feed, &c[0]), BATON_OK);
	cr_assert_eq(baton_discard(feed, &c[1], -EIO, "x"), BATON_OK);
	cr_assert_eq(baton_finish(feed, &c[2]), BATON_OK);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	cr_assert(is_known(&held, 42, 0));
	give(feed, &held);
	cr_assert_eq(baton_detach(feed, &detached), BATON_OK);
	cr_assert_eq(stats_of(feed).claims, 0);
	close_feed(feed);
	cr_assert(is_known(&detached, 42, 1));
	cr_assert_eq(baton_free(&detached), BATON_OK);
}

BATON_NO_ANALYSIS static void *fill_nine(void *arg)
{
	baton_claim c = BATON_CLAIM_INIT;
	baton_rng rng;

	for (uint64_t k = 0; k < 9; k++) {
		if (baton_begin(arg, &c) != BATON_OK)
			break;
		baton_rng_init(&rng, 42, k);
		known_write(baton_claimed(&c), &rng);
		baton_submit(arg, &c);
	}
	return NULL;
}

/* A trainer that waits for its producer outside of next() must not find it asleep beside
 * a free slot: with the hysteresis that is for our own producers, this would hang. */
Unit(claim, one_release_wakes_a_claimer_even_if_most_slots_are_in_use)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 8);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, fill_nine, feed), 0);
	while (!baton_wait_any_asleep(&feed->wait, 0))
		sched_yield();
	expect_next(feed, 0);
	pthread_join(thread, NULL);
	for (uint64_t k = 1; k < 9; k++)
		expect_next(feed, k);
	close_feed(feed);
}

Unit(claim, at_or_past_the_known_end_begin_says_END_at_once)
{
	for (uint64_t first = 3; first <= 4; first++) {
		baton_source source = own_source();
		baton_options o = options_of(0, 0, 2);
		baton_pipeline *feed;

		source.n_batches = 3;
		o.first_batch = first;
		feed = open_with(&source, &o);
		cr_assert_eq(begin_refused(feed), BATON_END);
		cr_assert_eq(refused(feed), BATON_END);
		close_feed(feed);
	}
}
