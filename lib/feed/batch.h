/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_BATCH_H
#define BATON_FEED_BATCH_H

#include "block.h"
#include "ring.h"

/* Who includes this makes the capabilities that clang's thread-safety analysis watches
 * over in other people's code; its own can't be held against them. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

/* What a handle's kind_ says: of a pool's batch at_ is its slot, of a detached one its
 * block. */
enum baton_handle_kind { BATON_EMPTY, BATON_POOLED, BATON_DETACHED };

/* relaxed: batch.c says why */
static inline uint64_t baton_batch_turn(const struct baton_slot *s)
{
	return atomic_load_explicit(&s->turn, memory_order_relaxed);
}

/* The block of a pooled, readable handle, if the handle is good: its ticket's turn says
 * "trainer" and its cell "held". NULL if it is stale. */
static inline struct baton_block *baton_batch_block(const baton_batch *b)
{
	const struct baton_slot *s = b->at_;
	struct baton_block *block;

	if (baton_batch_turn(s) != 2 * b->ticket_ + 1)
		return NULL;
	block = atomic_load_explicit(&s->block, memory_order_relaxed);
	return b->index_ < block->n && block->cells[b->index_].state == BATON_CELL_HELD ? block
	                                                                                : NULL;
}

/* The same of any readable handle. */
static inline const struct baton_block *baton_batch_readable(const baton_batch *b)
{
	if (b->kind_ != BATON_POOLED)
		return b->kind_ == BATON_DETACHED ? b->at_ : NULL;
	return baton_batch_block(b);
}

/* The block of a writable one: its ticket's turn says "producer", and it is the batch
 * in hand. NULL if it is stale or empty. */
struct baton_block *baton_writable_block(const baton_writable *w);

#endif
