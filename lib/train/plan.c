/* SPDX-License-Identifier: MIT */
/* The plan of a network: made once, in order, each layer's output shape the next one's
 * input. Whatever can be wrong with a network by itself is found here.
 *
 * Who may call: create and destroy, the model's owner; the rest any thread, since the plan
 * does not change and every number is the caller's. */

#include "plan.h"
#include "columns.h"
#include "error.h"
#include "reduce.h"
#include "spec.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Spec i of an array whose elements are as long as their first one says. */
static bool read_spec(baton_layer *spec, const baton_layer *layers, size_t i)
{
	return baton_spec_read(spec, sizeof(*spec), (const char *)layers + i * layers->size);
}

static const struct baton_layer_ops *find_ops(int kind)
{
	switch (kind) {
	case BATON_LAYER_DENSE:
		return &baton_layer_dense;
	case BATON_LAYER_RELU:
		return &baton_layer_relu;
	case BATON_LAYER_SOFTSIGN:
		return &baton_layer_softsign;
	case BATON_LAYER_LAMBDA:
		return &baton_layer_lambda;
	default:
		return NULL;
	}
}

/* "dense_2": the second dense of this network, unless the caller has a name for it. */
static void name_layer(struct baton_plan *plan, struct baton_plan_layer *layer, const char *name)
{
	size_t number = 1;

	for (const struct baton_plan_layer *l = plan->layers; l < layer; l++)
		number += l->ops == layer->ops;
	if (name)
		snprintf(layer->name, sizeof(layer->name), "%s", name);
	else
		snprintf(layer->name, sizeof(layer->name), "%s_%zu", layer->ops->kind, number);
}

static int add_input(struct baton_plan *plan, const baton_layer *spec, baton_error *err)
{
	if (spec->kind != BATON_LAYER_INPUT)
		return baton_error_set(err, -EINVAL, "layer 0: must be an input");
	if (!spec->name || !*spec->name || strlen(spec->name) >= sizeof(plan->field))
		return baton_error_set(err, -EINVAL,
		                       "input: its field's name must have 1 to %zu characters",
		                       sizeof(plan->field) - 1);
	if (spec->units == 0 || spec->units > BATON_MAX_UNITS)
		return baton_error_set(err, -EINVAL, "input %s: %zu units; 1 to %u are allowed",
		                       spec->name, spec->units, BATON_MAX_UNITS);
	strcpy(plan->field, spec->name);
	plan->in = plan->out = baton_shape_vector(spec->units);
	plan->d_in = plan->d_out = plan->widest = plan->columns = spec->units;
	return BATON_OK;
}

static int add_layer(struct baton_plan *plan, const baton_layer *spec, baton_error *err)
{
	struct baton_plan_layer *layer = &plan->layers[plan->n_layers];
	int rc;

	layer->ops = find_ops(spec->kind);
	if (!layer->ops)
		return baton_error_set(err, -EINVAL, "layer %zu: there is no kind %d here",
		                       plan->n_layers + 1, spec->kind);
	name_layer(plan, layer, spec->name);
	layer->spec_units = spec->units;
	layer->lambda = spec->forward;
	layer->lambda_backward = spec->backward;
	layer->state = spec->state;
	layer->in = plan->out;
	layer->d_in = plan->d_out;
	rc = layer->ops->infer(layer, err);
	if (rc < 0)
		return rc;
	layer->d_out = baton_shape_volume(&layer->out);
	if (layer->n_kernel + layer->n_bias > BATON_MAX_WEIGHTS - plan->n_weights)
		return baton_error_set(err, -EINVAL, "%s: more than %u weights in all", layer->name,
		                       BATON_MAX_WEIGHTS);
	layer->weights = plan->n_weights;
	plan->out = layer->out;
	plan->d_out = layer->d_out;
	plan->widest = layer->d_out > plan->widest ? layer->d_out : plan->widest;
	plan->columns += layer->n_scratch + layer->d_out;
	plan->whole |= layer->ops == &baton_layer_lambda;
	plan->n_weights += layer->n_kernel + layer->n_bias;
	plan->n_layers++;
	if (plan->n_weights == 0)
		plan->n_fixed = plan->n_layers;
	return BATON_OK;
}

