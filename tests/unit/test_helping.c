/* SPDX-License-Identifier: MIT */
/* Helping: producers that are frozen in the middle of a fill, by a semaphore of the test's,
 * while the trainer must go on. Nothing here depends on how long anything takes: if nobody
 * helps, a test hangs until its limit. So a test that waits until somebody is frozen does it
 * before the trainer asks for its first batch: later the trainer might have made the batch
 * itself at which he would have been. */

#include "block.h"
#include "feed.h"
#include "feed_source.h"

enum { MOST = 8 };

struct cold;

/* What start makes for each producer; the last is the trainer's. */
struct filler {
	struct cold *cold;
	int index;
	baton_writable before; /* the view of its last fill */
	uint64_t fills;
};

/* A known source whose producers freeze where freezes() says, and stay so until thawed. */
struct cold {
	struct known known; /* first: it is this source's state for known_fill() */
	bool (*freezes)(const struct filler *me, uint64_t k);
	uint64_t at;
	int trainer; /* the trainer's index */
	sem_t frozen, thaw;
	_Atomic(uint64_t) taken; /* batches that the trainer has */
	atomic_int started, stopped, fail_start;
	atomic_int stale_seen; /* views that were good after their fill */
	struct filler fillers[MOST];
};

static bool at_k(const struct filler *me, uint64_t k)
{
	return k == me->cold->at;
}

static bool at_first(const struct filler *me, uint64_t k)
{
	(void)k;
	return me->fills == 1;
}

static bool at_second(const struct filler *me, uint64_t k)
{
	(void)k;
	return me->fills == 2;
}

static bool never(const struct filler *me, uint64_t k)
{
	(void)me;
	(void)k;
	return false;
}

static int start(int i, void **state, baton_error *err)
{
	struct cold *cold = *state;
	struct filler *me = &cold->fillers[i];

	if (i == cold->fail_start) {
		snprintf(err->text, sizeof(err->text), "no decoder %d", i);
		return -EIO;
	}
	cold->started++;
	*me = (struct filler){cold, i, {0}, 0};
	*state = me;
	return BATON_OK;
}

static void stop(int i, void *state)
{
	struct filler *me = state;

	cr_assert_eq(me->index, i);
	me->cold->stopped++;
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	struct filler *me = state;
	struct cold *cold = me->cold;
	uint64_t k = baton_writable_k(b);
	bool trainer = me->index == cold->trainer;

	cold->stale_seen += me->fills > 0 && baton_writable_data(&me->before, 0);
	me->before = *b;
	me->fills++;
	if (!trainer && cold->freezes(me, k)) {
		sem_post(&cold->frozen);
		wait_for(&cold->thaw);
	}
	return known_fill(&cold->known, b, rng);
}

static void cold_init(struct cold *cold, int producers,
                      bool (*freezes)(const struct filler *, uint64_t))
{
	memset(cold, 0, sizeof(*cold));
	cold->known = (struct known)KNOWN_INIT;
	cold->freezes = freezes;
	cold->trainer = producers;
	cold->fail_start = -1;
	sem_init(&cold->frozen, 0, 0);
	sem_init(&cold->thaw, 0, 0);
}

static baton_source cold_source(struct cold *cold)
{
	baton_source source = known_source(&cold->known);

	source.fill = fill;
	source.start = start;
	source.stop = stop;
	return source;
}

static baton_pipeline *open_cold(struct cold *cold, uint32_t m, uint32_t blocks, uint32_t spares,
                                 int order)
{
	baton_source source = cold_source(cold);
	baton_options o = options_of(cold->trainer, m, blocks);

	o.spares = spares;
	o.order = order;
	return open_with(&source, &o);
}

static void thaw(struct cold *cold, int n)
{
	for (int i = 0; i < n; i++)
		sem_post(&cold->thaw);
}

