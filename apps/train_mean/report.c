/* SPDX-License-Identifier: MIT */
/* Report: what came of a training, for people on stdout and as one JSON document. Reads
 * the run, changes nothing of it. */

#include "../spark.h"
#include "../stats.h"
#include "train_mean.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The trainer's own are the last, if it fills. */
static void print_filled(const struct run *run)
{
	size_t n = run->stats.producers;

	if (n == 0) {
		printf("no producers; the trainer filled %" PRIu64 " batches\n", run->filled[0]);
		return;
	}
	printf("%zu producer%s filled", n, n == 1 ? "" : "s");
	for (size_t i = 0; i < n && i < 16; i++)
		printf(" %" PRIu64, run->filled[i]);
	printf("%s batches", n > 16 ? " ..." : "");
	if (run->n_filled > n)
		printf(", the trainer %" PRIu64, run->filled[n]);
	printf("\n");
}

static void print_feed(const struct run *run)
{
	const baton_stats *stats = &run->stats;
	double share = run->history.train_ns
	                       ? 100 * wait_seconds(run) / seconds(run->history.train_ns)
	                       : 0;

	print_filled(run);
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
	const baton_epoch *last = h->n_epochs ? &h->epochs[h->n_epochs - 1] : NULL;

	if (run->ended == BATON_CANCELED) /* in its validation, it may be, or before a step */
		printf("interrupted in epoch %" PRIu64 " of %" PRIu64 "\n",
		       last && last->cut_short ? last->epoch + 1
		                               : (run->at.step + h->steps) / s->steps + 1,
		       s->epochs);
	if (run->stopping.stopped)
		printf("stopped after epoch %" PRIu64 " of %" PRIu64 ": the best was epoch %" PRIu64
		       "\n",
		       h->n_epochs ? h->epochs[h->n_epochs - 1].epoch + 1 : run->at.epoch,
		       s->epochs, run->stopping.best_epoch + 1);
}

/* The epochs' losses as a curve, where it can be seen. */
static void print_curve(const baton_history *h)
{
	char line[3 * SPARK_WIDTH + 1];
	double *means;

	if (h->n_epochs < 2 || !spark_shows())
		return;
	means = calloc(h->n_epochs, sizeof(*means));
	if (!means)
		return; /* an ornament */
	for (size_t i = 0; i < h->n_epochs; i++)
		means[i] = h->epochs[i].loss;
	spark_line(line, means, h->n_epochs);
	printf("loss of epochs %" PRIu64 " to %" PRIu64 ", %.4g to %.4g: %s\n",
	       h->epochs[0].epoch + 1, h->epochs[h->n_epochs - 1].epoch + 1, means[0],
	       means[h->n_epochs - 1], line);
	free(means);
}

static void print_steps(const struct setup *s, const struct run *run)
{
	const baton_history *h = &run->history;
	double time = seconds(h->train_ns);

	if (h->n_epochs == 0) {
		printf("no step: %s\n", run->ended == BATON_CANCELED ? "interrupted before the first"
		                        : run->stopping.stopped ? "it had stopped"
		                                                : "--epochs leaves none");
		return;
	}
	printf("%" PRIu64 " steps in %.3f s, %.2f M steps/s; final loss %.6f", h->steps, time,
	       time > 0 ? (double)h->steps / time * 1e-6 : 0, h->epochs[h->n_epochs - 1].loss);
	if (s->validation_steps)
		printf(", of the validation %.6f", h->epochs[h->n_epochs - 1].val_loss);
	printf("\n");
}

static void print_report(const struct setup *s, const struct run *run)
{
	const baton_history *h = &run->history;

	print_end(s, run);
	print_predictions(s, run);
	if (s->load_path)
		return;
	if (run->at.step)
		printf("went on from step %" PRIu64 "\n", run->at.step);
	print_steps(s, run);
	print_curve(h);
	print_feed(run);
	if (s->stats)
		stats_print(stdout, &run->ledger, run->producers, run->n_filled);
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
	json_u64(j, "spares", run->stats.spares);
	json_text(j, "work_conserving", whens[s->work_conserving]);
	json_text(j, "progress", modes[s->progress]);
	if (run->data) {
		json_text(j, "x", s->x_path);
		json_text(j, "y", s->y_path);
		json_u64(j, "samples", run->samples);
		json_bool(j, "shuffle", !s->no_shuffle);
		json_bool(j, "drop_last", s->drop_last);
	}
	json_bool(j, "stats", s->stats);
	json_text(j, "trace", s->trace_path);
	json_u64(j, "trace_events", s->trace_events);
	json_text(j, "json", s->json_path);
	json_text(j, "log_csv", s->log_csv_path);
	json_text(j, "log_jsonl", s->log_jsonl_path);
	json_u64(j, "log_every", s->log_every);
	json_text(j, "plot", s->plot_path);
	json_text(j, "checkpoint", s->checkpoint_path);
	json_text(j, "resume", s->resume_path);
	json_text(j, "save", s->save_path);
	json_text(j, "load", s->load_path);
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
	json_program(&j, PROGRAM);
	json_config(&j, s, run);
	json_epochs(&j, s, &run->history);
	json_weights(&j, s, run);
	json_predictions(&j, s, run);
	json_text(&j, "digest", digest);
	json_u64(&j, "steps", run->history.steps);
	json_u64(&j, "resumed_at_step", run->at.step);
	json_bool(&j, "interrupted", run->ended == BATON_CANCELED);
	json_bool(&j, "stopped", run->stopping.stopped);
	json_f64(&j, "train_seconds", seconds(run->history.train_ns));
	json_feed(&j, run);
	stats_json(&j, &run->ledger, run->producers, run->n_filled);
	json_close(&j);
	error = json_save(&j, &s->json);
	if (error)
		fprintf(stderr, PROGRAM ": --json: \"%s\" can't be written: %s\n", s->json_path,
		        strerror(error));
	return error;
}

int report(struct setup *s, const struct run *run)
{
	if ((!s->json_path || !s->json.is_stdout) && !s->trace_file.is_stdout)
		print_report(s, run);
	if (s->json_path && save_json(s, run) != 0)
		return 1;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, PROGRAM ": can't write the results to standard output\n");
		return 1;
	}
	return run->kept < 0 ? 1 : run->ended == BATON_CANCELED ? 128 + run->stopped_by : 0;
}
