/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_PHILOX_H
#define BATON_FEED_PHILOX_H

#include <stdbool.h>
#include <stdint.h>

/* Philox4x32-10, a group of 16 blocks at a time, for each width of vector that a processor
 * may have. All give the same bits. */

#define BATON_PHILOX_LANES 16
#define BATON_PHILOX_GROUP 64

/* words [64]: word w of block 16 * group + i is words[16 * w + i]; attempt 0 */
typedef void baton_philox_fn(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words);

/* By the widest vectors that this processor has. */
baton_philox_fn baton_philox_group;

/* Each width by its name, "plain", "avx2", "avx512". NULL: this build or this processor has
 * none such. */
baton_philox_fn *baton_philox_of(const char *width);

/* What bounding a group takes (rng.c): out [64] gets the high words of words [64] times bound.
 * True if a low word is below excess: then some value is to be drawn again. */
typedef bool baton_multiply_fn(const uint32_t *words, uint32_t bound, uint32_t excess,
                               uint32_t *out);
/* "plain", "avx2", as above. */
baton_multiply_fn *baton_multiply_of(const char *width);

#endif
