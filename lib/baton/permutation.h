/* SPDX-License-Identifier: MIT */
#ifndef BATON_PERMUTATION_H
#define BATON_PERMUTATION_H

#include <baton/attributes.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* A shuffled order that nobody has to keep: where each of 0..n-1 goes is a pure function of
 * (n, seed, epoch, i), so that any thread can ask for any place of any epoch at any time.
 * Every value comes exactly once an epoch. No memory but this struct.
 *
 * Source: a Feistel network over the next power of two (at least 64) with cycle walking,
 *         Black and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002); as a
 *         shuffle, Mitchell and others, "Bandwidth-optimal random shuffling for GPUs"
 *         (2022). Round keys come from Philox, key = seed, counter = {round / 2, 2^31,
 *         epoch low, epoch high}: attempts that no stream of rng.h reaches. Not for secrets.
 *
 * Its members are the library's own; read it through the call. Any thread, once made. */
#define BATON_PERMUTATION_ROUNDS 8
typedef struct baton_permutation {
	uint64_t n_;
	uint32_t low_bits_, high_bits_;
	uint64_t keys_[BATON_PERMUTATION_ROUNDS];
} baton_permutation;

BATON_API void baton_permutation_init(baton_permutation *p, uint64_t n, uint64_t seed,
                                      uint64_t epoch);

/* Which of 0..n-1 stands at place i of 0..n-1. i itself if i >= n. */
BATON_API uint64_t baton_permutation_at(const baton_permutation *p, uint64_t i);

BATON_END_DECLS

#endif
