/* SPDX-License-Identifier: MIT */
/* The ledger: each cause is brought about, on one thread, with a clock of the test's own; so
 * the figures are exact. Only the last tests have threads, and then nothing but sums and
 * what the figures lie between is claimed. */

#include "feed.h"
#include "feed_source.h"
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- a clock that passes when it is told to ------------------------------------------- */

static baton_pipeline *feed;
static baton_claim out;
static baton_batch held;

static _Atomic(uint64_t) clock_ns; /* 0: the system's */
static uint64_t tick;              /* passes at each look */
static atomic_uint looks;          /* at the last of so many: */
static void (*event)(void);

int clock_gettime(clockid_t clock, struct timespec *now)
{
	uint64_t ns = clock_ns;

	if (ns == 0)
		return (int)syscall(SYS_clock_gettime, clock, now);
	if (looks > 0 && --looks == 0)
		event();
	ns = clock_ns += tick;
	*now = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	return 0;
}

static void pass(uint64_t ns)
{
	clock_ns += ns;
}

/* At the nth look from now on. */
static void at_look(unsigned n, void (*what)(void))
{
	event = what;
	looks = n;
}

static baton_ledger ledger_of(void)
{
	baton_ledger l = BATON_LEDGER_INIT;
	uint64_t sum = 0;

	cr_assert_eq(baton_ledger_get(feed, &l), BATON_OK);
	for (size_t i = 0; i < LENGTH(l.ns); i++)
		sum += l.ns[i];
	cr_assert_eq(l.wall_ns, sum, "%" PRIu64 " ns, of which %" PRIu64 " are accounted for",
	             l.wall_ns, sum);
	cr_assert_eq(l.filling.wall_ns,
	             l.filling.fill_ns + l.filling.no_block_ns + l.filling.parked_ns);
	return l;
}

/* Nothing but these: pairs of a cause and its nanoseconds, to the first 0 nanoseconds. */
struct entry {
	int time;
	uint64_t ns;
};

static void expect(const struct entry *entries)
{
	baton_ledger l = ledger_of();
	uint64_t wanted[LENGTH(l.ns)] = {0};

	for (; entries->ns; entries++)
		wanted[entries->time] = entries->ns;
	for (size_t i = 0; i < LENGTH(l.ns); i++)
		cr_assert_eq(l.ns[i], wanted[i], "%s: %" PRIu64 ", not %" PRIu64,
		             baton_time_name((int)i), l.ns[i], wanted[i]);
}
#define EXPECT(...) expect((const struct entry[]){__VA_ARGS__, {0, 0}})

/* --- a wait is divided ---------------------------------------------------------------- */

Unit(ledger, a_wait_is_divided_by_when_its_batch_was_begun_and_could_have_been)
{
	static const struct {
		struct baton_stall stall; /* begun, ended, claimed, lacked */
		struct baton_stall_parts parts;
	} cases[] = {
		/* begun long ago, by one that had a block at once */
		{{100, 200, 50, 0}, {0, 0, 100}},
		{{100, 200, 100, 0}, {0, 0, 100}},
		/* begun while the trainer waited; never */
		{{100, 200, 130, 0}, {30, 0, 70}},
		{{100, 200, UINT64_MAX, 0}, {100, 0, 0}},
		/* it had lacked a block before: less than the fill took, as long, longer */
		{{100, 200, 50, 30}, {0, 20, 80}},
		{{150, 200, 140, 90}, {0, 50, 0}},
		{{150, 200, 140, 10}, {0, 50, 0}},
		/* it still did as the wait began: what came after is its being slow to begin */
		{{100, 200, 130, 90}, {30, 10, 60}},
		{{100, 200, 130, 10}, {30, 70, 0}},
		{{100, 200, 130, 110}, {30, 0, 70}},
		{{100, 200, 250, 10}, {100, 0, 0}},
		/* no time at all */
		{{100, 100, 50, 10}, {0, 0, 0}},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct baton_stall_parts got = baton_stall_divide(&cases[i].stall);

		cr_assert_eq(got.wake_ns, cases[i].parts.wake_ns, "case %zu", i);
		cr_assert_eq(got.pool_ns, cases[i].parts.pool_ns, "case %zu", i);
		cr_assert_eq(got.fill_ns, cases[i].parts.fill_ns, "case %zu", i);
	}
}

