/* SPDX-License-Identifier: MIT */
#ifndef REF_REPLAY_H
#define REF_REPLAY_H

#include <stdio.h>

/* The largest differences between a recorded run and ours. */
struct replay_deviation {
	double weight; /* absolute */
	double loss;   /* relative to max(loss, 1e-3) */
};

enum { REPLAY_PASS, REPLAY_FAIL, REPLAY_BAD };

/* Replay the run that file holds; path is what messages call it. Returns REPLAY_PASS, with
 * *far; or REPLAY_BAD after one line on standard error. */
int replay(FILE *file, const char *path, int sum_order, struct replay_deviation *far);

#endif
