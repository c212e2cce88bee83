/* SPDX-License-Identifier: MIT */
/* The article's generator, in C. One random value below 10,000 makes both numbers of a
 * sample: they are its hundreds and its rest, each uniform and independent. */

#include "mean_source.h"

#define CHUNK 64u

/* pair [n] -> x [n, 2], y [n, 1] */
static void split(const uint32_t *pair, size_t n, float *x, float *y)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t a = (pair[i] * 5243) >> 19; /* pair / 100 for every pair < 10,000 */
		uint32_t b = pair[i] - 100 * a;

		x[2 * i] = (float)(int32_t)a;
		x[2 * i + 1] = (float)(int32_t)b;
		y[i] = (float)(int32_t)(a + b) * 0.5f;
	}
}

void mean_make(baton_rng *rng, float *x, float *y, size_t rows)
{
	uint32_t pair[CHUNK];

	for (size_t i = 0; i < rows; i += CHUNK) {
		size_t n = rows - i < CHUNK ? rows - i : CHUNK;

		baton_rng_fill_below(rng, 10000, pair, n);
		split(pair, n, x + 2 * i, y + i);
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
