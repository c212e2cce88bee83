/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_LOSS_H
#define BATON_TRAIN_LOSS_H

#include "pass.h"
#include "shape.h"
#include <baton/model.h>

/* A kind of loss. Columns (columns.h): prediction, target, gradient [units, column]; weight
 * [column], a factor of each row's loss, or NULL. Returns the batch's loss, which is divided
 * by its rows, whatever their weights (as Keras 3 does); gradient is with respect to the
 * prediction, 0 in the lanes past the last row. */
struct baton_loss_ops {
	const char *name;
	float (*gradient)(const struct baton_pass *pass, const float *prediction,
	                  const float *target, const float *weight, size_t units, float *gradient);
};

extern const struct baton_loss_ops baton_loss_mse;
extern const struct baton_loss_ops baton_loss_mae;

/* How many numbers a loss is the mean of. */
static inline float baton_loss_numbers(size_t rows, size_t units)
{
	return (float)rows * (float)units;
}

/* The ops of a kind; NULL: there is none. */
const struct baton_loss_ops *baton_loss_find(int kind);

/* Whether a target may be compared with a prediction: equal shapes, or, the one rule, a
 * target of rank 0 with a prediction [1]; then *expanded. */
bool baton_loss_accepts(const struct baton_shape *prediction, const struct baton_shape *target,
                        bool *expanded);

#endif
