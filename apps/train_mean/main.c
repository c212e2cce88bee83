/* SPDX-License-Identifier: MIT */
/* train_mean: learn the mean of two numbers from batches that P generator threads fill
 * and one trainer consumes. The article's task, done so that its bug can't happen.
 *
 * One way: command line -> source -> pipeline -> fit -> report. The trainer is this
 * program's main thread. */

#include "../args.h"
#include "../mean_source.h"
#include "../progress.h"
#include "../stale.h"
#include "../stats.h"
#include "../watch.h"
#include "train_mean.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double optimizer_rates[] = {1e-3, 5e-5, 1e-3};

/* --- interruption ----------------------------------------------------------------- */

/* Set before the handler is installed, cleared after it is removed. */
static baton_pipeline *interruptible, *also_interruptible;
static volatile sig_atomic_t stopped_by;

static void let_signals_be(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void on_interrupt(int number)
{
	let_signals_be();
	stopped_by = number;
	baton_cancel(interruptible);
	baton_cancel(also_interruptible);
}

/* The first SIGINT or SIGTERM stops the training after the step in hand, of the validation or
 * not; a second one ends the program the usual way. */
static void catch_interrupts(baton_pipeline *feed, baton_pipeline *validation)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	interruptible = feed;
	also_interruptible = validation;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGINT);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void on_late_signal(int number)
{
	(void)number;
	let_signals_be();
}

/* The training is over, and what it reached is about to be written: the first signal does not
 * stop that, either. */
static void let_interrupts_be(void)
{
	let_signals_be();
	interruptible = also_interruptible = NULL;
	if (!stopped_by) {
		signal(SIGINT, on_late_signal); /* with SA_RESTART: no call comes back early */
		signal(SIGTERM, on_late_signal);
	}
}

/* --- training --------------------------------------------------------------------- */

static int open_feed(const struct setup *s, struct run *run, baton_error *err)
{
	baton_source source = mean_source(s->batch_size, s->steps * s->epochs);
	baton_options options = BATON_OPTIONS_INIT;

	if (run->data) {
		baton_npy_source(run->data, &source);
		source.n_batches = s->steps * s->epochs;
	}
	options.producers = s->producers == AUTO ? 0
	                    : s->producers == 0  ? BATON_INLINE
	                                         : (int)s->producers;
	options.blocks = (uint32_t)s->pool;
	options.block_batches = (uint32_t)s->block;
	options.order = s->order;
	options.spares = (uint32_t)s->spares;
	options.work_conserving =
		s->work_conserving == WHEN_OFF ? BATON_SLEEPS : s->work_conserving;
	options.seed = s->seed;
	options.first_batch = run->at.next_batch;
	options.observe = run->trace ? baton_trace_observe : NULL;
	options.observe_state = run->trace;
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
	options.first_batch = s->steps * s->epochs + run->at.epoch * s->validation_steps;
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

static int train(struct setup *s, struct run *run, baton_error *err)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	struct progress *progress =
		progress_start((enum progress_mode)s->progress, run->net, s->epochs, s->steps);
	struct watch *watch =
		s->watch.n ? watch_start(run->net, s->watch.of[0], progress_redraws(progress))
			   : NULL;
	baton_callback callbacks[4];
	bool unwritten = false;

	if (progress)
		callbacks[options.n_callbacks++] = progress_callback(progress);
	if (s->patience) {
		run->stopping.patience = s->patience;
		callbacks[options.n_callbacks++] = baton_early_stopping_callback(&run->stopping);
	}
	if (s->log_csv_path || s->log_jsonl_path)
		callbacks[options.n_callbacks++] = logs_callback(&s->logs);
	if (s->plot_path) {
		curve_begin(&run->curve, run->at.step);
		callbacks[options.n_callbacks++] = curve_callback(&run->curve);
	}
	options.epochs = s->epochs;
	options.steps_per_epoch = s->steps;
	options.callbacks = callbacks;
	options.terminate_on_nan = true;
	options.validation = run->validation;
	options.validation_steps = s->validation_steps;
	catch_interrupts(run->feed, run->validation);
	run->ended = baton_fit(run->net, run->feed, &options, &run->history, err);
	let_interrupts_be();
	run->stopped_by = stopped_by;
	baton_ledger_charge(run->feed, BATON_TIME_LOG);
	watch_stop(&watch);
	progress_stop(&progress);
	if (logs_close(&s->logs) < 0 || draw_plot(s, run) < 0)
		unwritten = true;
	baton_ledger_charge(run->feed, BATON_TIME_CHECKPOINT);
	run->kept = keep_stop(run);
	if (unwritten)
		run->kept = -1;
	return run->ended < 0 ? run->ended : BATON_OK;
}