/* --- an account ------------------------------------------------------------------------ */

Unit(ledger, an_account_is_read_up_to_now)
{
	static struct baton_account a;
	uint64_t ns[BATON_TIMES];

	clock_ns = 1000;
	cr_assert_eq(baton_account_read(&a, ns), 0);
	baton_account_begin(&a, 2, 1000);
	pass(5);
	cr_assert_eq(baton_account_read(&a, ns), 5);
	cr_assert_eq(ns[2], 5);
	baton_account_turn(&a, 1, clock_ns);
	pass(7);
	cr_assert_eq(baton_account_read(&a, ns), 12);
	cr_assert_eq(ns[2], 5);
	cr_assert_eq(ns[1], 7);
	baton_account_turn(&a, BATON_NO_TIME, clock_ns);
	pass(100);
	cr_assert_eq(baton_account_read(&a, ns), 12);
}

/* Its thread may have lost its CPU in the middle of a turn. */
Unit(ledger, an_account_that_is_being_turned_is_read_without_what_goes_on)
{
	static struct baton_account a;
	uint64_t ns[BATON_TIMES];

	clock_ns = 1000;
	baton_account_begin(&a, 2, 1000);
	pass(5);
	baton_counter_add(&a.ns[2], 5);
	pass(100);
	cr_assert_eq(baton_account_read(&a, ns), 5);
	cr_assert_eq(ns[2], 5);
	atomic_store(&a.since_ns, 1005);
	cr_assert_eq(baton_account_read(&a, ns), 105);
}

Unit(ledger, a_clock_that_is_behind_adds_nothing)
{
	static struct baton_account a;
	uint64_t ns[BATON_TIMES];

	clock_ns = 1000;
	baton_account_begin(&a, 0, 1010);
	cr_assert_eq(baton_account_read(&a, ns), 0);
}

/* --- the trainer, batches filled inline ------------------------------------------------- */

enum { FILL_NS = 100 };

static int slow_fill(void *state, baton_writable *b, baton_rng *rng)
{
	pass(FILL_NS);
	return known_fill(state, b, rng);
}

static void open_inline(uint64_t end, uint32_t block_batches)
{
	static struct known state;
	baton_source source = known_source(&state);

	state = (struct known){end, NEVER, 0, NULL};
	source.fill = slow_fill;
	feed = open_feed(&source, BATON_INLINE, block_batches, 2);
}

BATON_NO_ANALYSIS static void train_for(uint64_t n, uint64_t ns)
{
	for (uint64_t i = 0; i < n; i++) {
		baton_batch b = take(feed);

		pass(ns);
		give(feed, &b);
	}
}

Unit(ledger, inline_time_is_filling_and_training)
{
	clock_ns = 1000;
	open_inline(NEVER, 4);
	pass(50);
	EXPECT({BATON_TIME_TRAIN, 0}); /* not begun */
	train_for(10, 7);
	EXPECT({BATON_TIME_INLINE, 12 * FILL_NS}, {BATON_TIME_TRAIN, 70});
	pass(3);
	EXPECT({BATON_TIME_INLINE, 12 * FILL_NS}, {BATON_TIME_TRAIN, 73});
	close_feed(feed);
}

