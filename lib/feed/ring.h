/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_RING_H
#define BATON_FEED_RING_H

/* The ring: whose turn is it?
 *
 * C slots, C a power of two, and one ticket counter. Slot t % C says whose turn it
 * is by a position-tagged word: 2t means free for ticket t, 2t + 1 means ticket t is
 * ready. Even: a producer may own the slot's block; odd: the trainer. The baton is
 * passed by storing the next turn, and only its holder may pass it:
 *
 *            claim t               publish t              take t               release t
 *   2t  ----------------> [fill] ------------> 2t + 1 -----------> [use] --------------> 2(t + C)
 *         any producer                                 the trainer
 *
 * There is no second list, no shared head and tail and no "full" path: a slot that is
 * not free yet simply does not say 2t. Tickets and turns are compared by difference,
 * so they may wrap. Kin: Vyukov's bounded queue (a sequence in each slot), LMAX
 * Disruptor (preallocated entries), folly's MPMCQueue (turns), FastForward (the slot
 * is the flag).
 *
 *  beside ->   claim     publish   ready     release
 *  claim       free      free      free      free       free: no lock outside needed
 *  publish               free      free      free       own:  only the holder of that
 *  ready                           one       one              ticket may call it
 *  release                                   one        one:  one thread at a time,
 *                                                             the trainer
 *  replace, claimed: the trainer's, like ready
 * Linearization points: claim, the CAS of ticket; publish, replace and release, the write
 * of turn; ready, its load. Progress: claim is lock-free, publish, ready and release
 * are wait-free. In-order taking is not: it waits for whoever holds that ticket, unless
 * the trainer may make the ticket's batches itself, in another block (replace; spare.h).
 *
 * Orders. Each may be weakened from outside to show what it is there for.
 *
 *  label          where                     partner        without it
 *  ORDER_CLAIM    claim loads turn          ORDER_RELEASE  the producer overwrites what
 *                                                          the trainer still reads
 *  ORDER_PUBLISH  publish writes turn       ORDER_TAKE     the trainer reads a batch that
 *                                                          is half filled
 *  ORDER_TAKE     ready loads turn          ORDER_PUBLISH  the same
 *  ORDER_RELEASE  release writes turn       ORDER_CLAIM    as for ORDER_CLAIM
 *  ORDER_TICKET   claim moves ticket        ORDER_CLAIMED  a claimer takes the block that
 *                                                          replaced its own for its own
 *  ORDER_CLAIMED  claimed loads ticket      ORDER_TICKET   the same
 * The last two matter where the hardware may let a load wait for a later store (IMM shows
 * it; RC11 and x86 never do).
 * Publish and release are seq_cst, though release would do for the batch itself: each
 * is also one half of a handshake with a sleeper (wait.h, ORDER_ASLEEP). */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef ORDER_CLAIM
#define ORDER_CLAIM memory_order_acquire
#endif
#ifndef ORDER_PUBLISH
#define ORDER_PUBLISH memory_order_seq_cst
#endif
#ifndef ORDER_TAKE
#define ORDER_TAKE memory_order_acquire
#endif
#ifndef ORDER_RELEASE
#define ORDER_RELEASE memory_order_seq_cst
#endif
#ifndef ORDER_TICKET
#define ORDER_TICKET memory_order_release
#endif
#ifndef ORDER_CLAIMED
#define ORDER_CLAIMED memory_order_acquire
#endif

/* Two cache lines: the prefetcher of x86 fetches lines in pairs. */
#define BATON_LINE 128

struct baton_block;

struct baton_slot {
	_Alignas(BATON_LINE) _Atomic(uint64_t) turn;
	uint64_t due; /* the trainer's own: the ticket that it takes here next */
	/* Callers' own threads only (claim.c): 1 + the ticket whose claim is out; 0: none. */
	_Atomic(uint64_t) claim;
	/* Written by the trainer only, and only while the turn is its own; so it may be
	 * relaxed: the turn orders it. Almost never, so in a line of its own, which stays in
	 * everybody's cache: a CPU then reads ahead of a turn that is on its way to it, and the
	 * block's lines are on theirs at the same time. In the turn's line it made a round trip
	 * take twice as long. */
	_Alignas(BATON_LINE / 2) _Atomic(struct baton_block *) block;
};

struct baton_ring {
	_Alignas(BATON_LINE) _Atomic(uint64_t) ticket; /* the next to be claimed */
	_Alignas(BATON_LINE) struct baton_slot *slots;
	uint64_t mask; /* C - 1 */
};

/* slots [n_slots], n_slots a power of two; first: the first ticket (tests start it
 * near the wrap). The caller sets each slot's block. */
static inline void baton_ring_init(struct baton_ring *r, struct baton_slot *slots, uint64_t n_slots,
                                   uint64_t first)
{
	r->slots = slots;
	r->mask = n_slots - 1;
	atomic_init(&r->ticket, first);
	for (uint64_t t = first; t != first + n_slots; t++) {
		struct baton_slot *s = &slots[t & r->mask];

		atomic_init(&s->turn, 2 * t);
		atomic_init(&s->claim, 0);
		s->due = t;
	}
}

