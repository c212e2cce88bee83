/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_COLUMNS_H
#define BATON_TRAIN_COLUMNS_H

#include <stddef.h>

/* Batches come row by row, [rows, units]; the kernels want one row a lane. So a step
 * turns what it reads into columns, [units, column]: unit u of row r at u * column + r,
 * where column is rows rounded up to whole groups of 16 lanes (reduce.h). The lanes past
 * the last row hold 0 in inputs and in every gradient; elsewhere anything. */

/* rows x [rows, units] -> columns y [units, column], padded with 0. */
void baton_columns_from_rows(const float *x, size_t rows, size_t units, float *y);

/* columns x [units, column] -> rows y [rows, units]. */
void baton_columns_to_rows(const float *x, size_t rows, size_t units, float *y);

#endif
