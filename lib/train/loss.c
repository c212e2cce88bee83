/* SPDX-License-Identifier: MIT */
/* Losses: one number for a batch, and its gradient. Pure functions: any thread.
 *
 * Shapes were agreed on before (baton_loss_accepts()), so that here both sides have the
 * same columns and nothing can be broadcast. */

#include "loss.h"
#include "reduce.h"

/* gradient = prediction - target; 0 past the last row, whatever the lanes hold. */
static void differences(const float *restrict prediction, const float *restrict target, size_t rows,
                        size_t units, float *restrict gradient)
{
	size_t column = baton_column(rows);

	for (size_t i = 0; i < units * column; i++)
		gradient[i] = prediction[i] - target[i];
	for (size_t u = 0; rows < column && u < units; u++)
		memset(gradient + u * column + rows, 0, (column - rows) * sizeof(float));
}

/* The sum over the rows of each row's mean of squares. */
static float sum_of_means(const float *difference, size_t units, size_t column)
{
	struct baton_tree tree;
	size_t r = 0;

	do {
		float acc[BATON_LANES] = {0};

		for (size_t u = 0; u < units; u++) {
			const float *d = difference + u * column + r;

			for (unsigned i = 0; i < BATON_LANES; i++)
				acc[i] += d[i] * d[i];
		}
		for (unsigned i = 0; i < BATON_LANES; i++)
			acc[i] /= (float)units;
		baton_tree_push(&tree, 0, r / BATON_LANES, acc);
		r += BATON_LANES;
	} while (r < column);
	return baton_tree_sum(&tree, column / BATON_LANES);
}

static float mse_gradient(const float *prediction, const float *target, size_t rows, size_t units,
                          float *gradient)
{
	size_t column = baton_column(rows);
	float scale = 2.0f / ((float)rows * (float)units);
	float sum;

	differences(prediction, target, rows, units, gradient);
	/* A mean over one value is that value: the same bits, much sooner. */
	sum = units == 1 ? baton_reduce_dot(gradient, gradient, column)
	                 : sum_of_means(gradient, units, column);
	for (size_t i = 0; i < units * column; i++)
		gradient[i] *= scale;
	return sum / (float)rows;
}

const struct baton_loss_ops baton_loss_mse = {"mse", mse_gradient};

const struct baton_loss_ops *baton_loss_find(int kind)
{
	return kind == BATON_LOSS_MSE ? &baton_loss_mse : NULL;
}

bool baton_loss_accepts(const struct baton_shape *prediction, const struct baton_shape *target,
                        bool *expanded)
{
	struct baton_shape one = baton_shape_vector(1);

	*expanded = target->rank == 0 && baton_shape_equal(prediction, &one);
	return *expanded || baton_shape_equal(prediction, target);
}
