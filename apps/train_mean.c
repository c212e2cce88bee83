/* SPDX-License-Identifier: MIT */
/* train_mean: learn the mean of two numbers from batches that P generator threads fill
 * and one trainer consumes. The article's task, done so that its bug can't happen.
 *
 * One way: command line -> source -> pipeline -> fit -> report. The trainer is this
 * program's main thread. */

#include "args.h"
#include "json.h"
#include "mean_source.h"
#include "progress.h"
#include "watch.h"
#include <baton/baton.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const orders[] = {"ordered", "completion", NULL};
static const char *const optimizers[] = {"rmsprop", "sgd", "adam", NULL};
static const double optimizer_rates[] = {1e-3, 5e-5, 1e-3};
static const char *const losses[] = {"mse", "mae", NULL};
static const char *const modes[] = {"auto", "bar", "lines", "none", NULL};

/* --- command line ----------------------------------------------------------------- */

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

static int read_args(struct setup *s, int argc, char **argv)
{
	const struct arg table[] = {
		ARG_U64("producers", "P", &s->producers, 0, BATON_MAX_PRODUCERS,
	                "generator threads; 0: fill on the trainer's own thread\n"
	                "(default: CPUs less one, at least 1)"),
		ARG_U64("batch-size", "N", &s->batch_size, 1, 1 << 20, "samples a batch (64)"),
		ARG_U64("steps-per-epoch", "S", &s->steps, 1, UINT64_C(1000000000000),
	                "batches an epoch (1000)"),
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
		ARG_U64("pool", "C", &s->pool, 1, BATON_MAX_BLOCKS,
	                "blocks in flight, rounded up to a power of two\n"
	                "(default: twice the producers, at least 8; 32 if small)"),
		ARG_U64("block", "M", &s->block, 1, BATON_MAX_BLOCK_BATCHES,
	                "batches that travel together (default: as many as fit\n"
	                "48 KiB, at most 64)"),
		ARG_CHOICE("order", "ordered|completion", &s->order, orders,
	                   "deliver batches in order, or as they are ready (ordered)"),
		ARG_CALL("predict", "A,B", &s->predict, parse_pair,
	                 "two numbers, as in 60,70; at most 64 times",
	                 "predict the mean of A and B at the end; repeatable\n"
	                 "(60,70 and 73,57)"),
		ARG_CALL("watch", "A,B", &s->watch, parse_watch, "two numbers, as in 60,70",
	                 "print the prediction for A and B to stderr while it trains,\n"
	                 "every 100 ms"),
		ARG_CHOICE("progress", "auto|bar|lines|none", &s->progress, modes,
	                   "on stderr; auto: a bar on a terminal, else or while\n"
	                   "watching lines (auto)"),
		ARG_TEXT("json", "FILE", &s->json_path,
	                 "write the results as JSON; -: to stdout, instead of text"),
	};
	const struct args args = {
		PROGRAM,
		"Learn the mean of two numbers 0..99: by default one Dense(1), mean squared\n"
		"error and RMSprop. Results go to stdout, progress to stderr. Exit status:\n"
		"0 done, 1 it failed (as when the loss is not a number), 2 wrong usage,\n"
		"130 interrupted (what was reached is reported).",
		table, sizeof(table) / sizeof(table[0])};
	int rc = args_parse(&args, argc, argv), error;

	if (rc != ARGS_GO_ON || !s->json_path)
		return rc;
	error = json_file_open(&s->json, s->json_path);
	return error ? args_error(PROGRAM, "json", s->json_path, "can't be written: %s",
	                          strerror(error))
	             : ARGS_GO_ON;
}

/* --- interruption ----------------------------------------------------------------- */

/* Set before the handler is installed, cleared after it is removed. */
static baton_pipeline *interruptible;

static void on_interrupt(int signal)
{
	(void)signal;
	baton_cancel(interruptible);
}

/* The first SIGINT stops the training after the step in hand; a second one ends the
 * program the usual way. */
static void catch_interrupts(baton_pipeline *feed)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};

	interruptible = feed;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

static void let_interrupts_be(void)
{
	signal(SIGINT, SIG_DFL);
	interruptible = NULL;
}

/* --- training --------------------------------------------------------------------- */

static int open_feed(const struct setup *s, struct run *run, baton_error *err)
{
	baton_source source = mean_source(s->batch_size, s->steps * s->epochs);
	baton_options options = BATON_OPTIONS_INIT;

	options.producers = s->producers == AUTO ? 0
	                    : s->producers == 0  ? BATON_INLINE
	                                         : (int)s->producers;
	options.blocks = (uint32_t)s->pool;
	options.block_batches = (uint32_t)s->block;
	options.order = s->order;
	options.seed = s->seed;
	return baton_open(&run->feed, &source, &options, err);
}

