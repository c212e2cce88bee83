/* SPDX-License-Identifier: MIT */
/* Predicting from another thread while training goes on: it never waits for us. */

#include <baton/baton.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static int two_ints(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK;
}

struct watcher {
	const baton_model *net;
	atomic_bool trained;
	int looks;
};

/* The newest weights that were published, held only while they are used. */
static int look(const baton_model *net)
{
	const float pair[2] = {60, 70};
	const baton_snapshot *s = baton_snapshot_get(net);
	float mean = 0;

	if (!s)
		return 0; /* nothing yet: ask again later */
	if (baton_snapshot_predict(s, pair, 1, &mean) == BATON_OK)
		printf("step %" PRIu64 ": (60, 70) -> %.2f\n", baton_snapshot_step(s),
		       (double)mean);
	baton_snapshot_put(&s);
	return 1;
}

static void *watch(void *arg)
{
	const struct timespec pause = {0, 10000000};
	struct watcher *w = arg;
	bool last;

	do {
		last = atomic_load(&w->trained);
		w->looks += look(w->net);
		nanosleep(&pause, NULL);
	} while (!last);
	return NULL;
}

static int train(baton_model *net, baton_pipeline *feed)
{
	struct watcher w = {.net = net};
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	pthread_t thread;
	baton_error err;
	int rc;

	options.epochs = 10;
	options.steps_per_epoch = 1000;
	options.snapshot_steps = 500; /* 0: only when somebody asked since the last one */
	if (pthread_create(&thread, NULL, watch, &w) != 0)
		return 1;
	rc = baton_fit(net, feed, &options, NULL, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	atomic_store(&w.trained, true);
	pthread_join(thread, NULL); /* before the model is destroyed */
	return rc < 0 || w.looks == 0;
}

int main(void)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed = NULL;
	baton_model *net = NULL;
	baton_error err;
	int status = 1;

	source.fill = two_ints;
	source.rows = 64;
	source.fields = fields;
	source.n_fields = 2;
	if (baton_open(&feed, &source, NULL, &err) < 0 ||
	    baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, &err) <
	            0 ||
	    baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	else
		status = train(net, feed);
	return baton_close(&feed) < 0 || baton_model_destroy(&net) < 0 || status;
}
