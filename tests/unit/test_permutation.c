/* SPDX-License-Identifier: MIT */
/* A permutation for every n; and one that looks like any other: frequencies of places, of
 * pairs, of distances and of whole orders against those of all n! orders alike. The seeds are
 * fixed, so that a test fails always or never; a sound permutation with other seeds stays
 * below 6 standard deviations all but once in a hundred million times or so. */

#include <baton/permutation.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static baton_permutation made(uint64_t n, uint64_t seed, uint64_t epoch)
{
	baton_permutation p;

	baton_permutation_init(&p, n, seed, epoch);
	return p;
}

static bool is_bijection(uint64_t n, uint64_t seed, uint64_t epoch)
{
	baton_permutation p = made(n, seed, epoch);
	bool *seen = calloc(n + 1, 1);
	bool good = seen;

	for (uint64_t i = 0; good && i < n; i++) {
		uint64_t at = baton_permutation_at(&p, i);

		good = at < n && !seen[at];
		if (good)
			seen[at] = true;
	}
	free(seen);
	return good;
}

Test(permutation, every_value_comes_once, .timeout = 60)
{
	for (uint64_t n = 1; n <= 300; n++)
		for (uint64_t epoch = 0; epoch < 5; epoch++)
			cr_assert(is_bijection(n, n, epoch), "%" PRIu64 " %" PRIu64, n, epoch);
	for (uint64_t n = 512; n <= UINT64_C(1) << 20; n *= 2)
		for (uint64_t m = n - 1; m <= n + 1; m++)
			cr_assert(is_bijection(m, UINT64_MAX, UINT64_MAX), "%" PRIu64, m);
}

/* Too many to try all: no two of many places have one value, wherever they lie. */
Test(permutation, values_of_huge_ranges_are_inside_and_differ, .timeout = 60)
{
	const uint64_t huge[] = {UINT64_C(1) << 32, (UINT64_C(1) << 40) + 1, UINT64_C(1) << 63,
	                         (UINT64_C(1) << 63) + 1, UINT64_MAX};
	uint64_t values[256];

	for (size_t h = 0; h < sizeof(huge) / sizeof(huge[0]); h++) {
		baton_permutation p = made(huge[h], 1, 0);

		for (uint64_t i = 0; i < 256; i++) {
			values[i] = baton_permutation_at(&p, i < 128 ? i : huge[h] - i);
			cr_assert_lt(values[i], huge[h]);
			for (uint64_t j = 0; j < i; j++)
				cr_assert_neq(values[i], values[j]);
		}
	}
}

Test(permutation, what_is_outside_stays_where_it_is, .timeout = 60)
{
	baton_permutation none = made(0, 1, 1), seven = made(7, 1, 1);

	cr_assert_eq(baton_permutation_at(&none, 0), 0);
	cr_assert_eq(baton_permutation_at(&seven, 7), 7);
	cr_assert_eq(baton_permutation_at(&seven, UINT64_MAX), UINT64_MAX);
}

/* Data sets that were trained on must keep their order in all versions to come. */
Test(permutation, known_answers, .timeout = 60)
{
	const uint64_t ten[] = {7, 0, 5, 2, 9, 6, 3, 8, 1, 4},
		       huge[] = {UINT64_C(1127523628366163750), UINT64_C(3079370793563879583),
	                         UINT64_C(3685218749220142861), UINT64_C(2732988505715603972)};
	baton_permutation p = made(10, 1, 0), q = made(UINT64_C(1) << 63, 2, 3);

	for (uint64_t i = 0; i < 10; i++)
		cr_expect_eq(baton_permutation_at(&p, i), ten[i], "%" PRIu64, i);
	for (uint64_t i = 0; i < 4; i++)
		cr_expect_eq(baton_permutation_at(&q, i), huge[i], "%" PRIu64, i);
}

/* --- statistics ----------------------------------------------------------------------- */