/* The batches that would come after the training's: never seen in it. */
static int open_validation(const struct setup *s, struct run *run, baton_error *err)
{
	baton_source source = mean_source(s->batch_size, 0);
	baton_options options = BATON_OPTIONS_INIT;

	if (s->validation_steps == 0)
		return BATON_OK;
	options.producers = BATON_INLINE;
	options.seed = s->seed;
	options.first_batch = s->steps * s->epochs;
	return baton_open(&run->validation, &source, &options, err);
}

static baton_optimizer make_optimizer(const struct setup *s)
{
	switch (s->optimizer) {
	case 0:
		return baton_rmsprop(s->lr);
	case 1:
		return baton_sgd(s->lr);
	default:
		return baton_adam(s->lr);
	}
}

/* input -> dense -> relu -> ... -> dense(1) */
static int make_net(const struct setup *s, struct run *run, baton_error *err)
{
	baton_layer layers[2 * MAX_HIDDEN + 2];
	size_t n = 0;
	int rc;

	layers[n++] = baton_input("x", 2);
	for (size_t i = 0; i < s->hidden.n; i++) {
		layers[n++] = baton_dense(s->hidden.of[i]);
		layers[n++] = baton_relu();
	}
	layers[n++] = baton_dense(1);
	rc = baton_model_create(&run->net, layers, n, s->seed, err);
	if (rc == BATON_OK)
		rc = baton_compile(run->net, s->loss == 0 ? baton_mse() : baton_mae(),
		                   make_optimizer(s), err);
	return rc;
}

static int train(const struct setup *s, struct run *run, baton_error *err)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	/* a bar that is redrawn in place and lines of another thread do not go together */
	int mode = s->progress == PROGRESS_AUTO && s->watch.n ? PROGRESS_LINES : s->progress;
	struct progress *progress =
		progress_start((enum progress_mode)mode, run->net, s->epochs, s->steps);
	struct watch *watch = s->watch.n ? watch_start(run->net, s->watch.of[0]) : NULL;
	baton_callback callbacks[2];

	if (progress)
		callbacks[options.n_callbacks++] = progress_callback(progress);
	if (s->patience) {
		run->stopping.patience = s->patience;
		callbacks[options.n_callbacks++] = baton_early_stopping_callback(&run->stopping);
	}
	options.epochs = s->epochs;
	options.steps_per_epoch = s->steps;
	options.callbacks = callbacks;
	options.terminate_on_nan = true;
	options.validation = run->validation;
	options.validation_steps = s->validation_steps;
	catch_interrupts(run->feed);
	run->ended = baton_fit(run->net, run->feed, &options, &run->history, err);
	let_interrupts_be();
	watch_stop(&watch);
	progress_stop(&progress);
	return run->ended < 0 ? run->ended : BATON_OK;
}

/* What the pipeline has to say, before it is closed. */
static int collect(struct run *run)
{
	baton_stats_get(run->feed, &run->stats);
	run->n_filled = baton_stats_filled(run->feed, NULL, 0);
	run->filled = calloc(run->n_filled, sizeof(*run->filled));
	if (!run->filled)
		return -1;
	baton_stats_filled(run->feed, run->filled, run->n_filled);
	return 0;
}

/* --- reporting -------------------------------------------------------------------- */

static double seconds(uint64_t ns)
{
	return (double)ns * 1e-9;
}

static double wait_seconds(const struct run *run)
{
	return seconds(run->stats.wait_fill_ns + run->stats.wait_claim_ns);
}

static float predict(const struct run *run, const float pair[2])
{
	float mean = 0;

	if (baton_predict(run->net, pair, 1, &mean) != BATON_OK)
		abort(); /* one row of a model that has been trained */
	return mean;
}

static void print_predictions(const struct setup *s, const struct run *run)
{
	for (size_t i = 0; i < s->predict.n; i++) {
		const float *pair = s->predict.of[i];

		printf("(%g, %g) -> %.2f%s", (double)pair[0], (double)pair[1],
		       (double)predict(run, pair), i + 1 < s->predict.n ? "     " : "\n");
	}
}

