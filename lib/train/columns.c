/* SPDX-License-Identifier: MIT */
/* From rows to columns and back: pure moves, so no bit depends on how they are done.
 *
 * Few columns are the usual case of small problems; with their number known the compiler
 * de-interleaves in registers. */

#include "columns.h"
#include "reduce.h"

__attribute__((always_inline)) static inline void deinterleave(const float *restrict x, size_t rows,
                                                               size_t units, float *restrict y)
{
	size_t column = baton_column(rows);

	for (size_t u = 0; u < units; u++) {
		for (size_t r = 0; r < rows; r++)
			y[u * column + r] = x[r * units + u];
		for (size_t r = rows; r < column; r++)
			y[u * column + r] = 0;
	}
}

void baton_columns_from_rows(const float *x, size_t rows, size_t units, float *y)
{
	if (units == 1)
		deinterleave(x, rows, 1, y);
	else if (units == 2)
		deinterleave(x, rows, 2, y);
	else if (units == 3)
		deinterleave(x, rows, 3, y);
	else if (units == 4)
		deinterleave(x, rows, 4, y);
	else
		deinterleave(x, rows, units, y);
}

void baton_columns_to_rows(const float *x, size_t rows, size_t units, float *y)
{
	size_t column = baton_column(rows);

	for (size_t r = 0; r < rows; r++) {
		for (size_t u = 0; u < units; u++)
			y[r * units + u] = x[u * column + r];
	}
}