Unit(ledger, the_trainers_time_is_over_when_next_has_said_its_last_word)
{
	clock_ns = 1000;
	open_inline(2, 1);
	train_for(2, 7);
	cr_assert_eq(refused(feed), BATON_END);
	pass(1000);
	cr_assert_eq(refused(feed), BATON_END);
	EXPECT({BATON_TIME_INLINE, 3 * FILL_NS}, {BATON_TIME_TRAIN, 14});
	cr_assert_eq(baton_ledger_charge(feed, BATON_TIME_LOG), BATON_TIME_TRAIN);
	pass(1000);
	EXPECT({BATON_TIME_INLINE, 3 * FILL_NS}, {BATON_TIME_TRAIN, 14});
	close_feed(feed);
}

Unit(ledger, canceled_before_its_first_next_the_trainer_has_no_time)
{
	clock_ns = 1000;
	open_inline(NEVER, 1);
	baton_cancel(feed);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	pass(10);
	cr_assert_eq(ledger_of().wall_ns, 0);
	close_feed(feed);
}

Unit(ledger, the_trainer_is_taken_at_its_word)
{
	static const int words[] = {BATON_TIME_SNAPSHOT, BATON_TIME_CHECKPOINT, BATON_TIME_LOG,
	                            BATON_TIME_VALIDATE};
	clock_ns = 1000;
	open_inline(NEVER, 1);
	cr_assert_eq(baton_ledger_charge(feed, BATON_TIME_LOG), BATON_TIME_TRAIN);
	train_for(1, 7); /* what was said before the first next is forgotten */
	for (size_t i = 0; i < LENGTH(words); i++) {
		int before = baton_ledger_charge(feed, words[i]);

		cr_assert_eq(before, BATON_TIME_TRAIN);
		pass(10 + i);
		cr_assert_eq(baton_ledger_charge(feed, words[i]), words[i]);
		train_for(1, 0); /* the fill is one all the same, and then it goes on */
		pass(100);
		cr_assert_eq(baton_ledger_charge(feed, before), words[i]);
	}
	EXPECT({BATON_TIME_TRAIN, 7}, {BATON_TIME_INLINE, 5 * FILL_NS}, {BATON_TIME_SNAPSHOT, 110},
	       {BATON_TIME_CHECKPOINT, 111}, {BATON_TIME_LOG, 112}, {BATON_TIME_VALIDATE, 113});
	close_feed(feed);
}

Unit(ledger, what_is_no_word_changes_nothing)
{
	static const int words[] = {-1,
	                            BATON_TIME_FILL,
	                            BATON_TIME_POOL,
	                            BATON_TIME_WAKE,
	                            BATON_TIME_INLINE,
	                            BATON_TIMES,
	                            1000};
	clock_ns = 1000;
	cr_assert_eq(baton_ledger_charge(NULL, BATON_TIME_LOG), BATON_TIME_TRAIN);
	open_inline(NEVER, 1);
	train_for(1, 7);
	for (size_t i = 0; i < LENGTH(words); i++) {
		cr_assert_eq(baton_ledger_charge(feed, words[i]), BATON_TIME_TRAIN);
		pass(10);
	}
	EXPECT({BATON_TIME_TRAIN, 77}, {BATON_TIME_INLINE, FILL_NS});
	close_feed(feed);
}

/* --- the trainer, waiting: the others' part is played at a look at the clock -------------- */

static void open_own(uint32_t blocks)
{
	baton_source source = own_source();

	clock_ns = 1000000;
	tick = 1;
	feed = open_feed(&source, 0, 0, blocks);
}

BATON_NO_ANALYSIS static void submit_late(void)
{
	pass(1000);
	cr_assert_eq(baton_submit(feed, &out), BATON_OK);
}

BATON_NO_ANALYSIS static void begin_and_submit_late(void)
{
	pass(500);
	out = begin(feed);
	submit_late();
}

BATON_NO_ANALYSIS static void begin_late(void)
{
	pass(500);
	out = begin(feed);
}

/* In each of these a tick passes at each look; there are few of them. */
static void roughly(uint64_t ns, uint64_t wanted)
{
	cr_assert(ns >= wanted && ns < wanted + 400, "%" PRIu64 ", not %" PRIu64, ns, wanted);
}

