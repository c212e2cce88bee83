/* SPDX-License-Identifier: MIT */
/* Figure: how long something took, by the clock and of the process' CPU time. */

#include "../args.h"
#include "feed_bench.h"
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

void begin_figure(struct figure *f)
{
	f->cpu_ns = cpu_ns();
	f->ns = baton_now_ns();
}

void end_figure(struct figure *f, uint64_t batches)
{
	f->ns = baton_now_ns() - f->ns;
	f->cpu_ns = cpu_ns() - f->cpu_ns;
	f->batches = batches;
}

double rate(const struct figure *f)
{
	return f->ns ? (double)f->batches * 1e9 / (double)f->ns : (double)NAN;
}

double cpus_used(const struct figure *f)
{
	return f->ns ? (double)f->cpu_ns / (double)f->ns : (double)NAN;
}

double cpu_us_each(const struct figure *f)
{
	return f->batches ? (double)f->cpu_ns / 1e3 / (double)f->batches : (double)NAN;
}

void *allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!memory) {
		args_error(NAME, NULL, NULL, "out of memory for %zu bytes", bytes);
		exit(1);
	}
	return memory;
}
