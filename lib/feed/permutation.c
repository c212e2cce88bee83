/* SPDX-License-Identifier: MIT */
/* Permutation: a Feistel network on the bits of a number. Each round changes one half by a
 * function of the other, which whoever knows the other can undo: so it is a bijection of the
 * next power of two whatever the function is. What falls outside of [0, n) is sent through
 * again until it falls inside: along a cycle of a bijection it must, and two that begin apart
 * never meet. The power of two is less than 2 n (from n = 33 on), so that it takes less than
 * two turns on average. */

#include <baton/permutation.h>
#include <baton/rng.h>

#define LEAST_BITS 6u /* with 4, orders of four samples are not alike often enough */

static uint32_t bits_of(uint64_t n)
{
	uint32_t bits = n > 1 ? 64 - (uint32_t)__builtin_clzll(n - 1) : 0;

	return bits < LEAST_BITS ? LEAST_BITS : bits;
}

void baton_permutation_init(baton_permutation *p, uint64_t n, uint64_t seed, uint64_t epoch)
{
	const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	uint32_t bits = bits_of(n), out[4];

	p->n_ = n;
	p->low_bits_ = bits / 2;
	p->high_bits_ = bits - bits / 2;
	for (uint32_t r = 0; r < BATON_PERMUTATION_ROUNDS; r += 2) {
		const uint32_t counter[4] = {r / 2, UINT32_C(1) << 31, (uint32_t)epoch,
		                             (uint32_t)(epoch >> 32)};

		baton_philox4x32(counter, key, out);
		p->keys_[r] = (uint64_t)out[0] << 32 | out[1];
		p->keys_[r + 1] = (uint64_t)out[2] << 32 | out[3];
	}
}

/* `bits` bits that depend on each one of half and key. 0 < bits <= 32 */
static inline uint64_t scramble(uint64_t half, uint64_t key, uint32_t bits)
{
	uint64_t h = (half ^ key) * UINT64_C(0xd2b74407b1ce6e93);

	h = (h ^ h >> 32) * UINT64_C(0xff51afd7ed558ccd);
	return h >> (64 - bits);
}

static inline uint64_t once(const baton_permutation *p, uint64_t i)
{
	uint64_t low = i & ((UINT64_C(1) << p->low_bits_) - 1), high = i >> p->low_bits_;

	for (int r = 0; r < BATON_PERMUTATION_ROUNDS; r += 2) {
		high ^= scramble(low, p->keys_[r], p->high_bits_);
		low ^= scramble(high, p->keys_[r + 1], p->low_bits_);
	}
	return high << p->low_bits_ | low;
}

uint64_t baton_permutation_at(const baton_permutation *p, uint64_t i)
{
	if (i >= p->n_)
		return i;
	do
		i = once(p, i);
	while (i >= p->n_);
	return i;
}