/* Take n batches, each once, each as it must be; in order, if that is asked. */
static void expect(baton_pipeline *feed, bool *seen, uint64_t n, bool ordered) BATON_NO_ANALYSIS;
static void expect(baton_pipeline *feed, bool *seen, uint64_t n, bool ordered)
{
	for (uint64_t i = 0; i < n; i++) {
		baton_batch b = take(feed);
		uint64_t k = baton_k(&b);

		cr_assert(is_known(&b, 42, k), "batch %" PRIu64, k);
		cr_assert_not(seen[k], "batch %" PRIu64 " twice", k);
		cr_assert(!ordered || k == 0 || seen[k - 1], "batch %" PRIu64 " too early", k);
		seen[k] = true;
		give(feed, &b);
	}
}

Unit(helping, a_batch_whose_producer_is_frozen_is_made_by_the_trainer)
{
	for (int order = BATON_ORDERED; order <= BATON_COMPLETION; order++)
		for (int p = 1; p <= 3; p++)
			for (uint32_t m = 1; m <= 4; m += 3) {
				bool seen[1000] = {false};
				struct cold cold;
				baton_pipeline *feed;

				cold_init(&cold, p, at_k);
				cold.at = 2;
				feed = open_cold(&cold, m, 4, 1, order);
				wait_for(&cold.frozen);
				expect(feed, seen, 100, order == BATON_ORDERED);
				cr_assert(seen[2]);
				/* more, if a busy machine made others late */
				cr_assert_geq(stats_of(feed).replaced, 1);
				thaw(&cold, 1);
				expect(feed, seen, 100, order == BATON_ORDERED);
				close_feed(feed);
				cr_assert_eq(cold.stale_seen, 0);
			}
}

Unit(helping, with_a_spare_for_each_all_producers_may_be_frozen_at_once)
{
	for (int order = BATON_ORDERED; order <= BATON_COMPLETION; order++)
		for (uint32_t blocks = 1; blocks <= 16; blocks *= 4) {
			bool seen[1000] = {false};
			struct cold cold;
			baton_pipeline *feed;

			cold_init(&cold, 3, at_second);
			feed = open_cold(&cold, 1, blocks, 3, order);
			expect(feed, seen, 400, order == BATON_ORDERED);
			thaw(&cold, 3);
			expect(feed, seen, 100, order == BATON_ORDERED);
			close_feed(feed);
			cr_assert_eq(cold.stale_seen, 0);
		}
}

static bool until_taken(const struct filler *me, uint64_t k)
{
	while (k % 5 == 0 && k < 500 && me->cold->taken <= k)
		sched_yield();
	return false;
}

/* Each of a hundred batches is taken before its producer gets on, and the one spare has to
 * come back from there for the next. */
Unit(helping, a_spare_comes_back_from_a_late_producer_every_time)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_pipeline *feed;
	uint64_t bytes;

	cold_init(&cold, 2, until_taken);
	feed = open_cold(&cold, 1, 8, 1, BATON_ORDERED);
	bytes = stats_of(feed).bytes;
	for (uint64_t k = 0; k < 500; k++) {
		expect(feed, seen, 1, true);
		cold.taken = k + 1;
	}
	cr_assert_eq(stats_of(feed).bytes, bytes);
	/* all but those that the trainer began itself */
	cr_assert_gt(stats_of(feed).replaced, 0);
	close_feed(feed);
	cr_assert_eq(cold.stale_seen, 0);
}

Unit(helping, nobody_helps_without_a_spare)
{
	struct cold cold;
	baton_pipeline *feed;
	baton_batch b = BATON_BATCH_INIT;

	cold_init(&cold, 1, at_k);
	feed = open_cold(&cold, 1, 4, 0, BATON_ORDERED);
	wait_for(&cold.frozen);
	cr_assert_eq(baton_next_until(feed, &b, baton_now_ns() + 10000000), BATON_TIMEOUT);
	cr_assert_eq(cold.started, 1);
	thaw(&cold, 1);
	b = take(feed);
	give(feed, &b);
	close_feed(feed);
}

/* Both producers are frozen: the one spare is given for the first, and the second has to be
 * waited for. */