static void print_feed(const struct run *run)
{
	const baton_stats *stats = &run->stats;
	double share = run->history.train_ns
	                       ? 100 * wait_seconds(run) / seconds(run->history.train_ns)
	                       : 0;

	printf(stats->producers ? "%u producers filled" : "no producers; the trainer filled",
	       stats->producers);
	for (size_t i = 0; i < run->n_filled && i < 16; i++)
		printf(" %" PRIu64, run->filled[i]);
	printf("%s batches\n", run->n_filled > 16 ? " ..." : "");
	printf("the trainer waited %.1f %% of the time: %.3f ms for a batch being filled, %.3f ms "
	       "for "
	       "one that nobody had begun\n",
	       share, 1e3 * seconds(stats->wait_fill_ns), 1e3 * seconds(stats->wait_claim_ns));
	printf("%u blocks of %u batches, %.1f KiB held from first step to last\n", stats->blocks,
	       stats->block_batches, (double)stats->bytes / 1024);
}

/* Why there are fewer epochs than were asked for, if there are. */
static void print_end(const struct setup *s, const struct run *run)
{
	const baton_history *h = &run->history;

	if (run->ended == BATON_CANCELED)
		printf("interrupted in epoch %" PRIu64 " of %" PRIu64 "\n",
		       (uint64_t)(h->steps / s->steps) + 1, s->epochs);
	if (run->stopping.stopped)
		printf("stopped after epoch %zu of %" PRIu64 ": the best was epoch %" PRIu64 "\n",
		       h->n_epochs, s->epochs, run->stopping.best_epoch + 1);
}

static void print_report(const struct setup *s, const struct run *run)
{
	const baton_history *h = &run->history;
	double time = seconds(h->train_ns);

	print_end(s, run);
	print_predictions(s, run);
	printf("%" PRIu64 " steps in %.3f s, %.2f M steps/s; final loss %.6f", h->steps, time,
	       time > 0 ? (double)h->steps / time * 1e-6 : 0,
	       h->n_epochs ? h->epochs[h->n_epochs - 1].loss : (double)NAN);
	if (s->validation_steps && h->n_epochs)
		printf(", of the validation %.6f", h->epochs[h->n_epochs - 1].val_loss);
	printf("\n");
	print_feed(run);
}

static void json_pair(struct json *j, const char *key, const float pair[2])
{
	json_array(j, key);
	json_f64(j, NULL, (double)pair[0]);
	json_f64(j, NULL, (double)pair[1]);
	json_close(j);
}

static void json_config(struct json *j, const struct setup *s, const struct run *run)
{
	json_object(j, "config");
	json_u64(j, "producers", run->stats.producers);
	json_u64(j, "batch_size", s->batch_size);
	json_u64(j, "steps_per_epoch", s->steps);
	json_u64(j, "epochs", s->epochs);
	json_u64(j, "seed", s->seed);
	json_text(j, "optimizer", optimizers[s->optimizer]);
	json_f64(j, "lr", s->lr);
	json_text(j, "loss", losses[s->loss]);
	json_array(j, "hidden");
	for (size_t i = 0; i < s->hidden.n; i++)
		json_u64(j, NULL, s->hidden.of[i]);
	json_close(j);
	json_u64(j, "validation_steps", s->validation_steps);
	json_u64(j, "patience", s->patience);
	if (s->watch.n)
		json_pair(j, "watch", s->watch.of[0]);
	json_u64(j, "pool", run->stats.blocks);
	json_u64(j, "block", run->stats.block_batches);
	json_text(j, "order", orders[s->order]);
	json_text(j, "progress", modes[s->progress]);
	json_text(j, "json", s->json_path);
	json_array(j, "predict");
	for (size_t i = 0; i < s->predict.n; i++)
		json_pair(j, NULL, s->predict.of[i]);
	json_close(j);
	json_close(j);
}

static void json_epochs(struct json *j, const struct setup *s, const baton_history *h)
{
	json_array(j, "epochs");
	for (size_t i = 0; i < h->n_epochs; i++) {
		json_object(j, NULL);
		json_u64(j, "epoch", h->epochs[i].epoch + 1);
		json_f64(j, "loss", h->epochs[i].loss);
		if (s->validation_steps)
			json_f64(j, "val_loss", h->epochs[i].val_loss);
		json_f64(j, "seconds", seconds(h->epochs[i].ns));
		json_close(j);
	}
	json_close(j);
}

static void json_numbers(struct json *j, const char *key, const float *numbers, size_t n)
{
	json_array(j, key);
	for (size_t i = 0; i < n; i++)
		json_f64(j, NULL, (double)numbers[i]);
	json_close(j);
}

/* kernel [inputs, units], row after row, and bias [units] */
static void json_layer(struct json *j, const char *key, const baton_layer_info *info,
                       const float *w)
{
	json_object(j, key);
	if (!key) {
		json_text(j, "name", info->name);
		json_u64(j, "inputs", info->inputs);
		json_u64(j, "units", info->units);
	}
	json_numbers(j, "kernel", w + info->kernel, info->n_kernel);
	json_numbers(j, "bias", w + info->bias, info->n_bias);
	json_close(j);
}

