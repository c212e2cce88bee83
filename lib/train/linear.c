/* SPDX-License-Identifier: MIT */
/* The linear special case: input -> dense(1) -> mse. A step on 64 rows of 2 numbers is
 * some hundred vector operations; going through columns, layers and a loss one by one
 * costs as much again in loads and stores.
 *
 * Invariant: the same bits as the layers' path, because every number is made by the same
 * operations in the same order, and every sum goes through the tree of reduce.h. The unit
 * test compares the two for every number of inputs and of rows.
 *
 * A block of 64 rows is one loop over the 16 lanes, four rows a turn: the compiler turns
 * lanes into vectors, and a row's numbers never leave the registers. Pure functions: any
 * thread. */

#include "linear.h"
#include "loss.h"
#include "reduce.h"

struct row {
	float x[BATON_LINEAR_INPUTS];
	float difference; /* prediction - target */
	float slope;      /* of the loss, by the prediction */
};

/* The lanes' sums over one group or block, and the trees that they go to. */
struct sums {
	float loss[BATON_LANES], dw[BATON_LINEAR_INPUTS][BATON_LANES], bias[BATON_LANES];
};

struct trees {
	struct baton_tree loss, dw[BATON_LINEAR_INPUTS], bias;
};

__attribute__((always_inline)) static inline struct row
evaluate(size_t d_in, const float *w, const float *x, const float *y, size_t r, float scale)
{
	struct row row;
	float sum;

	for (size_t k = 0; k < d_in; k++)
		row.x[k] = x[r * d_in + k];
	sum = row.x[0] * w[0];
	for (size_t k = 1; k < d_in; k++)
		sum += row.x[k] * w[k];
	row.difference = sum + w[d_in] - y[r];
	row.slope = row.difference * scale;
	return row;
}

/* 64 rows: a subtree of level 2. */
__attribute__((always_inline)) static inline void sum_block(size_t d_in, const float *w,
                                                            const float *x, const float *y,
                                                            float scale, struct sums *sums)
{
	for (unsigned i = 0; i < BATON_LANES; i++) {
		struct row a = evaluate(d_in, w, x, y, i, scale);
		struct row b = evaluate(d_in, w, x, y, 16 + i, scale);
		struct row c = evaluate(d_in, w, x, y, 32 + i, scale);
		struct row d = evaluate(d_in, w, x, y, 48 + i, scale);

		sums->loss[i] = (a.difference * a.difference + b.difference * b.difference) +
		                (c.difference * c.difference + d.difference * d.difference);
		for (size_t k = 0; k < d_in; k++)
			sums->dw[k][i] = (a.x[k] * a.slope + b.x[k] * b.slope) +
			                 (c.x[k] * c.slope + d.x[k] * d.slope);
		sums->bias[i] = (a.slope + b.slope) + (c.slope + d.slope);
	}
}

/* Up to 16 rows, best a number that the compiler knows; the lanes past them hold 0. */
__attribute__((always_inline)) static inline void sum_group(size_t d_in, const float *w,
                                                            const float *x, const float *y,
                                                            size_t rows, float scale,
                                                            struct sums *sums)
{
	memset(sums, 0, sizeof(*sums));
	for (size_t i = 0; i < rows; i++) {
		struct row a = evaluate(d_in, w, x, y, i, scale);

		sums->loss[i] = a.difference * a.difference;
		for (size_t k = 0; k < d_in; k++)
			sums->dw[k][i] = a.x[k] * a.slope;
		sums->bias[i] = a.slope;
	}
}

__attribute__((always_inline)) static inline void
push(struct trees *trees, size_t d_in, unsigned level, size_t count, const struct sums *sums)
{
	baton_tree_push(&trees->loss, level, count, sums->loss);
	for (size_t k = 0; k < d_in; k++)
		baton_tree_push(&trees->dw[k], level, count, sums->dw[k]);
	baton_tree_push(&trees->bias, level, count, sums->bias);
}