Unit(helping, as_many_may_be_frozen_as_there_are_spares)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_pipeline *feed;
	baton_batch b = BATON_BATCH_INIT;

	cold_init(&cold, 2, at_first);
	feed = open_cold(&cold, 1, 2, 1, BATON_ORDERED);
	wait_for(&cold.frozen);
	wait_for(&cold.frozen);
	expect(feed, seen, 1, true);
	cr_assert_eq(baton_next_until(feed, &b, baton_now_ns() + 20000000), BATON_TIMEOUT);
	cr_assert_eq(stats_of(feed).replaced, 1);
	thaw(&cold, 2);
	expect(feed, seen, 100, true);
	close_feed(feed);
}

Unit(helping, a_trainer_that_polls_helps_too)
{
	struct cold cold;
	baton_pipeline *feed;

	cold_init(&cold, 1, at_k);
	feed = open_cold(&cold, 1, 2, 1, BATON_ORDERED);
	wait_for(&cold.frozen);
	for (uint64_t k = 0; k < 3; k++) {
		baton_batch b = BATON_BATCH_INIT;
		int rc;

		while ((rc = baton_next_until(feed, &b, 0)) == BATON_TIMEOUT)
			;
		cr_assert_eq(rc, BATON_OK);
		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	thaw(&cold, 1);
	close_feed(feed);
}

/* What was told of block 0, thread by thread; the trainer's last. */
struct told {
	int whats[2][8];
	size_t n[2];
};

static void listen(void *state, const baton_event *event)
{
	struct told *told = state;
	int who = event->thread == BATON_THREAD_TRAINER;

	if (event->ticket != 0 || event->what == BATON_EVENT_PARK ||
	    event->what == BATON_EVENT_WAKE)
		return;
	cr_assert(event->thread == 0 || who);
	cr_assert_lt(told->n[who], 8);
	told->whats[who][told->n[who]++] = event->what;
}

Unit(helping, who_looks_on_sees_who_made_a_late_batch)
{
	static const int late[] = {BATON_EVENT_CLAIM, BATON_EVENT_PUBLISH, BATON_EVENT_LATE};
	static const int own[] = {BATON_EVENT_CLAIM, BATON_EVENT_PUBLISH, BATON_EVENT_TAKE,
	                          BATON_EVENT_RELEASE};
	bool seen[1000] = {false};
	baton_ledger ledger = BATON_LEDGER_INIT;
	baton_producer_time times[2];
	baton_options o = options_of(1, 2, 2);
	baton_source source;
	struct cold cold;
	struct told told = {0};
	baton_pipeline *feed;

	cold_init(&cold, 1, at_k);
	source = cold_source(&cold);
	o.spares = 1;
	o.observe = listen;
	o.observe_state = &told;
	feed = open_with(&source, &o);
	wait_for(&cold.frozen);
	expect(feed, seen, 10, true);
	baton_ledger_get(feed, &ledger);
	cr_assert_gt(ledger.ns[BATON_TIME_INLINE], 0);
	cr_assert_gt(ledger.ns[BATON_TIME_FILL], 0);
	cr_assert_eq(baton_ledger_producers(feed, times, 2), 2);
	cr_assert_eq(times[1].wall_ns, 0); /* the trainer's, and said there */
	thaw(&cold, 1);
	close_feed(feed);
	cr_assert_eq(told.n[0], 3);
	cr_assert_arr_eq(told.whats[0], late, sizeof(late));
	cr_assert_eq(told.n[1], 4);
	cr_assert_arr_eq(told.whats[1], own, sizeof(own));
}

static void expect_status(const baton_pipeline *feed, int code, uint64_t batch)
{
	baton_error err;

	cr_assert_eq(baton_status(feed, &err), code);
	cr_assert_eq(err.batch, batch);
}

Unit(helping, an_END_or_error_of_a_late_batch_comes_at_its_place)
{
	for (int fails = 0; fails < 2; fails++)
		for (uint32_t m = 1; m <= 4; m++) {
			bool seen[1000] = {false};
			struct cold cold;
			baton_pipeline *feed;

			cold_init(&cold, 2, at_k);
			cold.at = 9;
			cold.known.end = fails ? NEVER : 9;
			cold.known.fail_at = fails ? 9 : NEVER;
			cold.known.code = -EIO;
			cold.known.text = "seeded";
			feed = open_cold(&cold, m, 4, 2, BATON_ORDERED);
			expect(feed, seen, 9, true);
			cr_assert_eq(refused(feed), fails ? -EIO : BATON_END);
			expect_status(feed, fails ? -EIO : BATON_END, 9);
			thaw(&cold, 1);
			close_feed(feed);
		}
}

Unit(helping, a_known_end_that_is_late_is_reached)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_source source;
	baton_options o = options_of(2, 4, 2);
	baton_pipeline *feed;

	cold_init(&cold, 2, at_k);
	cold.at = 9;
	source = cold_source(&cold);
	source.n_batches = 10;
	o.spares = 2;
	feed = open_with(&source, &o);
	expect(feed, seen, 10, true);
	cr_assert_eq(refused(feed), BATON_END);
	expect_status(feed, BATON_END, 10);
	thaw(&cold, 1);
	close_feed(feed);
}

