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
 * TSan must report it (exit 66), and without TSan the value check must see labels that
 * do not belong to their numbers (exit 3). Without REUSED the source uses the batch that it
 * is lent, and nothing is found (exit 0). */

#include <baton/pipeline.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define ROWS 64
#define BATCHES 100

static atomic_int taken, filled;

static void reach(atomic_int *counter, int n)
{
	while (atomic_load_explicit(counter, memory_order_relaxed) < n)
		sched_yield();
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	static float *reused;
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	int k = (int)baton_writable_k(b);

	(void)state;
#ifdef REUSED
	reused = reused ? reused : x;
	x = reused;
#else
	(void)reused;
#endif
	reach(&taken, k); /* the trainer has batch k - 1 in hand, and has not read it */
	for (int i = 0; i < ROWS; i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	atomic_store_explicit(&filled, k + 1, memory_order_relaxed);
	return BATON_OK;
}

/* How many labels are not the mean of the numbers beside them. */
static int mismatches(const float *x, const float *y)
{
	int n = 0;

	for (int i = 0; x && y && i < ROWS; i++)
		n += y[i] != (x[2 * i] + x[2 * i + 1]) / 2;
	return n;
}

int main(void)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_batch b = BATON_BATCH_INIT;
	int wrong = 0;

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

		atomic_store_explicit(&taken, k + 1, memory_order_relaxed);
		if (k + 1 < BATCHES)
			reach(&filled, k + 2);
		wrong += mismatches(baton_f32(&b, 0), baton_f32(&b, 1));
		baton_release(feed, &b);
	}
	printf("%d of %d rows are not what their label was made from\n", wrong, ROWS * BATCHES);
	return baton_close(&feed) < 0 ? 1 : wrong ? 3 : 0;
}
