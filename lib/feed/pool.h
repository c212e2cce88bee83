/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_POOL_H
#define BATON_FEED_POOL_H

#include "block.h"
#include "spare.h"

/* All the memory that there will ever be: a block in each slot, and the spares. Exhaustion
 * is back-pressure, never an allocation. */
struct baton_pool {
	struct baton_layout *layout;
	struct baton_slot *slots; /* [n_slots] */
	uint32_t n_slots;         /* a power of two */
	uint32_t n_spares;
	uint32_t block_batches; /* m: ticket t is batches first_k + t * m and on */
	struct baton_spares spares;
};

/* Returns OK, -EINVAL (too large), -ENOMEM; on failure the pool is empty and err says
 * why. On success it owns layout, and ring is ready. */
int baton_pool_init(struct baton_pool *pool, struct baton_ring *ring, struct baton_layout *layout,
                    uint32_t n_slots, uint32_t n_spares, uint32_t block_batches, baton_error *err);
void baton_pool_fini(struct baton_pool *pool);
uint64_t baton_pool_bytes(const struct baton_pool *pool);

#endif
