/* SPDX-License-Identifier: MIT */
/* A program outside of the tree, in the common part of C and C++: it trains, and holds the
 * library that runs against the headers that it was compiled with. */

#include <baton/baton.h>
#include <stdio.h>
#include <string.h>

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++)
		y[i] = x[i] = baton_rng_uniform(rng);
	return BATON_OK;
}

static double last_loss(baton_model *net, baton_pipeline *feed)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	baton_error err;
	double loss = 1;

	options.epochs = 2;
	options.steps_per_epoch = 500;
	if (baton_fit(net, feed, &options, &history, &err) == BATON_OK)
		loss = history.epochs[1].loss;
	else
		fprintf(stderr, "%s\n", err.text);
	baton_history_free(&history);
	return loss;
}

int main(void)
{
	baton_field fields[2] = {{"x", BATON_F32, 1, {1}}, {"y", BATON_F32, 1, {1}}};
	baton_layer layers[2] = {baton_input("x", 1), baton_dense(1)};
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed = NULL;
	baton_model *net = NULL;
	baton_error err;
	double loss = 1;

	if (strcmp(baton_version(), BATON_VERSION) != 0 ||
	    baton_version_number() != BATON_VERSION_NUMBER)
		return fprintf(stderr, "a library of another version: %s\n", baton_version()), 1;
	source.fields = fields;
	source.n_fields = 2;
	source.rows = 32;
	source.fill = fill;
	if (baton_open(&feed, &source, NULL, &err) < 0 ||
	    baton_model_create(&net, layers, 2, 1, &err) < 0 ||
	    baton_compile(net, baton_mse(), baton_sgd(0.1), &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	else
		loss = last_loss(net, feed);
	printf("loss %g\n", loss);
	return baton_model_destroy(&net) < 0 || baton_close(&feed) < 0 || !(loss < 0.01);
}