/* Looks of a trainer that waits for a batch which is claimed: as it begins to, as it sees
 * that it is, and then, with a deadline, at each try. */
Unit(ledger, a_wait_for_a_batch_being_filled_is_a_wait_for_its_producer)
{
	baton_producer_time producer;
	baton_ledger l;

	open_own(2);
	put(feed, 0);
	held = take(feed);
	give(feed, &held);
	out = begin(feed);
	at_look(10, submit_late);
	cr_assert_eq(baton_next_until(feed, &held, NEVER - 1), BATON_OK);
	l = ledger_of();
	roughly(l.ns[BATON_TIME_FILL], 1000);
	roughly(l.ns[BATON_TIME_WAKE], 0);
	cr_assert_eq(l.ns[BATON_TIME_POOL], 0);
	cr_assert_eq(baton_ledger_producers(feed, &producer, 1), 1);
	cr_assert_eq(producer.blamed_ns, l.ns[BATON_TIME_FILL]);
	cr_assert_eq(l.filling.blamed_ns, l.ns[BATON_TIME_FILL]);
	give(feed, &held);
	close_feed(feed);
}

Unit(ledger, a_wait_for_a_batch_that_nobody_has_begun_is_none_for_a_producer)
{
	baton_ledger l;

	open_own(2);
	at_look(5, begin_late);
	cr_assert_eq(baton_next_until(feed, &held, clock_ns + 2000), BATON_TIMEOUT);
	l = ledger_of();
	roughly(l.ns[BATON_TIME_WAKE], 500);
	cr_assert_gt(l.ns[BATON_TIME_FILL], 1000);
	cr_assert_eq(l.ns[BATON_TIME_POOL], 0);
	cr_assert_eq(l.filling.blamed_ns, 0); /* nobody's yet */
	at_look(5, submit_late);
	cr_assert_eq(baton_next_until(feed, &held, NEVER - 1), BATON_OK);
	l = ledger_of();
	cr_assert_eq(l.filling.blamed_ns, l.ns[BATON_TIME_FILL]);
	give(feed, &held);
	close_feed(feed);
}

Unit(ledger, after_a_wait_it_does_what_it_did_before)
{
	baton_ledger l;

	open_own(2);
	put(feed, 0);
	held = take(feed);
	give(feed, &held);
	baton_ledger_charge(feed, BATON_TIME_LOG);
	out = begin(feed);
	at_look(5, submit_late);
	cr_assert_eq(baton_next_until(feed, &held, NEVER - 1), BATON_OK);
	pass(5000);
	l = ledger_of();
	roughly(l.ns[BATON_TIME_LOG], 5000);
	roughly(l.ns[BATON_TIME_FILL], 1000);
	give(feed, &held);
	close_feed(feed);
}

/* Asleep, it sees neither; what nobody had begun when it lay down is taken for begun late. */
Unit(ledger, a_wait_asleep_is_one_for_a_batch_that_nobody_had_begun)
{
	baton_ledger l;

	open_own(2);
	at_look(3, begin_and_submit_late); /* after its first next, and as it begins to: as it lies
	                                      down */
	cr_assert_eq(baton_next(feed, &held), BATON_OK);
	l = ledger_of();
	roughly(l.ns[BATON_TIME_FILL], 1500);
	give(feed, &held);
	at_look(3, begin_and_submit_late); /* on its way into the kernel */
	cr_assert_eq(baton_next(feed, &held), BATON_OK);
	cr_assert_eq(stats_of(feed).parks, 1);
	l = ledger_of();
	roughly(l.ns[BATON_TIME_WAKE], 1500);
	give(feed, &held);
	close_feed(feed);
}

BATON_NO_ANALYSIS static void give_held(void)
{
	pass(300);
	give(feed, &held);
}

