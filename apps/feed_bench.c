/* SPDX-License-Identifier: MIT */
/* feed_bench: how fast is the feed alone?
 *
 * The source and the trainer are stand-ins of a known size. The source waits (asleep, like
 * a disk) and works (a calibrated amount, busy.h), then writes every word of its batch,
 * each a function of the batch's number; the trainer reads and checks every word, works,
 * and gives the batch back. A wrong word ends the run with exit status 1: a feed that is
 * fast and hands out torn batches is worth nothing.
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

#include "args.h"
#include "busy.h"
#include "json.h"
#include "latency.h"
#include "stale.h"
#include "stats.h"
#include <baton/baton.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NAME "feed_bench"
#define AUTOMATIC UINT64_MAX
#define WRONG (-1) /* beside baton's codes: a batch did not hold what it should */

#define RUN_NS 300e6      /* how long the run takes if --batches does not say */
#define REFERENCE_NS 80e6 /* each of the others */
#define MOVED 0.10

/* What one batch costs, and holds. */
struct work {
	uint64_t source_turns, trainer_turns; /* busy() */
	uint64_t wait_ns;                     /* of the source */
	size_t words;                         /* uint64 */
	double source_ns, trainer_ns;         /* estimates, to choose counts by */
};

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

/* --- options -------------------------------------------------------------------- */

static const char *const orders[] = {"ordered", "completion", NULL};

static struct {
	uint64_t producers, pool, block, spares, batches, bytes;
	bool work_conserving;
	int order;
	double source_us, source_wait_us, trainer_us;
	bool latency;
	const char *json;
} opt = {.producers = AUTOMATIC, .bytes = 768};

