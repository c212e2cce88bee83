/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_REDUCE_H
#define BATON_TRAIN_REDUCE_H

/* Sums over rows, in one order for ever: the reason why a run has the same bits with any
 * compiler, any -O and any vector width.
 *
 * Row r is lane r % 16 of group r / 16; lanes past the last row hold 0. Each lane is
 * summed over the groups in a balanced binary tree by group index: n groups are the
 * largest power of two below n, plus the rest. Then the 16 lanes are folded 8, 4, 2, 1.
 * Which rows meet is settled by their index alone, so that a batch may be split at a
 * subtree's edge and still give the same bits.
 *
 * The tree is built like a binary counter: subtree sums wait at the level of their size
 * until their right-hand neighbour of the same size is done. Plain arrays of 16 floats
 * are what gcc and clang turn into good code at every width. */

#include <stddef.h>
#include <string.h>

#define BATON_LANES 16u

/* Rows, rounded up to whole groups: the length of a column. */
static inline size_t baton_column(size_t rows)
{
	return (rows + BATON_LANES - 1) / BATON_LANES * BATON_LANES;
}

/* at[i]: the sum of 2^i groups, where bit i of the number of groups so far is set. */
struct baton_tree {
	float at[40][BATON_LANES];
};

/* Add a subtree of 2^level groups; count subtrees of this size came before it. */
static inline void baton_tree_push(struct baton_tree *tree, unsigned level, size_t count,
                                   const float sum[BATON_LANES])
{
	float carry[BATON_LANES];

	memcpy(carry, sum, sizeof(carry));
	for (; count & 1; count >>= 1, level++) {
		for (unsigned i = 0; i < BATON_LANES; i++)
			carry[i] = tree->at[level][i] + carry[i];
	}
	memcpy(tree->at[level], carry, sizeof(carry));
}

/* The 16 lanes' sum. */
static inline float baton_lanes_sum(const float sum[BATON_LANES])
{
	float s[BATON_LANES];

	memcpy(s, sum, sizeof(s));
	for (unsigned i = 0; i < 8; i++)
		s[i] += s[i + 8];
	for (unsigned i = 0; i < 4; i++)
		s[i] += s[i + 4];
	return (s[0] + s[2]) + (s[1] + s[3]);
}

/* The lanes' sums of all groups that were pushed, at least one. */
static inline void baton_tree_fold(const struct baton_tree *tree, size_t groups,
                                   float sum[BATON_LANES])
{
	unsigned level = (unsigned)__builtin_ctzll(groups);

	memcpy(sum, tree->at[level], sizeof(tree->at[level]));
	for (groups >>= level; groups >>= 1;) {
		level++;
		for (unsigned i = 0; groups & 1 && i < BATON_LANES; i++)
			sum[i] = tree->at[level][i] + sum[i];
	}
}

static inline float baton_tree_sum(const struct baton_tree *tree, size_t groups)
{
	float sum[BATON_LANES];

	baton_tree_fold(tree, groups, sum);
	return baton_lanes_sum(sum);
}

/* The lanes' sums of one group, and of four, a subtree of level 2: of a[r] b[r], or of a[r]
 * if b is NULL. Inlined where b is known, so that the question costs nothing. */
#define BATON_BLOCK (4 * BATON_LANES)

__attribute__((always_inline)) static inline float baton_product(const float *a, const float *b,
                                                                 size_t r)
{
	return b ? a[r] * b[r] : a[r];
}

__attribute__((always_inline)) static inline void baton_group_sums(const float *a, const float *b,
                                                                   float sum[BATON_LANES])
{
	for (unsigned i = 0; i < BATON_LANES; i++)
		sum[i] = baton_product(a, b, i);
}

__attribute__((always_inline)) static inline void baton_block_sums(const float *a, const float *b,
                                                                   float sum[BATON_LANES])
{
	for (unsigned i = 0; i < BATON_LANES; i++)
		sum[i] = (baton_product(a, b, i) + baton_product(a, b, 16 + i)) +
		         (baton_product(a, b, 32 + i) + baton_product(a, b, 48 + i));
}

/* The sum over a column of the same. */
__attribute__((always_inline)) static inline float
baton_reduce_products(const float *a, const float *b, size_t column)
{
	float sum[BATON_LANES];
	struct baton_tree tree;
	size_t r = 0;

	for (; r + BATON_BLOCK <= column; r += BATON_BLOCK) {
		baton_block_sums(a + r, b ? b + r : NULL, sum);
		baton_tree_push(&tree, 2, r / BATON_BLOCK, sum);
	}
	for (; r < column; r += BATON_LANES) {
		baton_group_sums(a + r, b ? b + r : NULL, sum);
		baton_tree_push(&tree, 0, r / BATON_LANES, sum);
	}
	return baton_tree_sum(&tree, column / BATON_LANES);
}

static inline float baton_reduce_sum(const float *a, size_t column)
{
	return baton_reduce_products(a, NULL, column);
}

static inline float baton_reduce_dot(const float *a, const float *b, size_t column)
{
	return baton_reduce_products(a, b, column);
}

/* The other order: row after row, one chain of additions. */
static inline float baton_reduce_in_order(const float *a, const float *b, size_t rows)
{
	float sum = 0;

	for (size_t r = 0; r < rows; r++)
		sum += baton_product(a, b, r);
	return sum;
}

#endif
