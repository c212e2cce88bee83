/* SPDX-License-Identifier: MIT */
/* The trainer of every scenario: baton's own, through the same few calls that any program
 * makes. What differs from scenario to scenario is only where the batches come from. */

#include "training.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static int make_net(baton_model **net, const baton_layer *layers, size_t n, uint64_t seed,
                    baton_error *err)
{
	int rc = baton_model_create(net, layers, n, seed, err);

	return rc < 0 ? rc : baton_compile(*net, baton_mse(), baton_rmsprop(1e-3), err);
}

static int open_feed(baton_pipeline **feed, const baton_source *source,
                     const struct training_options *o, baton_error *err)
{
	baton_options options = BATON_OPTIONS_INIT;

	options.producers = o->producers;
	options.seed = o->seed;
	return baton_open(feed, source, &options, err);
}

static int fit(struct training *t, baton_model *net, baton_pipeline *feed, uint64_t epochs,
               baton_error *err)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	int rc = baton_bind(net, feed, err); /* fit binds, too, but keeps the note to itself */

	options.epochs = epochs;
	options.steps_per_epoch = STEPS;
	if (rc == BATON_OK)
		memcpy(t->note, err->text, sizeof(t->note));
	return rc < 0 ? rc : baton_fit(net, feed, &options, &t->history, err);
}

/* What the trained model says, and what it is now. */
static int look(struct training *t, const baton_model *net)
{
	const float asked[2][2] = {{73, 57}, {44, 48}};
	size_t n;
	const float *weights = baton_weights(net, &n);
	int rc = baton_predict(net, asked[0], 1, &t->predicted);

	if (rc == BATON_OK)
		rc = baton_predict(net, asked[1], 1, &t->predicted_46);
	t->rank = baton_predict_shape(net, 1, t->shape);
	memcpy(t->weights, weights, (n < 3 ? n : 3) * sizeof(*weights));
	return rc;
}

int training_run_layers(struct training *t, const baton_layer *layers, size_t n,
                        const baton_source *source, const struct training_options *options,
                        baton_error *err)
{
	baton_model *net = NULL;
	baton_pipeline *feed = NULL;
	baton_stats stats = BATON_STATS_INIT;
	int rc = make_net(&net, layers, n, options->seed, err), closed;

	if (rc == BATON_OK)
		rc = open_feed(&feed, source, options, err);
	if (rc == BATON_OK)
		rc = fit(t, net, feed, options->epochs, err);
	if (rc == BATON_OK)
		rc = look(t, net);
	if (feed && baton_stats_get(feed, &stats) == BATON_OK)
		t->taken = stats.batches;
	closed = baton_close(&feed);
	assert(closed == BATON_OK); /* fit gave every batch back */
	(void)closed;
	baton_model_destroy(&net);
	return rc;
}

int training_run(struct training *t, const baton_source *source,
                 const struct training_options *options, baton_error *err)
{
	return training_run_layers(t, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), source,
	                           options, err);
}

void training_free(struct training *t)
{
	baton_history_free(&t->history);
}

double training_mean(const struct training *t, uint64_t from, uint64_t to)
{
	double sum = 0;

	if (t->history.n_epochs < to)
		return (double)NAN;
	for (uint64_t i = from - 1; i < to; i++)
		sum += t->history.epochs[i].loss;
	return sum / (double)(to - from + 1);
}

void training_range(const struct training *t, uint64_t from, uint64_t to, double range[2])
{
	range[0] = range[1] = (double)NAN;
	for (uint64_t i = from - 1; i < to && i < t->history.n_epochs; i++) {
		range[0] = fmin(range[0], t->history.epochs[i].loss); /* of NaN and x, x */
		range[1] = fmax(range[1], t->history.epochs[i].loss);
	}
}
