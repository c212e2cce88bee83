/* SPDX-License-Identifier: MIT */
/* What pitfalls calls good: its judge must be able to say no. */

#include "../../apps/pitfalls/judge.h"
#include <math.h>
#include <stdio.h>

static int failed;

#define CHECK(condition)                                            \
	do {                                                        \
		if (!(condition)) {                                 \
			printf("# %d: %s\n", __LINE__, #condition); \
			failed = 1;                                 \
		}                                                   \
	} while (0)

static void report(int number, const char *claim)
{
	static int before;

	printf("%s %d - %s\n", failed ? "not ok" : "ok", number, claim);
	before |= failed;
	failed = number == 4 ? before : 0;
}

int main(void)
{
	const struct interval i = around(10, 2);
	double rounds[9] = {5, 1, 9, 2, 8, 3, 7, 4, 6};
	struct spread cheap, dear = {20, {15, 25}}, near = {9, {8, 15}};

	printf("1..4\n");
	CHECK(judge(i, 8) == VERDICT_OK && judge(i, 12) == VERDICT_OK);
	CHECK(judge(i, 7.999) == VERDICT_FAILED && judge(i, 12.001) == VERDICT_FAILED);
	CHECK(judge_range(i, 8, 12.5) == VERDICT_FAILED && judge_range(i, 7, 9) == VERDICT_FAILED);
	report(1, "an interval holds its ends and nothing beyond");

	CHECK(judge(i, (double)NAN) == VERDICT_FAILED);
	CHECK(judge(i, (double)INFINITY) == VERDICT_FAILED);
	CHECK(judge_range(i, (double)NAN, 9) == VERDICT_FAILED);
	CHECK(judge((struct interval){(double)NAN, (double)NAN}, 1) == VERDICT_FAILED);
	report(2, "what is not a number lies nowhere");

	CHECK(judge_both(VERDICT_OK, VERDICT_OK) == VERDICT_OK);
	CHECK(judge_both(VERDICT_OK, VERDICT_NOT_JUDGED) == VERDICT_NOT_JUDGED);
	CHECK(judge_both(VERDICT_FAILED, VERDICT_NOT_JUDGED) == VERDICT_FAILED);
	report(3, "of two verdicts the worse one counts");

	cheap = spread_of(rounds, 9);
	CHECK(cheap.median == 5 && cheap.range.low == 2 && cheap.range.high == 8);
	CHECK(judge_less(&cheap, &dear) == VERDICT_OK);
	CHECK(judge_less(&dear, &cheap) == VERDICT_FAILED);
	CHECK(judge_less(&cheap, &near) == VERDICT_NOT_JUDGED);
	report(4, "less is what is clear of the other's range, and only that");
	return failed;
}
