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
	uint64_t producers, batch_size, steps, epochs, seed, pool, block;
	uint64_t validation_steps, patience; /* 0: none */
	double lr;                           /* 0: the optimizer's own */
	int order, progress, optimizer, loss;
	struct units hidden;
	struct pairs predict;
	struct pairs watch; /* the last one counts */
	const char *json_path;
	struct json_file json;
};

struct run {
	baton_model *net;
	baton_pipeline *feed, *validation;
	baton_early_stopping stopping;
	baton_history history;
	baton_stats stats;
	uint64_t *filled; /* [n_filled] */
	size_t n_filled;
	int ended; /* what baton_fit() returned */
};

/* The words of the command line, by their number in struct setup; each ends with NULL. */
extern const char *const orders[], *const optimizers[], *const losses[], *const modes[];

/* Print what came of it, and write the JSON document if one was asked for. Returns the
 * exit status. */
int report(struct setup *s, const struct run *run);

#endif