static int add_all(struct baton_plan *plan, const baton_layer *layers, size_t n, baton_error *err)
{
	for (size_t i = 0; i < n; i++) {
		baton_layer spec;
		int rc;

		if (!read_spec(&spec, layers, i))
			return baton_error_set(err, -EINVAL, "layer %zu: size is not set", i);
		rc = i == 0 ? add_input(plan, &spec, err) : add_layer(plan, &spec, err);
		if (rc < 0)
			return rc;
	}
	return BATON_OK;
}

int baton_plan_create(struct baton_plan **plan, const baton_layer *layers, size_t n,
                      baton_error *err)
{
	int rc;

	*plan = NULL;
	if (!layers || n < 2)
		return baton_error_set(err, -EINVAL,
		                       "a network has an input and at least one layer");
	*plan = calloc(1, sizeof(**plan) + n * sizeof((*plan)->layers[0]));
	if (!*plan)
		return baton_error_set(err, -ENOMEM, "out of memory");
	rc = add_all(*plan, layers, n, err);
	if (rc < 0)
		baton_plan_destroy(plan);
	return rc;
}

void baton_plan_destroy(struct baton_plan **plan)
{
	free(*plan);
	*plan = NULL;
}

/* Glorot-uniform: [-limit, limit), limit = sqrt(6 / (inputs + units)). */
static void init_kernel(const struct baton_plan_layer *layer, baton_rng *rng, float *w)
{
	float limit = sqrtf(6.0f / ((float)layer->d_in + (float)layer->d_out));

	for (size_t i = 0; i < layer->n_kernel; i++)
		w[i] = (2.0f * baton_rng_uniform(rng) - 1.0f) * limit;
}

void baton_plan_init_weights(const struct baton_plan *plan, uint64_t seed, float *w)
{
	memset(w, 0, plan->n_weights * sizeof(float));
	for (size_t i = 0; i < plan->n_layers; i++) {
		baton_rng rng;

		baton_rng_init(&rng, seed, UINT64_MAX - (i + 1)); /* the input is layer 0 */
		init_kernel(&plan->layers[i], &rng, w + plan->layers[i].weights);
	}
}

int baton_plan_forward(const struct baton_plan *plan, const float *w, float *values,
                       const struct baton_pass *pass, float **prediction)
{
	int rc = BATON_OK;

	for (size_t i = 0; rc == BATON_OK && i < plan->n_layers; i++) {
		const struct baton_plan_layer *layer = &plan->layers[i];
		float *y = values + (layer->d_in + layer->n_scratch) * pass->column;

		rc = layer->ops->forward(layer, w + layer->weights, values, y, pass);
		values = y;
	}
	*prediction = values;
	return rc;
}

float *baton_plan_alloc(size_t columns, size_t rows)
{
	size_t column = baton_column(rows);

	if (column < rows || columns > SIZE_MAX / 2 / sizeof(float) / column)
		return NULL;
	return aligned_alloc(64, columns * column * sizeof(float));
}

/* Up to as many rows as values has room for. */
static int predict_rows(const struct baton_plan *plan, const float *w, const float *inputs,
                        size_t rows, float *values, float *outputs)
{
	const struct baton_pass pass = baton_pass_of(rows, false, NULL);
	float *prediction;
	int rc;

	baton_columns_from_rows(inputs, rows, plan->d_in, values);
	rc = baton_plan_forward(plan, w, values, &pass, &prediction);
	if (rc == BATON_OK)
		baton_columns_to_rows(prediction, rows, plan->d_out, outputs);
	return rc;
}

int baton_plan_predict(const struct baton_plan *plan, const float *w, const float *inputs, size_t n,
                       float *outputs)
{
	/* at a time; a row's bits depend on it only if a layer looks at other rows */
	size_t most = plan->whole && n > 0 ? n : 64;
	int rc = BATON_OK;
	float *values;

	if (!inputs || !outputs)
		return n == 0 ? BATON_OK : BATON_MISUSE_NULL;
	values = baton_plan_alloc(plan->columns, most);
	if (!values)
		return -ENOMEM;
	for (size_t rows; rc == BATON_OK && n > 0; n -= rows) {
		rows = n < most ? n : most;
		rc = predict_rows(plan, w, inputs, rows, values, outputs);
		inputs += rows * plan->d_in;
		outputs += rows * plan->d_out;
	}
	free(values);
	return rc;
}