/* One block, which the trainer holds while a claimer looks for it; then the trainer waits. */
Unit(ledger, a_wait_for_a_producer_that_had_lacked_a_block_is_the_pools)
{
	baton_producer_time producer;
	baton_ledger l;

	open_own(1);
	put(feed, 0);
	held = take(feed);
	out = (baton_claim)BATON_CLAIM_INIT;
	at_look(3, give_held);
	cr_assert_eq(baton_begin_until(feed, &out, NEVER - 1), BATON_OK);
	baton_ledger_producers(feed, &producer, 1);
	roughly(producer.no_block_ns, 300);
	cr_assert_eq(producer.parked_ns, 0);
	at_look(5, submit_late);
	cr_assert_eq(baton_next_until(feed, &held, NEVER - 1), BATON_OK);
	l = ledger_of();
	cr_assert_eq(l.ns[BATON_TIME_POOL], producer.no_block_ns);
	roughly(l.ns[BATON_TIME_FILL] + l.ns[BATON_TIME_POOL], 1000);
	cr_assert_eq(l.ns[BATON_TIME_WAKE], 0);
	cr_assert_eq(l.filling.blamed_ns, l.ns[BATON_TIME_FILL]);
	cr_assert_eq(stats_of(feed).wait_fill_ns, l.ns[BATON_TIME_FILL] + l.ns[BATON_TIME_POOL]);
	give(feed, &held);
	out = begin(feed); /* this one lacks nothing, and the last one's lack is forgotten */
	at_look(5, submit_late);
	cr_assert_eq(baton_next_until(feed, &held, NEVER - 1), BATON_OK);
	cr_assert_eq(ledger_of().ns[BATON_TIME_POOL], l.ns[BATON_TIME_POOL]);
	give(feed, &held);
	close_feed(feed);
}

/* A claimer without a deadline looks as it begins to want, then only as it lies down. */
Unit(ledger, a_producer_asleep_is_parked)
{
	baton_producer_time before, after;
	baton_claim c = BATON_CLAIM_INIT;

	open_own(1);
	put(feed, 0);
	held = take(feed);
	baton_ledger_producers(feed, &before, 1);
	cr_assert_eq(before.wall_ns, 0);
	at_look(2, give_held);
	cr_assert_eq(baton_begin(feed, &c), BATON_OK);
	cr_assert_eq(stats_of(feed).producer_parks, 1);
	baton_ledger_producers(feed, &after, 1);
	cr_assert_eq(after.parked_ns, 1);     /* from the look as it lay down to the next */
	cr_assert_eq(after.no_block_ns, 302); /* to that; and from there on */
	cr_assert_eq(after.wall_ns, 303);
	cr_assert_eq(after.fill_ns, 0);
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	close_feed(feed);
}

static uint64_t seen[BATON_TIMES];

static void look_on(void)
{
	unsigned rest = looks;

	looks = 0;
	memcpy(seen, ledger_of().ns, sizeof(seen));
	looks = rest;
}

/* Seen from outside, a wait that goes on is one, and for what it seems to be for. */
Unit(ledger, a_wait_that_goes_on_is_seen)
{
	open_own(2);
	at_look(20, look_on);
	cr_assert_eq(baton_next_until(feed, &held, clock_ns + 50), BATON_TIMEOUT);
	cr_assert_gt(seen[BATON_TIME_WAKE], 10);
	cr_assert_eq(seen[BATON_TIME_FILL], 0);
	out = begin(feed);
	at_look(20, look_on);
	cr_assert_eq(baton_next_until(feed, &held, clock_ns + 50), BATON_TIMEOUT);
	cr_assert_gt(seen[BATON_TIME_FILL], 10);
	cr_assert_eq(baton_submit(feed, &out), BATON_OK);
	close_feed(feed);
}

/* --- differences ------------------------------------------------------------------------ */

