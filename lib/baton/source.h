/* SPDX-License-Identifier: MIT */
#ifndef BATON_SOURCE_H
#define BATON_SOURCE_H

#include <baton/batch.h>
#include <baton/error.h>
#include <baton/rng.h>
#include <stdbool.h>

BATON_BEGIN_DECLS

/* Where batches come from.
 *
 * fill makes one batch. It is called from any producer thread, several at once
 * for different batches, also before baton_open() has returned, and for a k past
 * the end; by the trainer inside baton_next() too, if that fills (inline, spares,
 * work_conserving: the default of a cheap, pure source without hooks). rng is the
 * batch's own stream: a fill that uses nothing but k and rng gives the same run at
 * any number of producers.
 *   state: what start made for this producer, else baton_source.state
 *   b:     lent for the call only
 *   Returns BATON_OK; BATON_END: k is the length, there is no batch k; < 0, best
 *   by `return baton_fail(b, -EIO, "text")`: the trainer gets batches 0..k-1,
 *   then this error with k and the text.
 * NULL: the caller's own threads fill, with baton_begin() and baton_submit(). */
typedef int baton_fill_fn(void *state, baton_writable *b, baton_rng *rng);

/* Give producer i (0..P-1) a state of its own: a decoder, an open file. Called
 * on the producer's thread before its first fill (inline, and for a trainer that fills beside
 * the producers, who is number P: by baton_open()); *state holds
 * baton_source.state and may be replaced. Returns BATON_OK or < 0, with err->text
 * if it has more to say: then baton_open() fails with it. */
typedef int baton_start_fn(int i, void **state, baton_error *err);

/* Take back what start made, on the same thread (the trainer's: by baton_close()), after its
 * last fill. Called for
 * exactly those producers whose start returned BATON_OK. */
typedef void baton_stop_fn(int i, void *state);

typedef struct baton_source {
	size_t size;               /* set by BATON_SOURCE_INIT */
	const baton_field *fields; /* [n_fields]; read by baton_open() only */
	size_t n_fields;           /* 1..BATON_MAX_FIELDS */
	size_t rows;               /* rows of a full batch, at least 1 */
	uint64_t n_batches;        /* length, if known; 0: no end, or fill says END */
	baton_fill_fn *fill;
	baton_start_fn *start; /* may be NULL */
	baton_stop_fn *stop;   /* may be NULL */
	void *state;           /* shared by all producers unless start replaces it */
	bool pure;             /* batch k is f(seed, k) and nothing else: it may be made again,
	                        * by another thread, while the first is still at it */
	bool cheap;            /* a batch takes about as long as a hand-off (under a
	                        * microsecond): let them travel in blocks, and let the trainer
	                        * make some (work_conserving) */
} baton_source;
#define BATON_SOURCE_INIT                                          \
	{                                                          \
		sizeof(baton_source), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

BATON_END_DECLS

#endif
