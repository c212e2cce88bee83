/* SPDX-License-Identifier: MIT */
/* train_mean's command line: struct setup from argv, and what does not go together. */

#include "../args.h"
#include "../path.h"
#include "train_mean.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const orders[] = {"ordered", "completion", NULL};
const char *const whens[] = {"auto", "on", "off", NULL};
const char *const optimizers[] = {"rmsprop", "sgd", "adam", NULL};
const char *const losses[] = {"mse", "mae", NULL};
const char *const modes[] = {"auto", "bar", "lines", "none", NULL};

/* "A,B" */
static bool parse_pair(void *value, const char *text)
{
	struct pairs *pairs = value;
	const char *comma = strchr(text, ',');
	char first[64];
	double a, b;

	if (!comma || (size_t)(comma - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(comma - text));
	first[comma - text] = '\0';
	if (!args_f64(first, &a) || !args_f64(comma + 1, &b) || a < -1e30 || a > 1e30 ||
	    b < -1e30 || b > 1e30)
		return false;
	if (!pairs->given)
		pairs->n = 0;
	pairs->given = true;
	if (pairs->n == MAX_PREDICT)
		return false;
	pairs->of[pairs->n][0] = (float)a;
	pairs->of[pairs->n++][1] = (float)b;
	return true;
}

/* "A,B" in place of the one before */
static bool parse_watch(void *value, const char *text)
{
	struct pairs *pairs = value;

	pairs->n = 0;
	return parse_pair(pairs, text);
}

/* "U" or "U,U,..." in place of what was before */
static bool parse_units(void *value, const char *text)
{
	struct units *units = value;

	for (units->n = 0; units->n < MAX_HIDDEN; text++) {
		size_t length = strcspn(text, ",");
		char number[16];
		uint64_t count;

		if (length >= sizeof(number))
			return false;
		memcpy(number, text, length);
		number[length] = '\0';
		if (!args_u64(number, &count) || count < 1 || count > MAX_UNITS)
			return false;
		units->of[units->n++] = count;
		text += length;
		if (!*text)
			return true;
	}
	return false;
}

/* Is path one that comes and goes, or stays, beside the file of --checkpoint or --save: what is
 * written before it gets its name, and earlier checkpoints? */
static bool is_beside(const struct setup *s, const char *file, const char *path)
{
	const char *stem = file ? path_name(file) : "", *name = path_name(path);
	size_t n = strlen(stem);
	unsigned long place;
	char number[24];

	if (n == 0 || strncmp(name, stem, n) != 0 || name[n] != '.' ||
	    !path_same_folder(file, path))
		return false;
	path = name + n + 1;
	if (strcmp(path, "tmp") == 0)
		return true;
	if (file != s->checkpoint_path || s->keep < 2)
		return false;
	place = strtoul(path, NULL, 10);
	snprintf(number, sizeof(number), "%lu", place); /* .02 is no such name */
	return strcmp(path, "old") == 0 ||
	       (place >= 1 && place < s->keep && strcmp(path, number) == 0);
}

/* A file that is written is no other one's, and none that is read: but a checkpoint may take the
 * place of the one that the run goes on from. */
static int check_different(const struct setup *s)
{
	const struct {
		const char *option, *path;
		bool read, goes_on;
	} all[] = {{"x", s->x_path, true, false},
	           {"y", s->y_path, true, false},
	           {"load", s->load_path, true, false},
	           {"resume", s->resume_path, true, true},
	           {"checkpoint", s->checkpoint_path, false, true},
	           {"save", s->save_path, false, false},
	           {"json", s->json_path, false, false},
	           {"log-csv", s->log_csv_path, false, false},
	           {"log-jsonl", s->log_jsonl_path, false, false},
	           {"plot", s->plot_path, false, false},
	           {"trace", s->trace_path, false, false}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].path)
			continue;
		if (is_beside(s, s->save_path, all[i].path) ||
		    (!all[i].goes_on && is_beside(s, s->checkpoint_path, all[i].path)))
			return args_error(PROGRAM, all[i].option, all[i].path,
			                  "is a name that --checkpoint or --save needs beside "
			                  "its file");
		for (size_t j = 0; j < i; j++)
			if (!all[i].read && !(all[i].goes_on && all[j].goes_on) && all[j].path &&
			    path_same_file(all[i].path, all[j].path))
				return args_error(PROGRAM, all[i].option, all[i].path,
				                  "is what --%s %s", all[j].option,
				                  all[j].read ? "reads" : "writes to");
	}
	return ARGS_GO_ON;
}

