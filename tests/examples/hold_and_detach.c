/* SPDX-License-Identifier: MIT */
/* Holding several batches: release them in any order, or detach one to keep it. */

#include <baton/pipeline.h>
#include <inttypes.h>
#include <stdio.h>

static int count(void *state, baton_writable *b, baton_rng *rng)
{
	int64_t *value = baton_writable_data(b, 0);

	(void)state;
	(void)rng;
	*value = (int64_t)baton_writable_k(b);
	return BATON_OK;
}

/* Take two, keep the first for good, give the second back. */
static int keep_first(baton_pipeline *feed, int64_t *kept)
{
	baton_batch a = BATON_BATCH_INIT, b = BATON_BATCH_INIT;

	if (baton_next(feed, &a) != BATON_OK)
		return -1;
	if (baton_next(feed, &b) == BATON_OK)
		baton_release(feed, &b); /* before a: any order will do */
	if (baton_detach(feed, &a) != BATON_OK) {
		baton_release(feed, &a);
		return -1;
	}
	*kept = *(const int64_t *)baton_data(&a, 0); /* ours, also after close */
	baton_free(&a);
	return 0;
}

int main(void)
{
	static const baton_field field = {"value", BATON_I64, 0, {0}};
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed = NULL;
	int64_t kept = -1;
	baton_error err;

	source.fields = &field;
	source.n_fields = 1;
	source.rows = 1;
	source.fill = count;
	if (baton_open(&feed, &source, NULL, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	if (keep_first(feed, &kept) == 0)
		printf("kept batch %" PRId64 "\n", kept);
	return baton_close(&feed) < 0 || kept != 0;
}
