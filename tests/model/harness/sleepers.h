/* SPDX-License-Identifier: MIT */
/* Ring and waits together: producers that park and a trainer that parks, as producer.c,
 * delivery.c and pipeline.c use them. Each function names the one that it stands for;
 * nobody tries twice before it sleeps, which is the worst case for a handshake. What is
 * left out: batches inside a block, deadlines, the account of time.
 *
 *   N_TICKETS   tickets before the known end (feed->limit)
 *   STOP_AT     the source says END at this ticket (counted from 0)
 *   HOLD        blocks that the trainer holds at most, before it releases the oldest
 *   TAKES       how many tickets the trainer takes, before it goes away with what it holds
 *   COMPLETION  the trainer takes what is ready, in any order
 *   CANCEL      somebody cancels, at any moment
 *   TRAIN       a trainer of the scenario's own, in place of train()
 *   FILL        what a fill waits for, besides
 *   CROWD       producers that a release leaves asleep: fewer than there are
 *   OWN         threads of the caller's own fill: a release knows no hysteresis
 *   NAPS        so many times the trainer wakes before anybody wakes it
 *   SPARES      blocks with which the trainer helps who is late: after each nap
 *   DIE         so many producers are frozen for good after their first claim
 *   MAIN        a main() of the scenario's own */

#include "model.h"

#ifndef HOLD
#define HOLD 1
#endif
#ifndef NAPS
#define NAPS 0
#endif
#ifndef DIE
#define DIE 0
#endif
#ifndef CROWD
#define CROWD 0
#endif

enum state { RUNNING, HALTED, STOPPED };

static struct baton_wait waits;
static _Atomic(int) state;
static const uint64_t limit = FIRST + N_TICKETS;

/* --- pipeline.c ------------------------------------------------------------------- */

/* raise_state() */
static void raise_state(int to)
{
	int now;

	MODEL_LOOK();
	now = atomic_load_explicit(&state, memory_order_relaxed);
	while (now < to && !atomic_compare_exchange_weak_explicit(
				   &state, &now, to, memory_order_seq_cst, memory_order_relaxed))
		;
}

/* baton_halt() */
static void halt(void)
{
	raise_state(HALTED);
	baton_wait_wake_producers(&waits);
}

/* baton_cancel() */
static inline void *cancel(void *arg)
{
	raise_state(STOPPED);
	baton_wait_wake_all(&waits);
	return arg;
}

/* --- producer.c ------------------------------------------------------------------- */

/* park(); returns whether it slept */
static bool producer_park(void)
{
	int32_t epoch = baton_wait_producer_down(&waits);
	bool slept = false;

	if (baton_wait_full(&ring) && atomic_load_explicit(&state, ORDER_RECHECK) == RUNNING) {
		baton_futex_wait(&waits.producers_epoch, epoch, BATON_FOREVER);
		slept = true;
	}
	baton_wait_producer_up(&waits);
	return slept;
}

/* baton_producer_claim(); false: END or CANCELED */
static bool producer_claim(uint64_t *t, struct baton_block **b)
{
	bool woken = false;

	for (;;) {
		enum baton_claim_result won;

		MODEL_LOOK();
		if (atomic_load_explicit(&state, memory_order_relaxed) != RUNNING)
			return false;
		won = baton_ring_claim(&ring, limit, t, b);
		if (won == BATON_CLAIM_PAST)
			return false;
		if (won == BATON_CLAIM_WON)
			break;
		woken |= producer_park();
		MODEL_NEXT();
	}
	if (*t + 1 == limit)
		halt();
	else if (woken)
		baton_wait_pass_on(&waits, &ring, waits.crowd);
	return true;
}

/* baton_producer_publish() */
static void publish(struct baton_block *b, uint64_t t)
{
	if (publish_or_push(b, t))
		baton_wait_published(&waits, t);
}

/* baton_producer_main(), with baton_producer_fill() */
static inline void *produce(void *arg)
{
	int me = (int)(intptr_t)arg;
	struct baton_block *b;
	uint64_t t;

	while (producer_claim(&t, &b)) {
		fill(b, t, me);
		if (me <= DIE) {
			stories[t - FIRST].dead = true;
			return NULL;
		}
#ifdef FILL
		FILL(t);
#endif
#ifdef STOP_AT
		if ((int64_t)(t - FIRST) >= STOP_AT)
			halt();
#endif
		publish(b, t);
		MODEL_NEXT();
	}
	return NULL;
}

/* --- delivery.c ------------------------------------------------------------------- */

/* The trainer's own: struct baton_delivery */
static uint64_t head, oldest, taken;
static uint64_t stop_ticket; /* the first that nobody may take; the END is in the one before */
static uint64_t n_taken;
static int naps;
static bool late; /* a nap has ended */

static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static bool untaken(uint64_t t)
{
	return baton_ring_slot(&ring, t)->due == t;
}

static uint64_t window_end(void)
{
	uint64_t end = oldest + N_SLOTS;

#ifndef COMPLETION
	if (before(head + 1, end))
		end = head + 1;
#endif
	return before(stop_ticket, end) ? stop_ticket : end;
}

