/* SPDX-License-Identifier: MIT */
/* How rival judges, on made-up figures: met, not met, floor, and what overlaps. */

#include "spread.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static int number, failed;

static void claim(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	failed += !good;
}

static struct goal goal(bool at_least, double bound, double low, double median, double high)
{
	return (struct goal){.at_least = at_least, .bound = bound, .seen = {median, low, high}};
}

static struct goal with_floor(struct goal g, double floor)
{
	g.has_floor = true;
	g.floor = floor;
	return g;
}

static bool is(struct goal g, enum verdict v)
{
	return goal_verdict(&g) == v;
}

static void spreads(void)
{
	const double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, twice[] = {6, 2, 8};
	const double wild[] = {1, 99, 5, 6, 7, 5, 0, 6, 1};
	struct spread s = spread_of(odd, 3), r = spread_of_ratios(twice, odd, 3);

	claim(s.median == 2 && s.low == 1 && s.high == 3, "median, least and most of three");
	claim(odd[0] == 3, "what was measured stays in its order");
	s = spread_of(even, 4);
	claim(s.median == 2.5, "the median of four is between the middle two");
	s = spread_of_middle(wild, 9);
	claim(s.median == 5 && s.low == 1 && s.high == 6, "the middle half of nine is five");
	s = spread_of_middle(odd, 3);
	claim(s.low == 1 && s.high == 3, "and of three all");
	claim(r.median == 2 && r.low == 2 && r.high == 4, "ratios are of pairs, not of medians");
}

static void overlaps(void)
{
	const struct spread a = {2, 1, 3}, b = {5, 3, 6}, c = {5, 3.1, 6}, inside = {2, 1.9, 2.1};

	claim(spread_overlap(&a, &b) && spread_overlap(&b, &a), "spreads that touch overlap");
	claim(!spread_overlap(&a, &c) && !spread_overlap(&c, &a), "spreads apart do not");
	claim(spread_overlap(&a, &inside) && spread_overlap(&inside, &a),
	      "one inside the other overlaps");
	claim(spread_is_near(&a, 2.9, 1) && spread_is_near(&a, 3.9, 1.5) &&
	              spread_is_near(&a, 0.7, 1.5),
	      "what is in a spread, or outside by less than the factor, is near it");
	claim(!spread_is_near(&a, 5, 1.5) && !spread_is_near(&a, 0.6, 1.5),
	      "what is farther off is not");
}

static void verdicts(void)
{
	const double none = (double)NAN;

	claim(is(goal(true, 6, 5, 6, 7), GOAL_MET), "at least: the median is enough");
	claim(is(goal(true, 6, 5, 5.9, 5.99), GOAL_MISSED), "at least: below is missed");
	claim(is(goal(true, 6, 5, 5.9, 6), GOAL_UNCLEAR), "at least: some run met it, unclear");
	claim(is(goal(false, 1.1, 1, 1.1, 2), GOAL_MET), "at most: the median is enough");
	claim(is(goal(false, 1.1, 1.2, 1.3, 2), GOAL_MISSED), "at most: above is missed");
	claim(is(goal(false, 1.1, 1, 1.3, 2), GOAL_UNCLEAR), "at most: some run met it, unclear");
	claim(is(goal(true, 6, none, none, none), GOAL_MISSED), "no number meets nothing");
}

static void floors(void)
{
	const struct goal missed = goal(true, 6, 3, 4, 5), most = goal(false, 1.1, 1.2, 1.3, 2);
	const double none = (double)NAN;

	claim(is(with_floor(missed, 5.5), GOAL_FLOOR), "at least: a floor below it forbids it");
	claim(is(with_floor(missed, 6), GOAL_MISSED), "at least: one that reaches it does not");
	claim(is(with_floor(most, 1.15), GOAL_FLOOR), "at most: a floor above it forbids it");
	claim(is(with_floor(most, 1.1), GOAL_MISSED), "at most: one that reaches it does not");
	claim(is(with_floor(missed, 3.9), GOAL_FLOOR), "at least: one beaten by 3 % is one");
	claim(is(with_floor(most, 1.31), GOAL_FLOOR), "at most: one beaten by 1 % is one");
	claim(is(with_floor(missed, 3.8), GOAL_MISSED), "at least: one that was beaten is none");
	claim(is(with_floor(most, 1.37), GOAL_MISSED), "at most: one that was beaten is none");
	claim(is(with_floor(goal(true, 6, 3, 7, 8), 5), GOAL_MET), "what is met needs no floor");
	claim(is(with_floor(goal(true, 6, none, none, none), 5), GOAL_MISSED),
	      "a floor excuses no number that is none");
	claim(is(with_floor(missed, none), GOAL_MISSED), "nor is one a floor");
}

static void whole(void)
{
	struct goal all[] = {goal(true, 1, 1, 1, 1), with_floor(goal(true, 6, 3, 4, 5), 5.5),
	                     goal(true, 6, 5, 5.9, 6), goal(true, 6, 5, 5.9, 5.99)};

	claim(goals_pass(all, 2), "met and floor pass");
	claim(!goals_pass(all, 3), "unclear does not");
	all[2] = all[3];
	claim(!goals_pass(all, 3), "nor does missed");
	claim(!goals_pass(all, 0), "nor nothing measured");
	claim(strcmp(goal_word(GOAL_FLOOR), "floor") == 0 &&
	              strcmp(goal_word(GOAL_MISSED), "not met") == 0,
	      "each has its word");
}

int main(void)
{
	spreads();
	overlaps();
	verdicts();
	floors();
	whole();
	printf("1..%d\n", number);
	return failed > 0;
}
