/* SPDX-License-Identifier: MIT */
/* Random numbers: Philox4x32-10 as a stream of values with random access.
 *
 * Values come in groups of 64: 16 blocks of 4 words, laid out word by word, so that 16
 * independent blocks are made at once and their stores are contiguous (philox.c). */

#include "philox.h"
#include <baton/rng.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define LANES BATON_PHILOX_LANES
#define GROUP BATON_PHILOX_GROUP

#define M0 0xd2511f53u
#define M1 0xcd9e8d57u
#define W0 0x9e3779b9u
#define W1 0xbb67ae85u

static inline void round_(uint32_t c[4], uint32_t k0, uint32_t k1)
{
	uint64_t p0 = (uint64_t)M0 * c[0];
	uint64_t p1 = (uint64_t)M1 * c[2];

	c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k0;
	c[1] = (uint32_t)p1;
	c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
	c[3] = (uint32_t)p0;
}

void baton_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};

	for (uint32_t i = 0; i < 10; i++)
		round_(c, key[0] + i * W0, key[1] + i * W1);
	for (int i = 0; i < 4; i++)
		out[i] = c[i];
}

/* Value i, drawn again: slow, and rare by construction. */
static uint32_t redraw(const baton_rng *rng, uint64_t i, uint32_t attempt)
{
	uint32_t block = (uint32_t)(LANES * (i / GROUP) + i % LANES);
	uint32_t counter[4] = {block, attempt, (uint32_t)rng->stream_,
	                       (uint32_t)(rng->stream_ >> 32)};
	uint32_t key[2] = {(uint32_t)rng->seed_, (uint32_t)(rng->seed_ >> 32)};
	uint32_t out[4];

	baton_philox4x32(counter, key, out);
	return out[i % GROUP / LANES];
}

void baton_rng_init(baton_rng *rng, uint64_t seed, uint64_t k)
{
	rng->seed_ = seed;
	rng->stream_ = k;
	rng->next_ = 0;
	rng->group_ = UINT64_MAX;
}

/* Have the group of value i at hand. */
static const uint32_t *group_of(baton_rng *rng, uint64_t i)
{
	if (rng->group_ != i / GROUP) {
		rng->group_ = i / GROUP;
		baton_philox_group(rng->seed_, rng->stream_, (uint32_t)rng->group_, rng->words_);
	}
	return rng->words_;
}

uint32_t baton_rng_u32(baton_rng *rng)
{
	uint64_t i = rng->next_++;

	return group_of(rng, i)[i % GROUP];
}

/* Lemire's method: the high word of word * bound, unless the low word falls among the
 * first 2^32 mod bound values, of which some bounded values would get one too many. */
static uint32_t below(const baton_rng *rng, uint64_t i, uint32_t word, uint32_t bound)
{
	uint32_t excess = (uint32_t)-bound % bound;
	uint64_t product = (uint64_t)word * bound;

	for (uint32_t attempt = 1; (uint32_t)product < excess; attempt++)
		product = (uint64_t)redraw(rng, i, attempt) * bound;
	return (uint32_t)(product >> 32);
}

uint32_t baton_rng_below(baton_rng *rng, uint32_t bound)
{
	uint64_t i = rng->next_;
	uint32_t word = baton_rng_u32(rng);

	return bound ? below(rng, i, word, bound) : 0;
}

float baton_rng_uniform(baton_rng *rng)
{
	return (float)(baton_rng_u32(rng) >> 8) * 0x1p-24f;
}

/* A whole group: multiply all, and say whether any was rejected. */
static bool multiply_plain(const uint32_t *words, uint32_t bound, uint32_t excess, uint32_t *out)
{
	uint32_t rejected = 0;

	for (int i = 0; i < GROUP; i++) {
		uint64_t product = (uint64_t)words[i] * bound;

		out[i] = (uint32_t)(product >> 32);
		rejected |= (uint32_t)product < excess;
	}
	return rejected;
}

#ifdef __x86_64__
/* The same, 8 words at a time: 4 products of the even ones and 4 of the odd. */
__attribute__((target("avx2"))) static bool multiply_avx2(const uint32_t *words, uint32_t bound,
                                                          uint32_t excess, uint32_t *out)
{
	__m256i times = _mm256_set1_epi64x(bound), least = _mm256_set1_epi32(-1), limit;

	for (int i = 0; i < GROUP; i += 8) {
		__m256i word = _mm256_loadu_si256((const __m256i *)(words + i));
		__m256i even = _mm256_mul_epu32(word, times);
		__m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(word, 32), times);
		__m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
		__m256i low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);

		_mm256_storeu_si256((__m256i *)(out + i), high);
		least = _mm256_min_epu32(least, low);
	}
	limit = _mm256_set1_epi32((int)excess); /* max(least, limit) is least where it is no less */
	return _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_max_epu32(least, limit), least)) !=
	       -1;
}
#endif

static bool multiply_group(const uint32_t *words, uint32_t bound, uint32_t excess, uint32_t *out)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return multiply_avx2(words, bound, excess, out);
#endif
	return multiply_plain(words, bound, excess, out);
}

baton_multiply_fn *baton_multiply_of(const char *width)
{
#ifdef __x86_64__
	if (strcmp(width, "avx2") == 0)
		return __builtin_cpu_supports("avx2") ? multiply_avx2 : NULL;
#endif
	return strcmp(width, "plain") == 0 ? multiply_plain : NULL;
}

static void below_group(const baton_rng *rng, uint64_t first, uint32_t bound, uint32_t excess,
                        const uint32_t words[GROUP], uint32_t out[GROUP])
{
	bool rejected = multiply_group(words, bound, excess, out);

	for (int i = 0; rejected && i < GROUP; i++)
		out[i] = below(rng, first + (uint64_t)i, words[i], bound);
}

void baton_rng_fill_below(baton_rng *rng, uint32_t bound, uint32_t *out, size_t n)
{
	uint32_t excess = bound ? (uint32_t)-bound % bound : 0;

	while (n > 0) {
		if (bound && n >= GROUP && rng->next_ % GROUP == 0) {
			below_group(rng, rng->next_, bound, excess, group_of(rng, rng->next_), out);
			rng->next_ += GROUP;
			out += GROUP;
			n -= GROUP;
		} else {
			*out++ = baton_rng_below(rng, bound);
			n--;
		}
	}
}
