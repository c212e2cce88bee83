/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_JUDGE_H
#define BATON_PITFALLS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

/* What a measured figure proves. */
enum verdict { VERDICT_OK, VERDICT_NOT_JUDGED, VERDICT_FAILED };

struct interval {
	double low, high; /* both included */
};

struct interval around(double middle, double tolerance);
/* Does it hold every number from low to high? NaN lies nowhere. */
enum verdict judge_range(struct interval allowed, double low, double high);
enum verdict judge(struct interval allowed, double value);
/* Both must be good: a failure counts most, a missing judgement next. */
enum verdict judge_both(enum verdict a, enum verdict b);

/* What rounds of one measurement came to. */
struct spread {
	double median;
	struct interval range; /* the median of many more rounds lies here */
};

/* Sorts values [n], n at least 9: the range leaves out the least and the largest eighth,
 * which for 9 rounds (2nd to 8th) holds the true median in 96 of 100 cases. */
struct spread spread_of(double *values, size_t n);
/* Is a less than b? Not judged if their ranges overlap: too noisy to say. */
enum verdict judge_less(const struct spread *a, const struct spread *b);

#endif
