/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_LINEAR_H
#define BATON_TRAIN_LINEAR_H

#include <stddef.h>

/* The whole gradient of y = x w + b under the mean squared error, for one output and few
 * inputs, in one pass over the rows: what the layers give one after the other, to the
 * bit, several times sooner. */

#define BATON_LINEAR_INPUTS 4 /* at most */

/* w [d_in] and the bias behind it; x [rows, d_in], y [rows]; 0 < d_in <= BATON_LINEAR_INPUTS,
 * rows > 0. Returns the loss; dw like w. */
typedef float baton_linear_fn(const float *w, const float *x, const float *y, size_t rows,
                              size_t d_in, float *dw);

/* For any processor, and the fastest for this one: the same bits. */
baton_linear_fn baton_linear_gradient;
baton_linear_fn *baton_linear_best(void);

#endif
