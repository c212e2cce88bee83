/* SPDX-License-Identifier: MIT */
/* Broadcasting, NumPy's rule: shapes are compared from their last axes; an axis of 1, or
 * one that is not there, is repeated to the other's length. So [64] against [64, 1] is not
 * 64 differences but 64 x 64: the first is a row, the second a column.
 *
 * Source: NumPy's manual, "Broadcasting" */

#include "broadcast.h"
#include <math.h>
#include <stdio.h>

/* The length of axis i of two, aligned at the end. */
static size_t axis(const struct tensor *t, int i)
{
	int at = i - (2 - t->rank);

	return at < 0 ? 1 : t->shape[at];
}

const char *shape_print(char *text, const struct tensor *t)
{
	if (t->rank == 1)
		snprintf(text, SHAPE_TEXT, "[%zu]", t->shape[0]);
	else
		snprintf(text, SHAPE_TEXT, "[%zu, %zu]", t->shape[0], t->shape[1]);
	return text;
}

bool broadcast_shape(const struct tensor *a, const struct tensor *b, struct tensor *out)
{
	size_t both[2];

	for (int i = 0; i < 2; i++) {
		if (axis(a, i) != axis(b, i) && axis(a, i) != 1 && axis(b, i) != 1)
			return false;
		both[i] = axis(a, i) == 1 ? axis(b, i) : axis(a, i);
	}
	*out = (struct tensor){.rank = a->rank > b->rank ? a->rank : b->rank};
	for (int i = 0; i < out->rank; i++)
		out->shape[i] = both[i + 2 - out->rank];
	return true;
}

/* Element [i, j] of t, repeated as the rule says. */
static double element(const struct tensor *t, size_t i, size_t j)
{
	size_t row = axis(t, 0) == 1 ? 0 : i, column = axis(t, 1) == 1 ? 0 : j;

	return (double)t->at[row * axis(t, 1) + column];
}

double broadcast_mse(const struct tensor *prediction, const struct tensor *target,
                     struct tensor *shape)
{
	struct tensor out;
	double total = 0;

	if (!broadcast_shape(prediction, target, &out))
		return (double)NAN;
	for (size_t i = 0; i < axis(&out, 0); i++)
		for (size_t j = 0; j < axis(&out, 1); j++) {
			double d = element(prediction, i, j) - element(target, i, j);

			total += d * d;
		}
	if (shape)
		*shape = out;
	return total / (double)(axis(&out, 0) * axis(&out, 1));
}
