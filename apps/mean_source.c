/* SPDX-License-Identifier: MIT */
/* The article's generator, in C. One random value below 10,000 makes both numbers of a
 * sample: they are its hundreds and its rest, each uniform and independent. */

#include "mean_source.h"

#define CHUNK 64u

/* pair [n] -> x [n, 2], y [n, 1]. In floats, which every processor has vectors for: 0.01f * pair
 * misses pair / 100 by less than the half of a hundredth that is added, so a is exact, and all
 * that follows is. */
static inline __attribute__((always_inline)) void split(const uint32_t *restrict pair, size_t n,
                                                        float *restrict x, float *restrict y)
{
	for (size_t i = 0; i < n; i++) {
		float both = (float)(int32_t)pair[i];
		float a = (float)(int32_t)(both * 0.01f + 0.005f);
		float b = both - 100 * a;

		x[2 * i] = a;
		x[2 * i + 1] = b;
		y[i] = (a + b) * 0.5f;
	}
}

/* The same text, for wider vectors where the processor has them. */
static void split_plain(const uint32_t *pair, size_t n, float *x, float *y)
{
	split(pair, n, x, y);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void split_avx2(const uint32_t *pair, size_t n, float *x,
                                                       float *y)
{
	split(pair, n, x, y);
}
#endif

typedef void split_fn(const uint32_t *pair, size_t n, float *x, float *y);

static split_fn *best_split(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return split_avx2;
#endif
	return split_plain;
}

void mean_make(baton_rng *rng, float *x, float *y, size_t rows)
{
	split_fn *split_pairs = best_split();
	uint32_t pair[CHUNK];

	for (size_t i = 0; i < rows; i += CHUNK) {
		size_t n = rows - i < CHUNK ? rows - i : CHUNK;

		baton_rng_fill_below(rng, 10000, pair, n);
		split_pairs(pair, n, x + 2 * i, y + i);
	}
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state;
	mean_make(rng, baton_writable_f32(b, 0), baton_writable_f32(b, 1), baton_writable_rows(b));
	return BATON_OK;
}

baton_source mean_source(size_t rows, uint64_t n_batches)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = rows;
	source.n_batches = n_batches;
	source.fill = fill;
	source.pure = true;
	source.cheap = true;
	return source;
}
