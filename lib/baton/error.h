/* SPDX-License-Identifier: MIT */
#ifndef BATON_ERROR_H
#define BATON_ERROR_H

#include <baton/attributes.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* What a call returns: one int.
 *      0   done
 *    > 0   a named outcome that the caller handles on the spot
 *    < 0   an error: -errno, or one of the names below
 * Macros rather than an enum: clang's thread-safety analysis reads only a
 * literal 0 as success. */
#define BATON_OK 0
#define BATON_END 1      /* the source has no more batches */
#define BATON_CANCELED 2 /* baton_cancel() was called */
#define BATON_TIMEOUT 3  /* the deadline passed; nothing was taken */

/* Errors of baton's own, below every -errno. */
#define BATON_ERR_SHAPE (-5101) /* two shapes or dtypes that must agree do not */
#define BATON_ERR_NAN (-5102)   /* a number that must be finite is not */

/* Misuse: the call named a right that the caller does not have. Always checked,
 * release builds too; the call has changed nothing. */
#define BATON_MISUSE_NULL (-5001)     /* an argument that must point to something is NULL */
#define BATON_MISUSE_EMPTY (-5002)    /* the handle is empty: given back already, or never filled */
#define BATON_MISUSE_STALE (-5003)    /* a copy of a handle that was given back already */
#define BATON_MISUSE_FOREIGN (-5004)  /* the handle belongs to another pipeline */
#define BATON_MISUSE_OCCUPIED (-5005) /* the handle to be filled still holds something */
#define BATON_MISUSE_HELD (-5006)     /* the caller itself holds the slot of the next batch */
#define BATON_MISUSE_LENT (-5007)     /* close, destroy: what was lent is still out */
#define BATON_MISUSE_FILLED (-5008)   /* begin on a pipeline whose source fills by itself */
#define BATON_MISUSE_DETACHED                                              \
	(-5009) /* release of a detached batch, or free of one that is not \
	         */

static inline int baton_is_misuse(int code)
{
	return code <= BATON_MISUSE_NULL && code >= BATON_MISUSE_DETACHED;
}

/* Why a setup call failed, or a run ended. text is one line without a newline,
 * "" when there is nothing to add; batch is the ordinal at which a run failed. */
typedef struct baton_error {
	int code;
	uint64_t batch;
	char text[160];
} baton_error;

/* The constant text of a code: static memory, any thread, in English, never NULL.
 * Where the C library has no such text of an errno it is "system error". */
BATON_API const char *baton_strerror(int code);

BATON_END_DECLS

#endif
