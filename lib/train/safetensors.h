/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_SAFETENSORS_H
#define BATON_TRAIN_SAFETENSORS_H

/* Files of float32 tensors in the safetensors format:
 *
 *      8 bytes      length of the header, little-endian
 *      header       JSON: {"__metadata__": {string: string}, name: {"dtype", "shape",
 *                   "data_offsets": [begin, end]}, ...}, padded with blanks
 *      data         the tensors, row-major, without gap or overlap
 *
 * Source: github.com/huggingface/safetensors, README, "Format". What its own reader refuses
 *         is refused, but for what cJSON lets pass: a byte order mark, text with control
 *         characters or that is no UTF-8, whole numbers written as 01, 2. or 1e2. So is a
 *         header of over 16 MiB. A name ends at its first \u0000, to us alone. cJSON is the
 *         parser: strict enough, and its names do not collide with a program's own json_... */

#include <baton/error.h>
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATON_TENSOR_RANK 2

struct baton_tensor_shape {
	size_t rank;
	size_t at[BATON_TENSOR_RANK];
};

/* --- writing: a header, then all data at once --------------------------------------- */

/* A header without tensors. Takes metadata, an object of strings. NULL: no memory. */
cJSON *baton_safetensors_header(cJSON *metadata);

/* Describe the next tensor of the data; *offset (bytes, from 0) moves on behind it.
 * Returns OK, -ENOMEM, -EEXIST: there is one of that name. */
int baton_safetensors_add(cJSON *header, const char *name, const struct baton_tensor_shape *shape,
                          uint64_t *offset);

/* The first bytes of the file, to be freed; *bytes says how many. NULL: no memory. */
unsigned char *baton_safetensors_prefix(const cJSON *header, size_t *bytes);

/* --- reading ------------------------------------------------------------------------ */

struct baton_safetensors {
	int fd;
	cJSON *header;
	uint64_t data; /* where it begins */
};

/* Open a file and check all of its header. Returns OK, or an error with err filled, whose
 * text begins with path; then there is nothing to close. */
int baton_safetensors_open(struct baton_safetensors *file, const char *path, baton_error *err);
void baton_safetensors_close(struct baton_safetensors *file);

/* What a file says, to be quoted in a message: cut to size, and without what could steer a
 * terminal. */
void baton_safetensors_quote(char *to, size_t size, const char *text);

/* The value of a metadata key; NULL: there is none. Lent until close. */
const char *baton_safetensors_note(const struct baton_safetensors *file, const char *key);

/* Read one tensor, which must be float32 and of this shape, to `to`. Returns OK; -EINVAL,
 * ERR_SHAPE, -errno with err filled. */
int baton_safetensors_read(const struct baton_safetensors *file, const char *path, const char *name,
                           const struct baton_tensor_shape *shape, float *to, baton_error *err);

#endif
