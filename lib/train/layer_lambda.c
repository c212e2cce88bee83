/* SPDX-License-Identifier: MIT */
/* Lambda: a function of the caller's, on whole batches.
 *
 * It sees rows, not columns, so a call is a turn to rows and a turn back, by way of scratch
 * that lies between the layer's input and its output:
 *
 *   x columns | x rows | y rows | dx rows | dy rows | y columns      (d*: with backward only)
 *
 * Invariant: what a Lambda declares is what the layers above it get, or nothing: the shape
 * that it says it returned is compared at every call. The article's second bug is a Lambda
 * whose declaration was believed. */

#include "columns.h"
#include "error.h"
#include "layer.h"
#include <errno.h>

static int infer(struct baton_plan_layer *layer, baton_error *err)
{
	const struct baton_shape none = {0, {0}};
	size_t d_in = baton_shape_volume(&layer->in), units = layer->spec_units;

	if (!layer->lambda)
		return baton_error_set(err, -EINVAL, "%s: its function is NULL", layer->name);
	if (units > BATON_MAX_UNITS)
		return baton_error_set(err, -EINVAL, "%s: %zu units; 0 to %u are allowed",
		                       layer->name, units, BATON_MAX_UNITS);
	layer->out = units ? baton_shape_vector(units) : none;
	layer->n_scratch =
		(layer->lambda_backward ? 2 : 1) * (d_in + baton_shape_volume(&layer->out));
	return BATON_OK;
}

/* The call's parts of the scratch. */
static baton_lambda_call call_of(const struct baton_plan_layer *layer, float *scratch,
                                 const struct baton_pass *pass)
{
	float *y = scratch + layer->d_in * pass->column;
	float *dx = y + layer->d_out * pass->column;
	float *dy = dx + layer->d_in * pass->column;

	return (baton_lambda_call){
		.size = sizeof(baton_lambda_call),
		.rows = pass->rows,
		.inputs = layer->d_in,
		.units = layer->d_out,
		.x = scratch,
		.y = y,
		.dx = layer->lambda_backward ? dx : NULL,
		.dy = layer->lambda_backward ? dy : NULL,
	};
}

/* What a function returned: its error, with words, or OK. */
static int answer(const struct baton_plan_layer *layer, int rc, const struct baton_pass *pass)
{
	if (rc == BATON_OK)
		return BATON_OK;
	if (rc > 0)
		return baton_error_set(pass->err, -EINVAL,
		                       "%s: returns %d, neither OK nor an error", layer->name, rc);
	return baton_error_set(pass->err, rc, "%s: %s", layer->name, baton_strerror(rc));
}

static bool has_declared_shape(const struct baton_plan_layer *layer, const baton_lambda_call *call)
{
	if (call->rank != layer->out.rank + 1 || call->shape[0] != call->rows)
		return false;
	for (int i = 0; i < layer->out.rank; i++) {
		if (call->shape[i + 1] != layer->out.at[i])
			return false;
	}
	return true;
}

static int check_shape(const struct baton_plan_layer *layer, const baton_lambda_call *call,
                       const struct baton_pass *pass)
{
	char declared[BATON_SHAPE_TEXT], returned[BATON_SHAPE_TEXT] = "[]";
	struct baton_shape shape = {0, {0}};

	if (has_declared_shape(layer, call))
		return BATON_OK;
	baton_shape_print(declared, &layer->out, call->rows);
	if (call->rank < 0 || call->rank > BATON_MAX_RANK + 1)
		return baton_error_set(pass->err, BATON_ERR_SHAPE,
		                       "%s: declared %.60s, returns rank %d", layer->name, declared,
		                       call->rank);
	shape.rank = call->rank - 1;
	for (int i = 0; i < shape.rank; i++)
		shape.at[i] = call->shape[i + 1];
	if (call->rank > 0)
		baton_shape_print(returned, &shape, call->shape[0]);
	return baton_error_set(pass->err, BATON_ERR_SHAPE, "%s: declared %.60s, returns %.60s",
	                       layer->name, declared, returned);
}

static int forward(const struct baton_plan_layer *layer, const float *w, const float *x, float *y,
                   const struct baton_pass *pass)
{
	float *scratch = y - layer->n_scratch * pass->column;
	baton_lambda_call call = call_of(layer, scratch, pass);
	int rc;

	(void)w;
	baton_columns_to_rows(x, pass->rows, layer->d_in, scratch);
	if ((rc = answer(layer, layer->lambda(layer->state, &call), pass)) < 0 ||
	    (rc = check_shape(layer, &call, pass)) < 0)
		return rc;
	baton_columns_from_rows(call.y, pass->rows, layer->d_out, y);
	return BATON_OK;
}

static int backward(const struct baton_plan_layer *layer, const float *w, const float *x,
                    const float *y, const float *dy, float *dx, float *dw,
                    const struct baton_pass *pass)
{
	/* Between x and y, and like them the step's own to write. */
	float *scratch = (float *)y - layer->n_scratch * pass->column;
	baton_lambda_call call = call_of(layer, scratch, pass);
	int rc;

	(void)w, (void)x, (void)dw;
	baton_columns_to_rows(dy, pass->rows, layer->d_out, (float *)call.dy);
	rc = answer(layer, layer->lambda_backward(layer->state, &call), pass);
	if (rc == BATON_OK)
		baton_columns_from_rows(call.dx, pass->rows, layer->d_in, dx);
	return rc;
}

const struct baton_layer_ops baton_layer_lambda = {"lambda", infer, forward, backward};
