/* SPDX-License-Identifier: MIT */
#include "feed.h"
#include "feed_source.h"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- the flags and epochs alone, without a thread --------------------------------- */

struct fixture {
	struct baton_wait wait;
	struct baton_ring ring;
	struct baton_slot slots[8];
};

/* A ring of 8 whose tickets below `claimed` are claimed; below `released`, released. */
static void init(struct fixture *f, uint64_t claimed, uint64_t released)
{
	baton_wait_init(&f->wait);
	baton_ring_init(&f->ring, f->slots, 8, 0);
	for (uint64_t t = 0; t < released; t++)
		baton_ring_release(&f->ring, t);
	atomic_store(&f->ring.ticket, claimed);
}

static int32_t trainer_epoch(struct fixture *f)
{
	return atomic_load(&f->wait.trainer_epoch);
}

static int32_t producers_epoch(struct fixture *f)
{
	return atomic_load(&f->wait.producers_epoch);
}

Unit(wait, a_publish_wakes_the_trainer_for_the_ticket_it_wants_only)
{
	static struct fixture f;

	init(&f, 0, 0);
	baton_wait_trainer_down(&f.wait, 2 * 5 + 1);
	baton_wait_published(&f.wait, 4);
	baton_wait_published(&f.wait, 6);
	cr_assert_eq(trainer_epoch(&f), 0);
	baton_wait_published(&f.wait, 5);
	cr_assert_eq(trainer_epoch(&f), 1);
}

Unit(wait, any_publish_wakes_a_trainer_that_wants_any)
{
	for (uint64_t t = 0; t < 4; t++) {
		static struct fixture f;

		init(&f, 0, 0);
		baton_wait_trainer_down(&f.wait, BATON_WANTS_ANY);
		baton_wait_published(&f.wait, t);
		cr_assert_eq(trainer_epoch(&f), 1);
	}
}

/* One that is suspended on its way to the kernel must not keep the others from it. */
Unit(wait, every_publisher_wakes_a_trainer_that_wants_any_until_it_is_up)
{
	static struct fixture f;

	init(&f, 0, 0);
	baton_wait_trainer_down(&f.wait, BATON_WANTS_ANY);
	for (uint64_t t = 0; t < 4; t++)
		baton_wait_published(&f.wait, t);
	cr_assert_eq(trainer_epoch(&f), 4);
	baton_wait_trainer_up(&f.wait);
	baton_wait_published(&f.wait, 4);
	cr_assert_eq(trainer_epoch(&f), 4);
}

Unit(wait, nobody_is_woken_when_nobody_sleeps)
{
	static struct fixture f;

	init(&f, 8, 8);
	baton_wait_published(&f.wait, 0);
	baton_wait_released(&f.wait, &f.ring, 8, 0);
	baton_wait_pass_on(&f.wait, &f.ring, 0);
	cr_assert_eq(trainer_epoch(&f), 0);
	cr_assert_eq(producers_epoch(&f), 0);
}

Unit(wait, who_is_up_again_is_not_woken)
{
	static struct fixture f;

	init(&f, 8, 8);
	baton_wait_trainer_down(&f.wait, BATON_WANTS_ANY);
	baton_wait_trainer_up(&f.wait);
	baton_wait_producer_down(&f.wait);
	baton_wait_producer_up(&f.wait);
	baton_wait_published(&f.wait, 0);
	baton_wait_released(&f.wait, &f.ring, 8, 0);
	baton_wait_pass_on(&f.wait, &f.ring, 0);
	cr_assert_eq(trainer_epoch(&f), 0);
	cr_assert_eq(producers_epoch(&f), 0);
}

/* Lowest count of free slots at which a producer is woken while `held` are held. */
static uint64_t wakes_at(uint64_t held)
{
	for (uint64_t n_free = 0; n_free <= 8; n_free++) {
		static struct fixture f;

		init(&f, 8, n_free);
		baton_wait_producer_down(&f.wait);
		baton_wait_released(&f.wait, &f.ring, n_free, held);
		if (producers_epoch(&f) != 0)
			return n_free;
	}
	return NEVER;
}

