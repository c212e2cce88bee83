/* SPDX-License-Identifier: MIT */
/* README's example: a source of your own, and your own loop. */

#include <baton/baton.h>
#include <inttypes.h>
#include <stdio.h>

/* Fill one batch; called from any thread that fills. rng is this batch's own stream. */
static int two_ints(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0); /* [rows, 2] */
	float *y = baton_writable_f32(b, 1); /* [rows, 1] */

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK; /* or BATON_END, or baton_fail(b, -EIO, "text") */
}

int main(void)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_batch b = BATON_BATCH_INIT;
	baton_error err;
	double sum = 0;

	source.fill = two_ints;
	source.rows = 64;
	source.fields = fields;
	source.n_fields = 2;
	source.n_batches = 1000;
	options.producers = 4;
	options.seed = 1;
	if (baton_open(&feed, &source, &options, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	while (baton_next(feed, &b) == BATON_OK) {
		for (size_t i = 0; i < baton_rows(&b); i++)
			sum += (double)baton_f32(&b, 1)[i];
		baton_release(feed, &b); /* b is empty now: the block may be refilled */
	}
	if (baton_status(feed, &err) < 0) /* END and CANCELED are not errors */
		fprintf(stderr, "batch %" PRIu64 ": %s\n", err.batch, err.text);
	printf("mean of 64,000 means of two numbers 0..99: %.3f\n", sum / 64000);
	return baton_close(&feed) < 0;
}