static void *close_later(void *arg)
{
	baton_pipeline *feed = arg;

	close_feed(feed);
	return NULL;
}

Unit(helping, close_waits_for_a_frozen_fill_and_frees_its_block)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_pipeline *feed;
	pthread_t closer;

	cold_init(&cold, 2, at_second);
	feed = open_cold(&cold, 1, 2, 2, BATON_ORDERED);
	expect(feed, seen, 20, true);
	baton_cancel(feed);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	closer = spawn(close_later, feed);
	thaw(&cold, 2);
	pthread_join(closer, NULL);
	cr_assert_eq(cold.stopped, 3);
}

/* Blocks that replaced others are held, given back out of order and detached like any. */
Unit(helping, what_the_trainer_made_is_held_and_detached_like_any_other)
{
	for (uint32_t m = 1; m <= 2; m++) {
		struct cold cold;
		baton_pipeline *feed;
		baton_batch b[4];

		cold_init(&cold, 2, at_second);
		feed = open_cold(&cold, m, 4, 2, BATON_ORDERED);
		for (uint64_t k = 0; k < 200; k += 4) {
			for (uint64_t i = 0; i < 4; i++)
				b[i] = take(feed);
			cr_assert_eq(baton_detach(feed, &b[2]), BATON_OK);
			give(feed, &b[3]);
			give(feed, &b[0]);
			for (uint64_t i = 1; i < 3; i++)
				cr_assert(is_known(&b[i], 42, k + i));
			give(feed, &b[1]);
			cr_assert_eq(baton_free(&b[2]), BATON_OK);
		}
		thaw(&cold, 2);
		close_feed(feed);
	}
}

/* --- the trainer as a producer --------------------------------------------------------- */

