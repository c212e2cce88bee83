/* SPDX-License-Identifier: MIT */
/* A main for a fuzz target, where there is no libFuzzer:
 *
 *      driver FILE|DIRECTORY...              each file is one input
 *      driver --random N SEED DIRECTORY...   then also N inputs made of these files by a few
 *                                            random changes each: the same ones for a seed
 *
 * Exit 0 if the target has found nothing. If it has, it ends the process, and a line on
 * standard error says with which input. */

#include "fuzz.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUTS = 4096, LONGEST = 4096 };

struct input {
	char *path;
	uint8_t *data;
	size_t size;
};

static struct input inputs[INPUTS];
static size_t n_inputs;

/* --- who was it? ------------------------------------------------------------------------- */

static char now[4200];

static void on_abort(int signal)
{
	(void)signal;
	if (write(STDERR_FILENO, now, strlen(now)) < 0)
		_exit(3);
}

static void run(const char *what, const uint8_t *data, size_t size)
{
	snprintf(now, sizeof(now), "driver: found with %s\n", what);
	LLVMFuzzerTestOneInput(data, size);
}

/* --- files ------------------------------------------------------------------------------- */

static void give_up(const char *path, const char *why)
{
	fprintf(stderr, "driver: %s: %s\n", path, why);
	exit(2);
}

static void read_file(const char *path)
{
	struct input *in = &inputs[n_inputs];
	FILE *file = fopen(path, "rb");

	if (!file)
		give_up(path, strerror(errno));
	if (n_inputs++ == INPUTS)
		give_up(path, "more than 4096 files");
	in->path = strdup(path);
	in->data = malloc(1 << 20);
	if (!in->path || !in->data)
		give_up(path, "out of memory");
	in->size = fread(in->data, 1, 1 << 20, file);
	fclose(file);
	in->data = realloc(in->data, in->size ? in->size : 1); /* ASan sees its end */
}

static void read_path(const char *path)
{
	struct stat what;
	struct dirent **names;
	char inside[4096];
	int n;

	if (stat(path, &what) != 0)
		give_up(path, strerror(errno));
	if (!S_ISDIR(what.st_mode)) {
		read_file(path);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(inside, sizeof(inside), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			read_file(inside);
		free(names[i]);
	}
	free(names);
}

/* --- changes ----------------------------------------------------------------------------- */

static uint64_t state;

static size_t draw(size_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(state >> 33) % n;
}

static size_t insert(uint8_t *data, size_t size, size_t at, const uint8_t *what, size_t n)
{
	if (size + n > LONGEST)
		return size;
	memmove(data + at + n, data + at, size - at);
	memcpy(data + at, what, n);
	return size + n;
}

/* data [LONGEST], of which size are used. Returns how many are then. */
static size_t change(uint8_t *data, size_t size)
{
	const struct input *other = &inputs[draw(n_inputs)];
	uint8_t byte = (uint8_t)draw(256);
	size_t at = draw(size + 1), n = draw(16), from = draw(other->size + 1);

	switch (draw(5)) {
	case 0:
		return insert(data, size, at, &byte, 1);
	case 1:
		n = n < size - at ? n : size - at;
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	case 2:
		n = n < other->size - from ? n : other->size - from;
		return insert(data, size, at, other->data + from, n);
	case 3:
		if (at < size)
			data[at] ^= (uint8_t)(1u << draw(8));
		return size;
	default:
		if (at < size)
			data[at] = byte;
		return size;
	}
}

static void run_random(size_t n, const char *seed)
{
	static uint8_t data[LONGEST];
	char what[100];

	state = strtoull(seed, NULL, 10);
	for (size_t i = 0; i < n; i++) {
		const struct input *in = &inputs[draw(n_inputs)];
		size_t size = in->size < LONGEST ? in->size : LONGEST;
		uint8_t *exact;

		memcpy(data, in->data, size);
		for (size_t changes = 1 + draw(8); changes > 0; changes--)
			size = change(data, size);
		exact = malloc(size ? size : 1);
		if (!exact)
			give_up(seed, "out of memory");
		memcpy(exact, data, size);
		snprintf(what, sizeof(what), "random input %zu of seed %s", i, seed);
		run(what, exact, size);
		free(exact);
	}
}

int main(int argc, char **argv)
{
	bool random = argc > 4 && strcmp(argv[1], "--random") == 0;

	signal(SIGABRT, on_abort);
	for (int i = random ? 4 : 1; i < argc; i++)
		read_path(argv[i]);
	if (n_inputs == 0)
		give_up("usage", "driver [--random N SEED] FILE|DIRECTORY...");
	for (size_t i = 0; i < n_inputs; i++)
		run(inputs[i].path, inputs[i].data, inputs[i].size);
	if (random)
		run_random(strtoull(argv[2], NULL, 10), argv[3]);
	printf("%zu files%s%s, nothing found\n", n_inputs, random ? " and random inputs: " : "",
	       random ? argv[2] : "");
	for (size_t i = 0; i < n_inputs; i++) {
		free(inputs[i].path);
		free(inputs[i].data);
	}
	return 0;
}
