/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_RUN_H
#define BATON_TRAIN_RUN_H

#include "digest.h"
#include <math.h>

/* What a run accumulates beside weights and optimizer state: a value, copied whole into
 * every snapshot. The trainer's alone. */
struct baton_run {
	uint64_t steps;      /* over all fits */
	uint64_t epoch;      /* of the current fit */
	uint64_t epoch_step; /* steps made in this epoch */
	uint64_t epoch_rows;
	double loss_sum; /* of this epoch: each batch's loss times its rows, in order */
	uint64_t digest; /* of the current fit's losses */
};

static inline void baton_run_begin_epoch(struct baton_run *run, uint64_t epoch)
{
	run->epoch = epoch;
	run->epoch_step = 0;
	run->epoch_rows = 0;
	run->loss_sum = 0;
}

static inline void baton_run_add(struct baton_run *run, float loss, size_t rows)
{
	run->steps++;
	run->epoch_step++;
	run->epoch_rows += rows;
	run->loss_sum += (double)loss * (double)rows;
	run->digest = baton_digest_add(run->digest, loss);
}

/* The mean loss of this epoch so far; NaN before its first row. */
static inline double baton_run_mean(const struct baton_run *run)
{
	return run->epoch_rows ? run->loss_sum / (double)run->epoch_rows : (double)NAN;
}

#endif
