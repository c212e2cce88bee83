/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_METADATA_H
#define BATON_TRAIN_METADATA_H

#include "checkpoint.h"
#include "safetensors.h"

/* Add all strings of a state to metadata, an object. Returns OK, -ENOMEM; -EINVAL for a note
 * that is no text, or one of two with one key. */
int baton_metadata_write(cJSON *metadata, const struct baton_state *state, const baton_note *notes,
                         size_t n_notes);

/* Is the file of a training like this one, with these notes? path is for err's words. */
int baton_metadata_check(const struct baton_safetensors *file, const char *path,
                         const struct baton_state *state, const baton_note *notes, size_t n_notes,
                         baton_error *err);

/* The numbers of the file's run into *run, which may be half changed if it fails. */
int baton_metadata_read(const struct baton_safetensors *file, const char *path,
                        struct baton_run *run, baton_error *err);

#endif
