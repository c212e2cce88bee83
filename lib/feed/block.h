/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_BLOCK_H
#define BATON_FEED_BLOCK_H

#include "guard.h"
#include <stdbool.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define BATON_MSAN 1
#endif
#endif

/* One batch of a block. state is the trainer's. */
enum baton_cell_state { BATON_CELL_FILLED, BATON_CELL_HELD, BATON_CELL_RETURNED };

struct baton_cell {
	uint32_t rows;
	uint32_t state;
};

/* What baton_block_own() has to say when it fails. */
#define BATON_BLOCK_UNMAPPED \
	"BATON_GUARD: the system can't map this batch at another address (vm.max_map_count?)"

/* The unit of ownership: one allocation with up to `capacity` consecutive batches, and
 * what its owner has to say of them. Every member belongs to whoever owns the block
 * (ring.h); none is atomic. */
struct baton_block {
	/* Read by all and as good as never written: these lines stay in everybody's cache. */
	struct baton_layout *layout;
	unsigned char *data;       /* [capacity, layout->stride], aligned */
	struct baton_block *next;  /* among the spares */
	struct baton_guard *guard; /* NULL: none */
	uint32_t capacity;
	char text[sizeof(((baton_error *)0)->text)]; /* of the error in stop; else empty */
	/* Written for each batch: the line that travels with it. */
	_Alignas(BATON_ALIGN) uint64_t k; /* of its first batch */
	uint64_t lacked_ns;               /* its producer's, for the ledger: see there */
	uint64_t claimed_ns;
	uint32_t producer;
	uint32_t n;    /* batches filled; while it is filled, the index of the one in hand */
	uint32_t left; /* the trainer's: batches not released yet */
	int stop;      /* what comes after the n batches: 0, END or an error */
	struct baton_cell cells[];
};

/* A block of `capacity` batches, or NULL if out of memory. Holds its own reference to
 * layout. Its memory starts poisoned. */
struct baton_block *baton_block_create(struct baton_layout *layout, uint32_t capacity);
void baton_block_destroy(struct baton_block **block);
size_t baton_block_bytes(const struct baton_layout *layout, uint32_t capacity);

/* Say that the batch in hand could not be made. text is cut; NULL: what code means.
 * Returns the error that the trainer will get: code, or -EINVAL if that is none. */
int baton_block_fail(struct baton_block *block, int code, const char *text);

static inline unsigned char *baton_block_batch(const struct baton_block *b, uint32_t i)
{
	return b->data + i * b->layout->stride;
}

/* Tell the debugging tools who owns the block, and whether batch i has an owner who may
 * touch it. Poisoned memory is reported by ASan at the access, guarded memory faults; in
 * debug builds returned batches are also overwritten with 0xff bytes (NaN as a float, -1
 * as an int), so that a stale read can't look plausible. In other builds no more than a
 * look at guard.
 *
 * turn: the block is the calling thread's, and none of its batches may be touched yet;
 * under BATON_GUARD its data is elsewhere from now on. own: OK, or -ENOMEM, which only
 * BATON_GUARD brings. producer: its index, or BATON_NO_PRODUCER. */
static inline void baton_block_turn(struct baton_block *b, enum baton_guard_role role, int producer)
{
	if (b->guard)
		b->data = baton_guard_turn(b->guard, role, producer, b->k);
}

/* Of a block with a guard, which under ASan is every one. */
int baton_block_admit(const struct baton_block *b, uint32_t i);
void baton_block_withdraw(const struct baton_block *b, uint32_t i);

static inline int baton_block_own(const struct baton_block *b, uint32_t i)
{
	return b->guard ? baton_block_admit(b, i) : BATON_OK;
}

static inline void baton_block_disown(const struct baton_block *b, uint32_t i)
{
	if (b->guard)
		baton_block_withdraw(b, i);
}

/* Detached: in no pool any more. */
static inline void baton_block_keep(const struct baton_block *b)
{
	if (b->guard)
		baton_guard_keep(b->guard);
}

#ifdef BATON_DEBUG
void baton_block_scrub(const struct baton_block *b, uint32_t i);
#else
static inline void baton_block_scrub(const struct baton_block *b, uint32_t i)
{
	(void)b;
	(void)i;
}
#endif

/* For MSan: nothing of batch i is written yet; and report, as this thread's, what it left
 * unwritten in the rows that it says are filled. */
#ifdef BATON_MSAN
void baton_block_blank(const struct baton_block *b, uint32_t i);
void baton_block_check_filled(const struct baton_block *b, uint32_t i);
#else
static inline void baton_block_blank(const struct baton_block *b, uint32_t i)
{
	(void)b;
	(void)i;
}

static inline void baton_block_check_filled(const struct baton_block *b, uint32_t i)
{
	(void)b;
	(void)i;
}
#endif

#endif
