/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_TRAIN_MEAN_H
#define BATON_APPS_TRAIN_MEAN_H

/* What train_mean was asked for, and what came of it. */

#include "../json.h"
#include <baton/baton.h>

#define PROGRAM "train_mean"
#define MAX_PREDICT 64
#define MAX_HIDDEN 8
#define MAX_UNITS 4096
#define AUTO UINT64_MAX

struct pairs {
	float of[MAX_PREDICT][2];
	size_t n;
	bool given; /* the defaults are replaced by the first one */
};

struct units {
	size_t of[MAX_HIDDEN];
	size_t n;
};

struct setup {
	uint64_t producers, batch_size, steps, epochs, seed, pool, block, spares;
	uint64_t validation_steps, patience; /* 0: none */
	bool work_conserving;
	double lr; /* 0: the optimizer's own */
	int order, progress, optimizer, loss;
	struct units hidden;
	struct pairs predict;
	struct pairs watch; /* the last one counts */
	const char *checkpoint_path, *resume_path, *save_path, *load_path;
	uint64_t checkpoint_every, keep;
	const char *json_path;
	struct json_file json;
};

struct run {
	baton_model *net;
	baton_pipeline *feed, *validation;
	baton_early_stopping stopping;
	baton_checkpointer *checkpointer;
	baton_resume at; /* where it goes on; all 0: from the start */
	baton_history history;
	baton_stats stats;
	uint64_t *filled; /* [n_filled] */
	size_t n_filled;
	int ended; /* what baton_fit() returned */
	int kept;  /* < 0: a checkpoint or file could not be written, which was said */
};

/* The words of the command line, by their number in struct setup; each ends with NULL. */
extern const char *const orders[], *const optimizers[], *const losses[], *const modes[];

/* Put the compiled model where --resume says. Returns OK, or an error with err filled. */
int resume(const struct setup *s, struct run *run, baton_error *err);

/* Keep checkpoints while it trains, if it was asked for. stop says on stderr what failed. */
int keep_start(const struct setup *s, struct run *run, baton_error *err);
int keep_stop(struct run *run);

/* Write --save's file. Says on stderr what failed. */
int save_weights(const struct setup *s, const struct run *run);

/* Print what came of it, and write the JSON document if one was asked for. Returns the
 * exit status. */
int report(struct setup *s, const struct run *run);

#endif
