/* SPDX-License-Identifier: MIT */
#ifndef BATON_RNG_H
#define BATON_RNG_H

#include <baton/attributes.h>
#include <stddef.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* Random numbers that need no history: stream k of a seed is a pure function of
 * (seed, k), so that any thread can make batch k at any time.
 *
 * Source: Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3" (SC'11); key = seed, counter = {block, attempt, k low, k high}. Value
 * i of a stream is word (i mod 64) / 16 of block 16 (i / 64) + i mod 16: groups
 * of 64 values in which SIMD stores need no permutation. Bounded integers are
 * unbiased (Lemire, "Fast random integer generation in an interval", 2019); a
 * rejected value is drawn again with attempt + 1, so that value i + 1 does not
 * move. A stream has 2^34 values.
 *
 * Its members are the library's own; read it through the calls. One thread at a
 * time; copying it forks the stream at the same place. */
typedef struct baton_rng {
	uint64_t seed_;
	uint64_t stream_;
	uint64_t next_;  /* i of the next value */
	uint64_t group_; /* which group of 64 values words_ holds; UINT64_MAX: none */
	uint32_t words_[64];
} baton_rng;

/* Start stream k of a seed at its first value. A source's fill is lent a stream
 * with its batch's k; streams from 2^63 upwards are free for other uses. */
BATON_API void baton_rng_init(baton_rng *rng, uint64_t seed, uint64_t k);

/* The next value: 32 random bits; an integer of [0, bound), 0 for bound 0; a
 * float32 of [0, 1), a multiple of 2^-24. Each is one value of the stream. */
BATON_API uint32_t baton_rng_u32(baton_rng *rng);
BATON_API uint32_t baton_rng_below(baton_rng *rng, uint32_t bound);
BATON_API float baton_rng_uniform(baton_rng *rng);

/* n values at once, the same as n calls of baton_rng_below(), several times
 * faster. out [n] */
BATON_API void baton_rng_fill_below(baton_rng *rng, uint32_t bound, uint32_t *out, size_t n);

/* One Philox4x32-10 block: out [4] of counter [4] and key [2]; checked against
 * Random123's known answers. */
BATON_API void baton_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

BATON_END_DECLS

#endif
