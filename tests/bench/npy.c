/* SPDX-License-Identifier: MIT */
/* How fast samples come out of a .npy file in the page cache:
 *
 *      npy FILE ROWS SECONDS MODE
 *
 * ROWS: samples of a batch. Each mode reads whole shuffled epochs until SECONDS have passed:
 *      inline, 1, 2    baton, with so many producers; the trainer adds up the first 8 bytes of
 *                      each sample, and gives the batch back
 *      ordered         baton inline, in the file's order
 *      memcpy          one copy of the mapped file after the other, ROWS samples at a time, into
 *                      one buffer: what a core can move at most
 *      gather          a copy of each sample by an order made beforehand, into one buffer
 * Prints the GB (1e9 bytes) of samples a second, the same a second of CPU time (on a busy
 * machine the better one to compare), and the sum, so that nothing is skipped. */

#include "npy.h"
#include <baton/baton.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t sum;

static void look(const unsigned char *samples, size_t rows, size_t bytes)
{
	for (size_t i = 0; i < rows; i++) {
		uint64_t first = 0;

		memcpy(&first, samples + i * bytes, bytes < 8 ? bytes : 8);
		sum += first;
	}
}

/* Bytes that one pass over d moved. */
typedef uint64_t pass_fn(const struct baton_npy_data *d, size_t rows, void *state);

static uint64_t pass_memcpy(const struct baton_npy_data *d, size_t rows, void *buffer)
{
	size_t bytes = d->header.row_bytes;

	for (uint64_t i = 0; i < d->header.n; i += rows) {
		size_t n = d->header.n - i < rows ? (size_t)(d->header.n - i) : rows;

		memcpy(buffer, d->at + i * bytes, n * bytes);
		look(buffer, n, bytes);
	}
	return d->header.n * bytes;
}

struct gather {
	uint64_t *order;
	unsigned char *buffer;
};

static uint64_t pass_gather(const struct baton_npy_data *d, size_t rows, void *state)
{
	const struct gather *g = state;
	size_t bytes = d->header.row_bytes;

	for (uint64_t i = 0; i < d->header.n; i += rows) {
		size_t n = d->header.n - i < rows ? (size_t)(d->header.n - i) : rows;

		for (size_t r = 0; r < n; r++)
			memcpy(g->buffer + r * bytes, d->at + g->order[i + r] * bytes, bytes);
		look(g->buffer, n, bytes);
	}
	return d->header.n * bytes;
}

struct feed {
	baton_pipeline *feed;
	uint64_t batches; /* of an epoch */
};

static uint64_t pass_feed(const struct baton_npy_data *d, size_t rows, void *state)
{
	const struct feed *f = state;
	baton_batch b = BATON_BATCH_INIT;
	uint64_t bytes = 0;

	(void)rows;
	for (uint64_t i = 0; i < f->batches; i++) {
		if (baton_next(f->feed, &b) != BATON_OK)
			return 0;
		look(baton_data(&b, 0), baton_rows(&b), d->header.row_bytes);
		bytes += baton_rows(&b) * d->header.row_bytes;
		baton_release(f->feed, &b);
	}
	return bytes;
}

/* CPU time of all threads. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The first pass does not count: it maps the pages. */
static int measure(const struct baton_npy_data *d, size_t rows, double s, pass_fn *pass,
                   void *state)
{
	uint64_t begin, now, cpu, bytes = 0;

	if (pass(d, rows, state) == 0)
		return 1;
	cpu = cpu_ns();
	begin = now = baton_now_ns();
	while (now - begin < (uint64_t)(s * 1e9)) {
		bytes += pass(d, rows, state);
		now = baton_now_ns();
	}
	cpu = cpu_ns() - cpu;
	printf("%.4f %.4f %llu\n", (double)bytes / (double)(now - begin),
	       (double)bytes / (double)cpu, (unsigned long long)sum);
	return 0;
}

static int measure_feed(const struct baton_npy_data *d, const char *path, size_t rows, double s,
                        const char *mode)
{
	const baton_npy_file file = {"a", path, false};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	baton_source source = BATON_SOURCE_INIT;
	baton_options how = BATON_OPTIONS_INIT;
	struct feed f = {NULL, 0};
	baton_npy *data;
	int rc;

	options.rows = rows;
	options.shuffle = strcmp(mode, "ordered") != 0;
	if (baton_npy_open(&data, &file, 1, &options, NULL) < 0)
		return 1;
	baton_npy_get(data, &info);
	baton_npy_source(data, &source);
	f.batches = info.batches;
	how.producers = atoi(mode) ? atoi(mode) : BATON_INLINE;
	if (baton_open(&f.feed, &source, &how, NULL) < 0)
		return 1;
	rc = measure(d, rows, s, pass_feed, &f);
	return baton_close(&f.feed) < 0 || baton_npy_close(&data) < 0 || rc;
}

static int measure_gather(const struct baton_npy_data *d, size_t rows, double s, void *buffer)
{
	struct gather g = {malloc(d->header.n * sizeof(*g.order)), buffer};
	baton_permutation p;
	int rc;

	if (!g.order)
		return 1;
	baton_permutation_init(&p, d->header.n, 1, 1);
	for (uint64_t i = 0; i < d->header.n; i++)
		g.order[i] = baton_permutation_at(&p, i);
	rc = measure(d, rows, s, pass_gather, &g);
	free(g.order);
	return rc;
}

int main(int argc, char **argv)
{
	struct baton_npy_data d;
	baton_error err;
	size_t rows;
	double s;
	void *buffer;

	if (argc != 5)
		return fprintf(stderr, "npy FILE ROWS SECONDS MODE\n"), 2;
	rows = strtoull(argv[2], NULL, 10);
	s = atof(argv[3]);
	if (baton_npy_data_open(&d, argv[1], false, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	buffer = aligned_alloc(64, (rows * d.header.row_bytes + 63) / 64 * 64);
	if (!buffer)
		return 1;
	if (strcmp(argv[4], "memcpy") == 0)
		return measure(&d, rows, s, pass_memcpy, buffer);
	if (strcmp(argv[4], "gather") == 0)
		return measure_gather(&d, rows, s, buffer);
	return measure_feed(&d, argv[1], rows, s, argv[4]);
}