/* What the pipeline has to say, before it is closed. */
static int collect(struct run *run)
{
	baton_stats_get(run->feed, &run->stats);
	run->n_filled = baton_stats_filled(run->feed, NULL, 0);
	run->filled = calloc(run->n_filled, sizeof(*run->filled));
	run->producers = stats_producers(run->feed, &run->n_filled);
	if (!run->filled || !run->producers)
		return -1;
	baton_ledger_get(run->feed, &run->ledger);
	baton_stats_filled(run->feed, run->filled, run->n_filled);
	return 0;
}

/* --- all of it -------------------------------------------------------------------- */

/* How far the logs are is known only now. */
static int begin_logs(struct setup *s, const struct run *run, baton_error *err)
{
	s->logs.every = s->log_every;
	s->logs.steps = s->steps;
	s->logs.validates = s->validation_steps > 0;
	return logs_begin(&s->logs, s->resume_path != NULL, run->at.step, err);
}

static int run_training(struct setup *s, struct run *run, baton_error *err)
{
	int rc = resume(s, run, err);

	if (rc == BATON_OK && s->trace_path)
		rc = baton_trace_create(&run->trace, (size_t)s->trace_events, err);
	if (rc == BATON_OK)
		rc = open_feed(s, run, err);
	if (rc == BATON_OK)
		rc = open_validation(s, run, err);
	if (rc == BATON_OK)
		rc = begin_logs(s, run, err);
	if (rc == BATON_OK)
		rc = keep_start(s, run, err);
	if (rc == BATON_OK)
		rc = train(s, run, err);
	if (rc == BATON_OK && (collect(run) < 0 || save_weights(s, run) < 0))
		run->kept = -1;
	return rc;
}

/* Only now, when no thread is left, is the trace whole. */
static int save_trace(struct setup *s, struct run *run)
{
	size_t bytes = 0;
	char *text;
	int error;

	if (baton_close(&run->feed) < 0)
		abort(); /* nothing of its is held here */
	if (!run->trace) {
		json_file_close(&s->trace_file);
		return 0;
	}
	text = baton_trace_json(run->trace, &bytes);
	error = text ? json_file_write(&s->trace_file, text, bytes) : ENOMEM;
	if (error)
		fprintf(stderr, PROGRAM ": --trace: \"%s\" can't be written: %s\n", s->trace_path,
		        strerror(error));
	free(text);
	baton_trace_destroy(&run->trace);
	return error;
}

static int run_all(struct setup *s)
{
	struct run run = {.stopping = BATON_EARLY_STOPPING_INIT,
	                  .history = BATON_HISTORY_INIT,
	                  .at = BATON_RESUME_INIT,
	                  .stats = BATON_STATS_INIT,
	                  .ledger = BATON_LEDGER_INIT};
	baton_error err = {0};
	int rc = open_data(s, &run, &err), status = rc < 0 ? ARGS_STATUS : 1;

	if (rc == BATON_OK)
		rc = make_net(s, &run, &err);
	if (rc == BATON_OK)
		rc = s->load_path ? baton_weights_load(run.net, s->load_path, &err)
		                  : run_training(s, &run, &err);
	if (rc < 0)
		fprintf(stderr, PROGRAM ": %s%s\n", err.text[0] ? err.text : baton_strerror(rc),
		        rc == BATON_ERR_NAN ? "; try a smaller --lr" : "");
	else
		status = report(s, &run);
	if (s->json_path && (rc < 0 || status == 1))
		json_file_close(&s->json);
	if (save_trace(s, &run) != 0)
		status = 1;
	if (baton_close(&run.feed) < 0 || baton_close(&run.validation) < 0 ||
	    baton_npy_close(&run.data) < 0 || baton_model_destroy(&run.net) < 0)
		abort();      /* nothing of theirs is held here */
	logs_close(&s->logs); /* if it never came so far as to train */
	if (s->plot.script)
		plot_abandon(&s->plot);
	baton_history_free(&run.history);
	free(run.filled);
	free(run.producers);
	return status;
}

int main(int argc, char **argv)
{
	struct setup s = {
		.producers = AUTO,
		.batch_size = 64,
		.steps = AUTO,
		.epochs = 10,
		.seed = 1,
		.trace_file = {.fd = -1},
		.predict = {.of = {{60, 70}, {73, 57}}, .n = 2},
	};
	int rc = read_args(&s, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (s.steps == AUTO && !s.x_path)
		s.steps = 1000;
	if (s.lr == 0)
		s.lr = optimizer_rates[s.optimizer];
	catch_stale_access(PROGRAM);
	return run_all(&s);
}
