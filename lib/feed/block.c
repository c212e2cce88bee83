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

#ifdef BATON_MSAN
#include <sanitizer/msan_interface.h>
#endif

static size_t header_bytes(uint32_t capacity)
{
	return baton_align_up(offsetof(struct baton_block, cells) +
	                      capacity * sizeof(struct baton_cell)) +
	       BATON_RED_ZONE;
}

/* 0 if it overflows. */
size_t baton_block_bytes(const struct baton_layout *layout, uint32_t capacity)
{
	size_t bytes;

	if (__builtin_mul_overflow(layout->stride, (size_t)capacity, &bytes) ||
	    __builtin_add_overflow(bytes, header_bytes(capacity), &bytes))
		return 0;
	return bytes;
}

/* What malloc has of it: under BATON_GUARD only the header. */
static size_t heap_bytes(const struct baton_layout *layout, uint32_t capacity)
{
	return layout->memory_fd >= 0 ? header_bytes(capacity)
	                              : baton_block_bytes(layout, capacity);
}

struct baton_block *baton_block_create(struct baton_layout *layout, uint32_t capacity)
{
	bool guarded = layout->memory_fd >= 0 || BATON_RED_ZONE > 0;
	size_t bytes = heap_bytes(layout, capacity);
	struct baton_block *b = bytes ? aligned_alloc(BATON_ALIGN, bytes) : NULL;

	if (!b)
		return NULL;
	/* The whole of it: touched here, so that no page is first touched while training. */
	memset(b, 0, bytes);
	b->data = (unsigned char *)b + header_bytes(capacity);
	b->guard = guarded ? baton_guard_create(layout, capacity, b->data) : NULL;
	if (guarded && !b->guard) {
		free(b);
		return NULL;
	}
	b->layout = baton_layout_ref(layout);
	b->capacity = capacity;
	if (layout->memory_fd < 0)
		ASAN_POISON_MEMORY_REGION(b->data - BATON_RED_ZONE,
		                          capacity * layout->stride + BATON_RED_ZONE);
	return b;
}

void baton_block_destroy(struct baton_block **block)
{
	struct baton_block *b = *block;

	*block = NULL;
	if (!b)
		return;
	baton_guard_destroy(&b->guard);
	ASAN_UNPOISON_MEMORY_REGION(b, heap_bytes(b->layout, b->capacity));
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

int baton_block_admit(const struct baton_block *b, uint32_t i)
{
	const struct baton_layout *l = b->layout;

	for (size_t f = 0; BATON_RED_ZONE && f < l->n_fields; f++)
		ASAN_UNPOISON_MEMORY_REGION(baton_block_batch(b, i) + l->offset[f], l->used[f]);
	return baton_guard_admit(b->guard, i);
}

void baton_block_withdraw(const struct baton_block *b, uint32_t i)
{
	baton_guard_withdraw(b->guard, i);
	if (b->layout->memory_fd < 0)
		ASAN_POISON_MEMORY_REGION(baton_block_batch(b, i), b->layout->stride);
}

#ifdef BATON_DEBUG
void baton_block_scrub(const struct baton_block *b, uint32_t i)
{
	const struct baton_layout *l = b->layout;

	/* guarded, it is read only by now, and soon not even that */
	for (size_t f = 0; l->memory_fd < 0 && f < l->n_fields; f++)
		memset(baton_block_batch(b, i) + l->offset[f], 0xff, l->used[f]);
}
#endif

#ifdef BATON_MSAN
void baton_block_blank(const struct baton_block *b, uint32_t i)
{
	const struct baton_layout *l = b->layout;

	for (size_t f = 0; f < l->n_fields; f++)
		__msan_allocated_memory(baton_block_batch(b, i) + l->offset[f], l->used[f]);
}

void baton_block_check_filled(const struct baton_block *b, uint32_t i)
{
	const struct baton_layout *l = b->layout;

	for (size_t f = 0; f < l->n_fields; f++)
		__msan_check_mem_is_initialized(baton_block_batch(b, i) + l->offset[f],
		                                l->used[f] / l->rows * b->cells[i].rows);
}
#endif
