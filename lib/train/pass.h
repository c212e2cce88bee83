/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_PASS_H
#define BATON_TRAIN_PASS_H

#include "reduce.h"
#include <baton/error.h>
#include <stdbool.h>

/* One way through a network, there or back, as all its layers see it: how many rows there
 * are, and in which order they are summed. A value on the stack of whoever makes it. */
struct baton_pass {
	size_t rows;
	size_t column;    /* baton_column(rows) */
	bool in_order;    /* sum row by row, as Keras does on a CPU; else by the tree */
	baton_error *err; /* for a layer that fails; may be NULL */
};

static inline struct baton_pass baton_pass_of(size_t rows, bool in_order, baton_error *err)
{
	return (struct baton_pass){rows, baton_column(rows), in_order, err};
}

/* The sum of a[r] b[r] over a pass' rows, or of a[r] if b is NULL. */
static inline float baton_pass_sum(const struct baton_pass *pass, const float *a, const float *b)
{
	if (pass->in_order)
		return baton_reduce_in_order(a, b, pass->rows);
	return b ? baton_reduce_dot(a, b, pass->column) : baton_reduce_sum(a, pass->column);
}

#endif