Unit(wait, a_producer_is_woken_once_half_of_what_is_not_held_is_free)
{
	cr_assert_eq(wakes_at(0), 4);
	cr_assert_eq(wakes_at(1), 4); /* half of 7, rounded up */
	cr_assert_eq(wakes_at(2), 3);
	cr_assert_eq(wakes_at(4), 2);
	cr_assert_eq(wakes_at(6), 1);
	cr_assert_eq(wakes_at(7), 1); /* never for none at all */
	cr_assert_eq(wakes_at(8), 1);
}

Unit(wait, nobody_is_woken_again_before_somebody_has_claimed)
{
	static struct fixture f;

	init(&f, 8, 4);
	baton_wait_producer_down(&f.wait);
	baton_wait_producer_down(&f.wait);
	for (int i = 0; i < 3; i++)
		baton_wait_released(&f.wait, &f.ring, 4, 0);
	cr_assert_eq(producers_epoch(&f), 1);
	atomic_store(&f.ring.ticket, 9);
	baton_wait_released(&f.wait, &f.ring, 4, 0); /* too few */
	cr_assert_eq(producers_epoch(&f), 1);
	baton_wait_released(&f.wait, &f.ring, 5, 0);
	cr_assert_eq(producers_epoch(&f), 2);
}

Unit(wait, a_release_leaves_a_crowd_asleep_and_a_trainer_that_waits_does_not)
{
	static struct fixture f;

	init(&f, 8, 8);
	f.wait.crowd = 2;
	baton_wait_producer_down(&f.wait);
	baton_wait_producer_down(&f.wait);
	baton_wait_released(&f.wait, &f.ring, 8, 0);
	baton_wait_pass_on(&f.wait, &f.ring, f.wait.crowd);
	cr_assert_eq(producers_epoch(&f), 0);
	baton_wait_pass_on(&f.wait, &f.ring, 0);
	cr_assert_eq(producers_epoch(&f), 1);
	baton_wait_producer_down(&f.wait);
	baton_wait_pass_on(&f.wait, &f.ring, f.wait.crowd);
	cr_assert_eq(producers_epoch(&f), 2);
	baton_wait_released(&f.wait, &f.ring, 8, 0);
	cr_assert_eq(producers_epoch(&f), 3);
}

Unit(wait, passing_on_wakes_one_if_the_next_slot_is_free_only)
{
	static struct fixture f;

	init(&f, 8, 0);
	baton_wait_producer_down(&f.wait);
	baton_wait_pass_on(&f.wait, &f.ring, 0);
	cr_assert_eq(producers_epoch(&f), 0);
	init(&f, 8, 1);
	baton_wait_producer_down(&f.wait);
	baton_wait_pass_on(&f.wait, &f.ring, 0);
	cr_assert_eq(producers_epoch(&f), 1);
}

Unit(wait, full_means_that_the_next_slot_is_in_use)
{
	static struct fixture f;

	init(&f, 0, 0);
	cr_assert_not(baton_wait_full(&f.ring));
	init(&f, 7, 0);
	cr_assert_not(baton_wait_full(&f.ring));
	init(&f, 8, 0);
	cr_assert(baton_wait_full(&f.ring));
	init(&f, 8, 1);
	cr_assert_not(baton_wait_full(&f.ring));
	init(&f, 9, 1);
	cr_assert(baton_wait_full(&f.ring));
}

Unit(wait, waking_all_moves_both_epochs_asleep_or_not)
{
	static struct fixture f;

	init(&f, 0, 0);
	baton_wait_wake_all(&f.wait);
	cr_assert_eq(trainer_epoch(&f), 1);
	cr_assert_eq(producers_epoch(&f), 1);
	baton_wait_wake_producers(&f.wait);
	cr_assert_eq(trainer_epoch(&f), 1);
	cr_assert_eq(producers_epoch(&f), 2);
}

