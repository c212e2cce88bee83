/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_TRAIN_MEAN_H
#define BATON_APPS_TRAIN_MEAN_H

/* What train_mean was asked for, and what came of it. */

#include "../json.h"
#include "../plot.h"
#include "curve.h"
#include "log.h"
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
	uint64_t producers, batch_size, epochs, seed, pool, block, spares;
	uint64_t steps;                      /* AUTO: all of the data, or 1000 */
	uint64_t validation_steps, patience; /* 0: none */
	int work_conserving;
	double lr; /* 0: the optimizer's own */
	int order, progress, optimizer, loss;
	struct units hidden;
	struct pairs predict;
	struct pairs watch;          /* the last one counts */
	const char *x_path, *y_path; /* NULL: the generator's samples */
	bool no_shuffle, drop_last;
	const char *checkpoint_path, *resume_path, *save_path, *load_path;
	uint64_t checkpoint_every, keep; /* 0: not given */
	bool stats;
	const char *trace_path;
	uint64_t trace_events;
	struct json_file trace_file;
	const char *json_path, *log_csv_path, *log_jsonl_path, *plot_path;
	uint64_t log_every; /* 0: not given */
	struct json_file json;
	struct logs logs;
	struct plot plot; /* script: NULL once it is drawn or given up */
};

struct run {
	baton_model *net;
	baton_pipeline *feed, *validation;
	baton_npy *data; /* of --x and --y, if they were given */
	uint64_t samples, identity;
	baton_early_stopping stopping;
	baton_checkpointer *checkpointer;
	baton_resume at; /* where it goes on; all 0: from the start */
	baton_history history;
	struct curve curve; /* for --plot alone */
	baton_stats stats;
	uint64_t *filled; /* [n_filled] */
	size_t n_filled;
	baton_ledger ledger;
	baton_producer_time *producers; /* [n_filled] */
	baton_trace *trace;
	int ended;      /* what baton_fit() returned */
	int stopped_by; /* the signal, if it was canceled */
	int kept;       /* < 0: a checkpoint, log or file could not be written, which was said */
};

enum { WHEN_AUTO, WHEN_ON, WHEN_OFF }; /* of whens */

/* The words of the command line, by their number in struct setup; each ends with NULL. */
extern const char *const orders[], *const whens[], *const optimizers[], *const losses[],
										*const modes[];

/* Fill in what the command line says, over the defaults that are there. Returns ARGS_GO_ON, or
 * the exit status after --help, --version or one line on stderr. */
int read_args(struct setup *s, int argc, char **argv);
/* Before the run: can everything be written that was asked for? Returns ARGS_GO_ON, or the
 * exit status after one line on stderr. */
int open_files(struct setup *s);
/* Open --x and --y, if they were given; steps becomes their batches if it is AUTO. Returns OK,
 * or an error with err filled. */
int open_data(struct setup *s, struct run *run, baton_error *err);

/* Put the compiled model where --resume says. Returns OK, or an error with err filled. */
int resume(const struct setup *s, struct run *run, baton_error *err);

/* Keep checkpoints while it trains, if it was asked for. stop says on stderr what failed. */
int keep_start(const struct setup *s, struct run *run, baton_error *err);
int keep_stop(struct run *run);

/* Draw --plot's picture, of whatever steps were made. Says on stderr what failed. */
int draw_plot(struct setup *s, const struct run *run);

/* Write --save's file. Says on stderr what failed. */
int save_weights(const struct setup *s, const struct run *run);

/* Print what came of it, and write the JSON document if one was asked for. Returns the
 * exit status. */
int report(struct setup *s, const struct run *run);

#endif
