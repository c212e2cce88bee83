/* SPDX-License-Identifier: MIT */
/* Philox: one text for each width. The wide ones keep each 32-bit word in a lane of 64 bits,
 * since that is where the vector multiplication wants it and leaves its product: a round is
 * then two multiplications, two shifts and four exclusive ors, and nothing is moved between
 * lanes until the end. What is above a lane's 32 bits is never looked at. */

#include "philox.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define M0 0xd2511f53u
#define M1 0xcd9e8d57u
#define W0 0x9e3779b9u
#define W1 0xbb67ae85u
#define ROUNDS 10

/* --- plain: any processor ------------------------------------------------------------ */

static void group_plain(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words)
{
	enum { LANES = BATON_PHILOX_LANES };
	uint32_t *c0 = words, *c1 = words + LANES, *c2 = words + 2 * LANES, *c3 = words + 3 * LANES;
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (uint32_t i = 0; i < LANES; i++) {
		c0[i] = LANES * group + i;
		c1[i] = 0;
		c2[i] = (uint32_t)stream;
		c3[i] = (uint32_t)(stream >> 32);
	}
	for (uint32_t r = 0; r < ROUNDS; r++, k0 += W0, k1 += W1) {
		for (uint32_t i = 0; i < LANES; i++) {
			uint64_t p0 = (uint64_t)M0 * c0[i];
			uint64_t p1 = (uint64_t)M1 * c2[i];

			c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
			c1[i] = (uint32_t)p1;
			c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
			c3[i] = (uint32_t)p0;
		}
	}
}

#ifdef __x86_64__
#include <immintrin.h>

/* --- AVX2: 4 blocks in a vector, 8 at a time ----------------------------------------- */

#define AVX2 __attribute__((target("avx2")))

struct state_avx2 {
	__m256i c0, c1, c2, c3;
};

AVX2 static inline struct state_avx2 begin_avx2(uint64_t stream, uint32_t block)
{
	return (struct state_avx2){
		_mm256_add_epi64(_mm256_set1_epi64x(block), _mm256_setr_epi64x(0, 1, 2, 3)),
		_mm256_setzero_si256(), _mm256_set1_epi64x((long long)(stream & UINT32_MAX)),
		_mm256_set1_epi64x((long long)(stream >> 32))};
}

AVX2 static inline void round_avx2(struct state_avx2 *s, __m256i k0, __m256i k1)
{
	__m256i p0 = _mm256_mul_epu32(s->c0, _mm256_set1_epi64x(M0));
	__m256i p1 = _mm256_mul_epu32(s->c2, _mm256_set1_epi64x(M1));

	s->c0 = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(s->c1, k0));
	s->c1 = p1;
	s->c2 = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(s->c3, k1));
	s->c3 = p0;
}

/* The low halves of a, then those of b. */
AVX2 static inline void store_avx2(uint32_t *to, __m256i a, __m256i b)
{
	__m256i mixed = _mm256_castps_si256(
		_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));

	_mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(mixed, 0xd8));
}

AVX2 static void group_avx2(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words)
{
	for (uint32_t i = 0; i < BATON_PHILOX_LANES; i += 8) {
		struct state_avx2 a = begin_avx2(stream, BATON_PHILOX_LANES * group + i);
		struct state_avx2 b = begin_avx2(stream, BATON_PHILOX_LANES * group + i + 4);
		__m256i k0 = _mm256_set1_epi64x((long long)(seed & UINT32_MAX));
		__m256i k1 = _mm256_set1_epi64x((long long)(seed >> 32));

		for (int r = 0; r < ROUNDS; r++) {
			round_avx2(&a, k0, k1);
			round_avx2(&b, k0, k1);
			k0 = _mm256_add_epi32(k0, _mm256_set1_epi64x(W0));
			k1 = _mm256_add_epi32(k1, _mm256_set1_epi64x(W1));
		}
		store_avx2(words + i, a.c0, b.c0);
		store_avx2(words + BATON_PHILOX_LANES + i, a.c1, b.c1);
		store_avx2(words + 2 * BATON_PHILOX_LANES + i, a.c2, b.c2);
		store_avx2(words + 3 * BATON_PHILOX_LANES + i, a.c3, b.c3);
	}
}

