/* SPDX-License-Identifier: MIT */
/* feed_bench: how fast is the feed alone?
 *
 * The source and the trainer are stand-ins of a known size (work.h). A wrong word in a batch
 * ends the run with exit status 1: a feed that is fast and hands out torn batches is worth
 * nothing.
 *
 * A rate says nothing without what could have been had on this machine at this minute. So
 * the same process also measures, before and after the run:
 *   apart   the same calls on private buffers, the sources' and the trainer's at once, with
 *           nothing handed over: "what the cores allow", the ceiling. The better of
 *           min(P, CPUs) source threads and one fewer than CPUs, where the latter leaves
 *           the trainer a CPU of its own. For a source that waits, P threads; and one
 *           alone, times P, is the ideal
 *   fused   source and trainer in turns on one thread, no library
 *   inline  the same through the library (BATON_INLINE)
 * With --latency the run also times each next(), which costs it two looks at the clock a batch;
 * what those alone show is printed beside.
 *
 * The run is timed from batch to batch in its steady state: after a warm-up of two pools,
 * over a source without end. Threads are running, the pool is as full as it will be at the
 * end, and neither starting nor stopping is counted. */

#include "../args.h"
#include "../json.h"
#include "../stale.h"
#include "feed_bench.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* --- options -------------------------------------------------------------------- */

const char *const order_names[] = {"ordered", "completion", NULL};
const char *const when_names[] = {"auto", "on", "off", NULL};

struct setup opt = {.producers = AUTOMATIC, .bytes = 768};

static const struct arg table[] = {
	ARG_U64("producers", "P", &opt.producers, 0, BATON_MAX_PRODUCERS,
                "producer threads; 0: none, batches are filled inline\n"
                "(default: CPUs less one, at least 1)"),
	ARG_U64("pool", "C", &opt.pool, 0, BATON_MAX_BLOCKS,
                "blocks in the pool, rounded up to a power of two;\n"
                "0: twice the producers, at least 8, and up to 512\n"
                "where they fit 512 KiB (default: 0)"),
	ARG_U64("block", "M", &opt.block, 0, BATON_MAX_BLOCK_BATCHES,
                "batches that travel together; 0: 1, or more for a\n"
                "source under a microsecond (default: 0)"),
	ARG_CHOICE("order", "ordered|completion", &opt.order, order_names,
                   "deliver batches in order, or as they are ready\n(default: ordered)"),
	ARG_U64("spares", "H", &opt.spares, 0, BATON_MAX_PRODUCERS,
                "spare blocks, at most one for each producer: a batch\n"
                "whose producer is late is made by the trainer\n(default: 0, none)"),
	ARG_CHOICE("work-conserving", "auto|on|off", &opt.work_conserving, when_names,
                   "let the trainer fill batches rather than sleep;\nauto: of a source under a "
                   "microsecond (default: auto)"),
	ARG_F64("source-us", "F", &opt.source_us, 0, 1e6,
                "microseconds of work to make a batch (default: 0)"),
	ARG_F64("source-wait-us", "F", &opt.source_wait_us, 0, 1e6,
                "microseconds asleep for each batch (default: 0)"),
	ARG_F64("trainer-us", "F", &opt.trainer_us, 0, 1e6,
                "microseconds of work to use a batch (default: 0)"),
	ARG_U64("batches", "N", &opt.batches, 0, UINT64_C(1000000000000),
                "batches to time; 0: about a third of a second of them\n(default: 0)"),
	ARG_U64("bytes", "B", &opt.bytes, 8, UINT64_C(1) << 30,
                "bytes of a batch, rounded up to a multiple of 8; all of\n"
                "them are written and checked (default: 768)"),
	ARG_FLAG("latency", &opt.latency,
                 "time each wait for a batch: quantiles of next(), at\n"
                 "the cost of two looks at the clock a batch"),
	ARG_TEXT("json", "FILE", &opt.json,
                 "write the figures to FILE; -: to standard output, and\n"
                 "the text to standard error"),
};

static const struct args args = {
	.program = NAME,
	.summary = "Measure how fast producers feed a trainer, against what the machine allows.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.statuses = "0    it was measured\n"
		    "1    it failed, or a batch did not hold what it should\n"
		    "2    wrong usage\n"
		    "130  interrupted by SIGINT: what was reached is printed, not saved\n"
		    "143  the same by SIGTERM\n",
};

/* --- interruption --------------------------------------------------------------- */

_Atomic(baton_pipeline *) running;
atomic_int caught;

/* Only the main thread takes signals: it is not inside baton_close() while running is
 * set. */
static void on_signal(int sig)
{
	caught = sig;
	baton_cancel(atomic_load(&running));
}

/* Once: a second signal ends the process. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* --- main ------------------------------------------------------------------------- */

/* The exit status. An interrupted run's figures are printed, but not saved: they are not
 * what was asked for. */
static int report(const struct report *r, struct json_file *file)
{
	FILE *out = file->is_stdout ? stderr : stdout;
	struct json j;
	int rc = 0;

	print_report(out, r);
	if (fflush(out) != 0 || ferror(out))
		rc = errno ? errno : EIO;
	if (rc)
		args_error(NAME, NULL, NULL, "the result can't be printed: %s", strerror(rc));
	if (r->canceled || !opt.json)
		return r->canceled ? 128 + caught : rc != 0;
	write_report(&j, r);
	rc = json_save(&j, file);
	if (rc)
		args_error(NAME, "json", opt.json, "can't be written: %s", strerror(rc));
	return rc != 0;
}

static int conclude(struct report *r, int rc, struct json_file *file)
{
	struct work_error wrong = work_error();

	if (rc == WRONG)
		args_error(NAME, NULL, NULL,
		           "batch %" PRIu64 ", word %zu: %#" PRIx64 " instead of %#" PRIx64,
		           wrong.k, wrong.i, wrong.found, wrong.expected);
	if (rc < 0)
		return 1;
	r->canceled = rc == BATON_CANCELED;
	return report(r, file);
}

int main(int argc, char **argv)
{
	static struct report r;
	struct json_file file = {.fd = -1};
	int rc = args_parse(&args, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (opt.producers == 0 && (opt.spares || opt.work_conserving == WHEN_ON))
		return args_error(NAME, "producers", "0", "is none: %s needs at least 1",
		                  opt.spares ? "--spares" : "--work-conserving");
	if (opt.json) {
		rc = json_file_open(&file, opt.json);
		if (rc)
			return args_error(NAME, "json", opt.json, "can't be written: %s",
			                  strerror(rc));
	}
	catch_signals();
	catch_stale_access(NAME);
	rc = conclude(&r, measure(&r), &file);
	json_file_close(&file);
	free(r.run.filled);
	free(r.inlined.filled);
	free(r.run.producers);
	free(r.inlined.producers);
	return rc;
}
