/* SPDX-License-Identifier: MIT */
#ifndef BATON_NPY_H
#define BATON_NPY_H

#include <baton/permutation.h>
#include <baton/source.h>

BATON_BEGIN_DECLS

/* Samples from NumPy's .npy files, as a source of batches: the first axis of every file is
 * the samples, what is left of its shape is the field's. All files have as many samples,
 * and sample i of a batch is the same sample in each field.
 *
 * Files: format 1.0 to 3.0, little-endian, C order, rank 1 to BATON_MAX_RANK + 1, of int8 to
 * int64, uint8 to uint64, float16, float32, float64 and bool. All else, a file that is cut
 * short, and one with bytes behind its array are refused by a line that names the file and
 * what is wrong with it.
 *
 * They are mapped into memory, not read: opening takes no time, and what many programs read
 * is in memory once. Who cuts such a file short while it is in use, or loses the disk or
 * network that it lies on, breaks the mapping. Each fill asks for the file's length first:
 * the run then ends with -EIO at its batch; but where it happens within a fill (or the disk
 * has an error), the system sends SIGBUS, as it does with every mapped file. in_memory reads
 * the files once instead, and needs them no more. To replace a file in use, write another and
 * rename it: the mapping keeps the old one. */
typedef struct baton_npy baton_npy;

typedef struct baton_npy_file {
	const char *name; /* the field's */
	const char *path;
	bool f32; /* give its numbers as float32, rounded to nearest; false: as they are */
} baton_npy_file;

/* Zero always means the default. */
typedef struct baton_npy_options {
	size_t size;     /* set by BATON_NPY_OPTIONS_INIT */
	size_t rows;     /* samples of a batch; at least 1 */
	uint64_t epochs; /* passes over the samples; 0: no end */
	bool shuffle;    /* each epoch in another order, which the pipeline's seed and the
	                  * epoch decide (permutation.h); false: in the files' order */
	bool drop_last;  /* an epoch's last batch is left out if it would be short; then all
	                  * shards have as many batches. false: every sample comes once an epoch,
	                  * over all shards, of which some may have one batch more */
	bool in_memory;  /* read the files at open */
	uint32_t shard;  /* of n_shards: places shard, shard + n_shards, ... of an epoch's order. */
	uint32_t n_shards; /* With rows / n_shards rows for each of n programs, batch k of all
	                    * shards has the samples of one program's batch k. 0: 1 */
} baton_npy_options;
#define BATON_NPY_OPTIONS_INIT                                             \
	{                                                                  \
		sizeof(baton_npy_options), 0, 0, false, false, false, 0, 0 \
	}

/* Open files [n] (at most BATON_MAX_FIELDS); field i is file i.
 * Ownership: *data is the caller's, until baton_npy_close(). Arguments are read during the
 *            call
 * Returns:   OK; -EINVAL, ERR_SHAPE (numbers of samples that differ), -ENOMEM, -errno of what
 *            failed, with err filled; MISUSE_NULL. Then *data is NULL */
BATON_API BATON_MUST_CHECK int baton_npy_open(baton_npy **data, const baton_npy_file *files,
                                              size_t n, const baton_npy_options *options,
                                              baton_error *err);

/* Set source, which is BATON_SOURCE_INIT, to give these samples to a pipeline, or to several
 * at once. Batch k is epoch k / batches, and in it batch k mod batches: pure, and the same
 * at any number of producers. data must outlive them. Returns OK, MISUSE_NULL. */
BATON_API int baton_npy_source(baton_npy *data, baton_source *source);

/* What there is. */
typedef struct baton_npy_info {
	size_t size;               /* set by BATON_NPY_INFO_INIT */
	uint64_t samples;          /* of the files, all shards together */
	uint64_t batches;          /* of an epoch, in this shard */
	const baton_field *fields; /* [n_fields], lent until close */
	size_t n_fields;
} baton_npy_info;
#define BATON_NPY_INFO_INIT                        \
	{                                          \
		sizeof(baton_npy_info), 0, 0, 0, 0 \
	}

/* Returns OK, MISUSE_NULL. */
BATON_API int baton_npy_get(const baton_npy *data, baton_npy_info *info);

/* A number that tells data sets apart, for a checkpoint's note (checkpoint.h): of names,
 * dtypes, shapes, all options but epochs and in_memory, and the files' bytes: all of them up to
 * a MiB a file, else 256 pieces of 4 KiB spread evenly from its first to its last. Not
 * of paths or times: a copy is the same data set.
 * Returns OK; -EIO with err filled: a file has shrunk; MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_npy_identity(const baton_npy *data, uint64_t *identity,
                                                  baton_error *err);

/* Let the files go; *data becomes NULL. A NULL *data is fine.
 * Returns OK; MISUSE_LENT: a pipeline still uses them, and nothing has changed;
 * MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_npy_close(baton_npy **data);

BATON_END_DECLS

#endif