/* "weights" of the one layer, or "layers" if there are more. */
static void json_weights(struct json *j, const struct setup *s, const struct run *run)
{
	const float *w = baton_weights(run->net, NULL);
	baton_layer_info info = BATON_LAYER_INFO_INIT;

	if (s->hidden.n == 0 && baton_layer_get(run->net, 1, &info) == BATON_OK) {
		json_layer(j, "weights", &info, w);
		return;
	}
	json_array(j, "layers");
	for (size_t i = 0; baton_layer_get(run->net, i, &info) == BATON_OK; i++) {
		if (info.n_kernel > 0)
			json_layer(j, NULL, &info, w);
	}
	json_close(j);
}

static void json_predictions(struct json *j, const struct setup *s, const struct run *run)
{
	json_array(j, "predictions");
	for (size_t i = 0; i < s->predict.n; i++) {
		json_object(j, NULL);
		json_pair(j, "input", s->predict.of[i]);
		json_f64(j, "output", (double)predict(run, s->predict.of[i]));
		json_close(j);
	}
	json_close(j);
}

static void json_feed(struct json *j, const struct run *run)
{
	json_object(j, "feed");
	json_u64(j, "batches", run->stats.batches);
	json_array(j, "by_producer");
	for (size_t i = 0; i < run->n_filled; i++)
		json_u64(j, NULL, run->filled[i]);
	json_close(j);
	json_f64(j, "trainer_wait_seconds", wait_seconds(run));
	json_u64(j, "blocks", run->stats.blocks);
	json_u64(j, "bytes", run->stats.bytes);
	json_close(j);
}

static int save_json(struct setup *s, const struct run *run)
{
	char digest[17];
	struct json j;
	int error;

	snprintf(digest, sizeof(digest), "%016" PRIx64, run->history.digest);
	json_begin(&j);
	json_object(&j, NULL);
	json_text(&j, "version", baton_version());
	json_config(&j, s, run);
	json_epochs(&j, s, &run->history);
	json_weights(&j, s, run);
	json_predictions(&j, s, run);
	json_text(&j, "digest", digest);
	json_u64(&j, "steps", run->history.steps);
	json_bool(&j, "interrupted", run->ended == BATON_CANCELED);
	json_bool(&j, "stopped", run->stopping.stopped);
	json_f64(&j, "train_seconds", seconds(run->history.train_ns));
	json_feed(&j, run);
	json_close(&j);
	error = json_save(&j, &s->json);
	if (error)
		fprintf(stderr, PROGRAM ": --json: \"%s\" can't be written: %s\n", s->json_path,
		        strerror(error));
	return error;
}

static int report(struct setup *s, const struct run *run)
{
	if (!s->json_path || !s->json.is_stdout)
		print_report(s, run);
	if (s->json_path && save_json(s, run) != 0)
		return 1;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, PROGRAM ": can't write the results to standard output\n");
		return 1;
	}
	return run->ended == BATON_CANCELED ? 130 : 0;
}

/* --- all of it -------------------------------------------------------------------- */

static int run_all(struct setup *s)
{
	struct run run = {.stopping = BATON_EARLY_STOPPING_INIT,
	                  .history = BATON_HISTORY_INIT,
	                  .stats = BATON_STATS_INIT};
	baton_error err = {0};
	int rc = make_net(s, &run, &err), status = 1;

	if (rc == BATON_OK)
		rc = open_feed(s, &run, &err);
	if (rc == BATON_OK)
		rc = open_validation(s, &run, &err);
	if (rc == BATON_OK)
		rc = train(s, &run, &err);
	if (rc < 0)
		fprintf(stderr, PROGRAM ": %s%s\n", err.text[0] ? err.text : baton_strerror(rc),
		        rc == BATON_ERR_NAN ? "; try a smaller --lr" : "");
	else if (collect(&run) == 0)
		status = report(s, &run);
	if (s->json_path && status == 1)
		json_file_close(&s->json);
	if (baton_close(&run.feed) < 0 || baton_close(&run.validation) < 0 ||
	    baton_model_destroy(&run.net) < 0)
		abort(); /* nothing of theirs is held here */
	baton_history_free(&run.history);
	free(run.filled);
	return status;
}

int main(int argc, char **argv)
{
	struct setup s = {
		.producers = AUTO,
		.batch_size = 64,
		.steps = 1000,
		.epochs = 10,
		.seed = 1,
		.predict = {.of = {{60, 70}, {73, 57}}, .n = 2},
	};
	int rc = read_args(&s, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (s.lr == 0)
		s.lr = optimizer_rates[s.optimizer];
	return run_all(&s);
}
