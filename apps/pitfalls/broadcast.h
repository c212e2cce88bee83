/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_BROADCAST_H
#define BATON_PITFALLS_BROADCAST_H

#include <stdbool.h>
#include <stddef.h>

/* Arrays with a shape, up to two axes, and NumPy's rule for two that differ: what Keras
 * computes with, and what baton never does. */
struct tensor {
	int rank; /* 1: [shape[0]], 2: [shape[0], shape[1]] */
	size_t shape[2];
	const float *at; /* row-major */
};

#define SHAPE_TEXT 48
/* "[64, 1]"; to text [SHAPE_TEXT], which it returns */
const char *shape_print(char *text, const struct tensor *t);

/* The shape of a op b. False: they can't be broadcast. */
bool broadcast_shape(const struct tensor *a, const struct tensor *b, struct tensor *out);

/* Keras' mean squared error: the mean of (prediction - target)^2 over the last axis, then
 * over the rest. *shape (may be NULL) is that of the difference, without its numbers.
 * NaN: they can't be broadcast. */
double broadcast_mse(const struct tensor *prediction, const struct tensor *target,
                     struct tensor *shape);

#endif
