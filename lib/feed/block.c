/* SPDX-License-Identifier: MIT */
/* Block: the memory of consecutive batches, one allocation with its header in front.
 * Created at open and at detach, never on the path of a batch. */

#include "block.h"
#include "error.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if BATON_RED_ZONE
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

static size_t header_bytes(uint32_t capacity)
{
	return baton_align_up(sizeof(struct baton_block) + capacity * sizeof(struct baton_cell)) +
	       BATON_RED_ZONE;
}

/* 0 if it overflows. */
size_t baton_block_bytes(const struct baton_layout *layout, uint32_t capacity)
{
	size_t bytes;

	if (__builtin_mul_overflow(layout->batch_bytes, (size_t)capacity, &bytes) ||
	    __builtin_add_overflow(bytes, header_bytes(capacity), &bytes))
		return 0;
	return bytes;
}

struct baton_block *baton_block_create(struct baton_layout *layout, uint32_t capacity)
{
	size_t bytes = baton_block_bytes(layout, capacity);
	struct baton_block *b = bytes ? aligned_alloc(BATON_ALIGN, bytes) : NULL;

	if (!b)
		return NULL;
	/* The whole of it: touched here, so that no page is first touched while training. */
	memset(b, 0, bytes);
	b->layout = baton_layout_ref(layout);
	b->data = (unsigned char *)b + header_bytes(capacity);
	b->capacity = capacity;
	ASAN_POISON_MEMORY_REGION(b->data - BATON_RED_ZONE, BATON_RED_ZONE);
	for (uint32_t i = 0; i < capacity; i++)
		baton_block_disown(b, i);
	return b;
}

void baton_block_destroy(struct baton_block **block)
{
	struct baton_block *b = *block;

	*block = NULL;
	if (!b)
		return;
	ASAN_UNPOISON_MEMORY_REGION(b, baton_block_bytes(b->layout, b->capacity));
	baton_layout_unref(&b->layout);
	free(b);
}

int baton_block_fail(struct baton_block *block, int code, const char *text)
{
	if (text != block->text)
		snprintf(block->text, sizeof(block->text), "%s",
		         text ? text : baton_strerror(code));
	baton_error_one_line(block->text);
	/* misuse of another pipeline, inside a source, is not the trainer's misuse */
	block->stop = code >= 0 || baton_is_misuse(code) ? -EINVAL : code;
	return block->stop;
}

void baton_block_own(const struct baton_block *b, uint32_t i)
{
	const struct baton_layout *l = b->layout;

	for (size_t f = 0; BATON_RED_ZONE && f < l->n_fields; f++)
		ASAN_UNPOISON_MEMORY_REGION(baton_block_batch(b, i) + l->offset[f], l->used[f]);
}

void baton_block_disown(const struct baton_block *b, uint32_t i)
{
	ASAN_POISON_MEMORY_REGION(baton_block_batch(b, i), b->layout->batch_bytes);
}

void baton_block_scrub(const struct baton_block *b, uint32_t i)
{
#ifdef BATON_DEBUG
	const struct baton_layout *l = b->layout;

	for (size_t f = 0; f < l->n_fields; f++)
		memset(baton_block_batch(b, i) + l->offset[f], 0xff, l->used[f]);
#else
	(void)b;
	(void)i;
#endif
}