/* Chi-square of counts that should all be alike, in standard deviations from its mean. */
static double strangeness(const unsigned *counts, size_t n)
{
	double total = 0, expected, chi = 0;

	for (size_t i = 0; i < n; i++)
		total += counts[i];
	expected = total / (double)n;
	for (size_t i = 0; i < n; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	return (chi - (double)(n - 1)) / sqrt(2 * (double)(n - 1));
}

/* The number of an order of n among all n! */
static size_t rank_of(const uint64_t *order, size_t n)
{
	size_t rank = 0;

	for (size_t i = 0; i < n; i++) {
		size_t smaller = 0;

		for (size_t j = i + 1; j < n; j++)
			smaller += order[j] < order[i];
		rank = rank * (n - i) + smaller;
	}
	return rank;
}

Test(permutation, all_orders_of_few_come_alike_often, .timeout = 60)
{
	const size_t orders[] = {0, 1, 2, 6, 24, 120, 720};

	for (size_t n = 2; n <= 6; n++) {
		unsigned counts[720] = {0};

		for (uint64_t epoch = 0; epoch < 400 * orders[n]; epoch++) {
			baton_permutation p = made(n, 5, epoch);
			uint64_t order[6];

			for (size_t i = 0; i < n; i++)
				order[i] = baton_permutation_at(&p, i);
			counts[rank_of(order, n)]++;
		}
		cr_expect_lt(fabs(strangeness(counts, orders[n])), 6.0, "%zu: %f", n,
		             strangeness(counts, orders[n]));
	}
}

#define MOST 131

struct counts {
	unsigned place[MOST * MOST]; /* value v stands at place i */
	unsigned pair[MOST * MOST];  /* places 0 and 1 have values u and v */
	unsigned step[MOST];         /* from a value to the next, modulo n */
};

static void count(struct counts *c, size_t n, uint64_t epoch)
{
	baton_permutation p = made(n, 11, epoch);
	size_t before = baton_permutation_at(&p, 0), first = before;

	c->place[before]++;
	for (size_t i = 1; i < n; i++) {
		size_t value = baton_permutation_at(&p, i);

		c->place[i * n + value]++;
		c->step[(value + n - before) % n]++;
		if (i == 1)
			c->pair[first * (n - 1) + value - (value > first)]++;
		before = value;
	}
}

Test(permutation, places_pairs_and_steps_come_alike_often, .timeout = 60)
{
	const size_t sizes[] = {8, 13, 16, 37, 64, 100, 128, 131};
	struct counts *c = malloc(sizeof(*c));

	cr_assert_not_null(c);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		size_t n = sizes[s];

		*c = (struct counts){{0}, {0}, {0}};
		for (uint64_t epoch = 0; epoch < 10000; epoch++)
			count(c, n, epoch);
		cr_expect_lt(fabs(strangeness(c->place, n * n)), 6.0, "%zu: %f", n,
		             strangeness(c->place, n * n));
		cr_expect_lt(fabs(strangeness(c->pair, n * (n - 1))), 6.0, "%zu: %f", n,
		             strangeness(c->pair, n * (n - 1)));
		cr_expect_lt(fabs(strangeness(c->step + 1, n - 1)), 6.0, "%zu: %f", n,
		             strangeness(c->step + 1, n - 1));
	}
	free(c);
}

/* Another seed or epoch is another order: as many values stay as in any other order, 1 of
 * them on average, with standard deviation 1. */
Test(permutation, seeds_and_epochs_have_nothing_in_common, .timeout = 60)
{
	const uint64_t n = 1000, others[][2] = {{1, 1},
	                                        {1, 2},
	                                        {2, 0},
	                                        {UINT64_C(1) << 32, 0},
	                                        {1, UINT64_C(1) << 32},
	                                        {0, 1}};
	baton_permutation p = made(n, 1, 0);

	for (size_t o = 0; o < sizeof(others) / sizeof(others[0]); o++) {
		baton_permutation q = made(n, others[o][0], others[o][1]);
		unsigned same = 0;

		for (uint64_t i = 0; i < n; i++)
			same += baton_permutation_at(&p, i) == baton_permutation_at(&q, i);
		cr_expect_leq(same, 9, "%zu: %u", o, same);
	}
}
