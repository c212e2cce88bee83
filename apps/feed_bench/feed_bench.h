/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_FEED_BENCH_H
#define BATON_APPS_FEED_BENCH_H

/* What the parts of feed_bench know of each other. */

#include "../latency.h"
#include "work.h"
#include <baton/baton.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#define NAME "feed_bench"
#define AUTOMATIC UINT64_MAX
#define WRONG (-1) /* beside baton's codes: a batch did not hold what it should */

struct json;

/* The command line. */
struct setup {
	uint64_t producers, pool, block, spares, batches, bytes;
	int work_conserving; /* an index of when_names */
	int order;
	double source_us, source_wait_us, trainer_us;
	bool latency;
	const char *json;
};
extern struct setup opt;

/* The words of --order and --work-conserving; each ends with NULL. */
extern const char *const order_names[], *const when_names[];
enum { WHEN_AUTO, WHEN_ON, WHEN_OFF };

/* Does the trainer fill beside producers? */
bool trainer_fills(const struct work *w);

extern _Atomic(baton_pipeline *) running; /* what a signal should cancel */
extern atomic_int caught;                 /* the signal */

/* One measurement. */
struct figure {
	uint64_t batches;
	uint64_t ns;
	uint64_t cpu_ns; /* of the whole process */
};

/* What the pipeline said of a run. */
struct run {
	struct figure figure;
	baton_stats stats; /* counters: of the timed part alone */
	uint64_t *filled;  /* [n_filled] of the timed part, by producer */
	size_t n_filled;
	baton_ledger ledger;            /* the same */
	baton_producer_time *producers; /* [n_filled] */
	struct latency *latency;        /* of next() in the timed part; NULL: not wanted */
};

struct report {
	uint32_t cpus;
	uint32_t producers; /* 0: inline */
	struct work work;
	uint64_t batches, warm_up;
	struct run run, inlined;
	struct figure fused, before, after;
	struct figure one_waits; /* batches 0: the source does not wait */
	struct latency clock;
	bool canceled;
};

/* figure.c */
/* Ends the program if there is no memory. */
void *allocate(size_t bytes);
void begin_figure(struct figure *f);
void end_figure(struct figure *f, uint64_t batches);
double rate(const struct figure *f); /* batches a second */
double cpus_used(const struct figure *f);
double cpu_us_each(const struct figure *f);

/* apart.c */
/* n batches made by some threads while n are used by this one (none if !trains). */
struct figure apart(const struct work *w, uint32_t n_sources, uint64_t n, bool trains);
/* n batches made and used in turns by this one. */
struct figure fused(const struct work *w, uint64_t n);

/* run.c */
/* Warm up, and time n batches through the library. OK, CANCELED, WRONG or an error of open,
 * which has been printed. */
int run_feed(struct work *w, int producers, uint64_t n, uint64_t *warm_up, struct run *r);

/* measure.c */
/* The run, and what is measured beside it. Returns as run_feed(). */
int measure(struct report *r);
double ceiling_rate(const struct report *r);
/* By more than MOVED, from before the run to after it. */
bool ceiling_moved(const struct report *r);
#define MOVED 0.10

/* report.c */
void print_report(FILE *out, const struct report *r);
void write_report(struct json *j, const struct report *r);

#endif