Unit(ledger, a_ledger_less_an_earlier_one_is_what_came_between)
{
	baton_ledger earlier, later;

	clock_ns = 1000;
	open_inline(NEVER, 1);
	train_for(3, 7);
	earlier = ledger_of();
	train_for(5, 9);
	later = ledger_of();
	baton_ledger_subtract(&later, &earlier);
	cr_assert_eq(later.wall_ns, 5 * FILL_NS + 45);
	cr_assert_eq(later.ns[BATON_TIME_INLINE], 5 * FILL_NS);
	cr_assert_eq(later.ns[BATON_TIME_TRAIN], 45);
	close_feed(feed);
}

/* While it goes on a wait is seen whole, as one thing; when it is over it is divided. */
Unit(ledger, a_wait_that_was_divided_since_leaves_nothing_below_0)
{
	static const int parts[] = {BATON_TIME_FILL, BATON_TIME_POOL, BATON_TIME_WAKE};

	for (size_t from = 0; from < LENGTH(parts); from++)
		for (size_t to = 0; to < LENGTH(parts); to++)
			for (size_t rest = 0; rest < LENGTH(parts); rest++) {
				baton_ledger earlier = BATON_LEDGER_INIT, later = BATON_LEDGER_INIT;
				uint64_t sum = 0;

				earlier.wall_ns = earlier.ns[parts[from]] = 100;
				later.wall_ns = 130;
				later.ns[parts[to]] += 60;
				later.ns[parts[rest]] += 70;
				baton_ledger_subtract(&later, &earlier);
				cr_assert_eq(later.wall_ns, 30);
				for (size_t i = 0; i < LENGTH(parts); i++) {
					cr_assert_leq(later.ns[parts[i]], 30);
					sum += later.ns[parts[i]];
				}
				cr_assert_eq(sum, 30);
			}
}

Unit(ledger, producers_times_are_subtracted_too)
{
	baton_ledger a = BATON_LEDGER_INIT, b = BATON_LEDGER_INIT;

	a.filling = (baton_producer_time){60, 30, 20, 10, 5};
	b.filling = (baton_producer_time){6, 3, 2, 1, 4};
	baton_ledger_subtract(&a, &b);
	cr_assert_eq(a.filling.wall_ns, 54);
	cr_assert_eq(a.filling.fill_ns, 27);
	cr_assert_eq(a.filling.no_block_ns, 18);
	cr_assert_eq(a.filling.parked_ns, 9);
	cr_assert_eq(a.filling.blamed_ns, 1);
}

/* --- looking ---------------------------------------------------------------------------- */

