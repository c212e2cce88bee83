/* SPDX-License-Identifier: MIT */
#ifndef BATON_CALLBACKS_H
#define BATON_CALLBACKS_H

#include <baton/fit.h>

BATON_BEGIN_DECLS

/* Callbacks that many a training wants, as Keras 3 has them. Each is a struct of the
 * caller's, alive for as long as the fit: what it shall do, then what it came to, to be read
 * after the fit and set up anew when the next one begins. A NULL one, or one that was not
 * initialised, fails the fit before its first batch.
 *
 *      baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
 *      stop.patience = 3;
 *      callbacks[0] = baton_early_stopping_callback(&stop);
 *
 * (A loss that is not a number: baton_fit_options.terminate_on_nan. The history is
 * baton_fit()'s.) */

/* What to watch: smaller is better. A fit that does not measure it ends with -EINVAL at
 * its first epoch's end. */
#define BATON_MONITOR_DEFAULT 0 /* val_loss if there is validation, else loss */
#define BATON_MONITOR_LOSS 1
#define BATON_MONITOR_MAE 2
#define BATON_MONITOR_MSE 3
#define BATON_MONITOR_VAL_LOSS 4
#define BATON_MONITOR_VAL_MAE 5
#define BATON_MONITOR_VAL_MSE 6

/* Stop when there was no improvement for patience epochs. An improvement is by more than
 * min_delta. NaN is none; an epoch that was cut short does not count. */
typedef struct baton_early_stopping {
	size_t size; /* set by BATON_EARLY_STOPPING_INIT */
	int monitor;
	uint64_t patience; /* 0 stops at the first epoch that is no better; as 1 */
	double min_delta;
	float *best_weights; /* the caller's room for all weights (baton_weights()): when the
	                      * fit ends, they are set back to the best epoch's. NULL: not */
	/* what it came to */
	double best;
	uint64_t best_epoch; /* 0.. */
	uint64_t wait;       /* epochs since */
	bool stopped;
	bool kept;        /* best_weights holds some */
	baton_model *net; /* the library's own */
} baton_early_stopping;
#define BATON_EARLY_STOPPING_INIT                                                  \
	{                                                                          \
		sizeof(baton_early_stopping), 0, 0, 0, 0, 0, 0, 0, false, false, 0 \
	}

BATON_API baton_callback baton_early_stopping_callback(baton_early_stopping *stop);

/* Make the learning rate smaller when there was no improvement for patience epochs. */
typedef struct baton_reduce_rate {
	size_t size; /* set by BATON_REDUCE_RATE_INIT */
	int monitor;
	uint64_t patience; /* 0: 10 */
	double factor;     /* of the rate, below 1; 0: 0.1 */
	double min_delta;  /* 0: 1e-4; BATON_ZERO: 0 */
	double min_rate;
	uint64_t cooldown; /* epochs after a reduction that do not count */
	/* what it came to */
	double best;
	uint64_t wait, cooling;
	uint64_t reductions;
	baton_model *net; /* the library's own */
} baton_reduce_rate;
#define BATON_REDUCE_RATE_INIT                                             \
	{                                                                  \
		sizeof(baton_reduce_rate), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

BATON_API baton_callback baton_reduce_rate_callback(baton_reduce_rate *reduce);

/* Set the learning rate at each epoch's beginning: schedule(state, epoch, rate of now)
 * returns the new one. One that baton_learning_rate_set() refuses ends the fit with -EINVAL. */
typedef struct baton_rate_schedule {
	size_t size; /* set by BATON_RATE_SCHEDULE_INIT */
	double (*schedule)(void *state, uint64_t epoch, double rate);
	void *state;
	baton_model *net; /* the library's own */
} baton_rate_schedule;
#define BATON_RATE_SCHEDULE_INIT                     \
	{                                            \
		sizeof(baton_rate_schedule), 0, 0, 0 \
	}

BATON_API baton_callback baton_rate_schedule_callback(baton_rate_schedule *schedule);

BATON_END_DECLS

#endif
