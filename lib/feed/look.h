/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_LOOK_H
#define BATON_FEED_LOOK_H

#ifdef __clang__ /* batch.h turns an analysis off that who looks has use for */
#pragma clang diagnostic push
#endif
#include "batch.h"
#ifdef __clang__
#pragma clang diagnostic pop
#endif
#include <baton/pipeline.h>
#include <stdbool.h>

/* All of a batch at one look, for the training step, which wants all of it each time: whether
 * the handle is good is asked once, and not again by each accessor. */
struct baton_look {
	uint64_t layout;      /* the number of the layout that it has */
	const size_t *offset; /* of each field, in bytes from data */
	const unsigned char *data;
	size_t rows;
	uint64_t k;
};

/* False if the handle is empty or stale. In place, so that what is found stays in registers: where
 * it went through memory, a vector read two words that had been written one by one, which waits
 * until both are in the cache, and everything before them done. */
static inline bool baton_batch_look(const baton_batch *b, struct baton_look *look)
	BATON_REQUIRES(*b);
static inline bool baton_batch_look(const baton_batch *b, struct baton_look *look)
{
	const struct baton_block *block = baton_batch_readable(b);

	if (!block)
		return false;
	look->layout = block->layout->number;
	look->offset = block->layout->offset;
	look->data = baton_block_batch(block, b->index_);
	look->rows = block->cells[b->index_].rows;
	look->k = block->k + b->index_;
	return true;
}

/* The number of a pipeline's layout, from 1: no other has it, not even one that is made where
 * this one was. So a batch of that number has the fields and the rows that its pipeline has. */
uint64_t baton_layout_number(const baton_pipeline *feed);

#endif