/* Of the files with samples. */
static int check_data(const struct setup *s)
{
	if (!s->x_path != !s->y_path)
		return args_error(PROGRAM, s->x_path ? "x" : "y", s->x_path ? s->x_path : s->y_path,
		                  "needs --%s, too", s->x_path ? "y" : "x");
	if (s->x_path && s->validation_steps)
		return args_error(PROGRAM, "validation-steps", NULL,
		                  "--x and --y have no samples apart for it: use it without them");
	if (!s->x_path && (s->no_shuffle || s->drop_last))
		return args_error(PROGRAM, s->no_shuffle ? "no-shuffle" : "drop-last", NULL,
		                  "is for --x and --y");
	return ARGS_GO_ON;
}

/* Beside --load nothing does anything that only training needs. */
static int check_load(const struct args *args)
{
	static const char *const fit[] = {"load", "hidden", "predict", "progress", "json", NULL};
	const char *other = args_given_beside(args, fit);

	return !other ? ARGS_GO_ON
	              : args_error(PROGRAM, other, NULL,
	                           "does nothing with --load, which does not train");
}

/* Options that are wrong only beside others. */
static int check_together(const struct setup *s)
{
	bool logs = s->log_csv_path || s->log_jsonl_path;

	if ((s->checkpoint_path || s->resume_path) && s->order == BATON_COMPLETION)
		return args_error(PROGRAM, "order", orders[s->order],
		                  "is no order that a run can go on in: use ordered with "
		                  "--checkpoint and --resume");
	if (s->producers == 0 && (s->spares || s->work_conserving == WHEN_ON))
		return args_error(PROGRAM, "producers", "0", "is none: %s needs at least 1",
		                  s->spares ? "--spares" : "--work-conserving");
	if ((s->checkpoint_every || s->keep) && !s->checkpoint_path)
		return args_error(PROGRAM, s->keep ? "keep" : "checkpoint-every", NULL,
		                  "does nothing without --checkpoint");
	if (s->trace_events && !s->trace_path)
		return args_error(PROGRAM, "trace-events", NULL, "does nothing without --trace");
	if (s->log_every && !logs)
		return args_error(PROGRAM, "log-every", NULL,
		                  "does nothing without --log-csv or --log-jsonl");
	return check_data(s) == ARGS_GO_ON ? check_different(s) : ARGS_STATUS;
}

