/* SPDX-License-Identifier: MIT */
#include "spread.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(const double *value, size_t n)
{
	double sorted[SPREAD_MAX];

	assert(n > 0 && n <= SPREAD_MAX);
	memcpy(sorted, value, n * sizeof(*value));
	qsort(sorted, n, sizeof(*sorted), compare);
	return (struct spread){(sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[0], sorted[n - 1]};
}

struct spread spread_of_middle(const double *value, size_t n)
{
	double sorted[SPREAD_MAX];

	assert(n > 0 && n <= SPREAD_MAX);
	memcpy(sorted, value, n * sizeof(*value));
	qsort(sorted, n, sizeof(*sorted), compare);
	return spread_of(&sorted[n / 4], n - 2 * (n / 4));
}

struct spread spread_of_ratios(const double *a, const double *b, size_t n)
{
	double ratio[SPREAD_MAX];

	for (size_t i = 0; i < n; i++)
		ratio[i] = a[i] / b[i];
	return spread_of(ratio, n);
}

bool spread_overlap(const struct spread *a, const struct spread *b)
{
	return a->low <= b->high && b->low <= a->high;
}

bool spread_is_near(const struct spread *s, double value, double factor)
{
	return s->low <= value * factor && s->high >= value / factor;
}

/* NaN meets nothing. */
static bool meets(const struct goal *g, double value)
{
	return g->at_least ? value >= g->bound : value <= g->bound;
}

/* Is what was seen no better than its floor? Of no number that is not known. */
static bool respects_floor(const struct goal *g)
{
	double better = g->at_least ? g->seen.median / g->floor : g->floor / g->seen.median;

	return better <= GOAL_NEAR;
}

bool goal_is_forbidden(const struct goal *g)
{
	return g->has_floor && !isnan(g->floor) && !meets(g, g->floor) && respects_floor(g);
}

enum verdict goal_verdict(const struct goal *g)
{
	if (meets(g, g->seen.median))
		return GOAL_MET;
	if (goal_is_forbidden(g))
		return GOAL_FLOOR;
	return meets(g, g->at_least ? g->seen.high : g->seen.low) ? GOAL_UNCLEAR : GOAL_MISSED;
}

const char *goal_word(enum verdict v)
{
	static const char *const words[] = {"met", "floor", "not met (unclear)", "not met"};

	return words[v];
}

bool goals_pass(const struct goal *goals, size_t n)
{
	bool pass = n > 0;

	for (size_t i = 0; i < n; i++)
		pass = pass && goal_verdict(&goals[i]) <= GOAL_FLOOR;
	return pass;
}
