/* SPDX-License-Identifier: MIT */
/* Moments: what others do between two steps of somebody, done there in every run, on one
 * thread; and what the system answers once in a blue moon.
 *
 * Between two steps lies a call, or an order that ring.h takes from outside: the test
 * stands in for it (--wrap, ORDER_CLAIM), does what the other would do, and goes on. If a
 * moment is missed, since the steps have changed, the test says so or tests/coverage does. */

static void arrive(int place);
#define ORDER_CLAIM (arrive(AT_CLAIMS_LOOK), memory_order_acquire)

enum { NOWHERE, AT_CLAIMS_LOOK, AT_CLAIM, AT_NOW };

#include "feed.h"
#include "feed_source.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* What is to happen once at a place, after so many have passed there. */
static struct {
	int place, after;
	void (*what)(void);
} moment;

static void arrive(int place)
{
	if (place != moment.place || moment.after-- > 0)
		return;
	moment.place = NOWHERE;
	moment.what();
}

static void at(int place, int after, void (*what)(void))
{
	moment.place = place;
	moment.after = after;
	moment.what = what;
}

static bool it_came(void)
{
	return moment.place == NOWHERE;
}

uint64_t __real_baton_now_ns(void);
uint64_t __wrap_baton_now_ns(void);
uint64_t __wrap_baton_now_ns(void)
{
	arrive(AT_NOW);
	return __real_baton_now_ns();
}

int __real_baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                                struct baton_block **block);
int __wrap_baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                                struct baton_block **block);
int __wrap_baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                                struct baton_block **block)
{
	arrive(AT_CLAIM);
	return __real_baton_producer_claim(p, deadline_ns, t, block);
}

/* --- claiming: between the look at the ticket and the look at its slot ---------------- */

static struct {
	struct baton_ring ring;
	struct baton_slot slots[4];
	uint64_t others; /* the ticket that somebody else got meanwhile */
} r;

static char memory[4];

static void init(uint64_t n_slots, uint64_t first)
{
	baton_ring_init(&r.ring, r.slots, n_slots, first);
	for (uint64_t i = 0; i < n_slots; i++)
		atomic_init(&r.slots[i].block, (struct baton_block *)&memory[i]);
}

static void other_claims(void)
{
	struct baton_block *block;

	cr_assert_eq(baton_ring_claim(&r.ring, UINT64_MAX / 2, &r.others, &block), BATON_CLAIM_WON);
}

static void other_publishes(void)
{
	other_claims();
	cr_assert(baton_ring_publish(&r.ring, r.others));
}

Unit(moments, who_claims_a_ticket_too_late_gets_the_next_or_hears_why_not)
{
	static const struct {
		void (*other)(void);
		uint64_t n_slots, limit;
		enum baton_claim_result result;
	} cases[] = {
		{other_claims, 4, 9, BATON_CLAIM_WON},  {other_publishes, 4, 9, BATON_CLAIM_WON},
		{other_claims, 1, 9, BATON_CLAIM_FULL}, {other_publishes, 1, 9, BATON_CLAIM_FULL},
		{other_claims, 4, 8, BATON_CLAIM_PAST}, {other_publishes, 4, 8, BATON_CLAIM_PAST},
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct baton_block *block = NULL;
		uint64_t t = 0;

		init(cases[i].n_slots, 7);
		at(AT_CLAIMS_LOOK, 0, cases[i].other);
		cr_assert_eq(baton_ring_claim(&r.ring, cases[i].limit, &t, &block), cases[i].result,
		             "case %zu", i);
		cr_assert(it_came());
		cr_assert_eq(r.others, 7);
		if (cases[i].result != BATON_CLAIM_WON)
			continue;
		cr_assert_eq(t, 8, "case %zu", i);
		cr_assert_eq(block, (struct baton_block *)&memory[0]);
	}
}

/* --- waiting: between the last look in vain and the sleep ----------------------------- */

static baton_pipeline *feed;
static baton_batch held;

static void cancel_it(void)
{
	baton_cancel(feed);
}

static void put_0(void)
{
	put(feed, 0);
}

BATON_NO_ANALYSIS static void give_held(void)
{
	give(feed, &held);
}

static void open_own(uint32_t blocks, int order)
{
	baton_source source = own_source();
	baton_options o = options_of(0, 0, blocks);

	o.order = order;
	feed = open_with(&source, &o);
}

/* A trainer in want of a ticket asks for the time as it begins, and as it lies down. */
enum { TRAINER_LIES_DOWN = 1 };

Unit(moments, a_trainer_canceled_as_it_lies_down_does_not_sleep)
{
	open_own(2, BATON_ORDERED);
	at(AT_NOW, TRAINER_LIES_DOWN, cancel_it);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	cr_assert(it_came());
	cr_assert_eq(stats_of(feed).parks, 0);
	close_feed(feed);
}

