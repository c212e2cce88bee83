/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_LAYER_H
#define BATON_TRAIN_LAYER_H

#include "pass.h"
#include "shape.h"
#include <baton/model.h>

struct baton_layer_ops;

/* One layer of a network: immutable once the plan is made, without its numbers. */
struct baton_plan_layer {
	const struct baton_layer_ops *ops;
	char name[32];
	size_t spec_units; /* as asked for; a layer without units: 0 */
	struct baton_shape in, out;
	size_t d_in, d_out; /* their volumes: how many columns */
	size_t weights;     /* index of the first in the flat array */
	size_t n_kernel, n_bias;
	size_t n_scratch; /* columns between its input and its output, for itself */
	baton_lambda_fn *lambda, *lambda_backward;
	void *state; /* theirs */
};

/* A kind of layer. Columns everywhere (columns.h): x, dx [d_in, column], y, dy [d_out,
 * column]; w and dw are the layer's own part of the flat weights and of their gradient.
 * Scratch
 * is n_scratch columns just before y. None allocates, none keeps anything: the same layer
 * may run in several threads. */
struct baton_layer_ops {
	const char *kind; /* of the automatic name */

	/* Given in and what was asked for, settle out, n_kernel, n_bias and n_scratch; the
	 * rest is derived from them. Returns OK, or an error with err filled. */
	int (*infer)(struct baton_plan_layer *layer, baton_error *err);

	/* Returns OK, or an error with pass->err filled. */
	int (*forward)(const struct baton_plan_layer *layer, const float *w, const float *x,
	               float *y, const struct baton_pass *pass);

	/* From dy, the gradient with respect to y: dw, overwritten, and dx. dx may be NULL for
	 * a layer with weights: below the first of those nothing learns. Returns as forward. */
	int (*backward)(const struct baton_plan_layer *layer, const float *w, const float *x,
	                const float *y, const float *dy, float *dx, float *dw,
	                const struct baton_pass *pass);
};

extern const struct baton_layer_ops baton_layer_dense;
extern const struct baton_layer_ops baton_layer_relu;
extern const struct baton_layer_ops baton_layer_softsign;
extern const struct baton_layer_ops baton_layer_lambda;

#endif
