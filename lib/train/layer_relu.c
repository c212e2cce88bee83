/* SPDX-License-Identifier: MIT */
/* Relu: y = max(x, 0), of any shape. The gradient at 0 is 0, as in Keras; a NaN stays one,
 * so that a run that has gone astray can't look healthy. */

#include "layer.h"

static int infer(struct baton_plan_layer *layer, baton_error *err)
{
	(void)err;
	layer->out = layer->in;
	return BATON_OK;
}

static int forward(const struct baton_plan_layer *layer, const float *w, const float *x, float *y,
                   const struct baton_pass *pass)
{
	(void)w;
	for (size_t i = 0; i < layer->d_out * pass->column; i++)
		y[i] = x[i] <= 0 ? 0 : x[i];
	return BATON_OK;
}

static int backward(const struct baton_plan_layer *layer, const float *w, const float *x,
                    const float *y, const float *dy, float *dx, float *dw,
                    const struct baton_pass *pass)
{
	(void)w, (void)y, (void)dw;
	for (size_t i = 0; i < layer->d_in * pass->column; i++)
		dx[i] = x[i] <= 0 ? 0 : dy[i];
	return BATON_OK;
}

const struct baton_layer_ops baton_layer_relu = {"relu", infer, forward, backward};
