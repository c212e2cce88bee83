/* SPDX-License-Identifier: MIT */
#include "window.h"
#include "peer.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WINDOW_NS 100000u
#define CROWDS_NS 400000u /* of more than two threads */
#define TRIES 8u          /* for each window that is wanted */
#define THERE 0.97        /* of its time in a window a thread had its CPU, */
#define TOGETHER 0.8      /* and was there for so much of the longest */
#define APART 128u        /* bytes between what two threads write */

/* One thread's part of a window. */
struct part {
	_Alignas(APART) uint64_t ns, cpu_ns, done;
};

struct crew {
	const struct window_work *work;
	struct part part[WINDOW_MOST_THREADS];
	struct bench_gate gate;
	_Alignas(APART) _Atomic(bool) stop; /* this window */
	bool leave;
};

struct member {
	struct crew *crew;
	uint32_t index;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* The first thread ends the window for all. */
static void take_part(struct crew *c, uint32_t index)
{
	const struct window_work *w = c->work;
	uint64_t length = w->threads > 2 ? CROWDS_NS : WINDOW_NS, done = 0;
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID), begun;

	begun = clock_ns(CLOCK_MONOTONIC);
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		done += w->steps(w->state, index);
		if (index == 0 && clock_ns(CLOCK_MONOTONIC) - begun > length)
			atomic_store_explicit(&c->stop, true, memory_order_relaxed);
	}
	begun = clock_ns(CLOCK_MONOTONIC) - begun;
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	c->part[index] = (struct part){begun, cpu, done};
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct crew *c = m->crew;

	pin(c->work->cpus[m->index]);
	for (;;) {
		bench_gate_wait(&c->gate);
		if (c->leave)
			return NULL;
		take_part(c, m->index);
		bench_gate_wait(&c->gate);
	}
}

/* Of a window that counts; else 0. Each by its own clock: in a crowd one claim may take so long
 * that threads do not end together. */
static double rate_of(const struct crew *c)
{
	uint64_t longest = 0;
	double rate = 0;

	for (uint32_t i = 0; i < c->work->threads; i++) {
		uint64_t ns = c->part[i].ns;

		longest = ns > longest ? ns : longest;
	}
	for (uint32_t i = 0; i < c->work->threads; i++) {
		const struct part *p = &c->part[i];

		if ((double)p->cpu_ns < THERE * (double)p->ns ||
		    (double)p->ns < TOGETHER * (double)longest)
			return 0;
		rate += (double)p->done * 1e9 / (double)p->ns;
	}
	return rate;
}

static double lead(struct crew *c, uint32_t windows)
{
	double rate[SPREAD_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < TRIES * windows && n < windows; i++) {
		atomic_store_explicit(&c->stop, false, memory_order_relaxed);
		bench_gate_wait(&c->gate);
		take_part(c, 0);
		bench_gate_wait(&c->gate);
		rate[n] = rate_of(c);
		n += rate[n] > 0;
	}
	return n > 0 ? spread_of(rate, n).median : 0;
}

double window_rate(const struct window_work *work, uint32_t windows)
{
	static struct crew c;
	struct member members[WINDOW_MOST_THREADS];
	pthread_t threads[WINDOW_MOST_THREADS];
	cpu_set_t before;
	double rate;

	c.work = work;
	c.leave = false;
	bench_gate_init(&c.gate, work->threads);
	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	pin(work->cpus[0]);
	for (uint32_t i = 1; i < work->threads; i++) {
		members[i] = (struct member){&c, i};
		if (pthread_create(&threads[i], NULL, member_main, &members[i]) != 0)
			abort();
	}
	rate = lead(&c, windows < SPREAD_MAX ? windows : SPREAD_MAX);
	c.leave = true;
	bench_gate_wait(&c.gate);
	for (uint32_t i = 1; i < work->threads; i++)
		pthread_join(threads[i], NULL);
	pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	return rate;
}

/* Is it the first that is named among those that share its core? */
static bool is_first(uint32_t cpu)
{
	char path[80];
	unsigned first = cpu;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
	         (unsigned)cpu);
	f = fopen(path, "r");
	if (f && fscanf(f, "%u", &first) != 1)
		first = cpu;
	if (f)
		fclose(f);
	return first == cpu;
}

uint32_t window_cpus(uint32_t cpus[WINDOW_MOST_THREADS])
{
	cpu_set_t set;
	uint32_t n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (int siblings = 0; siblings < 2; siblings++)
		for (uint32_t i = 0; i < CPU_SETSIZE && n < WINDOW_MOST_THREADS; i++)
			if (CPU_ISSET(i, &set) && is_first(i) == !siblings)
				cpus[n++] = i;
	return n;
}
