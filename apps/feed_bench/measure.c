/* SPDX-License-Identifier: MIT */
/* Measure: a run, and beside it what could have been had. */

#include "feed_bench.h"
#include <math.h>
#include <sched.h>

#define RUN_NS 300e6      /* how long the run takes if --batches does not say */
#define REFERENCE_NS 80e6 /* each of the others */

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
	return r->producers ? r->producers + trainer_fills(&r->work) : 0;
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

int measure(struct report *r)
{
	static struct latency latency;
	int rc;

	r->work = work_measure(opt.source_us, opt.source_wait_us, opt.trainer_us, opt.bytes);
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
double ceiling_rate(const struct report *r)
{
	return r->after.batches ? (rate(&r->before) + rate(&r->after)) / 2 : rate(&r->before);
}

bool ceiling_moved(const struct report *r)
{
	double a = rate(&r->before), b = rate(&r->after);

	return r->after.batches && fabs(a - b) > MOVED * fmin(a, b);
}
