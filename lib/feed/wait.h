/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_WAIT_H
#define BATON_FEED_WAIT_H

/* Waiting: around the ring and apart from it. The ring works without it; this is what
 * makes a waiter cheap. More threads than cores is the normal case, so whoever waits
 * spins little, yields a little, then sleeps on a futex.
 *
 * There are two places to sleep: the trainer's and one for all producers. Each has an
 * epoch, the word that is slept on, which every wake moves on; and a flag that says
 * whether a wake is wanted, so that nobody pays for a system call when nobody sleeps:
 *   trainer_wants    the turn that the trainer sleeps for, ANY for whichever comes
 *                    first, 0 while it is awake
 *   producers_asleep how many producers sleep, or are about to
 *
 * The handshake, the same on both sides:
 *      passer                               sleeper
 *   P1 write the turn   (seq_cst)        S1 read the epoch  (acquire)
 *   P2 read the flag    (ORDER_ASLEEP)   S2 raise the flag  (ORDER_ASLEEP)
 *   P3 if up: epoch++ (release), wake    S3 look again      (ORDER_RECHECK)
 *                                        S4 sleep while the epoch is what S1 read
 * It needs store-load order on both sides: P1 before P2 and S2 before S3, all four
 * seq_cst, so that either P2 sees the flag or S3 sees the turn. With any one weaker
 * both may miss and the sleeper sleeps for ever. A wake between S1 and S4 moves the
 * epoch, and S4 does not sleep. S1 and P3 pair so that who sees a moved epoch sees what
 * was written before it (cancel's flag).
 *
 * Whom not to wake, since a wake costs as much as many small batches: the trainer does not
 * wake a producer of ours for each slot that it frees, but once half of the slots that it does
 * not itself hold are free, and not again before somebody has claimed since. (Threads of the
 * caller's own are woken for each: somebody may wait for what they do next, who never comes
 * here.) Alone, that deadlocks and starves; two rules override: a trainer about to sleep first
 * wakes a producer if the next slot is free; and a producer that was woken, and finds the slot
 * after its own free too, wakes one more before it fills.
 *
 * Of more producers than there are CPUs a `crowd` is left asleep by a release, and by a producer
 * that was woken: where the trainer never waits, they would only take turns, and its time. Never by
 * a trainer that is about to sleep, has polled in vain, or fills itself: whatever holds up those
 * that are awake, each of its waits wakes one more. So fills of more producers than CPUs that need
 * each other go on once the trainer asks for a batch, and not before. */

#include "futex.h"
#include "ring.h"
#include <limits.h>

#ifndef ORDER_ASLEEP
#define ORDER_ASLEEP memory_order_seq_cst
#endif
#ifndef ORDER_RECHECK
#define ORDER_RECHECK memory_order_seq_cst
#endif

#define BATON_WANTS_ANY 2u /* even, so never the turn of a ticket that is ready */

/* How long to try before sleeping, by measurement: a futex wake across cores costs
 * tens of microseconds, a pause about ten nanoseconds, a yield up to a microsecond. */
#define BATON_TRAINER_TURNS 300
/* A trainer whose last wait was longer than this sleeps after fewer: the 300 cost it some ten
 * microseconds of CPU, in vain. A wait that sleeps and need not have is shorter than this, so
 * it does not lead to another. */
#define BATON_LONG_WAIT_NS 100000u
#define BATON_FEW_TURNS 20
/* The trainer sleeps no longer than this before it looks again: a producer may be suspended
 * between its publish, or its being woken, and what it would have done for others next. The
 * handshake does not rest on it. */
#define BATON_TRAINER_NAP_NS 10000000u
#define BATON_PRODUCER_TURNS 60
/* A trainer that may fill tries no longer than this before it does. */
#define BATON_FILLER_TURNS 40
/* A trainer with spares naps no longer than this, and calls nobody late before it is over. By
 * measurement: after 10 ms half of a freeze of 20 is lost; after a tenth of this, batches are made
 * twice for no more than a busy machine. */
#define BATON_LATE_NS 1000000u

/* One turn of trying: a pause; now and then a yield, since who we wait for may have no
 * other CPU than ours. Yields from early on matter: with 300 pauses before the first, a
 * trainer and a producer on one CPU were at half the speed of a mutex. */
static inline void baton_wait_turn(int turn)
{
	if (turn % 32 == 31)
		baton_yield();
	else
		baton_pause();
}

struct baton_wait {
	_Alignas(BATON_LINE) _Atomic(int32_t) producers_epoch;
	_Atomic(uint32_t) producers_asleep;
	uint32_t crowd; /* constant after open; fewer than there are producers */
	_Alignas(BATON_LINE) _Atomic(int32_t) trainer_epoch;
	_Atomic(uint64_t) trainer_wants;
	/* The trainer's own: */
	uint64_t woken_at; /* the next ticket when it last woke a producer after a release */
};

static inline void baton_wait_init(struct baton_wait *w)
{
	atomic_init(&w->producers_epoch, 0);
	atomic_init(&w->producers_asleep, 0);
	w->crowd = 0;
	atomic_init(&w->trainer_epoch, 0);
	atomic_init(&w->trainer_wants, 0);
	w->woken_at = UINT64_MAX; /* thousands of years from any ticket */
}

/* More producers of ours than CPUs, as far as we know. In a small pool they are needed: it is empty
 * before those who let it run full are awake again. */
static inline uint32_t baton_wait_crowd(uint32_t producers, uint32_t cpus, uint64_t n_slots)
{
	return producers > cpus && n_slots >= 64 ? producers - cpus : 0;
}

