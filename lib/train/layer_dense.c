/* SPDX-License-Identifier: MIT */
/* Dense: y = x W + b, W [d_in, d_out] row-major, then b [d_out].
 *
 * The order of every sum is part of the contract: over inputs and over units one after
 * the other, the bias last; over rows the pass' order (pass.h). Kernels with few inputs are
 * the same text with d_in known, hence the same bits. */

#include "error.h"
#include "layer.h"
#include <errno.h>

static int infer(struct baton_plan_layer *layer, baton_error *err)
{
	size_t units = layer->spec_units;
	char in[BATON_SHAPE_TEXT];

	if (layer->in.rank != 1)
		return baton_error_set(err, BATON_ERR_SHAPE, "%s: takes [n, inputs], not %.60s",
		                       layer->name, baton_shape_print(in, &layer->in, 0));
	if (units == 0 || units > BATON_MAX_UNITS)
		return baton_error_set(err, -EINVAL, "%s: %zu units; 1 to %u are allowed",
		                       layer->name, units, BATON_MAX_UNITS);
	layer->out = baton_shape_vector(units);
	layer->n_kernel = baton_shape_volume(&layer->in) * units; /* each at most 2^24 */
	layer->n_bias = units;
	return BATON_OK;
}

/* One group of one output unit: 16 rows. w: column of W, a stride of d_out apart. */
__attribute__((always_inline)) static inline void forward_group(const float *restrict w, float bias,
                                                                const float *restrict x,
                                                                size_t d_in, size_t d_out,
                                                                size_t column, float *restrict y)
{
	float acc[BATON_LANES];

	for (unsigned i = 0; i < BATON_LANES; i++)
		acc[i] = x[i] * w[0];
	for (size_t k = 1; k < d_in; k++) {
		for (unsigned i = 0; i < BATON_LANES; i++)
			acc[i] += x[k * column + i] * w[k * d_out];
	}
	for (unsigned i = 0; i < BATON_LANES; i++)
		y[i] = acc[i] + bias;
}

__attribute__((always_inline)) static inline void
forward_inputs(const struct baton_plan_layer *layer, size_t d_in, const float *w, const float *x,
               float *y, size_t column)
{
	const float *bias = w + layer->n_kernel;

	for (size_t j = 0; j < layer->d_out; j++, y += column) {
		for (size_t r = 0; r < column; r += BATON_LANES)
			forward_group(w + j, bias[j], x + r, d_in, layer->d_out, column, y + r);
	}
}

static int forward(const struct baton_plan_layer *layer, const float *w, const float *x, float *y,
                   const struct baton_pass *pass)
{
	if (layer->d_in == 2)
		forward_inputs(layer, 2, w, x, y, pass->column);
	else
		forward_inputs(layer, layer->d_in, w, x, y, pass->column);
	return BATON_OK;
}

/* dx = dy W^T: the same sum over units for each input. */
static void backward_inputs(const struct baton_plan_layer *layer, const float *restrict w,
                            const float *restrict dy, float *restrict dx, size_t column)
{
	for (size_t k = 0; k < layer->d_in; k++, w += layer->d_out, dx += column) {
		for (size_t r = 0; r < column; r++)
			dx[r] = dy[r] * w[0];
		for (size_t j = 1; j < layer->d_out; j++) {
			for (size_t r = 0; r < column; r++)
				dx[r] += dy[j * column + r] * w[j];
		}
	}
}

static int backward(const struct baton_plan_layer *layer, const float *w, const float *x,
                    const float *y, const float *dy, float *dx, float *dw,
                    const struct baton_pass *pass)
{
	size_t column = pass->column;

	(void)y;
	for (size_t k = 0; k < layer->d_in; k++) {
		for (size_t j = 0; j < layer->d_out; j++)
			*dw++ = baton_pass_sum(pass, x + k * column, dy + j * column);
	}
	for (size_t j = 0; j < layer->d_out; j++)
		*dw++ = baton_pass_sum(pass, dy + j * column, NULL);
	if (dx)
		backward_inputs(layer, w, dy, dx, column);
	return BATON_OK;
}

const struct baton_layer_ops baton_layer_dense = {"dense", infer, forward, backward};
