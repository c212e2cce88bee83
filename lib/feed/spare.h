/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_SPARE_H
#define BATON_FEED_SPARE_H

/* Spares: blocks beside those in the slots, with which the trainer helps itself.
 *
 * Whoever delivers in order waits for ticket t, even if its producer is frozen, unless
 * somebody else makes its batches: of a pure source anybody can. So when the ticket at head
 * is late, the trainer makes it in a spare and puts that in the slot's place
 * (baton_ring_replace). The producer learns at its publish that it came too late, and pushes
 * the block that it has on a stack, from which it comes back as a spare.
 *
 *   spare (the trainer's list) --replace--> slot --take, use, release--> slot, free
 *        ^                                          what was the slot's is in its late
 *        +------pop all------ returned <--push------ producer's hands until then
 *
 * A late producer has one block, and claims nothing before it has pushed it: H spares are
 * enough for H producers that are frozen at once.
 *
 *   ORDER_PUSH  the push's CAS        ORDER_POP   without: the trainer's list is torn, and
 *   ORDER_POP   the pop's exchange    ORDER_PUSH  it fills what the producer still fills
 * Pushing is lock-free; popping takes all there is in one step, so it is wait-free and knows
 * no ABA. liburcu's wfstack would not do: its pop-all waits for a pusher that is frozen
 * between its two stores.
 *
 * Who includes this has struct baton_block with its member next. */

#include "ring.h"
#include <stddef.h>

#ifndef ORDER_PUSH
#define ORDER_PUSH memory_order_release
#endif
#ifndef ORDER_POP
#define ORDER_POP memory_order_acquire
#endif

struct baton_spares {
	_Alignas(BATON_LINE) _Atomic(struct baton_block *) returned; /* a stack, by next */
	_Alignas(BATON_LINE) struct baton_block *mine;               /* the trainer's, by next */
};

static inline void baton_spares_init(struct baton_spares *s)
{
	atomic_init(&s->returned, NULL);
	s->mine = NULL;
}

/* By the trainer: a block that is nobody else's becomes, or stays, a spare. */
static inline void baton_spares_keep(struct baton_spares *s, struct baton_block *block)
{
	block->next = s->mine;
	s->mine = block;
}

/* By a producer that came too late: give back the block that it has filled in vain. */
static inline void baton_spares_push(struct baton_spares *s, struct baton_block *block)
{
	/* relaxed: what it points to is looked at by nobody who pushes */
	struct baton_block *top = atomic_load_explicit(&s->returned, memory_order_relaxed);

	do
		block->next = top;
	/* release: our last write to the block comes before the trainer has it */
	while (!atomic_compare_exchange_weak_explicit(&s->returned, &top, block, ORDER_PUSH,
	                                              memory_order_relaxed));
}

/* By the trainer: a spare, or NULL if late producers have them all. */
static inline struct baton_block *baton_spares_pop(struct baton_spares *s)
{
	struct baton_block *block;

	if (!s->mine) /* acquire: whoever pushed a block is done with it */
		s->mine = atomic_exchange_explicit(&s->returned, NULL, ORDER_POP);
	block = s->mine;
	if (block)
		s->mine = block->next;
	return block;
}

#endif
