/* SPDX-License-Identifier: MIT */
/* Does baton learn as Keras does, step for step?
 *
 *      replay [--tree] FILE...
 *
 * Each file is one training run of Keras (README.md beside it says how it is written). Its
 * very batches go through a pipeline, from this program's own thread, and the network that
 * the file describes is trained on them with the public API. One line for each file:
 *
 *      NAME  largest deviation of a weight  largest deviation of a loss  pass|fail
 *
 * the first absolute, at most 5e-6, the second relative to max(loss, 1e-3), at most 1e-4.
 * Two NaNs, or two equal infinities, agree.
 *
 * Sums go row by row, as Keras' do on a CPU; --tree takes the library's default order. Near
 * the end of a run a loss of 1e-3 is made of residuals of 0.03 in predictions of 50, whose
 * last bit is 4e-6: there the order is seen in the loss, though not in the weights.
 *
 * Exit status: 0 all pass; 1 one fails; 2 one can't be used, and a line on standard error
 * says which, where, what is wrong and what would be right (the others are still run). */

#include "replay.h"
#include <baton/baton.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MOST_WEIGHT 5e-6
#define MOST_LOSS 1e-4

static int judge(const char *path, const struct replay_deviation *far)
{
	const char *slash = strrchr(path, '/');
	bool pass = far->weight <= MOST_WEIGHT && far->loss <= MOST_LOSS;

	printf("%-32s %9.3g %9.3g %s\n", slash ? slash + 1 : path, far->weight, far->loss,
	       pass ? "pass" : "fail");
	return pass ? REPLAY_PASS : REPLAY_FAIL;
}

static int replay_path(const char *path, int sum_order)
{
	FILE *file = fopen(path, "r");
	struct replay_deviation far;
	int rc;

	if (!file) {
		fprintf(stderr, "replay: %s: can't be read: %s\n", path, strerror(errno));
		return REPLAY_BAD;
	}
	rc = replay(file, path, sum_order, &far);
	fclose(file);
	return rc == REPLAY_PASS ? judge(path, &far) : rc;
}

int main(int argc, char **argv)
{
	int worst = REPLAY_PASS, first = 1, sum_order = BATON_SUM_IN_ORDER;

	if (argc > 1 && strcmp(argv[1], "--tree") == 0) {
		sum_order = BATON_SUM_TREE;
		first++;
	}
	if (first >= argc) {
		fprintf(stderr, "replay: no file; usage: replay [--tree] FILE...\n");
		return REPLAY_BAD;
	}
	for (int i = first; i < argc; i++) {
		int rc = replay_path(argv[i], sum_order);

		worst = rc > worst ? rc : worst;
	}
	return worst;
}