__attribute__((always_inline)) static inline void fold(const struct trees *trees, size_t d_in,
                                                       size_t groups, struct sums *sums)
{
	baton_tree_fold(&trees->loss, groups, sums->loss);
	for (size_t k = 0; k < d_in; k++)
		baton_tree_fold(&trees->dw[k], groups, sums->dw[k]);
	baton_tree_fold(&trees->bias, groups, sums->bias);
}

/* Any number of rows. */
__attribute__((always_inline)) static inline void sum_rows(size_t d_in, const float *w,
                                                           const float *x, const float *y,
                                                           size_t rows, float scale,
                                                           struct sums *sums)
{
	struct trees trees;
	size_t r = 0;

	for (; r + BATON_BLOCK <= rows; r += BATON_BLOCK) {
		sum_block(d_in, w, x + r * d_in, y + r, scale, sums);
		push(&trees, d_in, 2, r / BATON_BLOCK, sums);
	}
	for (; r + BATON_LANES <= rows; r += BATON_LANES) {
		sum_group(d_in, w, x + r * d_in, y + r, BATON_LANES, scale, sums);
		push(&trees, d_in, 0, r / BATON_LANES, sums);
	}
	if (r < rows) {
		sum_group(d_in, w, x + r * d_in, y + r, rows - r, scale, sums);
		push(&trees, d_in, 0, r / BATON_LANES, sums);
	}
	fold(&trees, d_in, baton_column(rows) / BATON_LANES, sums);
}

__attribute__((always_inline)) static inline float
of_rows(size_t d_in, const float *w, const float *x, const float *y, size_t rows, float *dw)
{
	float scale = 2.0f / baton_loss_numbers(rows, 1);
	struct sums sums;

	if (rows == BATON_BLOCK) /* the usual batch: one block is the whole tree */
		sum_block(d_in, w, x, y, scale, &sums);
	else
		sum_rows(d_in, w, x, y, rows, scale, &sums);
	for (size_t k = 0; k < d_in; k++)
		dw[k] = baton_lanes_sum(sums.dw[k]);
	dw[d_in] = baton_lanes_sum(sums.bias);
	return baton_lanes_sum(sums.loss) / (float)rows;
}

/* Of the usual number of rows the compiler knows the quotients: nobody waits for a division. */
__attribute__((always_inline)) static inline float
gradient(size_t d_in, const float *w, const float *x, const float *y, size_t rows, float *dw)
{
	return rows == BATON_BLOCK ? of_rows(d_in, w, x, y, BATON_BLOCK, dw)
	                           : of_rows(d_in, w, x, y, rows, dw);
}

__attribute__((always_inline)) static inline float with_known_inputs(const float *w, const float *x,
                                                                     const float *y, size_t rows,
                                                                     size_t d_in, float *dw)
{
	switch (d_in) {
	case 1:
		return gradient(1, w, x, y, rows, dw);
	case 2:
		return gradient(2, w, x, y, rows, dw);
	case 3:
		return gradient(3, w, x, y, rows, dw);
	default:
		return gradient(4, w, x, y, rows, dw);
	}
}

float baton_linear_gradient(const float *w, const float *x, const float *y, size_t rows,
                            size_t d_in, float *dw)
{
	return with_known_inputs(w, x, y, rows, d_in, dw);
}

#ifdef __x86_64__

/* The same text for wider vectors: AVX2 has no fused multiply-add of its own, so there is
 * nothing that could round differently. */
__attribute__((target("avx2"))) static float
gradient_avx2(const float *w, const float *x, const float *y, size_t rows, size_t d_in, float *dw)
{
	return with_known_inputs(w, x, y, rows, d_in, dw);
}

baton_linear_fn *baton_linear_best(void)
{
	return __builtin_cpu_supports("avx2") ? gradient_avx2 : baton_linear_gradient;
}

#else

baton_linear_fn *baton_linear_best(void)
{
	return baton_linear_gradient;
}

#endif
