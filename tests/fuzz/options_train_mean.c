/* SPDX-License-Identifier: MIT */
#include "options.h"
#define args_parse(args, argc, argv) options_parse(args, NULL, argc, argv)
#include "../../apps/train_mean/options.c"
#include <math.h>

/* In place of the one that opens them. */
int open_files(struct setup *s)
{
	(void)s;
	return ARGS_GO_ON;
}

static bool all_pairs(const struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n && i < MAX_PREDICT; i++)
		if (!(fabsf(pairs->of[i][0]) <= 1e30f && fabsf(pairs->of[i][1]) <= 1e30f))
			return false;
	return pairs->n <= MAX_PREDICT;
}

static bool all_units(const struct units *units)
{
	for (size_t i = 0; i < units->n && i < MAX_HIDDEN; i++)
		if (units->of[i] < 1 || units->of[i] > MAX_UNITS)
			return false;
	return units->n <= MAX_HIDDEN;
}

int options_of_train_mean(int argc, char **argv)
{
	struct setup s = {.producers = AUTO, .batch_size = 64, .steps = 1000, .epochs = 10};
	int rc = read_args(&s, argc, argv);

	if (rc == ARGS_GO_ON && !(all_pairs(&s.predict) && all_pairs(&s.watch) && s.watch.n <= 1))
		options_broken("pairs of numbers up to 1e30");
	if (rc == ARGS_GO_ON && !all_units(&s.hidden))
		options_broken("1 to 8 layers of 1 to 4096 units");
	return rc;
}
