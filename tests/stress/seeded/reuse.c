/* SPDX-License-Identifier: MIT */
/* The article's own bug: a generator that makes its array x once and refills it for every
 * batch, while the trainer still reads what it was given before.
 *
 * baton gives each fill another block, so the bug has to be forced: this source keeps
 * the pointer to the first batch's x, behind the library's back, and refills that one
 * for ever, while its labels y are fresh, as in the article. The trainer takes batch 0
 * and lets the generator go on to batch 1 before it reads; a handshake of relaxed
 * atomics, which orders nothing, makes that so in every run.
 *
 *   reuse [reuse [honest]]   honest: the source uses the batch that it is lent */

#include "seeded.h"

#define ROWS 64

static bool honest;
static atomic_int taken, filled;

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	static float *reused;
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	int k = (int)baton_writable_k(b);

	(void)state;
	reused = reused ? reused : x;
	if (!honest)
		x = reused;
	reach(&taken, k); /* the trainer has batch k - 1 in hand, and has not read it */
	for (int i = 0; i < ROWS; i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	say(&filled, k + 1);
	return BATON_OK;
}

/* Is a label not the mean of the numbers beside it? */
static bool mismatched(const float *x, const float *y)
{
	int n = 0;

	for (int i = 0; x && y && i < ROWS; i++)
		n += y[i] != (x[2 * i] + x[2 * i + 1]) / 2;
	return n > 0;
}

int main(int argc, char **argv)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_batch b = BATON_BATCH_INIT;
	int n_wrong = 0;

	honest = argc > 2 && strcmp(argv[2], "honest") == 0;
	source.fields = fields;
	source.n_fields = 2;
	source.rows = ROWS;
	source.n_batches = BATCHES;
	source.fill = fill;
	options.producers = 1;
	options.blocks = 2;
	if (baton_open(&feed, &source, &options, NULL) < 0)
		return 1;
	while (baton_next(feed, &b) == BATON_OK) {
		int k = (int)baton_k(&b);

		say(&taken, k + 1);
		if (k + 1 < BATCHES)
			reach(&filled, k + 2);
		n_wrong += mismatched(baton_f32(&b, 0), baton_f32(&b, 1));
		baton_release(feed, &b);
	}
	return verdict(&feed, n_wrong);
}