Unit(moments, a_trainer_whose_batch_comes_as_it_lies_down_does_not_sleep)
{
	static const int orders[] = {BATON_ORDERED, BATON_COMPLETION};

	for (size_t i = 0; i < LENGTH(orders); i++) {
		open_own(2, orders[i]);
		at(AT_NOW, TRAINER_LIES_DOWN, put_0);
		held = take(feed);
		cr_assert(is_known(&held, 42, 0));
		cr_assert(it_came());
		cr_assert_eq(stats_of(feed).parks, 0);
		give(feed, &held);
		close_feed(feed);
	}
}

/* A claimer with a deadline asks for the time before each turn, and so before it lies
 * down. */
enum { CLAIMER_LIES_DOWN = BATON_PRODUCER_TURNS };

/* One block, and batch 0 of it held: the next claim has to wait. */
static void open_full(void)
{
	open_own(1, BATON_ORDERED);
	put(feed, 0);
	held = take(feed);
}

Unit(moments, a_claimer_canceled_as_it_lies_down_does_not_sleep)
{
	baton_claim c = BATON_CLAIM_INIT;

	open_full();
	at(AT_NOW, CLAIMER_LIES_DOWN, cancel_it);
	cr_assert_eq(baton_begin_until(feed, &c, NEVER - 1), BATON_CANCELED);
	cr_assert(it_came());
	cr_assert_eq(stats_of(feed).producer_parks, 0);
	give(feed, &held);
	close_feed(feed);
}

Unit(moments, a_claimer_whose_slot_comes_free_as_it_lies_down_does_not_sleep)
{
	baton_claim c = BATON_CLAIM_INIT;

	open_full();
	at(AT_NOW, CLAIMER_LIES_DOWN, give_held);
	cr_assert_eq(baton_begin_until(feed, &c, NEVER - 1), BATON_OK);
	cr_assert(it_came());
	cr_assert_eq(claim_k(&c), 1);
	cr_assert_eq(stats_of(feed).producer_parks, 0);
	cr_assert_eq(baton_finish(feed, &c), BATON_OK);
	close_feed(feed);
}

Unit(moments, an_inline_trainer_canceled_before_it_fills_fills_nothing)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	uint64_t filled = 99;

	feed = open_feed(&source, BATON_INLINE, 1, 2);
	at(AT_CLAIM, 0, cancel_it);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	cr_assert(it_came());
	baton_stats_filled(feed, &filled, 1);
	cr_assert_eq(filled, 0);
	close_feed(feed);
}

/* --- the system, on its bad days ------------------------------------------------------- */

static int n_cpus; /* > 0: so many are said to be ours; < 0: nobody says */

int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *cpus);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *cpus);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *cpus)
{
	if (n_cpus == 0)
		return __real_sched_getaffinity(pid, size, cpus);
	CPU_ZERO(cpus);
	for (int i = 0; i < n_cpus; i++)
		CPU_SET(i, cpus);
	return n_cpus < 0 ? -1 : 0;
}

/* By default: one CPU is the trainer's, each other a producer's. */
static uint32_t producers_on(int cpus)
{
	struct known state = {.end = 3, .fail_at = NEVER};
	baton_source source = known_source(&state);
	uint32_t n;

	n_cpus = cpus;
	feed = open_feed(&source, 0, 1, 2);
	n_cpus = 0;
	n = stats_of(feed).producers;
	close_feed(feed);
	return n;
}

Unit(moments, a_producer_for_each_cpu_but_one_and_one_at_least)
{
	cr_assert_eq(producers_on(1), 1);
	cr_assert_eq(producers_on(2), 1);
	cr_assert_eq(producers_on(5), 4);
	cr_assert_eq(producers_on(-1), 1);
}

static int unknown; /* what sysconf does not know */

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	return unknown && name == unknown ? -1 : __real_sysconf(name);
}

Unit(moments, a_machine_that_hides_its_memory_is_taken_to_have_enough)
{
	static const int names[] = {_SC_PHYS_PAGES, _SC_PAGESIZE};

	for (size_t i = 0; i < LENGTH(names); i++) {
		struct known state = {.end = 3, .fail_at = NEVER};
		baton_source source = known_source(&state);

		unknown = names[i];
		feed = open_feed(&source, BATON_INLINE, 1, 2);
		unknown = 0;
		held = take(feed);
		give(feed, &held);
		close_feed(feed);
	}
}

static int signals_left; /* before sem_wait waits */
static atomic_bool may_start, has_started;

int __real_sem_wait(sem_t *s);
int __wrap_sem_wait(sem_t *s);
int __wrap_sem_wait(sem_t *s)
{
	if (signals_left-- > 0) {
		errno = EINTR;
		return -1;
	}
	atomic_store(&may_start, true);
	return __real_sem_wait(s);
}

static int start_when_told(int producer, void **state, baton_error *err)
{
	(void)producer, (void)state, (void)err;
	while (!atomic_load(&may_start))
		sched_yield();
	atomic_store(&has_started, true);
	return BATON_OK;
}

