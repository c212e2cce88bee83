/* SPDX-License-Identifier: MIT */
#include "feed.h"
#include "feed_source.h"
#include <signal.h>

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

static struct known endless = KNOWN_INIT;

/* A fill that waits here keeps the trainer waiting. */
static sem_t gate;

static int fill_through_gate(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	wait_for(&gate);
	known_write(b, rng);
	return BATON_OK;
}

static baton_pipeline *open_gated(int order)
{
	baton_source source = known_source(NULL);
	baton_options o = options_of(1, 1, 2);

	sem_init(&gate, 0, 0);
	source.fill = fill_through_gate;
	o.order = order;
	return open_with(&source, &o);
}

static void close_gated(baton_pipeline *feed)
{
	for (int i = 0; i < 4; i++)
		sem_post(&gate);
	close_feed(feed);
}

static void *cancel_when_parked(void *arg)
{
	baton_pipeline *feed = arg;

	while (stats_of(feed).parks == 0)
		sched_yield();
	baton_cancel(feed);
	return NULL;
}

static void cancel_wakes_next(int order)
{
	baton_pipeline *feed = open_gated(order);
	pthread_t thread = spawn(cancel_when_parked, feed);
	baton_error err;

	cr_assert_eq(refused(feed), BATON_CANCELED);
	pthread_join(thread, NULL);
	cr_assert_eq(baton_status(feed, &err), BATON_CANCELED);
	cr_assert_eq(err.code, BATON_CANCELED);
	cr_assert_eq(err.batch, 0);
	close_gated(feed);
}

Unit(cancel, from_another_thread_wakes_next)
{
	cancel_wakes_next(BATON_ORDERED);
}

Unit(cancel, from_another_thread_wakes_next_in_completion_order)
{
	cancel_wakes_next(BATON_COMPLETION);
}

static void *begin_in_vain(void *arg)
{
	baton_claim c = BATON_CLAIM_INIT;

	return (void *)(intptr_t)baton_begin(arg, &c);
}

Unit(cancel, wakes_begin)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 1);
	pthread_t thread;
	void *rc;

	put(feed, 0);
	thread = spawn(begin_in_vain, feed);
	while (atomic_load(&feed->wait.producers_asleep) == 0)
		sched_yield();
	baton_cancel(feed);
	pthread_join(thread, &rc);
	cr_assert_eq((int)(intptr_t)rc, BATON_CANCELED);
	close_feed(feed);
}

/* --- from a signal handler ------------------------------------------------------------ */

static baton_pipeline *signalled;
static _Atomic bool handled, errno_kept;

static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	errno = ENOTTY;
	baton_cancel(signalled);
	errno_kept = errno == ENOTTY;
	handled = true;
	errno = saved; /* TSan looks, too */
}

static void *signal_when_parked(void *arg)
{
	pthread_t trainer = *(pthread_t *)arg;

	while (stats_of(signalled).parks == 0)
		sched_yield();
	pthread_kill(trainer, SIGUSR1);
	return NULL;
}

Unit(cancel, from_a_signal_handler_ends_the_wait_that_it_interrupts)
{
	struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART, and yet */
	pthread_t trainer = pthread_self(), thread;

	sigaction(SIGUSR1, &action, NULL);
	signalled = open_gated(BATON_ORDERED);
	thread = spawn(signal_when_parked, &trainer);
	cr_assert_eq(refused(signalled), BATON_CANCELED);
	pthread_join(thread, NULL);
	cr_assert(handled);
	cr_assert(errno_kept);
	close_gated(signalled);
}

/* With SA_RESTART the kernel would go on sleeping, were the word not moved. Under TSan the
 * handler itself would wait for ever: TSan puts handlers off until the thread leaves its
 * system call, and this one is restarted. */
#ifndef TSAN
Unit(cancel, from_a_restarting_signal_handler_ends_the_wait_too)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t trainer = pthread_self(), thread;

	sigaction(SIGUSR1, &action, NULL);
	signalled = open_gated(BATON_ORDERED);
	thread = spawn(signal_when_parked, &trainer);
	cr_assert_eq(refused(signalled), BATON_CANCELED);
	pthread_join(thread, NULL);
	cr_assert(handled);
	close_gated(signalled);
}

#endif

/* A signal that cancels nothing is no batch, no timeout and no end. */
static void ignore(int sig)
{
	(void)sig;
	handled = true;
}

static void *disturb_then_open_gate(void *arg)
{
	pthread_t trainer = *(pthread_t *)arg;

	while (stats_of(signalled).parks == 0)
		sched_yield();
	pthread_kill(trainer, SIGUSR1);
	while (!handled)
		sched_yield();
	sem_post(&gate);
	return NULL;
}

Unit(cancel, a_signal_that_does_not_cancel_does_not_end_a_wait)
{
	struct sigaction action = {.sa_handler = ignore};
	pthread_t trainer = pthread_self(), thread;
	baton_batch b;

	sigaction(SIGUSR1, &action, NULL);
	signalled = open_gated(BATON_ORDERED);
	thread = spawn(disturb_then_open_gate, &trainer);
	b = take(signalled);
	cr_assert(is_known(&b, 42, 0));
	pthread_join(thread, NULL);
	give(signalled, &b);
	close_gated(signalled);
}

Unit(cancel, keeps_errno)
{
	baton_source source = known_source(&endless);
	baton_pipeline *feed = open_feed(&source, 1, 1, 2);

	errno = ENOTTY;
	baton_cancel(feed);
	cr_assert_eq(errno, ENOTTY);
	close_feed(feed);
}

