/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_SHEET_H
#define BATON_BENCH_SHEET_H

/* What rival shows of its cells and goals: a table, JSON, a picture. */

#include "cell.h"
#include "json.h"
#include "plot.h"

/* One kind of cells. */
struct group {
	const char *name;  /* of --cells */
	const char *title; /* for the table's head */
	const char *unit;
	double scale; /* buffers a second make one unit; 0: gigabytes a second */
};

void sheet_head(const struct group *g, size_t rounds, double ms);
/* entries[0] is whom the others are compared with. */
void sheet_cell(const struct group *g, const struct cell *c);

void sheet_json_cell(struct json *j, const struct group *g, const struct cell *c);

void sheet_goals(const struct goal *goals, size_t n);
void sheet_json_goals(struct json *j, const struct goal *goals, size_t n);

/* Draw the rate of each entry against the producers, over those cells [n] whose pool and
 * payload are the first one's. */
void sheet_picture(FILE *script, const struct cell *cells, size_t n);

#endif