static inline struct baton_slot *baton_ring_slot(const struct baton_ring *r, uint64_t t)
{
	return &r->slots[t & r->mask];
}

/* How far a turn is past (> 0) or short of (< 0) "free for ticket t". */
static inline int64_t baton_ring_past(uint64_t turn, uint64_t t)
{
	return (int64_t)(turn - 2 * t);
}

enum baton_claim_result { BATON_CLAIM_WON, BATON_CLAIM_FULL, BATON_CLAIM_PAST };

/* Claim the next ticket below limit. WON: *t and its *block are the caller's, to be
 * published by it. FULL: the next slot is still in use; nothing was claimed. PAST:
 * every ticket below limit has been claimed. */
static inline enum baton_claim_result baton_ring_claim(struct baton_ring *r, uint64_t limit,
                                                       uint64_t *t, struct baton_block **block)
{
	/* relaxed: an old ticket is found out by its slot's turn or by the CAS */
	uint64_t at = atomic_load_explicit(&r->ticket, memory_order_relaxed);

	while ((int64_t)(at - limit) < 0) {
		struct baton_slot *s = baton_ring_slot(r, at);
		/* acquire: the trainer's last read of the block came before its release */
		int64_t past = baton_ring_past(atomic_load_explicit(&s->turn, ORDER_CLAIM), at);

		if (past < 0)
			return BATON_CLAIM_FULL;
		if (past > 0) { /* ticket at has been published by somebody else */
			at = atomic_load_explicit(&r->ticket, memory_order_relaxed);
			continue;
		}
		/* The block is read before the CAS and is ours only if the CAS wins: from
		 * then on nobody but the trainer may move the slot. What is handed over here,
		 * the free block, was ordered by the load above; release: the load of its
		 * address comes before the trainer may see the ticket as claimed and put
		 * another block there. */
		*block = atomic_load_explicit(&s->block, memory_order_relaxed);
		if (atomic_compare_exchange_weak_explicit(&r->ticket, &at, at + 1, ORDER_TICKET,
		                                          memory_order_relaxed)) {
			*t = at;
			return BATON_CLAIM_WON;
		}
	}
	return BATON_CLAIM_PAST;
}

/* Pass ticket t's block to the trainer. False: t is not the caller's to publish (it
 * has been, already, or the trainer has replaced its block); nothing has changed. */
static inline bool baton_ring_publish(struct baton_ring *r, uint64_t t)
{
	uint64_t free_turn = 2 * t;

	/* release: the batch's bytes come before the turn that shows them */
	return atomic_compare_exchange_strong_explicit(&baton_ring_slot(r, t)->turn, &free_turn,
	                                               2 * t + 1, ORDER_PUBLISH,
	                                               memory_order_relaxed);
}

/* Is ticket t ready, or taken and not released? Then the block is the trainer's. */
static inline bool baton_ring_ready(const struct baton_ring *r, uint64_t t)
{
	/* acquire: we read the bytes that came before this turn */
	return atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_TAKE) == 2 * t + 1;
}

/* Has somebody claimed ticket t, which is not ready? Then its block may be replaced. For
 * the trainer. */
static inline bool baton_ring_claimed(const struct baton_ring *r, uint64_t t)
{
	/* acquire: the claimer has read which block is its own */
	return (int64_t)(atomic_load_explicit(&r->ticket, ORDER_CLAIMED) - t) > 0;
}

/* By the trainer, in place of the producer that has claimed ticket t and is late: pass
 * block, in which the trainer has made the same batches, to itself. The producer keeps
 * the block that it has, and learns at its publish that it came too late. False: it was
 * not; nothing has changed. */
static inline bool baton_ring_replace(struct baton_ring *r, uint64_t t, struct baton_block *block)
{
	struct baton_slot *s = baton_ring_slot(r, t);
	uint64_t free_turn = 2 * t;

	/* relaxed: passes nothing on, but from the trainer to itself */
	if (!atomic_compare_exchange_strong_explicit(&s->turn, &free_turn, 2 * t + 1,
	                                             memory_order_relaxed, memory_order_relaxed))
		return false;
	atomic_store_explicit(&s->block, block, memory_order_relaxed);
	return true;
}

/* Give ticket t's slot back: free for ticket t + C. */
static inline void baton_ring_release(struct baton_ring *r, uint64_t t)
{
	/* release: our last read comes before the turn that lets others write */
	atomic_store_explicit(&baton_ring_slot(r, t)->turn, 2 * (t + r->mask + 1), ORDER_RELEASE);
}

/* Has ticket t been released? For the trainer, who alone releases; so relaxed: it
 * reads what it wrote itself, or something later. */
static inline bool baton_ring_released(const struct baton_ring *r, uint64_t t)
{
	uint64_t turn = atomic_load_explicit(&baton_ring_slot(r, t)->turn, memory_order_relaxed);

	return baton_ring_past(turn, t + r->mask + 1) >= 0;
}

#endif