int read_args(struct setup *s, int argc, char **argv)
{
	uint64_t given = 0;
	const struct arg table[] = {
		ARG_TEXT("x", "FILE", &s->x_path,
	                 "train on the samples of a .npy file, [samples, 2] of any\n"
	                 "integers or floats, and not on random ones"),
		ARG_TEXT("y", "FILE", &s->y_path,
	                 "what is to be learned for each of them: a .npy file,\n"
	                 "[samples] or [samples, 1]"),
		ARG_FLAG("no-shuffle", &s->no_shuffle,
	                 "take them in the files' order (else each epoch in an order\n"
	                 "of its own, from the seed)"),
		ARG_FLAG("drop-last", &s->drop_last,
	                 "leave the last batch of an epoch out if it is short"),
		ARG_U64("producers", "P", &s->producers, 0, BATON_MAX_PRODUCERS,
	                "generator threads; 0: fill on the trainer's own thread\n"
	                "(default: CPUs less one, at least 1)"),
		ARG_U64("batch-size", "N", &s->batch_size, 1, 1 << 20, "samples a batch (64)"),
		ARG_U64("steps-per-epoch", "S", &s->steps, 1, UINT64_C(1000000000000),
	                "batches an epoch (1000; with --x and --y: all of them)"),
		ARG_U64("epochs", "E", &s->epochs, 1, 1000000, "epochs (10)"),
		ARG_U64("seed", "S", &s->seed, 0, UINT64_MAX, "of all random numbers (1)"),
		ARG_F64("lr", "F", &s->lr, 1e-12, 1e6,
	                "learning rate (rmsprop, adam: 0.001; sgd: 0.00005)"),
		ARG_CHOICE("optimizer", "rmsprop|sgd|adam", &s->optimizer, optimizers,
	                   "how weights follow their gradient (rmsprop)"),
		ARG_CHOICE("loss", "mse|mae", &s->loss, losses,
	                   "mean squared or mean absolute error (mse)"),
		ARG_CALL("hidden", "U[,U...]", &s->hidden, parse_units,
	                 "1 to 8 whole numbers from 1 to 4096, as in 16 or 32,8",
	                 "layers of U units with relu below the last one (none)"),
		ARG_U64("validation-steps", "V", &s->validation_steps, 1, UINT64_C(1000000000),
	                "evaluate V batches of their own after each epoch (none)"),
		ARG_U64("patience", "N", &s->patience, 1, 1000000,
	                "stop after N epochs without a better loss, that of the\n"
	                "validation if there is one (never)"),
		ARG_U64("pool", "C", &s->pool, 0, BATON_MAX_BLOCKS,
	                "blocks in the pool, rounded up to a power of two;\n"
	                "0: twice the producers, at least 8, and up to 512 where\n"
	                "they fit 512 KiB (0)"),
		ARG_U64("block", "M", &s->block, 0, BATON_MAX_BLOCK_BATCHES,
	                "batches that travel together; 0: as many as fit 48 KiB,\n"
	                "at most 64 (0)"),
		ARG_CHOICE("order", "ordered|completion", &s->order, orders,
	                   "deliver batches in order, or as they are ready (ordered)"),
		ARG_U64("spares", "H", &s->spares, 0, BATON_MAX_PRODUCERS,
	                "spare blocks, at most one for each producer: a batch whose\n"
	                "producer is late (frozen) is made by the trainer (none)"),
		ARG_CHOICE("work-conserving", "auto|on|off", &s->work_conserving, whens,
	                   "let the trainer fill batches rather than sleep; auto: unless\n"
	                   "samples come from files (auto)"),
		ARG_CALL("predict", "A,B", &s->predict, parse_pair,
	                 "two numbers, as in 60,70; at most 64 times",
	                 "predict the mean of A and B at the end; repeatable\n"
	                 "(60,70 and 73,57)"),
		ARG_CALL("watch", "A,B", &s->watch, parse_watch, "two numbers, as in 60,70",
	                 "print the prediction for A and B to stderr while it trains,\n"
	                 "every 100 ms"),
		ARG_CHOICE("progress", "auto|bar|lines|none", &s->progress, modes,
	                   "on stderr; auto: a bar on a terminal, else lines (auto)"),
		ARG_TEXT("checkpoint", "FILE", &s->checkpoint_path,
	                 "keep the training's state in FILE while it trains and at its\n"
	                 "end: a safetensors file, whole at any moment"),
		ARG_U64("checkpoint-every", "N", &s->checkpoint_every, 1, UINT64_MAX,
	                "steps between two checkpoints, or more if the disk is\n"
	                "slower (100000)"),
		ARG_U64("keep", "K", &s->keep, 1, 1000,
	                "checkpoints to keep: FILE, FILE.1 before it, and so on (1)"),
		ARG_TEXT("resume", "FILE", &s->resume_path,
	                 "go on from a checkpoint, to the same bits as if the run had\n"
	                 "never stopped; producers, pool and block may be others"),
		ARG_TEXT("save", "FILE", &s->save_path, "write the trained model to FILE"),
		ARG_TEXT("load", "FILE", &s->load_path,
	                 "do not train: predict with the weights of a saved model or\n"
	                 "checkpoint"),
		ARG_TEXT("log-csv", "FILE", &s->log_csv_path,
	                 "write a row for each epoch to FILE as it ends, with commas\n"
	                 "between; with --resume it goes on"),
		ARG_TEXT("log-jsonl", "FILE", &s->log_jsonl_path,
	                 "the same as JSON, one object a line"),
		ARG_U64("log-every", "N", &s->log_every, 1, UINT64_MAX,
	                "a row for every N steps as well (none)"),
		ARG_TEXT("plot", "FILE", &s->plot_path,
	                 "draw the loss over the steps with gnuplot; FILE ends in .svg\n"
	                 "or .png"),
		ARG_FLAG("stats", &s->stats,
	                 "say where the trainer's and the producers' time went,\n"
	                 "and what would help"),
		ARG_TEXT("trace", "FILE", &s->trace_path,
	                 "write what each thread did when to FILE, for Perfetto or\n"
	                 "chrome://tracing"),
		ARG_U64("trace-events", "N", &s->trace_events, 1, UINT64_C(1) << 24,
	                "how many to keep of each thread: the last N (65536)"),
		ARG_TEXT("json", "FILE", &s->json_path,
	                 "write the results as JSON; -: to stdout, instead of text"),
	};
	static const char *const lettered[] = {"producers", "batch-size", "epochs", "seed", NULL};
	const struct args args = {
		PROGRAM,
		"Learn the mean of two numbers 0..99: by default one Dense(1), mean squared\n"
		"error and RMSprop. Results go to stdout, progress to stderr.",
		table,
		sizeof(table) / sizeof(table[0]),
		lettered,
		"0    done\n"
		"1    it failed, as when the loss is not a number\n"
		"2    wrong usage, or files with samples that can't be used\n"
		"130  interrupted by SIGINT: what was reached is reported\n"
		"143  the same by SIGTERM\n",
		&given};
	int rc = args_parse(&args, argc, argv);

	if (rc == ARGS_GO_ON && s->load_path)
		rc = check_load(&args);
	if (rc == ARGS_GO_ON)
		rc = check_together(s);
	if (s->trace_events == 0)
		s->trace_events = 65536;
	return rc == ARGS_GO_ON ? open_files(s) : rc;
}
