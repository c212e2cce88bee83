/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_GUARD_H
#define BATON_FEED_GUARD_H

#include "layout.h"
#include <stdbool.h>

/* Who owns which address of a block: what BATON_GUARD (baton/guard.h) enforces, and what
 * baton_guard_explain() reads. Every call is for the block's owner, but explain. */
struct baton_guard;

/* One of the caller's own threads, who has no index. */
#define BATON_NO_PRODUCER (-1)

enum baton_guard_role { BATON_GUARD_FILLS, BATON_GUARD_READS };

/* Read BATON_GUARD, and prepare a new layout for it: blocks of it will be guarded. Returns
 * OK, -EINVAL (another value), -ENOTSUP (TSan), -ENOMEM. */
int baton_guard_setup(struct baton_layout *layout, baton_error *err);

/* A guard for a new block of capacity batches, whose data lies at data; or, for a layout
 * that was set up, at addresses of the guard's own (data is not looked at). NULL if out of
 * memory. */
struct baton_guard *baton_guard_create(struct baton_layout *layout, uint32_t capacity,
                                       unsigned char *data);
/* Frees the memory. The addresses go on faulting, and the guard is known to explain. */
void baton_guard_destroy(struct baton_guard **guard);

/* A new period: the block, of batches k and on, belongs to the calling thread, which may
 * touch none of them yet. Returns where its data lies from now on. */
unsigned char *baton_guard_turn(struct baton_guard *g, enum baton_guard_role role, int producer,
                                uint64_t k);
/* Let batch i of this period be touched; OK or -ENOMEM. End that. */
int baton_guard_admit(struct baton_guard *g, uint32_t i);
void baton_guard_withdraw(struct baton_guard *g, uint32_t i);
/* The block was detached: it is in no pool any more. */
void baton_guard_keep(struct baton_guard *g);

#endif