Unit(helping, the_trainer_has_a_state_of_its_own)
{
	struct cold cold;
	uint64_t filled[4];
	baton_pipeline *feed;

	cold_init(&cold, 2, at_second);
	feed = open_cold(&cold, 1, 2, 2, BATON_ORDERED);
	cr_assert_eq(cold.started, 3);
	for (uint64_t k = 0; k < 20; k++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
	cr_assert_eq(baton_stats_filled(feed, filled, 4), 3);
	cr_assert_gt(filled[2], 10);
	cr_assert_eq(filled[2], cold.fillers[2].fills);
	cr_assert_eq(stats_of(feed).producers, 2);
	thaw(&cold, 2);
	close_feed(feed);
	cr_assert_eq(cold.stopped, 3);
}

Unit(helping, open_fails_where_the_start_of_the_trainer_does)
{
	struct cold cold;
	baton_source source;
	baton_options o = options_of(2, 1, 2);
	baton_pipeline *feed = NULL;
	baton_error err;

	cold_init(&cold, 2, never);
	cold.fail_start = 2;
	source = cold_source(&cold);
	o.spares = 1;
	cr_assert_eq(baton_open(&feed, &source, &o, &err), -EIO);
	cr_assert_str_eq(err.text, "no decoder 2");
	cr_assert_null(feed);
	cr_assert_eq(cold.started, 0);
	cold.fail_start = 1; /* then the trainer's is taken back */
	cr_assert_eq(baton_open(&feed, &source, &o, &err), -EIO);
	cr_assert_str_eq(err.text, "no decoder 1");
	cr_assert_eq(cold.stopped, cold.started);
}

static int fill_and_thaw(void *state, baton_writable *b, baton_rng *rng)
{
	struct filler *me = state;

	if (me->index == me->cold->trainer && baton_writable_k(b) == 3)
		sem_post(&me->cold->thaw);
	return fill(state, b, rng);
}

/* The producer goes on with batch 0 only once the trainer has filled 1, 2 and 3. */
Unit(helping, a_work_conserving_trainer_fills_rather_than_sleeps)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_source source;
	baton_options o = options_of(1, 1, 4);
	baton_pipeline *feed;
	uint64_t filled[2];

	cold_init(&cold, 1, at_k);
	source = cold_source(&cold);
	source.fill = fill_and_thaw;
	source.pure = false; /* each batch is made once */
	o.work_conserving = 1;
	feed = open_with(&source, &o);
	wait_for(&cold.frozen);
	expect(feed, seen, 100, true);
	cr_assert_eq(baton_stats_filled(feed, filled, 2), 2);
	cr_assert_geq(filled[1], 3);
	cr_assert_eq(stats_of(feed).replaced, 0);
	close_feed(feed);
	cr_assert_eq(cold.stopped, 2);
}

static int no_hook(int i, void **state, baton_error *err)
{
	(void)i, (void)state, (void)err;
	return BATON_OK;
}

static void no_stop(int i, void *state)
{
	(void)i, (void)state;
}

/* Does the trainer fill, beside two producers? What is asked of the source besides. */
static bool trainer_fills(int asked, baton_source kind)
{
	baton_source source = known_source(&(struct known)KNOWN_INIT);
	baton_options o = options_of(2, 1, 4);
	baton_pipeline *feed;
	size_t n;

	source.cheap = kind.cheap;
	source.pure = kind.pure;
	source.start = kind.start;
	source.stop = kind.stop;
	o.work_conserving = asked;
	feed = open_with(&source, &o);
	n = baton_stats_filled(feed, NULL, 0);
	close_feed(feed);
	return n == 3;
}

Unit(helping, a_trainer_fills_by_default_if_the_source_is_cheap_and_pure_and_has_no_hook)
{
	baton_source good = {.cheap = true, .pure = true}, dear = good, impure = good;
	baton_source starts = good, stops = good;

	dear.cheap = impure.pure = false;
	starts.start = no_hook;
	stops.stop = no_stop;
	cr_assert(trainer_fills(0, good));
	cr_assert_not(trainer_fills(0, dear));
	cr_assert_not(trainer_fills(0, impure));
	cr_assert_not(trainer_fills(0, starts));
	cr_assert_not(trainer_fills(0, stops));
	cr_assert_not(trainer_fills(BATON_SLEEPS, good));
	cr_assert(trainer_fills(1, starts));
}

Unit(helping, a_work_conserving_trainer_helps_who_is_late_if_it_has_a_spare)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_source source;
	baton_options o = options_of(2, 1, 4);
	baton_pipeline *feed;

	cold_init(&cold, 2, at_second);
	source = cold_source(&cold);
	o.work_conserving = 1;
	o.spares = 2;
	feed = open_with(&source, &o);
	expect(feed, seen, 400, true);
	thaw(&cold, 2);
	close_feed(feed);
}

