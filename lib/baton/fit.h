/* SPDX-License-Identifier: MIT */
#ifndef BATON_FIT_H
#define BATON_FIT_H

#include <baton/model.h>

BATON_BEGIN_DECLS

/* The whole training in one call: next, step, release, until the epochs are done, the
 * source ends, somebody cancels, or a callback has seen enough. */

/* Where a fit stands after a step. */
typedef struct baton_progress {
	uint64_t epoch; /* 0.. */
	uint64_t step;  /* of this epoch, 0.. */
	uint64_t steps; /* an epoch has; 0: not known */
	float loss;     /* of this batch, before the update */
	double mean;    /* of this epoch so far, weighted by rows */
	double mae;     /* the same means; NaN unless baton_fit_options.metrics asks for them */
	double mse;
} baton_progress;

/* What an epoch came to. */
typedef struct baton_epoch {
	uint64_t epoch; /* 0.. */
	uint64_t steps;
	uint64_t rows;
	uint64_t ns; /* from before its first batch was asked for to after its last step */
	double loss; /* the batches' losses, weighted by rows; summed in double, in order */
	double mae;  /* the same means; NaN unless baton_fit_options.metrics asks for them */
	double mse;
	unsigned metrics;   /* which it asks for */
	uint64_t val_steps; /* batches of validation; 0: there was none */
	double val_loss;    /* as loss, mae, mse, but with the weights at the epoch's end; NaN */
	double val_mae;     /* without validation */
	double val_mse;
	double learning_rate; /* of its last step */
	bool cut_short;       /* it, or its validation, was canceled, stopped or failed */
} baton_epoch;

/* Whom to tell, on the trainer's own thread. Any function may be NULL. on_fit_begin comes
 * after everything was checked, before the first batch; on_fit_end, if that came, however
 * the fit ends: what it does to the weights counts.
 * Returns: 0 to go on; > 0 to stop: baton_fit() returns OK; < 0 to fail: baton_fit()
 *          returns that. A later callback is still told of the same event */
typedef struct baton_callback {
	size_t size; /* set by BATON_CALLBACK_INIT */
	void *state;
	int (*on_epoch_begin)(void *state, uint64_t epoch);
	int (*on_step)(void *state, const baton_progress *progress);
	int (*on_epoch_end)(void *state, const baton_epoch *epoch);
	int (*on_fit_begin)(void *state, baton_model *net);
	int (*on_fit_end)(void *state, baton_model *net);
	/* What of its state a checkpoint shall hold: write up to BATON_CALLBACK_NUMBERS
	 * numbers, return how many; all callbacks together up to 64, less one for each that
	 * has this. Asked when the fit begins and after each on_epoch_end */
	size_t (*on_save)(void *state, double *numbers);
	/* After on_fit_begin, in a fit that goes on from a checkpoint: the same numbers. The
	 * n-th callback that has this gets what the n-th with on_save wrote */
	int (*on_restore)(void *state, const double *numbers, size_t n);
} baton_callback;
#define BATON_CALLBACK_INIT                                    \
	{                                                      \
		sizeof(baton_callback), 0, 0, 0, 0, 0, 0, 0, 0 \
	}

#define BATON_CALLBACK_NUMBERS 8

/* Say why a callback fails; for `return baton_callback_fail(net, -EIO, "disk full")`, net
 * being what on_fit_begin was given. baton_fit() fails with code, and err->text says
 * "callback 0, on_epoch_end: disk full" (cut to what it holds).
 * Returns: code if it is an error, else -EINVAL
 * Threads: the trainer's, inside a callback */
BATON_API int baton_callback_fail(baton_model *net, int code, const char *text);

typedef struct baton_fit_options {
	size_t size;                     /* set by BATON_FIT_OPTIONS_INIT */
	uint64_t epochs;                 /* 0: 1 */
	uint64_t steps_per_epoch;        /* 0: until the source ends */
	const baton_callback *callbacks; /* [n_callbacks], told in this order */
	size_t n_callbacks;
	uint64_t snapshot_steps;    /* publish a snapshot every so many steps; 0: when
	                             * somebody asks (snapshot.h) */
	unsigned metrics;           /* BATON_METRIC_*, or'ed: measured beside the loss */
	bool terminate_on_nan;      /* a loss that is not finite ends the fit with ERR_NAN */
	baton_pipeline *validation; /* its next validation_steps batches are evaluated at the
	                             * end of each epoch; other ones each time. NULL: none */
	uint64_t validation_steps;  /* at least 1 with validation, 0 without */
} baton_fit_options;
#define BATON_FIT_OPTIONS_INIT                                           \
	{                                                                \
		sizeof(baton_fit_options), 0, 0, 0, 0, 0, 0, false, 0, 0 \
	}

/* What a fit came to, filled however it ends. An epoch that was cut short is there if it
 * made a step. */
typedef struct baton_history {
	size_t size;         /* set by BATON_HISTORY_INIT */
	baton_epoch *epochs; /* [n_epochs], freed by baton_history_free() */
	size_t n_epochs;
	uint64_t steps;
	uint64_t train_ns;    /* from before the first next() to the last step's end; with
	                       * the validations between epochs */
	uint64_t digest;      /* of every step's loss, in order, then of the final weights */
	bool target_expanded; /* the target [rows] was taken as [rows, 1] (baton_bind()) */
} baton_history;
#define BATON_HISTORY_INIT                                  \
	{                                                   \
		sizeof(baton_history), 0, 0, 0, 0, 0, false \
	}

/* Train.
 *   options: read during the call; NULL: all defaults
 *   history: may be NULL; a used one is freed first
 *   err:     may be NULL; filled as by baton_bind() and baton_status()
 * Digest:  64 bits; each float32 is one step h = (h ^ bits) * 0xff51afd7ed558ccd,
 *          h ^= h >> 32, from h = 0xcbf29ce484222325; every NaN counts as 0x7fc00000
 * Returns: OK: all epochs are done, or a callback stopped; END, CANCELED: what next()
 *          said, after the step in hand (END is how a fit without steps_per_epoch ends), also
 *          of the validation; < 0: the source's error, unchanged; ERR_SHAPE and others of
 *          baton_bind(), before the first batch is taken; what a lambda or callback failed
 *          with; ERR_NAN; -EINVAL, -ENOMEM; MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_fit(baton_model *net, baton_pipeline *feed,
                                         const baton_fit_options *options, baton_history *history,
                                         baton_error *err);

/* Free what a fit filled in; the history is as new. NULL is fine. */
BATON_API void baton_history_free(baton_history *history);

BATON_END_DECLS

#endif