Unit(wait, a_moved_epoch_is_not_slept_on)
{
	_Atomic int32_t epoch = 3;

	baton_futex_wait(&epoch, 2, BATON_FOREVER);
}

Unit(wait, a_deadline_that_has_passed_is_not_slept_for)
{
	_Atomic int32_t epoch = 3;

	baton_futex_wait(&epoch, 3, 0);
	baton_futex_wait(&epoch, 3, baton_now_ns());
}

/* --- in a pipeline ----------------------------------------------------------------- */

static void wait_until_asleep(const baton_pipeline *feed, uint32_t n)
{
	while (atomic_load(&feed->wait.producers_asleep) != n)
		sched_yield();
}

/* All of the pool is ready and every producer sleeps. */
static baton_pipeline *open_asleep(const baton_source *source, int producers, uint32_t blocks)
{
	baton_pipeline *feed = open_feed(source, producers, 1, blocks);

	wait_until_asleep(feed, (uint32_t)producers);
	for (uint64_t t = 0; t < blocks; t++)
		cr_assert(baton_ring_ready(&feed->ring, t));
	return feed;
}

static void take_and_give(baton_pipeline *feed, int n)
{
	for (int i = 0; i < n; i++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
}

/* The trainer neither sleeps nor polls here: only its release can wake. */
Unit(wait, a_sleeping_producer_is_woken_by_the_release_that_frees_half)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_asleep(&source, 1, 8);

	take_and_give(feed, 3);
	cr_assert_eq(atomic_load(&feed->ring.ticket), 8);
	cr_assert_eq(atomic_load(&feed->wait.producers_epoch), 0);
	take_and_give(feed, 1);
	cr_assert_neq(atomic_load(&feed->wait.producers_epoch), 0);
	for (uint64_t t = 8; t < 12; t++)
		while (!baton_ring_ready(&feed->ring, t))
			sched_yield();
	close_feed(feed);
}

Unit(wait, a_trainer_about_to_sleep_wakes_a_producer_if_the_next_slot_is_free)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_asleep(&source, 1, 8);
	baton_batch kept[7], b;

	take_and_give(feed, 1); /* too few for the rule of half */
	for (int i = 0; i < 7; i++)
		kept[i] = take(feed);
	cr_assert_eq(atomic_load(&feed->wait.producers_epoch), 0);
	b = take(feed); /* for ever, were nobody woken */
	cr_assert(is_known(&b, 42, 8));
	give(feed, &b);
	for (int i = 0; i < 7; i++)
		give(feed, &kept[i]);
	close_feed(feed);
}

/* The same for a trainer that never sleeps, since it has something else to do. */
Unit(wait, a_trainer_that_only_polls_gets_the_next_batch_too)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_asleep(&source, 1, 8);
	baton_batch kept[7], b = BATON_BATCH_INIT;
	int rc;

	take_and_give(feed, 1);
	for (int i = 0; i < 7; i++)
		kept[i] = take(feed);
	while ((rc = baton_next_until(feed, &b, 0)) == BATON_TIMEOUT)
		sched_yield();
	cr_assert_eq(rc, BATON_OK);
	cr_assert(is_known(&b, 42, 8));
	give(feed, &b);
	for (int i = 0; i < 7; i++)
		give(feed, &kept[i]);
	close_feed(feed);
}

/* From batch 8 on a fill returns only when four are inside: a disk that wants four
 * requests at once. */
struct disk {
	pthread_barrier_t four;
};

static int read_disk(void *state, baton_writable *b, baton_rng *rng)
{
	struct disk *d = state;

	if (baton_writable_k(b) >= 8 && baton_writable_k(b) < 12)
		pthread_barrier_wait(&d->four);
	known_write(b, rng);
	return BATON_OK;
}