static bool find_ready(uint64_t *t)
{
	uint64_t end = window_end();

	for (*t = head; before(*t, end); (*t)++)
		if (untaken(*t) && baton_ring_ready(&ring, *t))
			return true;
	return false;
}

static bool any_ready_recheck(void)
{
	uint64_t end = window_end();

	for (uint64_t t = head; before(t, end); t++)
		if (untaken(t) && baton_wait_ready(&ring, t))
			return true;
	return false;
}

/* The trainer looks for STOPPED only, which nobody says but cancel: without one, to look
 * would only multiply the executions. */
static bool stopped(memory_order order)
{
#if defined(CANCEL)
	return atomic_load_explicit(&state, order) == STOPPED;
#else
	(void)order;
	return false;
#endif
}

/* park() */
static void trainer_park(void)
{
#ifdef COMPLETION
	uint64_t wants = BATON_WANTS_ANY;
#else
	uint64_t wants = 2 * head + 1;
#endif
	int32_t epoch;

	baton_wait_pass_on(&waits, &ring, 0);
	epoch = baton_wait_trainer_down(&waits, wants);
	if (!any_ready_recheck() && !stopped(ORDER_RECHECK)) {
		late = naps++ < NAPS;
		if (!late)
			baton_futex_wait(&waits.trainer_epoch, epoch, BATON_FOREVER);
	}
	baton_wait_trainer_up(&waits);
}

/* help(), with fill_next() and replace_head(); false: there is nothing to do but wait */
static bool help(void)
{
	struct baton_block *b;
	uint64_t t;

	if (CROWD)
		baton_wait_pass_on(&waits, &ring, 0);
	if (baton_ring_claimed(&ring, head))
		return replace(head);
	if (atomic_load_explicit(&state, memory_order_relaxed) != RUNNING ||
	    baton_ring_claim(&ring, limit, &t, &b) != BATON_CLAIM_WON)
		return false;
	if (t + 1 == limit)
		halt();
	fill(b, t, N_PRODUCERS + 1);
	publish(b, t);
	return true;
}

/* wait_ready(); false: canceled */
static bool wait_ready(uint64_t *t)
{
	while (!find_ready(t)) {
		if (stopped(memory_order_relaxed))
			return false;
		if (SPARES && late && help())
			late = false;
		else
			trainer_park();
		MODEL_NEXT();
	}
	return true;
}

/* give_back() */
static void give_back(uint64_t t)
{
	baton_ring_release(&ring, t);
	taken--;
	while (oldest != head && baton_ring_released(&ring, oldest))
		oldest++;
#ifdef OWN
	baton_wait_pass_on(&waits, &ring, 0);
#else
	baton_wait_released(&waits, &ring, oldest, taken);
#endif
}

/* take(), and what its caller does with the batch */
static void take(uint64_t t)
{
	struct baton_slot *s = baton_ring_slot(&ring, t);

	s->due = t + N_SLOTS;
	while (!untaken(head))
		head++;
	taken++;
	n_taken++;
	consume(atomic_load_explicit(&s->block, memory_order_relaxed), t);
}

#ifndef TRAIN
/* The tickets that the trainer holds, oldest first. */
static uint64_t held[HOLD + 1];

static void release_first(void)
{
	uint64_t t = held[0];

	for (uint64_t i = 1; i < taken; i++)
		held[i - 1] = held[i];
	give_back(t);
}

/* baton_next() and baton_release(), until the end */
static void *train(void *arg)
{
	uint64_t t;

	while (head != stop_ticket) {
		if (taken == HOLD)
			release_first();
		if (!wait_ready(&t))
			break;
		take(t);
		held[taken - 1] = t;
		MODEL_NEXT();
	}
#ifndef TAKES
	while (taken) {
		release_first();
		MODEL_NEXT();
	}
#endif
	return arg;
}
#else
static void *train(void *arg);
#endif

static void setup_waits(void)
{
	baton_wait_init(&waits);
	waits.crowd = CROWD;
	atomic_init(&state, RUNNING);
	head = oldest = FIRST;
	taken = n_taken = 0;
	naps = 0;
	late = false;
#ifdef TAKES
	stop_ticket = FIRST + TAKES;
#elif defined(STOP_AT)
	stop_ticket = FIRST + STOP_AT + 1;
#else
	stop_ticket = limit;
#endif
}

#ifndef MAIN
int main(void)
{
	pthread_t producers[N_PRODUCERS], trainer;
#ifdef CANCEL
	pthread_t canceler;
#endif

	setup_ring();
	setup_waits();
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_create(&producers[i], NULL, produce, (void *)(intptr_t)(i + 1));
	pthread_create(&trainer, NULL, train, NULL);
#ifdef CANCEL
	pthread_create(&canceler, NULL, cancel, NULL);
	pthread_join(canceler, NULL);
#endif
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	pthread_join(trainer, NULL);
#if !defined(CANCEL) && !defined(TRAIN)
	assert(n_taken == stop_ticket - FIRST);
#endif
	judge(n_taken);
	return 0;
}
#endif
