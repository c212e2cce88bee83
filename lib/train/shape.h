/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_SHAPE_H
#define BATON_TRAIN_SHAPE_H

#include <baton/batch.h>
#include <stdbool.h>

/* The shape of one row: what a batch's tensor has after its row axis. Rank 0 is one value
 * a row. [rows] and [rows, 1] are two shapes, and stay two: the whole point. */
struct baton_shape {
	int rank;
	size_t at[BATON_MAX_RANK];
};

struct baton_shape baton_shape_of(const baton_field *field);
struct baton_shape baton_shape_vector(size_t units);
bool baton_shape_equal(const struct baton_shape *a, const struct baton_shape *b);

/* How many values a row has; 1 for rank 0. */
size_t baton_shape_volume(const struct baton_shape *shape);

/* Room for any shape as text. */
#define BATON_SHAPE_TEXT 160

/* "[64, 28, 28]", with the row axis first; an n if rows is 0, not known yet. Returns text. */
const char *baton_shape_print(char text[BATON_SHAPE_TEXT], const struct baton_shape *shape,
                              size_t rows);

#endif
