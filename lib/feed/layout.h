/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_LAYOUT_H
#define BATON_FEED_LAYOUT_H

#include <baton/batch.h>
#include <baton/error.h>
#include <stdatomic.h>

/* 64 bytes: a cache line, and the widest vector register. */
#define BATON_ALIGN 64u

/* Under ASan, bytes behind each field and before the first that nobody may touch. */
#if defined(__SANITIZE_ADDRESS__)
#define BATON_RED_ZONE BATON_ALIGN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BATON_RED_ZONE BATON_ALIGN
#endif
#endif
#ifndef BATON_RED_ZONE
#define BATON_RED_ZONE 0u
#endif

/* Where each field of a batch lies: immutable once created, shared by a pipeline and by
 * every batch detached from it, and freed by whichever lets go last. (guard.c sets up what
 * is its own before any block is made.) */
struct baton_layout {
	atomic_uint refs;
	uint64_t number; /* look.h */
	size_t rows;     /* of a full batch */
	size_t n_fields;
	size_t batch_bytes; /* all fields, each padded to BATON_ALIGN */
	size_t stride;      /* from batch to batch; under BATON_GUARD in pages of its own */
	int memory_fd;      /* BATON_GUARD: where blocks have their memory; else -1 */
	_Atomic(uint64_t) memory_used; /* bytes of it that were given to blocks */
	size_t bytes;                  /* of this struct with its names */
	size_t offset[BATON_MAX_FIELDS];
	size_t used[BATON_MAX_FIELDS];        /* bytes, without padding */
	baton_field fields[BATON_MAX_FIELDS]; /* names point into names */
	char names[];
};

/* Check and copy fields [n]. On failure *layout is NULL and err->text says what is
 * wrong with which field. Returns OK, -EINVAL, -ENOMEM. */
int baton_layout_create(struct baton_layout **layout, const baton_field *fields, size_t n,
                        size_t rows, baton_error *err);
struct baton_layout *baton_layout_ref(struct baton_layout *layout);
void baton_layout_unref(struct baton_layout **layout);

/* What a batch takes without red zones: the same in every build. */
static inline size_t baton_layout_data_bytes(const struct baton_layout *l)
{
	return l->batch_bytes - l->n_fields * BATON_RED_ZONE;
}

static inline size_t baton_align_up(size_t bytes)
{
	return (bytes + BATON_ALIGN - 1) & ~(size_t)(BATON_ALIGN - 1);
}

#endif