Unit(wait, a_woken_producer_wakes_the_next_before_it_fills)
{
	struct disk disk;
	baton_source source = known_source(NULL);
	baton_pipeline *feed;

	pthread_barrier_init(&disk.four, NULL, 4);
	source.fill = read_disk;
	source.state = &disk;
	feed = open_asleep(&source, 8, 8);
	take_and_give(feed, 4); /* wakes one producer; the trainer does nothing more */
	for (uint64_t t = 8; t < 12; t++)
		while (!baton_ring_ready(&feed->ring, t))
			sched_yield();
	close_feed(feed);
	pthread_barrier_destroy(&disk.four);
}

static uint32_t crowd_of(int producers, uint32_t blocks)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, producers, 1, blocks);
	uint32_t crowd = feed->wait.crowd;

	close_feed(feed);
	return crowd;
}

Unit(wait, more_producers_than_cpus_are_a_crowd_beside_a_deep_pool)
{
	cpu_set_t cpus;
	int n;

	cr_assert_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	n = CPU_COUNT(&cpus);
	cr_assert_eq(crowd_of(n + 2, 64), 2);
	cr_assert_eq(crowd_of(n + 2, 32), 0);
	cr_assert_eq(crowd_of(n, 64), 0);
}

struct meeting {
	atomic_int fills; /* begun, from the 64th on */
	int all;
};

/* After a pool's worth nobody comes back before all producers are in a fill. */
static int fill_with_all(void *state, baton_writable *b, baton_rng *rng)
{
	struct meeting *m = state;

	if (baton_writable_k(b) >= 64) {
		atomic_fetch_add(&m->fills, 1);
		while (atomic_load(&m->fills) < m->all)
			sched_yield();
	}
	known_write(b, rng);
	return BATON_OK;
}

/* Four producers that meet, of which releases wake one or two. */
static baton_pipeline *open_meeting(struct meeting *meeting)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;

	meeting->all = 4;
	source.fill = fill_with_all;
	source.state = meeting;
	feed = open_asleep(&source, 4, 64);
	feed->wait.crowd = 3;
	take_and_give(feed, 64);
	return feed;
}

Unit(wait, a_trainer_that_sleeps_wakes_one_of_the_crowd_each_time)
{
	struct meeting meeting = {0};
	baton_pipeline *feed = open_meeting(&meeting);

	take_and_give(feed, 1); /* for ever, if they never meet */
	close_feed(feed);
}

Unit(wait, a_trainer_that_polls_wakes_one_of_the_crowd_each_time)
{
	struct meeting meeting = {0};
	baton_pipeline *feed = open_meeting(&meeting);
	baton_batch b = BATON_BATCH_INIT;

	while (baton_next_until(feed, &b, 0) == BATON_TIMEOUT)
		;
	give(feed, &b);
	close_feed(feed);
}

struct stuck {
	pthread_t trainer;
	atomic_int producers; /* that are */
	sem_t go;
};

/* After a pool's worth each producer is stuck in its next fill. */
static int fill_or_be_stuck(void *state, baton_writable *b, baton_rng *rng)
{
	static _Thread_local bool was;
	struct stuck *s = state;

	if (baton_writable_k(b) >= 64 && !pthread_equal(pthread_self(), s->trainer) && !was) {
		was = true;
		atomic_fetch_add(&s->producers, 1);
		wait_for(&s->go);
	}
	known_write(b, rng);
	return BATON_OK;
}

