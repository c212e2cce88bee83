/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_SPREAD_H
#define BATON_BENCH_SPREAD_H

/* What several runs of one thing came to. */

#include <stdbool.h>
#include <stddef.h>

#define SPREAD_MAX 99

struct spread {
	double median, low, high;
};

/* value [n], 0 < n <= SPREAD_MAX; left as it is */
struct spread spread_of(const double *value, size_t n);
/* Without the highest and the lowest quarter of them */
struct spread spread_of_middle(const double *value, size_t n);
/* Of pairs: a[i] / b[i] */
struct spread spread_of_ratios(const double *a, const double *b, size_t n);

/* Two spreads that overlap are not told apart: no difference may be claimed. */
bool spread_overlap(const struct spread *a, const struct spread *b);

/* Is value in the spread, or outside of it by no more than factor? */
bool spread_is_near(const struct spread *s, double value, double factor);

/* --- goals --- */

enum verdict {
	GOAL_MET,
	GOAL_FLOOR,   /* not met, and what was measured beside says that it can't be, here */
	GOAL_UNCLEAR, /* the median misses it, some run meets it */
	GOAL_MISSED
};

struct goal {
	char of[8];     /* its number in the list of goals */
	char what[100]; /* what is measured */
	bool at_least;  /* else at most */
	double bound;
	struct spread seen;
	bool has_floor;
	double floor; /* the best that the machine allowed, in the same unit */
	char floor_is[60];
};

/* The median decides. A floor excuses only what it forbids: one that reaches the bound
 * itself, or that was beaten by more than this, says nothing. Two medians of one thing, one after the
 * other, differ by as much on a machine that others use. */
#define GOAL_NEAR 1.05
bool goal_is_forbidden(const struct goal *g);
enum verdict goal_verdict(const struct goal *g);
const char *goal_word(enum verdict v);
/* Is the whole met? goals [n] */
bool goals_pass(const struct goal *goals, size_t n);

#endif