Unit(helping, a_work_conserving_trainer_that_polls_fills_nothing)
{
	bool seen[1000] = {false};
	struct cold cold;
	baton_source source;
	baton_options o = options_of(1, 1, 4);
	baton_batch b = BATON_BATCH_INIT;
	baton_pipeline *feed;

	cold_init(&cold, 1, at_k);
	source = cold_source(&cold);
	o.work_conserving = 1;
	feed = open_with(&source, &o);
	wait_for(&cold.frozen);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(baton_next_until(feed, &b, 0), BATON_TIMEOUT);
	cr_assert_eq(cold.fillers[1].fills, 0);
	thaw(&cold, 1);
	expect(feed, seen, 20, true);
	close_feed(feed);
}

Unit(helping, who_takes_no_longer_than_the_trainer_would_is_not_late)
{
	const uint64_t own_ns = 3000000;
	bool seen[1000] = {false};
	struct cold cold;
	baton_pipeline *feed;
	uint64_t begun;

	cold_init(&cold, 1, at_k);
	feed = open_cold(&cold, 1, 2, 1, BATON_ORDERED);
	wait_for(&cold.frozen);
	feed->delivery.own_fill_ns = own_ns;
	begun = baton_now_ns();
	expect(feed, seen, 1, true);
	cr_assert_geq(baton_now_ns() - begun, 2 * own_ns);
	thaw(&cold, 1);
	close_feed(feed);
}

/* The block is filled by another by then, at the same place in it. */
Unit(helping, a_view_is_dead_once_its_fill_is_over)
{
	struct cold cold;
	baton_pipeline *feed;
	struct baton_block *block;

	cold_init(&cold, 1, at_k);
	feed = open_cold(&cold, 1, 1, 1, BATON_ORDERED);
	wait_for(&cold.frozen);
	block = baton_spares_pop(&feed->pool.spares);
	baton_producer_fill(feed->inner, 5, block);
	baton_producer_open_block(feed->inner, 6, block);
	cr_assert_null(baton_writable_data(&cold.fillers[1].before, 0));
	baton_spares_keep(&feed->pool.spares, block);
	thaw(&cold, 1);
	close_feed(feed);
}

/* --- options ---------------------------------------------------------------------------- */

static void expect_refused(const baton_source *source, const baton_options *o, const char *text)
{
	baton_pipeline *feed = NULL;
	baton_error err;

	cr_assert_eq(baton_open(&feed, source, o, &err), -EINVAL);
	cr_assert(strstr(err.text, text), "%s", err.text);
}

Unit(helping, only_a_pure_source_with_producers_can_be_helped)
{
	struct known known = KNOWN_INIT;
	baton_source source = known_source(&known), own = own_source();
	baton_options o = options_of(1, 1, 2);

	o.spares = 1;
	source.pure = false;
	expect_refused(&source, &o, "spares is 1: a batch may be made twice");
	source.pure = true;
	o.producers = BATON_INLINE;
	expect_refused(&source, &o, "spares is 1: the trainer makes batches in place");
	o.producers = 0;
	expect_refused(&own, &o, "spares is 1: the trainer makes batches in place");
	o.spares = 0;
	o.work_conserving = 1;
	expect_refused(&own, &o, "work_conserving is 1");
	o.producers = BATON_INLINE;
	expect_refused(&source, &o, "work_conserving is 1");
	o.producers = 1;
	o.work_conserving = 2;
	expect_refused(&source, &o, "work_conserving is 2");
	o.work_conserving = -2;
	expect_refused(&source, &o, "work_conserving is -2");
}

Unit(helping, memory_is_the_pool_and_the_spares)
{
	struct known known = KNOWN_INIT;
	baton_source source = known_source(&known);
	baton_options o = options_of(3, 4, 2);
	uint64_t bytes[5];

	for (uint32_t h = 1; h < 5; h++) {
		baton_pipeline *feed;

		o.spares = h;
		feed = open_with(&source, &o);
		bytes[h] = stats_of(feed).bytes;
		cr_assert_eq(stats_of(feed).spares, h < 3 ? h : 3);
		cr_assert_eq(bytes[h] - bytes[1],
		             (h < 3 ? h - 1 : 2) * baton_block_bytes(feed->pool.layout, 4));
		close_feed(feed);
	}
}