static const struct arg table[] = {
	ARG_U64("producers", "P", &opt.producers, 0, BATON_MAX_PRODUCERS,
                "producer threads; 0: none, batches are filled inline\n"
                "(default: CPUs less one, at least 1)"),
	ARG_U64("pool", "C", &opt.pool, 0, BATON_MAX_BLOCKS,
                "blocks in the pool, rounded up to a power of two;\n"
                "0: twice the producers, at least 8; 32 if small\n(default: 0)"),
	ARG_U64("block", "M", &opt.block, 0, BATON_MAX_BLOCK_BATCHES,
                "batches that travel together; 0: 1, or more for a\n"
                "source under a microsecond (default: 0)"),
	ARG_CHOICE("order", "ordered|completion", &opt.order, orders,
                   "deliver batches in order, or as they are ready\n(default: ordered)"),
	ARG_U64("spares", "H", &opt.spares, 0, BATON_MAX_PRODUCERS,
                "spare blocks, at most one for each producer: a batch\n"
                "whose producer is late is made by the trainer\n(default: 0, none)"),
	ARG_FLAG("work-conserving", &opt.work_conserving,
                 "let the trainer fill batches rather than sleep"),
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

static _Atomic(baton_pipeline *) running; /* what a signal should cancel */
static atomic_int caught;                 /* the signal */

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

/* --- the work ------------------------------------------------------------------- */

static struct {
	uint64_t k;
	size_t i;
	uint64_t found, expected;
} wrong;

static uint64_t tag(uint64_t k)
{
	return (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* An absolute deadline: being preempted on the way to sleep does not add to it. */
static void wait_ns(uint64_t ns)
{
	uint64_t at = baton_now_ns() + ns;
	struct timespec deadline = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
		;
}

/* Make batch k: words [w->words] */
static void make(const struct work *w, uint64_t k, uint64_t *words)
{
	uint64_t first = tag(k);

	if (w->wait_ns)
		wait_ns(w->wait_ns);
	busy(w->source_turns);
	for (size_t i = 0; i < w->words; i++)
		words[i] = first + i;
}

static bool blame(const struct work *w, uint64_t k, const uint64_t *words)
{
	for (size_t i = 0; i < w->words; i++)
		if (words[i] != tag(k) + i) {
			wrong.k = k;
			wrong.i = i;
			wrong.found = words[i];
			wrong.expected = tag(k) + i;
			break;
		}
	return false;
}

/* Use batch k: words [w->words]. False: it is not what make() made. */
static bool learn(const struct work *w, uint64_t k, const uint64_t *words)
{
	uint64_t first = tag(k), differs = 0;

	for (size_t i = 0; i < w->words; i++)
		differs |= words[i] ^ (first + i);
	busy(w->trainer_turns);
	return differs ? blame(w, k, words) : true;
}

static struct work measure_work(void)
{
	double turns = busy_turns_per_us(), bytes_ns = 10 + (double)opt.bytes / 16;

	return (struct work){
		.source_turns = (uint64_t)(opt.source_us * turns),
		.trainer_turns = (uint64_t)(opt.trainer_us * turns),
		.wait_ns = (uint64_t)(opt.source_wait_us * 1e3),
		.words = (size_t)((opt.bytes + 7) / 8),
		.source_ns = opt.source_us * 1e3 + bytes_ns,
		.trainer_ns = opt.trainer_us * 1e3 + bytes_ns,
	};
}

/* --- measuring ------------------------------------------------------------------ */

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

static void begin_figure(struct figure *f)
{
	f->cpu_ns = cpu_ns();
	f->ns = baton_now_ns();
}

static void end_figure(struct figure *f, uint64_t batches)
{
	f->ns = baton_now_ns() - f->ns;
	f->cpu_ns = cpu_ns() - f->cpu_ns;
	f->batches = batches;
}

static double rate(const struct figure *f)
{
	return f->ns ? (double)f->batches * 1e9 / (double)f->ns : (double)NAN;
}

static double cpus_used(const struct figure *f)
{
	return f->ns ? (double)f->cpu_ns / (double)f->ns : (double)NAN;
}

static double cpu_us_each(const struct figure *f)
{
	return f->batches ? (double)f->cpu_ns / 1e3 / (double)f->batches : (double)NAN;
}

static void *allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!memory) {
		args_error(NAME, NULL, NULL, "out of memory for %zu bytes", bytes);
		exit(1);
	}
	return memory;
}

/* --- apart: nothing handed over ------------------------------------------------- */

struct apart {
	const struct work *work;
	uint64_t n, chunk;
	_Atomic uint64_t next; /* the first batch that no source thread has begun */
	pthread_barrier_t start;
};

static void *apart_source(void *arg)
{
	struct apart *a = arg;
	uint64_t *words = allocate(a->work->words * 8), from;

	make(a->work, 0, words); /* touch it */
	pthread_barrier_wait(&a->start);
	while ((from = atomic_fetch_add(&a->next, a->chunk)) < a->n)
		for (uint64_t k = from; k < a->n && k - from < a->chunk && !caught; k++)
			make(a->work, k, words);
	free(words);
	return NULL;
}

static void start_apart(struct apart *a, pthread_t *threads, uint32_t n)
{
	sigset_t all, old;

	pthread_barrier_init(&a->start, NULL, n + 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (uint32_t i = 0; i < n; i++) {
		int rc = pthread_create(&threads[i], NULL, apart_source, a);

		if (rc != 0) {
			args_error(NAME, NULL, NULL, "thread %" PRIu32 ": %s", i, strerror(rc));
			exit(1);
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* n batches made by some threads while n are used by this one (none if !trains). Sources
 * take about 5 us of them at a time, so that all end together. */
static struct figure apart(const struct work *w, uint32_t n_sources, uint64_t n, bool trains)
{
	struct apart a = {.work = w, .n = n, .chunk = 1 + (uint64_t)(5e3 / w->source_ns)};
	uint64_t *words = allocate(w->words * 8);
	pthread_t *threads = allocate(n_sources * sizeof(*threads));
	struct work quick = {.words = w->words};
	struct figure f;

	a.chunk = w->wait_ns ? 1 : a.chunk;
	make(&quick, 0, words);
	start_apart(&a, threads, n_sources);
	pthread_barrier_wait(&a.start);
	begin_figure(&f);
	for (uint64_t k = 0; trains && k < n && !caught; k++)
		learn(w, 0, words);
	for (uint32_t i = 0; i < n_sources; i++)
		pthread_join(threads[i], NULL);
	end_figure(&f, caught ? 0 : n);
	pthread_barrier_destroy(&a.start);
	free(threads);
	free(words);
	return f;
}

static struct figure fused(const struct work *w, uint64_t n)
{
	uint64_t *words = allocate(w->words * 8), k;
	struct figure f;

	begin_figure(&f);
	for (k = 0; k < n && !caught; k++) {
		make(w, k, words);
		learn(w, k, words);
	}
	end_figure(&f, k);
	free(words);
	return f;
}

/* --- through the library -------------------------------------------------------- */

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	(void)rng;
	make(state, baton_writable_k(b), baton_writable_data(b, 0));
	return BATON_OK;
}

/* Once the threads run: so that open waits for all of them. */
static int start(int i, void **state, baton_error *err)
{
	(void)i, (void)state, (void)err;
	return BATON_OK;
}

/* The next batch, and how long that took. */
static int next_timed(baton_pipeline *feed, baton_batch *b, struct latency *latency)
	BATON_ACQUIRES(*b);
static int next_timed(baton_pipeline *feed, baton_batch *b, struct latency *latency)
{
	uint64_t begun;
	int rc;

	if (!latency)
		return baton_next(feed, b);
	begun = baton_now_ns();
	rc = baton_next(feed, b);
	latency_add(latency, baton_now_ns() - begun);
	return rc;
}

/* Take n batches; *taken says how many it were. OK, CANCELED, WRONG. */
static int take(baton_pipeline *feed, const struct work *w, uint64_t n, uint64_t *taken,
                struct latency *latency)
{
	baton_batch b = BATON_BATCH_INIT;

	for (*taken = 0; *taken < n; ++*taken) {
		bool good;

		if (next_timed(feed, &b, latency) != BATON_OK)
			return baton_status(feed, NULL);
		good = learn(w, baton_k(&b), baton_data(&b, 0));
		baton_release(feed, &b);
		if (!good)
			return WRONG;
	}
	return BATON_OK;
}

static int open_feed(baton_pipeline **feed, struct work *w, int producers)
{
	baton_field field = {"words", BATON_U64, 1, {w->words}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err;
	int rc;

	source.fields = &field;
	source.n_fields = source.rows = 1;
	source.fill = fill;
	source.start = start;
	source.state = w;
	source.pure = true;
	source.cheap = w->source_ns < 1000 && !w->wait_ns;
	options.producers = producers;
	options.blocks = (uint32_t)opt.pool;
	options.block_batches = (uint32_t)opt.block;
	options.order = opt.order ? BATON_COMPLETION : BATON_ORDERED;
	if (producers != BATON_INLINE) { /* else it is the reference beside it */
		options.spares = (uint32_t)opt.spares;
		options.work_conserving = opt.work_conserving;
	}
	rc = baton_open(feed, &source, &options, &err);
	if (rc < 0)
		args_error(NAME, NULL, NULL, "%s", err.text);
	return rc;
}

/* Keep of the counters what came after `before`. */
static void subtract(struct run *r, const baton_stats *before, const uint64_t *filled,
                     const baton_ledger *ledger, const baton_producer_time *producers)
{
	r->stats.batches -= before->batches;
	r->stats.wait_fill_ns -= before->wait_fill_ns;
	r->stats.wait_claim_ns -= before->wait_claim_ns;
	r->stats.parks -= before->parks;
	r->stats.producer_parks -= before->producer_parks;
	r->stats.replaced -= before->replaced;
	for (size_t i = 0; i < r->n_filled; i++)
		r->filled[i] -= filled[i];
	baton_ledger_subtract(&r->ledger, ledger);
	stats_subtract(r->producers, producers, r->n_filled);
}

/* The timed part, after the warm-up. */
static int time_feed(baton_pipeline *feed, const struct work *w, uint64_t n, struct run *r)
{
	baton_stats before = BATON_STATS_INIT;
	baton_ledger ledger = BATON_LEDGER_INIT;
	baton_producer_time *producers;
	uint64_t *filled, taken = 0;
	int rc;

	r->n_filled = baton_stats_filled(feed, NULL, 0);
	filled = allocate(r->n_filled * sizeof(*filled));
	r->filled = allocate(r->n_filled * sizeof(*filled));
	producers = allocate(r->n_filled * sizeof(*producers));
	r->producers = allocate(r->n_filled * sizeof(*producers));
	baton_stats_get(feed, &before);
	baton_stats_filled(feed, filled, r->n_filled);
	baton_ledger_producers(feed, producers, r->n_filled);
	baton_ledger_get(feed, &ledger);
	begin_figure(&r->figure);
	rc = take(feed, w, n, &taken, r->latency);
	end_figure(&r->figure, taken);
	r->ledger = (baton_ledger)BATON_LEDGER_INIT;
	baton_ledger_get(feed, &r->ledger);
	baton_ledger_producers(feed, r->producers, r->n_filled);
	r->stats = (baton_stats)BATON_STATS_INIT;
	baton_stats_get(feed, &r->stats);
	baton_stats_filled(feed, r->filled, r->n_filled);
	subtract(r, &before, filled, &ledger, producers);
	free(producers);
	free(filled);
	return rc;
}

/* OK, CANCELED, WRONG or an error of open, which has been printed. */
static int run_feed(struct work *w, int producers, uint64_t n, uint64_t *warm_up, struct run *r)
{
	baton_pipeline *feed = NULL;
	baton_stats s = BATON_STATS_INIT;
	uint64_t pools;
	int rc = open_feed(&feed, w, producers);

	if (rc < 0)
		return rc;
	atomic_store(&running, feed);
	if (caught) /* before there was something to cancel */
		baton_cancel(feed);
	baton_stats_get(feed, &s);
	pools = 2 * (uint64_t)s.blocks * s.block_batches;
	*warm_up = pools < n / 2 ? pools : n / 2;
	rc = take(feed, w, *warm_up, &pools, NULL);
	if (rc == BATON_OK)
		rc = time_feed(feed, w, n, r);
	atomic_store(&running, NULL);
	if (baton_close(&feed) < 0)
		abort(); /* nothing is held: can't be */
	return rc;
}

/* --- the whole -------------------------------------------------------------------- */

static uint32_t count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

/* As many batches as take about ns, if one takes each_ns; at most, and at least. */
static uint64_t batches_in(double ns, double each_ns, uint64_t least, uint64_t most)
{
	double n = ns / each_ns;
	uint64_t whole = n < 1e12 ? (uint64_t)n : UINT64_C(1000000000000);

	whole = whole < least ? least : whole;
	return whole < most ? whole : most;
}

/* A batch of P producers, at best. */
static double ideal_ns(const struct report *r, uint32_t producers)
{
	const struct work *w = &r->work;
	uint32_t at_work = producers < r->cpus ? producers : r->cpus;
	double ns = (w->source_ns + w->trainer_ns) / r->cpus;

	ns = fmax(ns, w->trainer_ns);
	ns = fmax(ns, w->source_ns / at_work);
	return fmax(ns, (w->source_ns + (double)w->wait_ns) / producers);
}

/* A work-conserving trainer is one more who fills. */
static uint32_t who_fill(const struct report *r)
{
	return r->producers + opt.work_conserving;
}

static uint64_t reference_count(const struct report *r, double each_ns)
{
	uint64_t least = batches_in(REFERENCE_NS, each_ns, 16, UINT64_MAX), n = r->batches / 4;

	/* a quarter of the run's, but not for ever: a reference converges */
	n = n > least ? n : least;
	return n < 10 * least ? n : 10 * least;
}

static struct figure ceiling(const struct report *r)
{
	const struct work *w = &r->work;
	uint32_t p = who_fill(r);
	uint64_t n;
	struct figure a, b;

	if (p == 0)
		return r->fused;
	n = reference_count(r, ideal_ns(r, p));
	if (w->wait_ns)
		return apart(w, p, n, true);
	a = apart(w, p < r->cpus ? p : r->cpus, n, true);
	if (p < r->cpus || r->cpus < 2)
		return a;
	b = apart(w, r->cpus - 1, n, true);
	return rate(&b) > rate(&a) ? b : a;
}

/* What is measured beside the run, and before it. */
static int measure_beside(struct report *r)
{
	struct work *w = &r->work;
	double alone_ns = w->source_ns + w->trainer_ns + (double)w->wait_ns;
	uint64_t n = batches_in(REFERENCE_NS, alone_ns, 16, UINT64_MAX), warm_up;

	r->fused = fused(w, n);
	if (w->wait_ns && r->producers > 0)
		r->one_waits = apart(w, 1,
		                     batches_in(2 * REFERENCE_NS, w->source_ns + (double)w->wait_ns,
		                                16, UINT64_MAX),
		                     false);
	return run_feed(w, BATON_INLINE, n, &warm_up, &r->inlined);
}

/* What two looks at the clock show with nothing between. */
static void time_clock(struct latency *l)
{
	for (int i = 0; i < 100000; i++) {
		uint64_t begun = baton_now_ns();

		latency_add(l, baton_now_ns() - begun);
	}
}

static int measure(struct report *r)
{
	static struct latency latency;
	int rc;

	r->work = measure_work();
	r->cpus = count_cpus();
	r->producers = opt.producers != AUTOMATIC ? (uint32_t)opt.producers
	               : r->cpus > 1              ? r->cpus - 1
	                                          : 1;
	r->batches = opt.batches;
	if (r->batches == 0)
		r->batches = batches_in(RUN_NS,
		                        r->producers ? ideal_ns(r, who_fill(r))
		                                     : r->work.source_ns + r->work.trainer_ns +
		                                               (double)r->work.wait_ns,
		                        64, 5000000);
	rc = measure_beside(r);
	if (rc != BATON_OK)
		return rc;
	r->before = ceiling(r);
	if (opt.latency) {
		time_clock(&r->clock);
		r->run.latency = &latency;
	}
	rc = run_feed(&r->work, r->producers ? (int)r->producers : BATON_INLINE, r->batches,
	              &r->warm_up, &r->run);
	if (rc == BATON_OK && r->producers == 0)
		r->fused = fused(&r->work, r->fused.batches);
	if (rc == BATON_OK)
		r->after = ceiling(r);
	return caught && rc == BATON_OK ? BATON_CANCELED : rc;
}

/* Of before and after: their mean. */
static double ceiling_rate(const struct report *r)
{
	return r->after.batches ? (rate(&r->before) + rate(&r->after)) / 2 : rate(&r->before);
}

static bool ceiling_moved(const struct report *r)
{
	double a = rate(&r->before), b = rate(&r->after);

	return r->after.batches && fabs(a - b) > MOVED * fmin(a, b);
}

/* --- printing --------------------------------------------------------------------- */

static void print_setting(FILE *out, const struct report *r)
{
	const baton_stats *s = &r->run.stats;

	if (r->producers)
		fprintf(out, "%-10s %" PRIu32 " on %" PRIu32 " CPUs, ", "producers", r->producers,
		        r->cpus);
	else
		fprintf(out, "%-10s none, inline, ", "producers");
	fprintf(out, "%s; pool of %" PRIu32 " blocks of %" PRIu32 " batches of %zu bytes\n",
	        orders[opt.order], s->blocks, s->block_batches, r->work.words * 8);
	fprintf(out, "%-10s source %g us of work and %g us asleep, trainer %g us\n", "a batch",
	        opt.source_us, opt.source_wait_us, opt.trainer_us);
}

static void print_rates(FILE *out, const struct report *r)
{
	const struct figure *f = &r->run.figure;

	fprintf(out, "%-10s %.0f batches/s, %.3f us a batch, over %" PRIu64 " batches\n", "rate",
	        rate(f), 1e6 / rate(f), f->batches);
	fprintf(out, "%-10s %.0f batches/s before", "ceiling", rate(&r->before));
	if (r->after.batches)
		fprintf(out, " and %.0f after", rate(&r->after));
	fprintf(out, ": the same work %s\n",
	        r->producers ? "at once, nothing handed over" : "in turns, no library");
	fprintf(out, "%-10s %.1f %% of the ceiling\n", "share", 100 * rate(f) / ceiling_rate(r));
	if (r->one_waits.batches)
		fprintf(out,
		        "%-10s %.1f %% of %" PRIu32 " times one waiting thread's %.1f batches/s\n",
		        "", 100 * rate(f) / (r->producers * rate(&r->one_waits)), r->producers,
		        rate(&r->one_waits));
	fprintf(out, "%-10s %.0f batches/s; fused, without the library: %.0f\n", "inline",
	        rate(&r->inlined.figure), rate(&r->fused));
}

static void print_waits(FILE *out, const struct report *r)
{
	const baton_stats *s = &r->run.stats;
	double wall = (double)r->run.figure.ns;
	uint64_t least = UINT64_MAX, most = 0;

	for (size_t i = 0; i < r->run.n_filled; i++) {
		least = r->run.filled[i] < least ? r->run.filled[i] : least;
		most = r->run.filled[i] > most ? r->run.filled[i] : most;
	}
	fprintf(out, "%-10s %.2f CPUs, %.3f us a batch; the ceiling's %.2f and %.3f\n", "CPU time",
	        cpus_used(&r->run.figure), cpu_us_each(&r->run.figure), cpus_used(&r->before),
	        cpu_us_each(&r->before));
	fprintf(out,
	        "%-10s waited %.2f %% of the time for fills and %.2f %% for claims, slept %" PRIu64
	        " times\n",
	        "trainer", 100 * (double)s->wait_fill_ns / wall,
	        100 * (double)s->wait_claim_ns / wall, s->parks);
	if (r->producers)
		fprintf(out,
		        "%-10s slept %" PRIu64 " times, filled %" PRIu64 " to %" PRIu64
		        " batches each\n",
		        "producers", s->producer_parks, least, most);
	fprintf(out, "%-10s %" PRIu64 " bytes\n", "memory", s->bytes);
}

static void print_latency(FILE *out, const struct report *r)
{
	const struct latency *l = r->run.latency;

	fprintf(out,
	        "%-10s next(): p50 %" PRIu64 ", p99 %" PRIu64 ", p99.9 %" PRIu64 ", max %" PRIu64
	        " ns over %" PRIu64 "; two looks at the clock: p50 %" PRIu64 ", max %" PRIu64 "\n",
	        "latency", latency_at(l, 0.5), latency_at(l, 0.99), latency_at(l, 0.999), l->max,
	        l->n, latency_at(&r->clock, 0.5), r->clock.max);
}

static void print_report(FILE *out, const struct report *r)
{
	if (r->canceled)
		fprintf(out, "interrupted; up to then:\n");
	if (!r->run.filled) {
		fprintf(out, "%-10s none\n", "rate");
		return;
	}
	print_setting(out, r);
	print_rates(out, r);
	print_waits(out, r);
	stats_print(out, &r->run.ledger, r->run.producers, r->run.n_filled);
	if (opt.latency)
		print_latency(out, r);
	if (ceiling_moved(r))
		fprintf(out,
		        "%-10s the ceiling moved by more than %.0f %% during the run: the "
		        "machine was not quiet, take the share with care\n",
		        "note", 100 * MOVED);
}

static void write_figure(struct json *j, const char *key, const struct figure *f)
{
	json_object(j, key);
	json_u64(j, "batches", f->batches);
	json_u64(j, "ns", f->ns);
	json_f64(j, "batches_per_s", rate(f));
	json_f64(j, "cpus_used", cpus_used(f));
	json_f64(j, "cpu_us_per_batch", cpu_us_each(f));
	json_close(j);
}

static void write_config(struct json *j, const struct report *r)
{
	const baton_stats *s = &r->run.stats;

	json_object(j, "config");
	json_u64(j, "producers", r->producers);
	json_u64(j, "pool", s->blocks);
	json_u64(j, "block", s->block_batches);
	json_text(j, "order", orders[opt.order]);
	json_u64(j, "spares", s->spares);
	json_bool(j, "work_conserving", opt.work_conserving);
	json_f64(j, "source_us", opt.source_us);
	json_f64(j, "source_wait_us", opt.source_wait_us);
	json_f64(j, "trainer_us", opt.trainer_us);
	json_u64(j, "bytes", r->work.words * 8);
	json_close(j);
}

static void write_stats(struct json *j, const struct run *run)
{
	json_object(j, "stats");
	json_u64(j, "wait_fill_ns", run->stats.wait_fill_ns);
	json_u64(j, "wait_claim_ns", run->stats.wait_claim_ns);
	json_u64(j, "parks", run->stats.parks);
	json_u64(j, "producer_parks", run->stats.producer_parks);
	json_u64(j, "memory_bytes", run->stats.bytes);
	json_u64(j, "replaced", run->stats.replaced);
	json_array(j, "filled");
	for (size_t i = 0; i < run->n_filled; i++)
		json_u64(j, NULL, run->filled[i]);
	json_close(j);
	json_close(j);
}

static void write_latency(struct json *j, const char *key, const struct latency *l)
{
	json_object(j, key);
	json_u64(j, "n", l->n);
	json_u64(j, "p50", latency_at(l, 0.5));
	json_u64(j, "p90", latency_at(l, 0.9));
	json_u64(j, "p99", latency_at(l, 0.99));
	json_u64(j, "p99_9", latency_at(l, 0.999));
	json_u64(j, "max", l->max);
	json_array(j, "buckets"); /* [the most of it, how many], those that are not empty */
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if (l->count[i]) {
			json_array(j, NULL);
			json_u64(j, NULL, latency_most(i));
			json_u64(j, NULL, l->count[i]);
			json_close(j);
		}
	json_close(j);
	json_close(j);
}

static void write_report(struct json *j, const struct report *r)
{
	json_begin(j);
	json_object(j, NULL);
	json_program(j, NAME);
	json_u64(j, "cpus", r->cpus);
	write_config(j, r);
	json_u64(j, "warm_up_batches", r->warm_up);
	write_figure(j, "run", &r->run.figure);
	write_figure(j, "ceiling_before", &r->before);
	write_figure(j, "ceiling_after", &r->after);
	json_f64(j, "share_of_ceiling", rate(&r->run.figure) / ceiling_rate(r));
	json_bool(j, "ceiling_moved", ceiling_moved(r));
	if (r->one_waits.batches)
		write_figure(j, "one_waits", &r->one_waits);
	write_figure(j, "inline", &r->inlined.figure);
	write_figure(j, "fused", &r->fused);
	write_stats(j, &r->run);
	stats_json(j, &r->run.ledger, r->run.producers, r->run.n_filled);
	if (opt.latency) {
		write_latency(j, "next_ns", r->run.latency);
		write_latency(j, "clock_ns", &r->clock);
	}
	json_close(j);
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
	if (opt.producers == 0 && (opt.spares || opt.work_conserving))
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