/* It fills in the place of the first that is stuck, and then of all others without sleeping again. */
Unit(wait, a_trainer_that_fills_wakes_one_of_the_crowd_each_time)
{
	struct stuck stuck = {.trainer = pthread_self()};
	baton_source source = known_source(NULL);
	baton_options options = options_of(4, 1, 64);
	baton_pipeline *feed;

	sem_init(&stuck.go, 0, 0);
	source.fill = fill_or_be_stuck;
	source.state = &stuck;
	source.pure = true;
	options.spares = 4;
	feed = open_with(&source, &options);
	wait_until_asleep(feed, 4);
	feed->wait.crowd = 3;
	while (atomic_load(&stuck.producers) < 4)
		take_and_give(feed, 1);
	for (int i = 0; i < 4; i++)
		sem_post(&stuck.go);
	close_feed(feed);
	sem_destroy(&stuck.go);
}

struct gate {
	sem_t open;
};

static int fill_through_gate(void *state, baton_writable *b, baton_rng *rng)
{
	struct gate *g = state;

	wait_for(&g->open);
	known_write(b, rng);
	return BATON_OK;
}

static void *open_gate_when_parked(void *arg)
{
	baton_pipeline *feed = arg;

	while (stats_of(feed).parks == 0)
		sched_yield();
	sem_post(&((struct gate *)feed->source.state)->open);
	return NULL;
}

static void a_sleeping_trainer_wakes(int order)
{
	struct gate gate;
	baton_source source = known_source(NULL);
	baton_options options = options_of(1, 1, 2);
	baton_pipeline *feed;
	baton_batch b;
	pthread_t opener;

	sem_init(&gate.open, 0, 0);
	source.fill = fill_through_gate;
	source.state = &gate;
	options.order = order;
	feed = open_with(&source, &options);
	opener = spawn(open_gate_when_parked, feed);
	b = take(feed);
	cr_assert(is_known(&b, 42, 0));
	cr_assert_geq(stats_of(feed).parks, 1);
	cr_assert_eq(atomic_load(&feed->wait.trainer_wants), 0);
	pthread_join(opener, NULL);
	give(feed, &b);
	for (int i = 0; i < 8; i++)
		sem_post(&gate.open);
	close_feed(feed);
}

Unit(wait, a_sleeping_trainer_is_woken_by_the_publish_of_its_batch)
{
	a_sleeping_trainer_wakes(BATON_ORDERED);
}

Unit(wait, a_sleeping_trainer_is_woken_by_any_publish_in_completion_order)
{
	a_sleeping_trainer_wakes(BATON_COMPLETION);
}

BATON_NO_ANALYSIS static void *take_one(void *arg)
{
	baton_batch b = take(arg);
	uint64_t k = baton_k(&b);
	bool good = is_known(&b, 42, k);

	give(arg, &b);
	return (void *)(intptr_t)(good ? (int)k : -1);
}

static int joined(pthread_t thread)
{
	void *rc;

	pthread_join(thread, &rc);
	return (int)(intptr_t)rc;
}

BATON_NO_ANALYSIS static void write_known(baton_claim *c)
{
	baton_rng rng;

	baton_rng_init(&rng, 42, baton_writable_k(&c->w_));
	known_write(&c->w_, &rng);
}

/* In completion order whoever comes first wakes it, not only the lowest. */
Unit(wait, a_sleeping_trainer_is_woken_by_a_later_batch_in_completion_order)
{
	baton_source source = own_source();
	baton_options options = options_of(0, 0, 2);
	baton_pipeline *feed;
	baton_claim zero, one;
	pthread_t trainer;

	options.order = BATON_COMPLETION;
	feed = open_with(&source, &options);
	zero = begin(feed);
	one = begin(feed);
	write_known(&one);
	trainer = spawn(take_one, feed);
	while (stats_of(feed).parks == 0)
		sched_yield();
	cr_assert_eq(baton_submit(feed, &one), BATON_OK);
	cr_assert_eq(joined(trainer), 1);
	cr_assert_eq(baton_submit(feed, &zero), BATON_OK);
	close_feed(feed);
}

