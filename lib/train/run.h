/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_RUN_H
#define BATON_TRAIN_RUN_H

#include "digest.h"
#include <baton/model.h>
#include <math.h>

#define BATON_RUN_SAVED 64

/* What one batch comes to. */
struct baton_scores {
	float loss, mae, mse;
};

/* What a run accumulates beside weights and optimizer state: a value, copied whole into
 * every snapshot. The trainer's alone. */
struct baton_run {
	uint64_t steps;      /* over all fits */
	uint64_t epoch;      /* of the current fit */
	uint64_t epoch_step; /* steps made in this epoch */
	uint64_t epoch_rows;
	/* of this epoch: each batch's score times its rows, in order */
	double loss_sum, mae_sum, mse_sum;
	uint64_t metrics;    /* which of them are measured, beside the loss: BATON_METRIC_* */
	uint64_t digest;     /* of the current fit's losses */
	uint64_t next_batch; /* 1 + the k of the last batch trained on */
	bool epoch_begun;    /* the epoch's beginning was told */
	bool epoch_closed;   /* its end was told: the next step is another one's */
	bool in_order;       /* how it sums (pass.h) */
	double learning_rate;
	unsigned n_saved; /* what callbacks want kept, all in a row */
	double saved[BATON_RUN_SAVED];
};

static inline void baton_run_begin_epoch(struct baton_run *run, uint64_t epoch)
{
	run->epoch = epoch;
	run->epoch_step = 0;
	run->epoch_rows = 0;
	run->epoch_begun = run->epoch_closed = false;
	run->loss_sum = run->mae_sum = run->mse_sum = 0;
}

static inline void baton_run_add(struct baton_run *run, const struct baton_scores *scores,
                                 size_t rows, uint64_t k)
{
	run->next_batch = k + 1;
	run->steps++;
	run->epoch_step++;
	run->epoch_rows += rows;
	run->loss_sum += (double)scores->loss * (double)rows;
	run->mae_sum += (double)scores->mae * (double)rows;
	run->mse_sum += (double)scores->mse * (double)rows;
	run->digest = baton_digest_add(run->digest, scores->loss);
}

/* The means of this epoch so far; NaN before its first row, or if it is not measured. */
static inline double baton_run_mean(const struct baton_run *run)
{
	return run->epoch_rows ? run->loss_sum / (double)run->epoch_rows : (double)NAN;
}

static inline double baton_run_metric(const struct baton_run *run, unsigned metric)
{
	double sum = metric == BATON_METRIC_MAE ? run->mae_sum : run->mse_sum;

	return run->epoch_rows && run->metrics & metric ? sum / (double)run->epoch_rows
	                                                : (double)NAN;
}

#endif
