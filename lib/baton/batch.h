/* SPDX-License-Identifier: MIT */
#ifndef BATON_BATCH_H
#define BATON_BATCH_H

#include <baton/attributes.h>
#include <stddef.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* A dtype is DLPack's {code, bits} in one int: code * 256 + bits. */
#define BATON_DTYPE(code, bits) ((code) << 8 | (bits))
#define BATON_I8 BATON_DTYPE(0, 8)
#define BATON_I16 BATON_DTYPE(0, 16)
#define BATON_I32 BATON_DTYPE(0, 32)
#define BATON_I64 BATON_DTYPE(0, 64)
#define BATON_U8 BATON_DTYPE(1, 8)
#define BATON_U16 BATON_DTYPE(1, 16)
#define BATON_U32 BATON_DTYPE(1, 32)
#define BATON_U64 BATON_DTYPE(1, 64)
#define BATON_F16 BATON_DTYPE(2, 16)
#define BATON_F32 BATON_DTYPE(2, 32)
#define BATON_F64 BATON_DTYPE(2, 64)
#define BATON_BF16 BATON_DTYPE(4, 16)
#define BATON_BOOL BATON_DTYPE(6, 8)

#define BATON_MAX_RANK 6
#define BATON_MAX_FIELDS 16

/* One named tensor of a batch, [rows, shape[0], ..., shape[rank - 1]], row-major
 * and 64-byte aligned. The row axis is not part of shape: rank 0 is one value a
 * row. */
typedef struct baton_field {
	const char *name;
	int dtype;
	int rank;
	size_t shape[BATON_MAX_RANK];
} baton_field;

/* The right to read one batch, held by the trainer between baton_next() and
 * baton_release(). A value of three words, not a pointer: it carries its ticket,
 * so that a copy of a handle that was given back to its pipeline is known as stale
 * for ever, whatever its memory holds by then. Its members are the library's own.
 * Initialise it with BATON_BATCH_INIT; the call that takes it back empties it. */
typedef struct BATON_CAPABILITY("batch") baton_batch {
	const void *at_;
	uint64_t ticket_;
	uint32_t index_;
	uint32_t kind_;
} baton_batch;
#define BATON_BATCH_INIT   \
	{                  \
		0, 0, 0, 0 \
	}

/* Read a batch. Lent for as long as the handle is held; no copy is made.
 * data: field i in the order of baton_source.fields, whatever its dtype; cast it
 *       to the dtype's type. f32: the same for float32 fields only.
 * rows: how many rows are filled; k: the batch's ordinal.
 * Returns: NULL or 0 when the handle is empty or stale, when there is no field i,
 *       or (f32) when its dtype is another
 * Threads: any thread to which the holder lends the batch */
BATON_API const void *baton_data(const baton_batch *b, size_t i) BATON_REQUIRES(*b);
BATON_API const float *baton_f32(const baton_batch *b, size_t i) BATON_REQUIRES(*b);
BATON_API size_t baton_rows(const baton_batch *b) BATON_REQUIRES(*b);
BATON_API uint64_t baton_k(const baton_batch *b) BATON_REQUIRES(*b);

/* The fields of a batch, lent as its data is; *n (may be NULL) says how many. NULL when
 * the handle is empty or stale. */
BATON_API const baton_field *baton_fields(const baton_batch *b, size_t *n) BATON_REQUIRES(*b);

/* Free a batch that baton_detach() made the caller's own; b becomes empty. Any
 * thread, also after the pipeline was closed. Like free(): copies of b dangle.
 * Returns: OK; MISUSE_NULL, MISUSE_EMPTY, MISUSE_DETACHED (it was not detached) */
BATON_API int baton_free(baton_batch *b) BATON_RELEASES(*b);

/* A batch that is being filled: the view of its owner, alive between claim and
 * publish. A source's fill is lent one for the call; with own threads it comes
 * from baton_claimed(). Its members are the library's own. */
typedef struct baton_writable {
	void *at_;
	uint64_t ticket_;
	uint32_t index_;
	uint32_t kind_;
} baton_writable;

/* Write a batch.
 * data, f32: as above, but to be written. The bytes hold whatever they held.
 * rows:      the most rows this batch can hold; its row count unless set_rows
 *            says otherwise
 * set_rows:  this is a short batch of rows rows. 0 < rows <= the most it can hold
 * Returns:   NULL or 0 as above; set_rows OK, -EINVAL, MISUSE_STALE, MISUSE_NULL
 * Threads:   the one that fills, or those to which it lends the view */
BATON_API void *baton_writable_data(const baton_writable *b, size_t i);
BATON_API float *baton_writable_f32(const baton_writable *b, size_t i);
BATON_API size_t baton_writable_rows(const baton_writable *b);
BATON_API uint64_t baton_writable_k(const baton_writable *b);
BATON_API int baton_set_rows(baton_writable *b, size_t rows);

/* Say why a fill fails; for `return baton_fail(b, -EIO, "frame 17: bad header")`.
 * text is cut to what baton_error holds. Returns code if it is an error, else -EINVAL:
 * a failure can't look like a success, nor like the trainer's own misuse. */
BATON_API int baton_fail(baton_writable *b, int code, const char *text);

BATON_END_DECLS

#endif
