/* SPDX-License-Identifier: MIT */
/* Fuzz target: the reader of recorded runs (tests/ref/replay.c), and the training that it
 * does with what it reads. Either a file is good, and then nothing is said and the deviations
 * are numbers, or exactly one line on standard error names it and the line. */

#include "../ref/replay.h"
#include "fuzz.h"
#include <baton/baton.h>
#include <stdlib.h>
#include <string.h>

enum { SAID = 1 << 16 };

static char said[SAID];

static void broken(FILE *out, const char *promise)
{
	fprintf(out, "replay: broken: %s\nsaid: %s\n", promise, said);
	fflush(NULL);
	abort();
}

static void check(FILE *out, int rc, const struct replay_deviation *far)
{
	static const char name[] = "replay: fuzz:";
	size_t n = strlen(said);

	if (rc == REPLAY_PASS) {
		if (n > 0)
			broken(out, "nothing is said of a good run");
		if (!(far->weight >= 0 && far->loss >= 0))
			broken(out, "deviations are not less than 0");
	} else if (rc != REPLAY_BAD) {
		broken(out, "a run is good or bad");
	} else if (n == 0 || strchr(said, '\n') != said + n - 1) {
		broken(out, "one line on standard error");
	} else if (strncmp(said, name, strlen(name)) != 0 || said[strlen(name)] < '0' ||
	           said[strlen(name)] > '9') {
		broken(out, "the file and the line are named");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *stream;
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r"), *out = stderr;
	struct replay_deviation far;
	int rc;

	if (!file)
		return 0; /* an empty one, in old C libraries */
	if (!stream)
		stream = fmemopen(said, sizeof(said), "w");
	memset(said, 0, strlen(said));
	rewind(stream);
	stderr = stream; /* in glibc it may be assigned to */
	rc = replay(file, "fuzz", BATON_SUM_TREE, &far);
	fflush(stderr);
	stderr = out;
	fclose(file);
	check(out, rc, &far);
	return 0;
}
