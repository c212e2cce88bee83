/* SPDX-License-Identifier: MIT */
/* What readers of snapshots cost the trainer:
 *
 *      watchers [readers: 4] [pause in us: 1000] [pairs: 9]
 *
 * The same training (the mean of two numbers, filled inline) is timed without and with so
 * many threads that get a snapshot, predict one pair from it, put it, and pause; in
 * interleaved pairs, each other one the other way round, so that both sides see the same
 * machine. Two ratios: of the wall clock, in which readers may also take CPUs from the
 * trainer, and of the CPU time that the trainer's thread spent, which on a busy machine says
 * what it would take where CPUs are free. Pause 0: the readers never rest.
 * Exit status: 1 if the median ratio of CPU times is above 1.1, the goal. */

#include "mean_source.h"
#include <baton/baton.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_READERS = 64, MOST_PAIRS = 99, STEPS = 2000000 };

#define GOAL 1.1

static baton_model *net;
static long pause_us = 1000;
static atomic_bool stop;
static _Atomic(uint64_t) looks; /* snapshots that were predicted from */

static void rest(void)
{
	struct timespec t = {pause_us / 1000000, pause_us % 1000000 * 1000};

	if (pause_us > 0)
		nanosleep(&t, NULL);
}

static void *reader(void *unused)
{
	const float pair[2] = {60, 70};

	while (!atomic_load(&stop)) {
		const baton_snapshot *s = baton_snapshot_get(net);
		float mean;

		if (s && baton_snapshot_predict(s, pair, 1, &mean) == BATON_OK)
			atomic_fetch_add(&looks, 1);
		baton_snapshot_put(&s);
		rest();
	}
	return unused;
}

/* What one training took, in seconds. */
struct times {
	double wall, cpu;
};

static double thread_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct times train(void)
{
	baton_source source = mean_source(64, 0);
	baton_options options = BATON_OPTIONS_INIT;
	baton_fit_options fit = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	baton_pipeline *feed = NULL;
	struct times times;

	options.producers = BATON_INLINE;
	fit.steps_per_epoch = STEPS;
	if (baton_open(&feed, &source, &options, NULL) < 0)
		abort();
	times.cpu = -thread_cpu();
	if (baton_fit(net, feed, &fit, &history, NULL) < 0)
		abort();
	times.cpu += thread_cpu();
	times.wall = (double)history.train_ns * 1e-9;
	baton_history_free(&history);
	if (baton_close(&feed) < 0)
		abort();
	return times;
}

static struct times train_watched(int n)
{
	pthread_t threads[MOST_READERS];
	struct times times;

	atomic_store(&stop, false);
	for (int i = 0; i < n; i++) {
		if (pthread_create(&threads[i], NULL, reader, NULL) != 0)
			abort();
	}
	times = train();
	atomic_store(&stop, true);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return times;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ratio [n] */
static double report(const char *what, double *ratio, int n)
{
	qsort(ratio, (size_t)n, sizeof(ratio[0]), by_size);
	printf("ratio of %s, median %.3f (%.3f to %.3f)\n", what, ratio[n / 2], ratio[0],
	       ratio[n - 1]);
	return ratio[n / 2];
}

static int measure(int n, int pairs)
{
	double wall[MOST_PAIRS], cpu[MOST_PAIRS], alone = 0, watched = 0;

	for (int i = 0; i < pairs; i++) {
		struct times a, b;

		if (i % 2 == 0)
			a = train();
		b = train_watched(n);
		if (i % 2 == 1)
			a = train();
		wall[i] = b.wall / a.wall;
		cpu[i] = b.cpu / a.cpu;
		alone += a.wall;
		watched += b.wall;
	}
	printf("%d readers, a pause of %ld us: %.2f M steps/s alone, %.2f watched, %.0f looks/s\n",
	       n, pause_us, pairs * 1e-6 * STEPS / alone, pairs * 1e-6 * STEPS / watched,
	       (double)atomic_load(&looks) / watched);
	report("the wall clock", wall, pairs);
	return report("the trainer's CPU time", cpu, pairs) > GOAL;
}

static long argument(int argc, char **argv, int i, long otherwise, long most)
{
	long value = argc > i ? strtol(argv[i], NULL, 10) : otherwise;

	return value < 0 || value > most ? otherwise : value;
}

int main(int argc, char **argv)
{
	int readers = (int)argument(argc, argv, 1, 4, MOST_READERS);
	int pairs = (int)argument(argc, argv, 3, 9, MOST_PAIRS);
	int status;

	pause_us = argument(argc, argv, 2, 1000, 10000000);
	if (baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, NULL) <
	            0 ||
	    baton_compile(net, baton_mse(), baton_rmsprop(0), NULL) < 0)
		return 2;
	train(); /* warm up */
	status = measure(readers, pairs ? pairs : 1);
	return baton_model_destroy(&net) < 0 ? 2 : status;
}