/* What submit does, but for the wake: as if its thread were stopped just there. */
Unit(wait, a_publisher_stopped_before_its_wake_does_not_stop_the_trainer)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 2);
	baton_claim c = begin(feed);
	pthread_t trainer;

	write_known(&c);
	trainer = spawn(take_one, feed);
	while (stats_of(feed).parks == 0)
		sched_yield();
	atomic_load(&baton_ring_slot(&feed->ring, 0)->block)->n = 1;
	cr_assert(baton_ring_publish(&feed->ring, 0));
	cr_assert_eq(joined(trainer), 0);
	atomic_store(&baton_ring_slot(&feed->ring, 0)->claim, 0);
	atomic_fetch_sub(&feed->lent, 1);
	close_feed(feed);
}

Unit(wait, who_has_slept_is_not_counted_as_asleep)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_asleep(&source, 3, 4);

	take_and_give(feed, 40);
	baton_cancel(feed);
	wait_until_asleep(feed, 0);
	close_feed(feed);
}

Unit(wait, a_trainers_deadline_passes_and_takes_nothing)
{
	struct gate gate;
	baton_source source = known_source(NULL);
	baton_pipeline *feed;
	baton_batch b = BATON_BATCH_INIT;
	uint64_t deadline_ns;

	sem_init(&gate.open, 0, 0);
	source.fill = fill_through_gate;
	source.state = &gate;
	feed = open_feed(&source, 1, 1, 1);
	deadline_ns = baton_now_ns() + 2000000;
	cr_assert_eq(baton_next_until(feed, &b, deadline_ns), BATON_TIMEOUT);
	cr_assert_geq(baton_now_ns(), deadline_ns);
	cr_assert_eq(baton_next_until(feed, &b, 0), BATON_TIMEOUT);
	cr_assert_eq(stats_of(feed).batches, 0);
	sem_post(&gate.open);
	b = take(feed);
	cr_assert(is_known(&b, 42, 0));
	sem_post(&gate.open);
	give(feed, &b);
	close_feed(feed);
}

Unit(wait, a_claimers_deadline_passes_and_claims_nothing)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 1);
	baton_claim c = BATON_CLAIM_INIT;
	uint64_t deadline_ns;

	put(feed, 0);
	deadline_ns = baton_now_ns() + 2000000;
	cr_assert_eq(baton_begin_until(feed, &c, deadline_ns), BATON_TIMEOUT);
	cr_assert_geq(baton_now_ns(), deadline_ns);
	cr_assert_eq(stats_of(feed).claims, 0);
	take_and_give(feed, 1);
	put(feed, 1);
	close_feed(feed);
}

/* --- at every moment ---------------------------------------------------------------- */

/* Who waits with a deadline looks at the clock before each try, before it goes to sleep, and
 * once more on its way into the kernel; for the ledger, where it begins and ceases to. Here what it waits for happens at the nth look, for
 * each n: in every gap, too, that a second look or an epoch is there for. Nothing else ever
 * happens, so what is missed there hangs (what the trainer misses: until its nap ends). */
static void (*event)(void);
static unsigned looks;

/* Not 0: a clock on which a millisecond passes at each look, and at no other time. */
static time_t ticks;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (looks > 0 && --looks == 0 && event)
		event();
	if (ticks) {
		*now = (struct timespec){ticks / 1000, ticks % 1000 * 1000000};
		ticks++;
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, now);
}

static baton_pipeline *watched;
static baton_batch held;
static baton_claim out;

BATON_NO_ANALYSIS static void release_held(void)
{
	give(watched, &held);
}

BATON_NO_ANALYSIS static void submit_out(void)
{
	cr_assert_eq(baton_submit(watched, &out), BATON_OK);
}

static void cancel_watched(void)
{
	baton_cancel(watched);
}

