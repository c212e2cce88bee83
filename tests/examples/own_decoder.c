/* SPDX-License-Identifier: MIT */
/* A decoder for each producer: here an open file, whose place no other thread may move. */

#include <baton/pipeline.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD 8 /* bytes: a number as text, and a newline */
#define RECORDS 1000

/* On producer i's own thread, before its first fill. */
static int start(int i, void **state, baton_error *err)
{
	const char *path = *state; /* source.state, until it is replaced */
	FILE *file = fopen(path, "r");

	if (!file) {
		int code = -errno;

		snprintf(err->text, sizeof(err->text), "producer %d: %.100s: %s", i, path,
		         baton_strerror(code));
		return code; /* baton_open() fails with it */
	}
	*state = file; /* what fill and stop of this producer get */
	return BATON_OK;
}

/* On the same thread, after its last fill. */
static void stop(int i, void *state)
{
	(void)i;
	fclose(state);
}

/* Records k * rows and on. The last batch is short; behind it there is none. */
static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	size_t rows = baton_writable_rows(b), n = 0;
	float *x = baton_writable_f32(b, 0); /* [rows] */
	char text[RECORD + 1] = "";

	(void)rng;
	if (fseek(state, (long)(baton_writable_k(b) * rows * RECORD), SEEK_SET) != 0)
		return baton_fail(b, -errno, "can't seek");
	while (n < rows && fread(text, 1, RECORD, state) == RECORD)
		x[n++] = strtof(text, NULL);
	if (ferror((FILE *)state))
		return baton_fail(b, -EIO, "can't read");
	return n == 0 ? BATON_END : n < rows ? baton_set_rows(b, n) : BATON_OK;
}

static double sum_of(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	double sum = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		for (size_t i = 0; i < baton_rows(&b); i++)
			sum += (double)baton_f32(&b, 0)[i];
		baton_release(feed, &b);
	}
	return sum;
}

/* A file of the records 0 to RECORDS - 1. */
static void make_file(char *path)
{
	FILE *file = fdopen(mkstemp(path), "w");

	for (int i = 0; file && i < RECORDS; i++)
		fprintf(file, "%7d\n", i);
	if (!file || fclose(file) != 0)
		exit(1);
}

int main(void)
{
	static const baton_field field = {"x", BATON_F32, 0, {0}};
	char path[] = "/tmp/baton-example-XXXXXX";
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;
	double sum;

	make_file(path);
	source.fields = &field;
	source.n_fields = 1;
	source.rows = 64;
	source.start = start;
	source.stop = stop;
	source.fill = fill;
	source.state = path;
	options.producers = 3;
	if (baton_open(&feed, &source, &options, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	unlink(path); /* each producer has it open */
	sum = sum_of(feed);
	if (baton_status(feed, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	printf("%d records sum to %.0f\n", RECORDS, sum);
	return baton_close(&feed) < 0 || sum != RECORDS * (RECORDS - 1) / 2.0;
}
