/* SPDX-License-Identifier: MIT */
/* train_mean's source with the article's bug, in the place of apps/mean_source.c: it makes
 * its array x once, and refills that for every batch. */

#include "../../apps/mean_source.h"
#include <stdatomic.h>

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	static _Atomic(float *) reused;
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1), *first = NULL;

	(void)state;
	if (!atomic_compare_exchange_strong(&reused, &first, x))
		x = first;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
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
	return source;
}