/* A pool of one block, which the trainer holds. */
BATON_NO_ANALYSIS static int begin_while_held(uint64_t deadline_ns)
{
	unsigned n = looks;
	int rc;

	looks = 0; /* not the trainer's */
	put(watched, 0);
	held = take(watched);
	looks = n;
	out = (baton_claim)BATON_CLAIM_INIT;
	rc = baton_begin_until(watched, &out, deadline_ns);
	if (rc == BATON_OK)
		submit_out();
	if (held.kind_)
		release_held();
	return rc;
}

/* A pool of one block, which is being filled. */
BATON_NO_ANALYSIS static int next_while_filled(uint64_t deadline_ns)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc;

	out = begin(watched);
	rc = baton_next_until(watched, &b, deadline_ns);
	if (rc == BATON_OK)
		give(watched, &b);
	if (out.w_.kind_)
		submit_out();
	return rc;
}

/* One wait in a pipeline of its own, with the event at the nth look; returns how many looks
 * there were. */
static unsigned wait_at(int (*wait)(uint64_t), unsigned n, void (*what)(void), uint64_t ns,
                        int code)
{
	baton_source source = own_source();
	uint64_t deadline_ns = baton_now_ns() + ns;

	watched = open_feed(&source, 0, 0, 1);
	event = what;
	looks = n;
	cr_assert_eq(wait(deadline_ns), code, "at look %u", n);
	n -= looks;
	looks = 0;
	close_feed(watched);
	return n;
}

/* after: how many looks there are once the last sleep is over. */
static void at_every_look(int (*wait)(uint64_t), unsigned after, void (*what)(void), int code)
{
	unsigned n = wait_at(wait, 1000000, NULL, 20000000, BATON_TIMEOUT);

	cr_assert_gt(n, after);
	for (unsigned i = 1; i <= n - after; i++)
		wait_at(wait, i, what, UINT64_C(3600000000000), code);
}

Unit(wait, a_release_at_any_moment_wakes_a_claimer)
{
	at_every_look(begin_while_held, 3, release_held, BATON_OK);
}

Unit(wait, a_cancel_at_any_moment_wakes_a_claimer)
{
	at_every_look(begin_while_held, 3, cancel_watched, BATON_CANCELED);
}

Unit(wait, a_submit_at_any_moment_wakes_the_trainer)
{
	at_every_look(next_while_filled, 2, submit_out, BATON_OK);
}

Unit(wait, a_cancel_at_any_moment_wakes_the_trainer)
{
	at_every_look(next_while_filled, 2, cancel_watched, BATON_CANCELED);
}

/* --- what the account says ----------------------------------------------------------- */

/* What the trainer's wait came to, when it gave up after so many milliseconds of ours. */
BATON_NO_ANALYSIS static baton_stats account_of(bool claimed, uint64_t ms)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 1);
	baton_batch b = BATON_BATCH_INIT;
	baton_claim c = BATON_CLAIM_INIT;
	baton_stats stats;

	if (claimed)
		c = begin(feed);
	ticks = 1000;
	cr_assert_eq(baton_next_until(feed, &b, (1000 + ms) * 1000000), BATON_TIMEOUT);
	ticks = 0;
	stats = stats_of(feed);
	cr_assert_geq(stats.wait_fill_ns + stats.wait_claim_ns, ms * 1000000);
	if (claimed)
		cr_assert_eq(baton_submit(feed, &c), BATON_OK);
	close_feed(feed);
	return stats;
}

Unit(wait, for_a_batch_that_is_being_filled_counts_as_that)
{
	enum { SHORT = 50, LONG = 340 }; /* without sleeping, and with */

	for (uint64_t ms = SHORT; ms <= LONG; ms += LONG - SHORT) {
		baton_stats stats = account_of(true, ms);

		cr_assert_eq(stats.parks > 0, ms == LONG);
		/* until it was seen to be in somebody's hands: it is looked at before the first
		 * yield, after 31 turns, each with a look at the clock */
		cr_assert_gt(stats.wait_claim_ns, 0);
		cr_assert_leq(stats.wait_claim_ns, (31 + 3) * 1000000);
	}
}

