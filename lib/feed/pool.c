/* SPDX-License-Identifier: MIT */
/* Pool: slots, their blocks and the spares, allocated together and freed together. Who owns
 * a block in between is the ring's business; init and fini are for the time when nobody
 * does. */

#include "pool.h"
#include "error.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int create_blocks(struct baton_pool *pool)
{
	for (uint32_t i = 0; i < pool->n_slots; i++) {
		struct baton_block *b = baton_block_create(pool->layout, pool->block_batches);

		atomic_init(&pool->slots[i].block, b);
		if (!b)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < pool->n_spares; i++) {
		struct baton_block *b = baton_block_create(pool->layout, pool->block_batches);

		if (!b)
			return -ENOMEM;
		baton_spares_keep(&pool->spares, b);
	}
	return BATON_OK;
}

static size_t physical_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);

	return pages > 0 && bytes > 0 ? (size_t)pages * (size_t)bytes : SIZE_MAX;
}

int baton_pool_init(struct baton_pool *pool, struct baton_ring *ring, struct baton_layout *layout,
                    uint32_t n_slots, uint32_t n_spares, uint32_t block_batches, baton_error *err)
{
	size_t block_bytes = baton_block_bytes(layout, block_batches), bytes;
	uint32_t n_blocks = n_slots + n_spares;
	bool guarded = layout->memory_fd >= 0;

	if (block_bytes == 0 || __builtin_mul_overflow(block_bytes, (size_t)n_blocks, &bytes) ||
	    bytes > SIZE_MAX / 2)
		return baton_error_set(err, -EINVAL,
		                       "pool: %u blocks of %u batches of %zu bytes do not fit in "
		                       "memory",
		                       n_blocks, block_batches, layout->batch_bytes);
	if (bytes > physical_bytes()) /* every page of it will be touched, now */
		return baton_error_set(
			err, -ENOMEM, "pool: %zu bytes are more than this machine's memory", bytes);
	pool->slots = aligned_alloc(BATON_LINE, n_slots * sizeof(*pool->slots));
	if (!pool->slots)
		return baton_error_set(err, -ENOMEM, "out of memory for %u slots", n_slots);
	pool->n_slots = n_slots;
	pool->n_spares = n_spares;
	pool->block_batches = block_batches;
	pool->layout = layout;
	for (uint32_t i = 0; i < n_slots; i++)
		atomic_init(&pool->slots[i].block, NULL);
	baton_spares_init(&pool->spares);
	baton_ring_init(ring, pool->slots, n_slots, 0);
	if (create_blocks(pool) == BATON_OK)
		return BATON_OK;
	pool->layout = NULL; /* still the caller's */
	baton_pool_fini(pool);
	return baton_error_set(err, -ENOMEM, "out of memory for a pool of %zu bytes%s", bytes,
	                       guarded ? " and 64 times as many addresses, for BATON_GUARD" : "");
}

void baton_pool_fini(struct baton_pool *pool)
{
	struct baton_block *spare;

	while ((spare = baton_spares_pop(&pool->spares)))
		baton_block_destroy(&spare);
	for (uint32_t i = 0; pool->slots && i < pool->n_slots; i++) {
		struct baton_block *b =
			atomic_load_explicit(&pool->slots[i].block, memory_order_relaxed);

		baton_block_destroy(&b);
	}
	free(pool->slots);
	pool->slots = NULL;
	baton_layout_unref(&pool->layout);
}

uint64_t baton_pool_bytes(const struct baton_pool *pool)
{
	uint64_t block_bytes = baton_block_bytes(pool->layout, pool->block_batches);

	return pool->n_slots * (sizeof(*pool->slots) + block_bytes) + pool->n_spares * block_bytes +
	       pool->layout->bytes;
}
