/* SPDX-License-Identifier: MIT */
/* Softsign: y = x / (1 + |x|), of any shape: a curve that needs no exponential, hence one
 * that has the same bits everywhere. A NaN stays one, and an infinity becomes one, as in
 * Keras. */

#include "layer.h"
#include <math.h>

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
		y[i] = x[i] / (1 + fabsf(x[i]));
	return BATON_OK;
}

static int backward(const struct baton_plan_layer *layer, const float *w, const float *x,
                    const float *y, const float *dy, float *dx, float *dw,
                    const struct baton_pass *pass)
{
	(void)w, (void)y, (void)dw;
	for (size_t i = 0; i < layer->d_in * pass->column; i++) {
		float size = 1 + fabsf(x[i]);

		dx[i] = dy[i] / (size * size);
	}
	return BATON_OK;
}

const struct baton_layer_ops baton_layer_softsign = {"softsign", infer, forward, backward};
