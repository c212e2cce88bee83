/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

/* A training run of Keras 3.15.1, read from tests/ref: plain text, one record a line, whose
 * first word says what it is. Numbers have nine digits: the exact float32. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef BATON_REF_DIR
#define BATON_REF_DIR "tests/ref"
#endif

#define GOLDEN_WEIGHTS 64

struct golden {
	FILE *file;
	size_t d_in, rows, steps, n_weights;
	double learning_rate;
	float weights[GOLDEN_WEIGHTS]; /* at the start, then after the step that was read last */
	float *x, *y;                  /* of that step: [rows, d_in], [rows] */
	float loss;
	char line[1 << 16];
};

/* The numbers of a line, after its first word. Returns how many. */
static inline size_t golden_numbers(const char *line, float *to, size_t most)
{
	char *at = strchr(line, ' '), *end;
	size_t n = 0;

	for (; n < most; n++, at = end) {
		float number = strtof(at, &end);

		if (end == at)
			break;
		to[n] = number;
	}
	return n;
}

static inline void golden_header(struct golden *g)
{
	const char *rate = strstr(g->line, "learning_rate=");

	if (strncmp(g->line, "config ", 7) == 0)
		g->learning_rate = strtod(rate + strlen("learning_rate="), NULL);
	else if (strncmp(g->line, "d_in ", 5) == 0)
		g->d_in = strtoul(g->line + 5, NULL, 10);
	else if (strncmp(g->line, "batch ", 6) == 0)
		g->rows = strtoul(g->line + 6, NULL, 10);
	else if (strncmp(g->line, "steps ", 6) == 0)
		g->steps = strtoul(g->line + 6, NULL, 10);
	else if (strncmp(g->line, "weights ", 8) == 0)
		g->n_weights = golden_numbers(g->line, g->weights, GOLDEN_WEIGHTS);
}

/* Read up to the first step. */
static inline void golden_open(struct golden *g, const char *name)
{
	const char *dir = getenv("BATON_REF_DIR");
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : BATON_REF_DIR, name);
	memset(g, 0, sizeof(*g));
	g->file = fopen(path, "r");
	cr_assert(g->file, "no %s: set BATON_REF_DIR", path);
	while (g->n_weights == 0 && fgets(g->line, sizeof(g->line), g->file))
		golden_header(g);
	cr_assert(g->d_in && g->rows && g->steps && g->n_weights);
	g->x = calloc(g->rows * g->d_in, sizeof(float));
	g->y = calloc(g->rows, sizeof(float));
}

static inline const char *golden_line(struct golden *g, const char *what)
{
	cr_assert(fgets(g->line, sizeof(g->line), g->file));
	cr_assert_eq(strncmp(g->line, what, strlen(what)), 0);
	return g->line;
}

/* Read one step: its rows, its loss, and the weights after it. */
static inline void golden_step(struct golden *g)
{
	cr_assert_eq(golden_numbers(golden_line(g, "x "), g->x, g->rows * g->d_in),
		     g->rows * g->d_in);
	for (size_t i = 0; i < g->rows; i++) {
		double sum = 0;

		for (size_t k = 0; k < g->d_in; k++)
			sum += (double)g->x[i * g->d_in + k];
		g->y[i] = (float)(sum / (double)g->d_in);
	}
	cr_assert_eq(golden_numbers(golden_line(g, "l "), &g->loss, 1), 1);
	cr_assert_eq(golden_numbers(golden_line(g, "w "), g->weights, GOLDEN_WEIGHTS),
		     g->n_weights);
}

static inline void golden_close(struct golden *g)
{
	fclose(g->file);
	free(g->x);
	free(g->y);
}

#endif
