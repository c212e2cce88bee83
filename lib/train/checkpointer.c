/* SPDX-License-Identifier: MIT */
/* Checkpointer: a thread that looks at the newest snapshot now and then and saves it when it
 * is far enough from the last one that was saved. It asks the trainer for nothing but
 * snapshots, which the trainer makes for whoever watches. */

#include "checkpoint.h"
#include "error.h"
#include "file.h"
#include "model.h"
#include "spec.h"
#include "thread.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_NS 20000000L

struct baton_checkpointer {
	const baton_model *net;
	baton_checkpoint_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* of stop */
	pthread_cond_t wake;
	bool stop;
	/* the thread's, then the caller's */
	uint64_t seen;   /* the step of the last snapshot that was tried */
	uint64_t saved;  /* of the last one that was saved */
	baton_error err; /* of the last try */
};

static void save(struct baton_checkpointer *c, const struct baton_state *state)
{
	c->seen = state->run->steps;
	c->err.code = BATON_OK;
	if (baton_state_save(state, c->options.path, c->options.keep, c->options.notes,
	                     c->options.n_notes, &c->err) == BATON_OK)
		c->saved = c->seen;
}

/* Is this step far enough? */
static bool is_due(const struct baton_checkpointer *c, uint64_t step)
{
	return step >= c->seen && step - c->seen >= c->options.every;
}

static void look(struct baton_checkpointer *c)
{
	const baton_snapshot *s = baton_snapshot_get(c->net);

	if (s && is_due(c, baton_snapshot_step(s))) {
		struct baton_state state = baton_snapshot_state_of(s);

		save(c, &state);
	}
	baton_snapshot_put(&s);
}

static void wait_a_little(struct baton_checkpointer *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!c->stop)
		pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

static void *run(void *arg)
{
	struct baton_checkpointer *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		pthread_mutex_unlock(&c->lock);
		look(c);
		pthread_mutex_lock(&c->lock);
		wait_a_little(c);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int check(const baton_checkpoint_options *options, baton_error *err)
{
	if (!options->path || (!options->notes && options->n_notes))
		return baton_error_set(err, BATON_MISUSE_NULL, "checkpoint: path or notes is NULL");
	if (options->keep > 1000)
		return baton_error_set(err, -EINVAL, "checkpoint: keep is %u, not 1 to 1000",
		                       options->keep);
	return baton_file_probe(options->path, err);
}

static void end(struct baton_checkpointer *c)
{
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
}

static int start(struct baton_checkpointer *c)
{
	pthread_condattr_t clock;
	int rc;

	if (c->options.every == 0) /* only the end is saved, which asks for no thread */
		return BATON_OK;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &clock);
	pthread_condattr_destroy(&clock);
	rc = baton_thread_start(&c->thread, run, c);
	if (rc < 0)
		end(c);
	return rc;
}

static void stop(struct baton_checkpointer *c)
{
	if (c->options.every == 0)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	end(c);
}

int baton_checkpointer_start(baton_checkpointer **c, const baton_model *net,
                             const baton_checkpoint_options *options, baton_error *err)
{
	struct baton_checkpointer *new;
	baton_checkpoint_options ours;
	int rc;

	if (!c || !net || !options)
		return baton_error_set(err, BATON_MISUSE_NULL,
		                       "checkpointer, net or options is NULL");
	*c = NULL;
	if (!baton_spec_read(&ours, sizeof(ours), options))
		return baton_error_set(err, -EINVAL, "checkpoint: the options' size is not set");
	if (!net->snapshots)
		return baton_error_set(err, -EINVAL, "the model is not compiled");
	rc = check(&ours, err);
	if (rc < 0)
		return rc;
	new = calloc(1, sizeof(*new));
	if (!new)
		return baton_error_set(err, -ENOMEM, "out of memory");
	new->net = net;
	new->options = ours;
	new->seen = net->run.steps;
	rc = start(new);
	if (rc < 0) {
		free(new);
		return baton_error_set(err, rc, "the checkpoint's thread: %s", baton_strerror(rc));
	}
	*c = new;
	return baton_error_set(err, BATON_OK, "%s", "");
}

int baton_checkpointer_stop(baton_checkpointer **c, uint64_t *saved, baton_error *err)
{
	struct baton_checkpointer *its = c ? *c : NULL;
	struct baton_state state;
	int rc;

	if (saved)
		*saved = 0;
	if (!its)
		return baton_error_set(err, BATON_OK, "%s", "");
	*c = NULL;
	stop(its);
	/* the training is over: this thread is the trainer, and the model its own */
	state = baton_model_state_of(its->net);
	if (state.run->steps > 0) /* else an older file is worth more */
		save(its, &state);
	if (saved)
		*saved = its->saved;
	rc = its->err.code;
	if (err)
		*err = its->err;
	free(its);
	return rc;
}
