/* SPDX-License-Identifier: MIT */
/* Watching: a thread looks at the newest snapshot every 100 ms, predicts from it and lets
 * it go. Each line is about one state of the model that really existed, the step that it
 * names; a state that was printed already is not printed again. */

#include "watch.h"
#include <baton/snapshot.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS 100000000L

struct watch {
	const baton_model *net;
	float pair[2];
	const char *before; /* each line */
	uint64_t printed;   /* the step that was printed last */
	pthread_t thread;
	pthread_mutex_t lock; /* of stop */
	pthread_cond_t wake;
	bool stop;
};

static void print(struct watch *w)
{
	const baton_snapshot *s = baton_snapshot_get(w->net);
	float mean;

	if (s && baton_snapshot_step(s) > w->printed &&
	    baton_snapshot_predict(s, w->pair, 1, &mean) == BATON_OK) {
		w->printed = baton_snapshot_step(s);
		fprintf(stderr, "%sstep %" PRIu64 ": (%g, %g) -> %.4f\n", w->before, w->printed,
		        (double)w->pair[0], (double)w->pair[1], (double)mean);
	}
	baton_snapshot_put(&s);
}

static void wait_a_period(struct watch *w)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PERIOD_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!w->stop && rc == 0)
		rc = pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void *run(void *arg)
{
	struct watch *w = arg;

	print(w); /* there is none yet: it asks */
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		wait_a_period(w);
		pthread_mutex_unlock(&w->lock);
		print(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The thread takes no signal: those are for the trainer. */
static int start_thread(struct watch *w)
{
	pthread_condattr_t clock;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &clock);
	pthread_condattr_destroy(&clock);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct watch *watch_start(const baton_model *net, const float pair[2], bool wipe)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->net = net;
	w->pair[0] = pair[0];
	w->pair[1] = pair[1];
	w->before = wipe ? "\r\033[K" : "";
	if (start_thread(w) != 0) {
		free(w);
		return NULL;
	}
	return w;
}

void watch_stop(struct watch **watch)
{
	struct watch *w = *watch;

	*watch = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