Unit(wait, asleep_for_a_batch_that_nobody_has_begun_counts_as_that)
{
	baton_stats stats = account_of(false, 340);

	cr_assert_gt(stats.parks, 0);
	cr_assert_eq(stats.wait_fill_ns, 0);
}

static void *begin_in_vain(void *arg)
{
	baton_pipeline *feed = arg;
	baton_claim c = BATON_CLAIM_INIT;
	int rc = baton_begin(feed, &c);

	return (void *)(intptr_t)rc;
}

Unit(wait, cancel_wakes_every_sleeping_claimer)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 1);
	pthread_t threads[3];

	put(feed, 0);
	for (int i = 0; i < 3; i++)
		threads[i] = spawn(begin_in_vain, feed);
	wait_until_asleep(feed, 3);
	baton_cancel(feed);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(joined(threads[i]), BATON_CANCELED);
	close_feed(feed);
}

Unit(wait, a_finish_wakes_every_sleeping_claimer)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 2);
	baton_claim c;
	pthread_t threads[3];

	put(feed, 0);
	c = begin(feed);
	for (int i = 0; i < 3; i++)
		threads[i] = spawn(begin_in_vain, feed);
	wait_until_asleep(feed, 3);
	cr_assert_eq(baton_finish(feed, &c), BATON_OK);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(joined(threads[i]), BATON_END);
	close_feed(feed);
}

/* Three threads sleep in begin while batch 0, then batch 1, the last, is in the only
 * slot: one gets batch 1, and all the others must hear of the END. */
BATON_NO_ANALYSIS static void *fill_until_end(void *arg)
{
	baton_pipeline *feed = arg;
	baton_claim c = BATON_CLAIM_INIT;
	int rc;

	while ((rc = baton_begin(feed, &c)) == BATON_OK) {
		baton_rng rng;

		baton_rng_init(&rng, 42, baton_writable_k(&c.w_));
		known_write(baton_claimed(&c), &rng);
		baton_submit(feed, &c);
	}
	return (void *)(intptr_t)rc;
}

Unit(wait, a_known_end_wakes_every_sleeping_claimer)
{
	baton_source source = own_source();
	baton_pipeline *feed;
	pthread_t threads[3];

	source.n_batches = 2;
	feed = open_feed(&source, 0, 0, 1);
	put(feed, 0);
	for (int i = 0; i < 3; i++)
		threads[i] = spawn(fill_until_end, feed);
	wait_until_asleep(feed, 3);
	take_and_give(feed, 2);
	cr_assert_eq(refused(feed), BATON_END);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(joined(threads[i]), BATON_END);
	close_feed(feed);
}

/* Batch 1 is held, and its slot looks ready as long: that is no reason to stay awake. */
struct late {
	baton_pipeline *feed;
	baton_claim zero;
};

BATON_NO_ANALYSIS static void *submit_when_parked(void *arg)
{
	struct late *late = arg;

	while (stats_of(late->feed).parks == 0)
		sched_yield();
	return (void *)(intptr_t)baton_submit(late->feed, &late->zero);
}

Unit(wait, a_trainer_sleeps_though_it_holds_what_came_first)
{
	baton_source source = own_source();
	baton_options o = options_of(0, 0, 2);
	struct late late;
	pthread_t thread;
	baton_batch one, zero;

	o.order = BATON_COMPLETION;
	late.feed = open_with(&source, &o);
	late.zero = begin(late.feed);
	put(late.feed, 1);
	one = take(late.feed);
	cr_assert_eq(baton_k(&one), 1);
	thread = spawn(submit_when_parked, &late);
	zero = take(late.feed); /* never, were it awake: zero comes once it sleeps */
	cr_assert_eq(baton_k(&zero), 0);
	cr_assert_eq(joined(thread), BATON_OK);
	give(late.feed, &zero);
	give(late.feed, &one);
	close_feed(late.feed);
}
