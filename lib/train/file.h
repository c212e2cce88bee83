/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_FILE_H
#define BATON_TRAIN_FILE_H

#include <baton/error.h>
#include <stddef.h>

struct baton_part {
	const void *bytes;
	size_t n;
};

/* Replace what is at path by these parts, one behind the other: written to path.tmp,
 * synced, renamed, the folder synced. keep > 1: what was there stays as path.1, what was
 * path.1 as path.2, up to path.(keep - 1). Whenever it is interrupted, path is a whole file,
 * the old or the new. Returns OK; -errno with err filled: path is as before, unless only the
 * folder's sync failed, which comes last. */
int baton_file_replace(const char *path, unsigned keep, const struct baton_part *parts,
                       size_t n_parts, baton_error *err);

/* Before there is anything to be written: would it work now? An empty path.tmp is made and
 * taken away again. Returns OK, -errno with err filled; path is as before. */
int baton_file_probe(const char *path, baton_error *err);

#endif
