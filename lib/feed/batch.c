/* SPDX-License-Identifier: MIT */
/* Batch: what holders of a handle see. A handle is {slot, ticket, index}; every access
 * first asks the slot whether that ticket's owner is still who the handle says. A stale
 * copy fails there for ever, since turns only go forward, and its block is not even
 * looked at: that may be somebody else's by now.
 *
 * The loads of turn are relaxed: a good handle came from the very call that acquired
 * it, and a stale one learns nothing but NULL. */

#include "batch.h"
#include "error.h"
#include <errno.h>

struct baton_block *baton_writable_block(const baton_writable *w)
{
	const struct baton_slot *s;
	struct baton_block *block;

	if (!w || !w->at_) /* empty */
		return NULL;
	s = w->at_;
	if (baton_batch_turn(s) != 2 * w->ticket_)
		return NULL;
	block = atomic_load_explicit(&s->block, memory_order_relaxed);
	return block->n == w->index_ ? block : NULL;
}

static const struct baton_block *readable(const baton_batch *b)
{
	return b ? baton_batch_readable(b) : NULL;
}

static bool is_f32(const struct baton_block *block, size_t i)
{
	return block && i < block->layout->n_fields && block->layout->fields[i].dtype == BATON_F32;
}

static void *field(const struct baton_block *block, uint32_t index, size_t i)
{
	if (i >= block->layout->n_fields)
		return NULL;
	return baton_block_batch(block, index) + block->layout->offset[i];
}

const void *baton_data(const baton_batch *b, size_t i)
{
	const struct baton_block *block = readable(b);

	return block ? field(block, b->index_, i) : NULL;
}

const float *baton_f32(const baton_batch *b, size_t i)
{
	const struct baton_block *block = readable(b);

	return is_f32(block, i) ? field(block, b->index_, i) : NULL;
}

size_t baton_rows(const baton_batch *b)
{
	const struct baton_block *block = readable(b);

	return block ? block->cells[b->index_].rows : 0;
}

uint64_t baton_k(const baton_batch *b)
{
	const struct baton_block *block = readable(b);

	return block ? block->k + b->index_ : 0;
}

const baton_field *baton_fields(const baton_batch *b, size_t *n)
{
	const struct baton_block *block = readable(b);

	if (n)
		*n = block ? block->layout->n_fields : 0;
	return block ? block->layout->fields : NULL;
}

int baton_free(baton_batch *b)
{
	struct baton_block *block;

	if (!b)
		return BATON_MISUSE_NULL;
	if (b->kind_ == BATON_EMPTY)
		return BATON_MISUSE_EMPTY;
	if (b->kind_ != BATON_DETACHED)
		return BATON_MISUSE_DETACHED;
	block = (struct baton_block *)b->at_;
	baton_block_destroy(&block);
	*b = (baton_batch)BATON_BATCH_INIT;
	return BATON_OK;
}

void *baton_writable_data(const baton_writable *w, size_t i)
{
	const struct baton_block *block = baton_writable_block(w);

	return block ? field(block, w->index_, i) : NULL;
}

float *baton_writable_f32(const baton_writable *w, size_t i)
{
	const struct baton_block *block = baton_writable_block(w);

	return is_f32(block, i) ? field(block, w->index_, i) : NULL;
}

size_t baton_writable_rows(const baton_writable *w)
{
	const struct baton_block *block = baton_writable_block(w);

	return block ? block->layout->rows : 0;
}

uint64_t baton_writable_k(const baton_writable *w)
{
	const struct baton_block *block = baton_writable_block(w);

	return block ? block->k + w->index_ : 0;
}

int baton_set_rows(baton_writable *w, size_t rows)
{
	struct baton_block *block = baton_writable_block(w);

	if (!block)
		return w ? BATON_MISUSE_STALE : BATON_MISUSE_NULL;
	if (rows == 0 || rows > block->layout->rows)
		return -EINVAL;
	block->cells[w->index_].rows = (uint32_t)rows;
	return BATON_OK;
}

int baton_fail(baton_writable *w, int code, const char *text)
{
	struct baton_block *block = baton_writable_block(w);

	if (block)
		return baton_block_fail(block, code, text);
	return code >= 0 || baton_is_misuse(code) ? -EINVAL : code;
}