/* --- what it means --------------------------------------------------------------------- */

Unit(cancel, is_sticky_and_may_be_repeated)
{
	baton_source source = known_source(&endless);
	baton_pipeline *feed = open_feed(&source, 1, 1, 4);

	for (int i = 0; i < 3; i++) {
		baton_cancel(feed);
		cr_assert_eq(refused(feed), BATON_CANCELED);
		cr_assert_eq(poll_refused(feed), BATON_CANCELED);
		cr_assert_eq(baton_status(feed, NULL), BATON_CANCELED);
	}
	close_feed(feed);
}

Unit(cancel, of_nothing_is_nothing)
{
	baton_cancel(NULL);
}

Unit(cancel, drops_batches_that_were_ready_or_in_a_block_already_taken)
{
	static const int producers[] = {BATON_INLINE, 1};

	for (size_t i = 0; i < LENGTH(producers); i++) {
		baton_source source = known_source(&endless);
		baton_pipeline *feed = open_feed(&source, producers[i], 4, 2);
		baton_batch b = take(feed);

		baton_cancel(feed);
		cr_assert_eq(refused(feed), BATON_CANCELED);
		cr_assert_eq(stats_of(feed).batches, 1);
		cr_assert(is_known(&b, 42, 0)); /* what is held stays valid */
		give(feed, &b);
		close_feed(feed);
	}
}

Unit(cancel, does_not_change_an_end_or_error_that_was_seen)
{
	static const int codes[] = {BATON_END, -EIO};

	for (size_t i = 0; i < LENGTH(codes); i++) {
		struct known state = {NEVER, 0, codes[i], NULL};
		baton_source source = known_source(&state);
		baton_pipeline *feed = open_feed(&source, 1, 1, 2);

		cr_assert_eq(refused(feed), codes[i]);
		baton_cancel(feed);
		cr_assert_eq(refused(feed), codes[i]);
		cr_assert_eq(baton_status(feed, NULL), codes[i]);
		close_feed(feed);
	}
}

Unit(cancel, says_how_many_batches_came)
{
	baton_source source = known_source(&endless);
	baton_options o = options_of(1, 2, 2);
	baton_pipeline *feed;
	baton_error err;

	o.first_batch = 10;
	feed = open_with(&source, &o);
	for (int i = 0; i < 3; i++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
	baton_cancel(feed);
	cr_assert_eq(refused(feed), BATON_CANCELED);
	cr_assert_eq(baton_status(feed, &err), BATON_CANCELED);
	cr_assert_eq(err.batch, 13);
	cr_assert_str_eq(err.text, baton_strerror(BATON_CANCELED));
	close_feed(feed);
}

/* --- close ----------------------------------------------------------------------------- */

Unit(close, of_nothing)
{
	baton_pipeline *feed = NULL;

	cr_assert_eq(baton_close(NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_close(&feed), BATON_OK);
}

Unit(close, with_a_batch_held_is_LENT_and_changes_nothing)
{
	static const uint32_t ms[] = {1, 4};

	for (size_t i = 0; i < LENGTH(ms); i++) {
		baton_source source = known_source(&endless);
		baton_pipeline *feed = open_feed(&source, 1, ms[i], 4), *same = feed;
		baton_batch a = take(feed), b = take(feed);

		for (int again = 0; again < 2; again++) {
			cr_assert_eq(baton_close(&feed), BATON_MISUSE_LENT);
			cr_assert_eq(feed, same);
			cr_assert_eq(stats_of(feed).held, 2);
		}
		give(feed, &a);
		cr_assert_eq(baton_close(&feed), BATON_MISUSE_LENT);
		cr_assert_eq(stats_of(feed).held, 1);
		cr_assert_eq(baton_status(feed, NULL), BATON_OK);
		cr_assert(is_known(&b, 42, 1));
		for (uint64_t k = 2; k < 10; k++) { /* the run goes on */
			baton_batch c = take(feed);

			cr_assert(is_known(&c, 42, k));
			give(feed, &c);
			if (k == 3)
				give(feed, &b);
		}
		close_feed(feed);
	}
}

Unit(close, is_allowed_at_any_moment_of_a_run)
{
	static const int producers[] = {BATON_INLINE, 1, 4};

	for (size_t i = 0; i < LENGTH(producers); i++)
		for (int taken = 0; taken < 10; taken++) {
			baton_source source = known_source(&endless);
			baton_pipeline *feed = open_feed(&source, producers[i], 3, 4);

			for (int j = 0; j < taken; j++) {
				baton_batch b = take(feed);

				give(feed, &b);
			}
			close_feed(feed);
		}
}

/* Not a batch more than the one in hand is filled, when nobody wants them. */
static baton_pipeline *canceled_within;
static _Atomic int n_fills;

static int fill_and_cancel(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	n_fills++;
	known_write(b, rng);
	if (baton_writable_k(b) == 2)
		baton_cancel(canceled_within);
	return BATON_OK;
}

Unit(cancel, from_within_a_fill_is_seen_before_the_next_fill)
{
	baton_source source = known_source(NULL);
	baton_batch b = BATON_BATCH_INIT;

	source.fill = fill_and_cancel;
	canceled_within = open_feed(&source, BATON_INLINE, 64, 2);
	if (baton_next(canceled_within, &b) == BATON_OK) /* it had begun before the cancel */
		give(canceled_within, &b);
	cr_assert_eq(n_fills, 3);
	cr_assert_eq(refused(canceled_within), BATON_CANCELED);
	cr_assert_eq(baton_status(canceled_within, NULL), BATON_CANCELED);
	close_feed(canceled_within);
}
