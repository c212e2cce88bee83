/* SPDX-License-Identifier: MIT */
/* Sources that leave part of a batch unwritten, for MSan: unfilled.sh builds this and says
 * what each must bring. The first argument is the part that is forgotten, once; the
 * second says whose threads fill. The trainer looks at no value, so that a report can only
 * come from the hand-over. */

#include <baton/pipeline.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 8, COLUMNS = 3, SHORT = 5, BATCHES = 20, CULPRIT = 13 };

static const baton_field fields[] = {{"x", BATON_F32, 1, {COLUMNS}}, {"id", BATON_U64, 0, {0}}};

static const char *forgotten;

static int forgets(const char *part)
{
	return strcmp(forgotten, part) == 0;
}

/* Every third batch is a short one: what lies behind its rows may stay unwritten. */
static void write_all(baton_writable *b, const char *lost)
{
	float *x = baton_writable_f32(b, 0);
	uint64_t *id = baton_writable_data(b, 1), k = baton_writable_k(b);
	size_t rows = k % 3 == 1 ? SHORT : ROWS;

	baton_set_rows(b, rows);
	for (size_t i = 0; i < rows; i++) {
		if (strcmp(lost, "row") == 0 && i == rows - 1)
			continue;
		for (size_t j = 0; j < COLUMNS; j++)
			if (strcmp(lost, "element") != 0 || i != rows - 1 || j != COLUMNS - 1)
				x[i * COLUMNS + j] = (float)k;
		if (strcmp(lost, "field") != 0)
			id[i] = k;
	}
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	int culprit = baton_writable_k(b) == CULPRIT;

	(void)state;
	(void)rng;
	if (!(culprit && forgets("batch")))
		write_all(b, culprit ? forgotten : "nothing");
	return BATON_OK;
}

static int consume(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int n = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		n++;
		baton_release(feed, &b);
	}
	return n;
}

/* The same from a thread of the caller's. */
BATON_NO_ANALYSIS static int own(baton_pipeline *feed)
{
	int n = 0;

	for (int i = 0; i < BATCHES; i++) {
		baton_claim c = BATON_CLAIM_INIT;
		baton_batch b = BATON_BATCH_INIT;

		if (baton_begin(feed, &c) != BATON_OK)
			return n;
		fill(NULL, baton_claimed(&c), NULL);
		baton_submit(feed, &c);
		if (baton_next(feed, &b) != BATON_OK)
			return n;
		n++;
		baton_release(feed, &b);
	}
	return n;
}

int main(int argc, char **argv)
{
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	int own_threads = argc > 2 && strcmp(argv[2], "own") == 0, n;
	baton_pipeline *feed;
	baton_error err;

	forgotten = argc > 1 ? argv[1] : "nothing";
	source.fields = fields;
	source.n_fields = 2;
	source.rows = ROWS;
	source.n_batches = BATCHES;
	source.fill = own_threads ? NULL : fill;
	options.producers = own_threads ? 0 : 2;
	options.block_batches = own_threads ? 1 : 4;
	options.blocks = 2;
	if (baton_open(&feed, &source, &options, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	n = own_threads ? own(feed) : consume(feed);
	if (baton_close(&feed) < 0 || n != BATCHES)
		return 1;
	printf("%d batches\n", n);
	return 0;
}