/* P3: move the epoch on (release, pairs with S1's acquire), and wake n. */
static inline void baton_wait_wake(_Atomic(int32_t) *epoch, int n)
{
	atomic_fetch_add_explicit(epoch, 1, memory_order_release);
	baton_futex_wake(epoch, n);
}

/* After publishing ticket t: wake the trainer if that is what it sleeps for. In order that
 * is one publisher alone. Nobody but the trainer lowers the flag: a publisher that did, and
 * was suspended before its wake, would keep the others from waking it. */
static inline void baton_wait_published(struct baton_wait *w, uint64_t t)
{
	uint64_t wants = atomic_load_explicit(&w->trainer_wants, ORDER_ASLEEP); /* P2 */

	if (wants == 2 * t + 1 || wants == BATON_WANTS_ANY)
		baton_wait_wake(&w->trainer_epoch, 1);
}

/* S1, S2 of the trainer: returns the epoch to sleep on. The caller looks again, with
 * ORDER_RECHECK, then sleeps or not, then calls baton_wait_trainer_up(). */
static inline int32_t baton_wait_trainer_down(struct baton_wait *w, uint64_t wants)
{
	int32_t epoch = atomic_load_explicit(&w->trainer_epoch, memory_order_acquire); /* S1 */

	atomic_store_explicit(&w->trainer_wants, wants, ORDER_ASLEEP); /* S2 */
	return epoch;
}

static inline void baton_wait_trainer_up(struct baton_wait *w)
{
	/* relaxed: at worst a publisher that still sees the flag up wakes nobody */
	atomic_store_explicit(&w->trainer_wants, 0, memory_order_relaxed);
}

/* The same for a producer. */
static inline int32_t baton_wait_producer_down(struct baton_wait *w)
{
	int32_t epoch = atomic_load_explicit(&w->producers_epoch, memory_order_acquire); /* S1 */

	atomic_fetch_add_explicit(&w->producers_asleep, 1, ORDER_ASLEEP); /* S2 */
	return epoch;
}

static inline void baton_wait_producer_up(struct baton_wait *w)
{
	/* relaxed: at worst a passer that still counts us wakes somebody in vain */
	atomic_fetch_sub_explicit(&w->producers_asleep, 1, memory_order_relaxed);
}

/* S3 of a producer: is the next slot still in use? Then it may sleep. An old ticket
 * does no harm: its slot's turn is not short of it, so the answer is no. */
static inline bool baton_wait_full(const struct baton_ring *r)
{
	uint64_t t = atomic_load_explicit(&r->ticket, ORDER_RECHECK);
	uint64_t turn = atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK);

	return baton_ring_past(turn, t) < 0;
}

/* S3 of the trainer: is ticket t ready by now? */
static inline bool baton_wait_ready(const struct baton_ring *r, uint64_t t)
{
	return atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK) == 2 * t + 1;
}

/* P2 of the trainer: does any producer sleep, beside those that may? */
static inline bool baton_wait_any_asleep(struct baton_wait *w, uint32_t may)
{
	return atomic_load_explicit(&w->producers_asleep, ORDER_ASLEEP) > may;
}

/* Is the slot of the next ticket free? By one who has read the flag: so the ticket is at
 * least as new as the one that a sleeper tried to claim before it raised it. A turn that is past
 * it says that it has been claimed and published since: then another one is next. */
static inline bool baton_wait_next_is_free(const struct baton_ring *r)
{
	int64_t past;

	do {
		uint64_t t = atomic_load_explicit(&r->ticket, ORDER_RECHECK);

		past = baton_ring_past(
			atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK), t);
	} while (past > 0);
	return past == 0;
}

/* After a release, by the trainer, which has released every ticket below oldest and
 * holds `held` blocks: wake one producer if half of the rest is free. */
static inline void baton_wait_released(struct baton_wait *w, const struct baton_ring *r,
                                       uint64_t oldest, uint64_t held)
{
	uint64_t n_slots = r->mask + 1, t;
	int64_t n_free;

	if (!baton_wait_any_asleep(w, w->crowd))
		return;
	/* relaxed: an old ticket makes more slots look free, and wakes sooner */
	t = atomic_load_explicit(&r->ticket, memory_order_relaxed);
	n_free = (int64_t)(oldest + n_slots - t);
	if (n_free <= 0 || 2 * (uint64_t)n_free < n_slots - held || t == w->woken_at)
		return;
	w->woken_at = t;
	baton_wait_wake(&w->producers_epoch, 1);
}

/* The two rules that override the hysteresis: for a trainer about to sleep, and for a
 * producer that was woken and has claimed (may: the crowd). And for a release that knows no
 * hysteresis. */
static inline void baton_wait_pass_on(struct baton_wait *w, const struct baton_ring *r,
                                      uint32_t may)
{
	if (baton_wait_any_asleep(w, may) && baton_wait_next_is_free(r))
		baton_wait_wake(&w->producers_epoch, 1);
}

/* Wake everybody, after a flag that they look at in S3 was set with seq_cst.
 * Async-signal-safe. */
static inline void baton_wait_wake_producers(struct baton_wait *w)
{
	baton_wait_wake(&w->producers_epoch, INT_MAX);
}

static inline void baton_wait_wake_all(struct baton_wait *w)
{
	baton_wait_wake_producers(w);
	baton_wait_wake(&w->trainer_epoch, INT_MAX);
}

#endif
