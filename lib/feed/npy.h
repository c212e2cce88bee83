/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_NPY_H
#define BATON_FEED_NPY_H

/* Files in NumPy's format:
 *
 *      6 bytes      \x93NUMPY
 *      2 bytes      version: 1 0, 2 0 or 3 0
 *      2 or 4       length of the header, little-endian (4 from version 2 on)
 *      header       a Python literal, {'descr': '<f4', 'fortran_order': False, 'shape':
 *                   (3, 4), }, padded with blanks and a newline
 *      data         to the end of the file
 *
 * Source: numpy.org/neps/nep-0001-npy-format.html, numpy/lib/format.py. Stricter than that:
 *         nothing may follow the data, and the header has at most 64 KiB. */

#include <baton/batch.h>
#include <baton/error.h>
#include <stdbool.h>

#define BATON_NPY_MOST_HEADER 65536u

/* What a header says, held against the file's size: n samples of row_bytes, from offset to
 * the file's end. */
struct baton_npy_header {
	int dtype;
	size_t item; /* bytes of a number */
	uint64_t n;
	int rank; /* of a sample */
	size_t shape[BATON_MAX_RANK];
	size_t row_numbers, row_bytes;
	uint64_t offset;
};

/* Read a header from a file's first bytes [n]; file_bytes: of all of it. n is less than
 * file_bytes only if n is at least 12 + BATON_NPY_MOST_HEADER. Returns OK, or -EINVAL with
 * err's text beginning with path. */
int baton_npy_parse(struct baton_npy_header *h, const unsigned char *bytes, size_t n,
                    uint64_t file_bytes, const char *path, baton_error *err);

/* A file's data in memory. */
struct baton_npy_data {
	struct baton_npy_header header;
	const unsigned char *at; /* [n, row_bytes]; at any address */
	void *memory;            /* mapped from the file, or malloc's */
	size_t memory_bytes;     /* of the mapping; 0: malloc's */
	int fd;                  /* of a mapped file; else -1 */
};

/* Open a file and map it, or read it. Returns OK, or an error with err's text beginning with
 * path; then there is nothing to close. */
int baton_npy_data_open(struct baton_npy_data *data, const char *path, bool in_memory,
                        baton_error *err);
void baton_npy_data_close(struct baton_npy_data *data);

/* Is the file still as long as its mapping? */
bool baton_npy_data_whole(const struct baton_npy_data *data);

#endif
