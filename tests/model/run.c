/* SPDX-License-Identifier: MIT */
/* Explores one harness, which is linked to it.
 *
 *   model [seconds N] [preemptions N] [replay CHOICES]
 * Prints one line: executions, what was dropped, the longest, the time. Exit 0: all were
 * run and none failed. 3: one failed, and is printed. 4: the time was up before that. */

#include "explorer.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ex_harness(void);

static void program(void)
{
	ex_harness();
}

int main(int argc, char **argv)
{
	static const char *const ends[] = {"all", "FAILED", "stopped"};
	static const int status[] = {0, 3, 4};
	struct ex_options options = {.print = true};
	struct ex_result r;

	for (int i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "seconds") == 0)
			options.max_seconds = atof(argv[i + 1]);
		else if (strcmp(argv[i], "preemptions") == 0) {
			options.unreduced = true;
			options.preemptions = atoi(argv[i + 1]);
		} else if (strcmp(argv[i], "replay") == 0)
			options.replay = argv[i + 1];
		else if (strcmp(argv[i], "quiet") == 0)
			options.print = atoi(argv[i + 1]) == 0;
	ex_explore(program, &options, &r);
	printf("%s: %" PRIu64 " executions, %" PRIu64 " dropped, up to %d operations, %.2f s%s%s\n",
	       ends[r.end], r.complete, r.dropped, r.longest, r.seconds, r.text[0] ? ": " : "",
	       r.text);
	return status[r.end];
}
