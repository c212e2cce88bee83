/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_LOG_H
#define BATON_APPS_LOG_H

/* A training's rows, in files that can be followed while it trains: comma-separated, and one
 * JSON object a line. */

#include "../json.h"
#include <baton/baton.h>
#include <sys/types.h>

struct log_file {
	const char *option, *path; /* NULL: not asked for */
	bool json;
	struct json_file file;
	bool regular;  /* else a pipe or device, which can't be read back or cut */
	bool created;  /* it was not there before */
	bool begun;    /* it is ours to write */
	off_t bytes;   /* of whole rows */
	uint64_t last; /* the step of its last row */
	int error;     /* errno of the write that failed: no row follows */
};

struct logs {
	struct log_file csv, jsonl;
	uint64_t every; /* rows at steps that this divides, beside those of epochs; 0: none */
	uint64_t steps; /* an epoch has */
	bool validates;
	/* of the last step that was told, which may be that of no row; 0: none */
	uint64_t at;
	float batch_loss;
};

/* Can they be written? Nothing of what is there changes, but new files appear, empty. CSV and
 * JSONL: paths, or NULL. Returns ARGS_GO_ON, or the exit status after a line on stderr. */
int logs_open(struct logs *logs, const char *csv, const char *jsonl);

/* The training begins, after so many steps of it that were made before; went_on: in an earlier
 * run, whose rows up to that step stay, and later ones go. Else the files begin anew.
 * Returns OK; an error with err filled: then nothing has changed in files that are no logs */
int logs_begin(struct logs *logs, bool went_on, uint64_t step, baton_error *err);

/* Writes the rows, on the trainer's thread; never ends a fit. */
baton_callback logs_callback(struct logs *logs);

/* Closes them; those that never began and are new go. Returns 0, or -1 after a line on stderr
 * for each that could not be written. NULL paths are fine. */
int logs_close(struct logs *logs);

#endif
