/* SPDX-License-Identifier: MIT */
/* Progress: one thread draws, the trainer only leaves notes.
 *
 * Finished epochs come from the trainer's callback, which puts them in a short queue: a
 * lock held for a few instructions, once an epoch, never while something is printed. The
 * epoch in hand is read from the model's RCU snapshots, of which the trainer knows
 * nothing. If the terminal is so slow that the queue fills, the oldest epochs' lines are
 * dropped, and the line after says how many. */

#include "progress.h"
#include <baton/bar.h>
#include <baton/snapshot.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096
#define REDRAW_NS 50000000L /* Keras redraws at most every 0.05 s */

struct progress {
	const baton_model *net;
	uint64_t epochs, steps;
	bool bar, color;
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	baton_epoch queue[QUEUE];
	uint64_t head, tail; /* epochs drawn, epochs finished */
	uint64_t begun_epoch, begun_ns;
	bool stop;
};

/* --- drawing: the progress thread only -------------------------------------------- */

static size_t columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return 79;
	return size.ws_col - 1u;
}

static void draw_title(const struct progress *p, uint64_t epoch)
{
	const char *bold = p->color ? "\033[1m" : "", *plain = p->color ? "\033[0m" : "";

	fprintf(stderr, "%sEpoch %" PRIu64 "/%" PRIu64 "%s%s", bold, epoch + 1, p->epochs, plain,
	        p->bar ? "\n" : " - ");
}

/* In place: what was there before is wiped. */
static void draw_line(const struct progress *p, const baton_bar *bar, const char *end)
{
	char line[1024];

	baton_bar_format(line, sizeof(line), bar);
	fprintf(stderr, "%s%s%s", p->bar ? "\r\033[K" : "", line, end);
}

static void draw_finished(const struct progress *p, const baton_epoch *e, bool titled)
{
	baton_bar bar = BATON_BAR_INIT;

	bar.step = e->steps;
	bar.steps = p->steps;
	bar.ns = e->ns;
	bar.loss = e->loss;
	bar.validated = e->val_steps > 0;
	bar.val_loss = e->val_loss;
	bar.columns = p->bar ? columns() : 0;
	if (!titled)
		draw_title(p, e->epoch);
	draw_line(p, &bar, "\n");
}

/* The epoch in hand, as far as the newest snapshot knows. Returns whether it drew. */
static bool draw_current(const struct progress *p, uint64_t epoch, uint64_t ns, bool titled)
{
	const baton_snapshot *s = baton_snapshot_get(p->net);
	baton_bar bar = BATON_BAR_INIT;
	bool drawn = s && baton_snapshot_epoch(s) == epoch;

	if (drawn) {
		bar.step = baton_snapshot_step(s) - epoch * p->steps;
		bar.steps = p->steps;
		bar.ns = ns;
		bar.loss = baton_snapshot_loss(s);
		bar.columns = columns();
		if (!titled)
			draw_title(p, epoch);
		draw_line(p, &bar, "");
	}
	baton_snapshot_put(&s);
	return drawn;
}

/* Draw epochs that were finished meanwhile; called and returns with the lock held, but
 * draws without it. titled: the last epoch whose title was drawn, from 1. */
static void draw_queue(struct progress *p, uint64_t titled)
{
	while (p->head != p->tail) {
		uint64_t lost = p->tail - p->head > QUEUE ? p->tail - p->head - QUEUE : 0;
		baton_epoch e = p->queue[(p->head + lost) % QUEUE];

		p->head += lost + 1;
		pthread_mutex_unlock(&p->lock);
		if (lost)
			fprintf(stderr, "(%" PRIu64 " epochs were faster than this output)\n",
			        lost);
		draw_finished(p, &e, titled == e.epoch + 1);
		pthread_mutex_lock(&p->lock);
	}
}

static void wait_a_little(struct progress *p)
{
	struct timespec until;

	if (!p->bar) {
		pthread_cond_wait(&p->wake, &p->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += REDRAW_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&p->wake, &p->lock, &until);
}

static void *draw(void *arg)
{
	struct progress *p = arg;
	uint64_t titled = 0;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		uint64_t epoch, begun_ns;

		wait_a_little(p);
		draw_queue(p, titled);
		epoch = p->tail;
		begun_ns = p->begun_epoch == epoch ? p->begun_ns : 0;
		pthread_mutex_unlock(&p->lock);
		if (p->bar && begun_ns &&
		    draw_current(p, epoch, baton_now_ns() - begun_ns, titled == epoch + 1))
			titled = epoch + 1;
		pthread_mutex_lock(&p->lock);
	}
	draw_queue(p, titled);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- notes: the trainer's thread -------------------------------------------------- */

static int on_begin(void *state, uint64_t epoch)
{
	struct progress *p = state;

	pthread_mutex_lock(&p->lock);
	p->begun_epoch = epoch;
	p->begun_ns = baton_now_ns();
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static int on_end(void *state, const baton_epoch *epoch)
{
	struct progress *p = state;

	pthread_mutex_lock(&p->lock);
	p->queue[p->tail++ % QUEUE] = *epoch;
	if (!p->bar)
		pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

baton_callback progress_callback(struct progress *p)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	if (p) {
		callback.state = p;
		callback.on_epoch_begin = on_begin;
		callback.on_epoch_end = on_end;
	}
	return callback;
}

bool progress_redraws(const struct progress *p)
{
	return p && p->bar;
}

/* --- starting and stopping -------------------------------------------------------- */

static int start_thread(struct progress *p)
{
	pthread_condattr_t clock;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &clock);
	pthread_condattr_destroy(&clock);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&p->thread, NULL, draw, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

struct progress *progress_start(enum progress_mode mode, const baton_model *net, uint64_t epochs,
                                uint64_t steps_per_epoch)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	struct progress *p;

	if (mode == PROGRESS_NONE)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->net = net;
	p->epochs = epochs;
	p->steps = steps_per_epoch;
	p->bar = mode == PROGRESS_BAR || (mode == PROGRESS_AUTO && terminal);
	p->color = terminal && !(no_color && *no_color);
	if (start_thread(p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void progress_stop(struct progress **progress)
{
	struct progress *p = *progress;

	*progress = NULL;
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
