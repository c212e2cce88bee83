/* SPDX-License-Identifier: MIT */
/* Losses: one number for a batch, and its gradient. Pure functions: any thread.
 *
 * Shapes were agreed on before (baton_loss_accepts()), so that here both sides have the
 * same columns and nothing can be broadcast. */

#include "loss.h"
#include <math.h>

/* gradient = prediction - target; 0 past the last row, whatever the lanes hold. */
static void differences(const struct baton_pass *pass, const float *restrict prediction,
                        const float *restrict target, size_t units, float *restrict gradient)
{
	size_t rows = pass->rows, column = pass->column;

	for (size_t i = 0; i < units * column; i++)
		gradient[i] = prediction[i] - target[i];
	for (size_t u = 0; rows < column && u < units; u++)
		memset(gradient + u * column + rows, 0, (column - rows) * sizeof(float));
}

/* What becomes of a difference: known to the compiler wherever it is asked. */
enum norm { SQUARE, ABSOLUTE };

__attribute__((always_inline)) static inline float size_of(enum norm norm, float difference)
{
	return norm == SQUARE ? difference * difference : fabsf(difference);
}

/* scale: 1 over the number of differences, twice that for squares. A NaN stays one. */
__attribute__((always_inline)) static inline float slope_of(enum norm norm, float difference,
                                                            float scale)
{
	if (norm == SQUARE)
		return difference * scale;
	return difference > 0 ? scale : difference < 0 ? -scale : difference;
}

/* One group: each row's mean size, times its weight. */
__attribute__((always_inline)) static inline void
group_means(enum norm norm, const float *difference, const float *weight, size_t units,
            size_t column, float mean[BATON_LANES])
{
	memset(mean, 0, BATON_LANES * sizeof(*mean));
	for (size_t u = 0; u < units; u++, difference += column) {
		for (unsigned i = 0; i < BATON_LANES; i++)
			mean[i] += size_of(norm, difference[i]);
	}
	for (unsigned i = 0; i < BATON_LANES; i++)
		mean[i] /= (float)units;
	for (unsigned i = 0; weight && i < BATON_LANES; i++)
		mean[i] *= weight[i];
}

/* The sum over the rows of those. */
__attribute__((always_inline)) static inline float sum_of_means(const struct baton_pass *pass,
                                                                enum norm norm,
                                                                const float *difference,
                                                                const float *weight, size_t units)
{
	float mean[BATON_LANES], sum = 0;
	struct baton_tree tree;
	size_t r = 0;

	do {
		group_means(norm, difference + r, weight ? weight + r : NULL, units, pass->column,
		            mean);
		for (unsigned i = 0; pass->in_order && i < BATON_LANES; i++)
			sum += mean[i]; /* 0 past the last row */
		baton_tree_push(&tree, 0, r / BATON_LANES, mean);
		r += BATON_LANES;
	} while (r < pass->column);
	return pass->in_order ? sum : baton_tree_sum(&tree, pass->column / BATON_LANES);
}

/* gradient holds the differences, and becomes their slopes. */
__attribute__((always_inline)) static inline void slopes(enum norm norm, const float *weight,
                                                         float scale, size_t units, size_t column,
                                                         float *gradient)
{
	for (size_t i = 0; i < units * column; i++)
		gradient[i] = slope_of(norm, gradient[i], scale);
	for (size_t u = 0; weight && u < units; u++) {
		for (size_t r = 0; r < column; r++)
			gradient[u * column + r] *= weight[r];
	}
}

static float mse_gradient(const struct baton_pass *pass, const float *prediction,
                          const float *target, const float *weight, size_t units, float *gradient)
{
	float scale = 2.0f / baton_loss_numbers(pass->rows, units);
	float sum;

	differences(pass, prediction, target, units, gradient);
	/* A mean over one value is that value: the same bits, much sooner. */
	sum = units == 1 && !weight ? baton_pass_sum(pass, gradient, gradient)
	                            : sum_of_means(pass, SQUARE, gradient, weight, units);
	slopes(SQUARE, weight, scale, units, pass->column, gradient);
	return sum / (float)pass->rows;
}

static float mae_gradient(const struct baton_pass *pass, const float *prediction,
                          const float *target, const float *weight, size_t units, float *gradient)
{
	float scale = 1.0f / baton_loss_numbers(pass->rows, units);
	float sum;

	differences(pass, prediction, target, units, gradient);
	sum = sum_of_means(pass, ABSOLUTE, gradient, weight, units);
	slopes(ABSOLUTE, weight, scale, units, pass->column, gradient);
	return sum / (float)pass->rows;
}

const struct baton_loss_ops baton_loss_mse = {"mse", mse_gradient};
const struct baton_loss_ops baton_loss_mae = {"mae", mae_gradient};

const struct baton_loss_ops *baton_loss_find(int kind)
{
	switch (kind) {
	case BATON_LOSS_MSE:
		return &baton_loss_mse;
	case BATON_LOSS_MAE:
		return &baton_loss_mae;
	default:
		return NULL;
	}
}

bool baton_loss_accepts(const struct baton_shape *prediction, const struct baton_shape *target,
                        bool *expanded)
{
	struct baton_shape one = baton_shape_vector(1);

	*expanded = target->rank == 0 && baton_shape_equal(prediction, &one);
	return *expanded || baton_shape_equal(prediction, target);
}