/* --- AVX-512: 8 blocks in a vector, all 16 at once ------------------------------------ */

#define AVX512 __attribute__((target("avx512f,avx512vl")))

struct state_avx512 {
	__m512i c0, c1, c2, c3;
};

AVX512 static inline struct state_avx512 begin_avx512(uint64_t stream, uint32_t block)
{
	return (struct state_avx512){_mm512_add_epi64(_mm512_set1_epi64(block),
	                                              _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)),
	                             _mm512_setzero_si512(),
	                             _mm512_set1_epi64((long long)(stream & UINT32_MAX)),
	                             _mm512_set1_epi64((long long)(stream >> 32))};
}

#define XOR3 0x96 /* the truth table of a ^ b ^ c */

AVX512 static inline void round_avx512(struct state_avx512 *s, __m512i k0, __m512i k1)
{
	__m512i p0 = _mm512_mul_epu32(s->c0, _mm512_set1_epi64(M0));
	__m512i p1 = _mm512_mul_epu32(s->c2, _mm512_set1_epi64(M1));

	s->c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), s->c1, k0, XOR3);
	s->c1 = p1;
	s->c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), s->c3, k1, XOR3);
	s->c3 = p0;
}

AVX512 static inline void store_avx512(uint32_t *to, __m512i a, __m512i b)
{
	_mm256_storeu_si256((__m256i *)to, _mm512_cvtepi64_epi32(a));
	_mm256_storeu_si256((__m256i *)(to + 8), _mm512_cvtepi64_epi32(b));
}

AVX512 static void group_avx512(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words)
{
	struct state_avx512 a = begin_avx512(stream, BATON_PHILOX_LANES * group);
	struct state_avx512 b = begin_avx512(stream, BATON_PHILOX_LANES * group + 8);
	__m512i k0 = _mm512_set1_epi64((long long)(seed & UINT32_MAX));
	__m512i k1 = _mm512_set1_epi64((long long)(seed >> 32));

	for (int r = 0; r < ROUNDS; r++) {
		round_avx512(&a, k0, k1);
		round_avx512(&b, k0, k1);
		k0 = _mm512_add_epi32(k0, _mm512_set1_epi64(W0));
		k1 = _mm512_add_epi32(k1, _mm512_set1_epi64(W1));
	}
	store_avx512(words, a.c0, b.c0);
	store_avx512(words + BATON_PHILOX_LANES, a.c1, b.c1);
	store_avx512(words + 2 * BATON_PHILOX_LANES, a.c2, b.c2);
	store_avx512(words + 3 * BATON_PHILOX_LANES, a.c3, b.c3);
}

/* --- which ---------------------------------------------------------------------------- */

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}

void baton_philox_group(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words)
{
	/* asked each time: two loads, and no state that could be set too late */
	if (has_avx512())
		group_avx512(seed, stream, group, words);
	else if (has_avx2())
		group_avx2(seed, stream, group, words);
	else
		group_plain(seed, stream, group, words);
}

baton_philox_fn *baton_philox_of(const char *width)
{
	if (strcmp(width, "avx512") == 0)
		return has_avx512() ? group_avx512 : NULL;
	if (strcmp(width, "avx2") == 0)
		return has_avx2() ? group_avx2 : NULL;
	return strcmp(width, "plain") == 0 ? group_plain : NULL;
}

#else

void baton_philox_group(uint64_t seed, uint64_t stream, uint32_t group, uint32_t *words)
{
	group_plain(seed, stream, group, words);
}

baton_philox_fn *baton_philox_of(const char *width)
{
	return strcmp(width, "plain") == 0 ? group_plain : NULL;
}

#endif