Unit(moments, signals_do_not_end_opens_wait_for_its_producers)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);

	source.start = start_when_told;
	signals_left = 3;
	feed = open_feed(&source, 1, 1, 2);
	cr_assert(atomic_load(&has_started));
	cr_assert_eq(signals_left, -1);
	close_feed(feed);
}

/* --- BATON_GUARD without memory maps ---------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

static int n_mmaps, failing_mmaps, failing_mprotects, failing_getrlimits;

void *__real_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	n_mmaps++;
	return failing_mmaps-- > 0 ? MAP_FAILED
	                           : __real_mmap64(at, size, access, flags, fd, offset);
}

int __real_mprotect(void *at, size_t size, int access);
int __wrap_mprotect(void *at, size_t size, int access);
int __wrap_mprotect(void *at, size_t size, int access)
{
	return failing_mprotects-- > 0 ? -1 : __real_mprotect(at, size, access);
}

int __real_getrlimit64(int resource, struct rlimit *limit);
int __wrap_getrlimit64(int resource, struct rlimit *limit);
int __wrap_getrlimit64(int resource, struct rlimit *limit)
{
	return failing_getrlimits-- > 0 ? -1 : __real_getrlimit64(resource, limit);
}

#ifndef TSAN /* where it is refused */

Unit(moments, a_claim_that_cant_be_mapped_fails_the_run_in_its_place)
{
	baton_claim c = BATON_CLAIM_INIT;
	baton_error err;

	setenv("BATON_GUARD", "1", 1);
	open_own(2, BATON_ORDERED);
	put(feed, 0);
	failing_mmaps = 1;
	cr_assert_eq(baton_begin_until(feed, &c, 0), -ENOMEM);
	failing_mmaps = 0;
	cr_assert_null(baton_claimed(&c));
	cr_assert_eq(stats_of(feed).claims, 0);
	held = take(feed);
	cr_assert(is_known(&held, 42, 0));
	cr_assert_eq(refused(feed), -ENOMEM);
	cr_assert_eq(baton_status(feed, &err), -ENOMEM);
	cr_assert_eq(err.batch, 1);
	give(feed, &held);
	close_feed(feed);
}

/* Else the guard would be open from then on, and nobody the wiser. */
Unit(moments, a_batch_that_cant_be_taken_from_its_owner_is_an_error)
{
	baton_claim c;

	setenv("BATON_GUARD", "1", 1);
	open_own(2, BATON_ORDERED);
	c = begin(feed);
	failing_mmaps = failing_mprotects = 1;
	cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	failing_mmaps = failing_mprotects = 0;
	cr_assert_eq(refused(feed), -ENOMEM);
	close_feed(feed);
}

static int open_guarded(uint32_t blocks, baton_error *err)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_options o = options_of(BATON_INLINE, 1, blocks);

	setenv("BATON_GUARD", "1", 1);
	return baton_open(&feed, &source, &o, err);
}

/* A file past its limit is not an error but a signal. */
Unit(moments, a_guard_stays_below_the_limit_of_a_file)
{
	struct rlimit before, low;
	long page = __real_sysconf(_SC_PAGESIZE);
	baton_error err;

	cr_assert_eq(__real_getrlimit64(RLIMIT_FSIZE, &before), 0);
	for (int pages = 0; pages < 3; pages++) {
		int rc;

		low = before;
		low.rlim_cur = (rlim_t)(pages * page);
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
		rc = open_guarded(2, &err); /* two blocks, of a page each */
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
		cr_assert_eq(rc, pages < 2 ? -ENOMEM : BATON_OK, "%d pages: %s", pages, err.text);
		if (rc == BATON_OK)
			close_feed(feed);
	}
	failing_getrlimits = 1;
	cr_assert_eq(open_guarded(1, &err), -ENOMEM);
}

/* Where nobody says how much memory there is, 64 times a block must still be a number, and
 * with what the guard keeps for each batch before it. */
Unit(moments, a_guards_addresses_do_not_overflow)
{
	static const struct {
		size_t bytes;
		uint32_t batches;
	} blocks[] = {
		{SIZE_MAX / 64, 1},
		{(((size_t)1 << 46) - 2) / 65534 * 4096, 65534}, /* 2^64 - 2^19, and 8 a batch */
	};

	for (size_t i = 0; i < LENGTH(blocks); i++) {
		baton_field field = {
			.name = "x", .dtype = BATON_U8, .rank = 1, .shape = {blocks[i].bytes}};
		baton_source source = known_source(NULL);
		baton_options o = options_of(BATON_INLINE, blocks[i].batches, 1);
		baton_error err;

		source.fields = &field;
		source.n_fields = 1;
		source.rows = 1;
		setenv("BATON_GUARD", "1", 1);
		unknown = _SC_PHYS_PAGES;
		cr_assert_eq(baton_open(&feed, &source, &o, &err), -ENOMEM, "%s", err.text);
		unknown = 0;
		cr_assert_null(feed);
		cr_assert_eq(n_mmaps, 0, "of what is left after the wrap");
	}
}

#endif