Unit(ledger, what_is_not_there_is_misuse_or_nothing)
{
	baton_producer_time times[2] = {{.wall_ns = 99}, {.wall_ns = 99}};
	baton_ledger l = BATON_LEDGER_INIT;

	clock_ns = 1000;
	open_inline(NEVER, 1);
	cr_assert_eq(baton_ledger_get(NULL, &l), BATON_MISUSE_NULL);
	cr_assert_eq(baton_ledger_get(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_ledger_producers(NULL, times, 2), 0);
	cr_assert_eq(baton_ledger_producers(feed, NULL, 2), 1);
	cr_assert_eq(baton_ledger_producers(feed, times, 0), 1);
	cr_assert_eq(times[0].wall_ns, 99);
	cr_assert_eq(baton_ledger_producers(feed, times, 2), 1);
	cr_assert_eq(times[0].wall_ns, 0);
	cr_assert_eq(times[1].wall_ns, 99);
	close_feed(feed);
}

Unit(ledger, get_writes_no_more_than_its_size_asks_for)
{
	baton_ledger l;

	clock_ns = 1000;
	open_inline(NEVER, 1);
	train_for(1, 7);
	memset(&l, 0x5a, sizeof(l));
	l.size = offsetof(baton_ledger, ns);
	cr_assert_eq(baton_ledger_get(feed, &l), BATON_OK);
	cr_assert_eq(l.size, offsetof(baton_ledger, ns));
	cr_assert_eq(l.wall_ns, FILL_NS + 7);
	cr_assert_eq(l.ns[0], UINT64_C(0x5a5a5a5a5a5a5a5a));
	close_feed(feed);
}

/* --- with threads ------------------------------------------------------------------------ */

static sem_t claimed, stopped;
static atomic_int whose; /* batch 0 is */
static _Atomic(baton_pipeline *) late;

/* Producer 0 comes too late for batch 0. */
static int start_indexed(int i, void **state, baton_error *err)
{
	(void)err;
	*state = (void *)(intptr_t)i;
	while (i == 0 && !atomic_load(&whose))
		sched_yield();
	return BATON_OK;
}

/* Batch 0 is not there before the trainer sleeps for it. */
static int fill_late(void *state, baton_writable *b, baton_rng *rng)
{
	if (baton_writable_k(b) == 0) {
		atomic_store(&whose, (int)(intptr_t)state);
		sem_post(&claimed);
		while (!atomic_load(&late) || stats_of(atomic_load(&late)).parks == 0)
			sched_yield();
	}
	known_write(b, rng);
	return BATON_OK;
}

Unit(ledger, the_producer_that_is_waited_for_is_named)
{
	for (int turn = 0; turn < 5; turn++) {
		baton_source source = known_source(NULL);
		baton_options o = options_of(3, 1, 8);
		baton_producer_time times[3];
		baton_ledger l;

		source.fill = fill_late;
		source.start = start_indexed;
		sem_init(&claimed, 0, 0);
		atomic_store(&whose, 0);
		atomic_store(&late, NULL);
		cr_assert_eq(baton_open(&feed, &source, &o, NULL), BATON_OK);
		wait_for(&claimed);
		atomic_store(&late, feed);
		held = take(feed);
		l = ledger_of();
		cr_assert_gt(l.ns[BATON_TIME_FILL], 0);
		baton_ledger_producers(feed, times, 3);
		for (int i = 0; i < 3; i++)
			cr_assert_eq(times[i].blamed_ns,
			             i == atomic_load(&whose) ? l.ns[BATON_TIME_FILL] : 0);
		give(feed, &held);
		close_feed(feed);
	}
}

static sem_t may_fill[4];

static void tell_3(void)
{
	sem_post(&may_fill[3]);
}

/* So much by the clock, once it may. */
static int fill_when_told(void *state, baton_writable *b, baton_rng *rng)
{
	uint64_t k = baton_writable_k(b);

	(void)state;
	sem_post(&claimed);
	wait_for(&may_fill[k]);
	pass(10000);
	known_write(b, rng);
	return BATON_OK;
}

/* Batches 0 and 1 are held, so the producer of 2 lacks a block; that of 3 does not. */
Unit(ledger, a_producer_lacks_a_block_fills_one_and_lacks_none)
{
	baton_source source = known_source(NULL);
	baton_batch b[2];
	baton_ledger l;

	clock_ns = 1000;
	tick = 1;
	source.fill = fill_when_told;
	source.n_batches = 4;
	sem_init(&claimed, 0, 0);
	for (uint64_t k = 0; k < 4; k++)
		sem_init(&may_fill[k], 0, k < 2);
	feed = open_feed(&source, 1, 1, 2);
	b[0] = take(feed);
	b[1] = take(feed);
	while (stats_of(feed).producer_parks == 0)
		sched_yield();
	l = ledger_of();
	roughly(l.filling.fill_ns, 2 * 10000);
	pass(5000);
	give(feed, &b[0]);
	give(feed, &b[1]);
	for (int k = 0; k < 3; k++)
		wait_for(&claimed);
	l = ledger_of();
	roughly(l.filling.fill_ns, 2 * 10000);
	roughly(l.filling.no_block_ns + l.filling.parked_ns, 5000);
	sem_post(&may_fill[2]);
	held = take(feed);
	wait_for(&claimed);
	l = ledger_of();
	roughly(l.filling.fill_ns, 3 * 10000);
	at_look(3, tell_3); /* it has begun to wait, has seen that somebody fills, and lies down */
	give(feed, &held);
	held = take(feed);
	cr_assert_eq(ledger_of().ns[BATON_TIME_POOL], l.ns[BATON_TIME_POOL]);
	roughly(ledger_of().ns[BATON_TIME_FILL] - l.ns[BATON_TIME_FILL], 10000);
	give(feed, &held);
	close_feed(feed);
}

static void stop_posts(int i, void *state)
{
	(void)i, (void)state;
	sem_post(&stopped);
}

Unit(ledger, a_producers_time_is_over_before_its_stop_hook)
{
	struct known state = {.end = 2, .fail_at = NEVER};
	baton_source source = known_source(&state);
	baton_producer_time times[2];

	clock_ns = 1000;
	tick = 1;
	source.stop = stop_posts;
	sem_init(&stopped, 0, 0);
	feed = open_feed(&source, 1, 1, 8);
	wait_for(&stopped);
	baton_ledger_producers(feed, times, 1);
	cr_assert_gt(times[0].fill_ns, 0);
	pass(1000);
	baton_ledger_producers(feed, times + 1, 1);
	cr_assert_eq(times[0].wall_ns, times[1].wall_ns);
	close_feed(feed);
}

static atomic_bool over;
static _Atomic(uint64_t) first_ns; /* before the first next; 0: not yet */

/* Whoever looks, whenever: no nanosecond is put down twice. */
static void *look_all_the_time(void *arg)
{
	for (; !atomic_load(&over);) {
		baton_ledger l = ledger_of();
		uint64_t first = atomic_load(&first_ns);

		cr_assert_leq(l.wall_ns, first ? baton_now_ns() - first : 0);
		sched_yield(); /* who is looked at needs the CPU, too */
	}
	return arg;
}

static void train_through(int producers, int order, uint32_t blocks)
{
	struct known state = {5000, NEVER, 0, NULL};
	baton_source source = known_source(&state);
	baton_options o = options_of(producers, 3, blocks);
	uint64_t begun[2], ended[2];
	baton_batch b = BATON_BATCH_INIT;
	baton_producer_time times[4];
	baton_ledger l;
	pthread_t looker;

	o.order = order;
	feed = open_with(&source, &o);
	atomic_store(&over, false);
	atomic_store(&first_ns, 0);
	looker = spawn(look_all_the_time, NULL);
	atomic_store(&first_ns, begun[0] = baton_now_ns());
	b = take(feed);
	begun[1] = baton_now_ns();
	do
		give(feed, &b);
	while (ended[0] = baton_now_ns(), baton_next(feed, &b) == BATON_OK);
	ended[1] = baton_now_ns();
	l = ledger_of();
	cr_assert_leq(l.wall_ns, ended[1] - begun[0]);
	cr_assert_geq(l.wall_ns, ended[0] - begun[1]);
	cr_assert_eq(l.producers, (uint32_t)producers);
	cr_assert_eq(baton_ledger_producers(feed, times, LENGTH(times)), (size_t)producers);
	for (int i = 0; i < producers; i++)
		cr_assert_eq(times[i].wall_ns,
		             times[i].fill_ns + times[i].no_block_ns + times[i].parked_ns);
	cr_assert_leq(l.filling.blamed_ns, l.ns[BATON_TIME_FILL]);
	atomic_store(&over, true);
	pthread_join(looker, NULL);
	close_feed(feed);
}

Unit(ledger, the_causes_add_up_to_the_time_at_any_moment)
{
	static const int orders[] = {BATON_ORDERED, BATON_COMPLETION};

	for (int producers = 1; producers <= 4; producers += 3)
		for (size_t i = 0; i < LENGTH(orders); i++)
			for (uint32_t blocks = 1; blocks <= 8; blocks *= 8)
				train_through(producers, orders[i], blocks);
}
