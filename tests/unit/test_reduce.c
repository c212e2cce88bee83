/* SPDX-License-Identifier: MIT */
/* The sums against their definition, written down as slowly as it can be said. */
#include "train/columns.h"
#include "train/reduce.h"
#include <criterion/criterion.h>
#include <stdint.h>

#define MOST 300

/* Numbers whose sum depends on the order: many exponents, both signs. */
static float noise(uint32_t i)
{
	i = (i + 1) * 2654435761u;
	i ^= i >> 15;
	i *= 2246822519u;
	return ((float)(i >> 8) - 8388608.0f) * (i & 1 ? 1e-3f : 7.0f);
}

/* One lane, groups [from, to): the largest power of two below their number, and the rest. */
static float lane_sum(const float *a, size_t lane, size_t from, size_t to)
{
	size_t left = 1;

	if (to - from == 1)
		return a[16 * from + lane];
	while (2 * left < to - from)
		left *= 2;
	return lane_sum(a, lane, from, from + left) + lane_sum(a, lane, from + left, to);
}

/* Lanes [0, 8) with [8, 16), and so on. */
static float fold(float *lanes, size_t n)
{
	if (n == 1)
		return lanes[0];
	for (size_t i = 0; i < n / 2; i++)
		lanes[i] += lanes[i + n / 2];
	return fold(lanes, n / 2);
}

static float slow_sum(const float *a, size_t column)
{
	float lanes[16];

	for (size_t i = 0; i < 16; i++)
		lanes[i] = lane_sum(a, i, 0, column / 16);
	return fold(lanes, 16);
}

static size_t fill(float *a, size_t rows, uint32_t seed)
{
	memset(a, 0, baton_column(rows) * sizeof(float));
	for (size_t i = 0; i < rows; i++)
		a[i] = noise((uint32_t)i + seed);
	return baton_column(rows);
}

static int same_bits(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

Test(reduce, a_sum_has_the_bits_of_its_recursive_definition)
{
	float a[MOST + 16];

	for (size_t rows = 1; rows <= MOST; rows++) {
		size_t column = fill(a, rows, (uint32_t)rows * 1000);

		cr_assert(same_bits(baton_reduce_sum(a, column), slow_sum(a, column)), "%zu rows",
			  rows);
	}
}

Test(reduce, a_dot_product_is_the_sum_of_the_products)
{
	float a[MOST + 16], b[MOST + 16], products[MOST + 16];

	for (size_t rows = 1; rows <= MOST; rows++) {
		size_t column = fill(a, rows, 17);

		fill(b, rows, (uint32_t)rows);
		for (size_t i = 0; i < column; i++)
			products[i] = a[i] * b[i];
		cr_assert(same_bits(baton_reduce_dot(a, b, column), slow_sum(products, column)),
			  "%zu rows", rows);
	}
}

Test(reduce, another_order_would_show)
{
	float a[MOST + 16], straight = 0;
	size_t column = fill(a, MOST, 1);

	for (size_t i = 0; i < column; i++)
		straight += a[i];
	cr_expect_not(same_bits(straight, slow_sum(a, column)));
}

Test(reduce, columns_are_rows_transposed_and_padded_with_zero)
{
	enum { ROWS = 19, COLUMN = 32 };
	float rows[6 * ROWS], columns[6 * COLUMN], back[6 * ROWS];

	for (size_t units = 1; units <= 6; units++) {
		for (uint32_t i = 0; i < units * ROWS; i++)
			rows[i] = noise(i);
		memset(columns, 0xff, sizeof(columns));
		baton_columns_from_rows(rows, ROWS, units, columns);
		baton_columns_to_rows(columns, ROWS, units, back);
		cr_assert_eq(memcmp(rows, back, units * ROWS * sizeof(float)), 0);
		for (size_t i = 0; i < units * COLUMN; i++)
			cr_assert_eq(columns[i],
				     i % COLUMN < ROWS ? rows[i % COLUMN * units + i / COLUMN] : 0);
	}
}
