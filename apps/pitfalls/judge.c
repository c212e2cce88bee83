/* SPDX-License-Identifier: MIT */
/* Verdicts. Whatever this program calls good passes through here, so here is what a test
 * must show to be able to fail. */

#include "judge.h"
#include <assert.h>
#include <stdlib.h>

struct interval around(double middle, double tolerance)
{
	return (struct interval){middle - tolerance, middle + tolerance};
}

enum verdict judge_range(struct interval allowed, double low, double high)
{
	/* so written that a NaN fails */
	return low >= allowed.low && high <= allowed.high && low <= high ? VERDICT_OK
	                                                                 : VERDICT_FAILED;
}

enum verdict judge(struct interval allowed, double value)
{
	return judge_range(allowed, value, value);
}

enum verdict judge_both(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double *values, size_t n)
{
	assert(n >= 9);
	qsort(values, n, sizeof(*values), by_value);
	return (struct spread){values[n / 2], {values[n / 8], values[n - 1 - n / 8]}};
}

enum verdict judge_less(const struct spread *a, const struct spread *b)
{
	if (a->range.high < b->range.low)
		return VERDICT_OK;
	return a->range.low > b->range.high ? VERDICT_FAILED : VERDICT_NOT_JUDGED;
}
