/* SPDX-License-Identifier: MIT */
#include "sheet.h"
#include "floor.h"
#include "peers.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the table ------------------------------------------------------------------- */

void sheet_head(const struct group *g, size_t rounds, double ms)
{
	printf("\n%s, in %s: median (min to max) of %zu interleaved runs of about %.0f ms\n"
	       "ratio: the first one's to this one's, pairs of one round; >, <: it is above or "
	       "below, ~: the runs overlap, no difference is claimed\n"
	       "order in which buffers come: claimed, passed (on), own (each producer's), none\n",
	       g->title, g->unit, rounds, ms);
	printf("%4s %5s %9s  %-14s %-7s  %9s  %21s  %8s  %19s    %5s  %s\n", "P", "pool", "bytes",
	       "peer", "order", g->unit, "(min to max)", "ratio", "(min to max)", "CPUs", "how");
}

static double unit_of(const struct group *g, const struct entry *e)
{
	return g->scale > 0 ? g->scale : 1e9 / (8.0 * (double)e->setup.words);
}

static void print_ratio(const struct cell *c, const struct entry *e)
{
	struct spread ratio = cell_ratio(c, &c->entries[0], e);
	struct spread ours = cell_rate(c, &c->entries[0]), theirs = cell_rate(c, e);

	if (e == &c->entries[0]) {
		printf("  %8s  %19s   ", "", "");
		return;
	}
	printf("  %8.3g  (%7.3g to %7.3g) %c ", ratio.median, ratio.low, ratio.high,
	       spread_overlap(&ours, &theirs) ? '~'
	       : ours.median > theirs.median  ? '>'
	                                      : '<');
}

/* What each peer lets the trainer lose, where its time alone is known. */
static void print_lost(const struct cell *c, const struct entry *e)
{
	const struct entry *trainer = cell_find(c, floor_trainer.name);

	if (trainer && e != trainer)
		printf("trainer's time lost: %.0f %%; ",
		       100 * (1 - cell_ratio(c, e, trainer).median));
}

void sheet_cell(const struct group *g, const struct cell *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = &c->entries[i];
		struct spread rate = cell_rate(c, e);
		double unit = unit_of(g, e);

		printf("%4" PRIu32 " %5" PRIu32 " %9zu  %-14s %-7s  %9.4g  (%8.4g to %8.4g)",
		       e->setup.producers, e->setup.pool, e->setup.words * 8, e->peer->name,
		       e->peer->order == BENCH_NONE ? "" : bench_order_name(e->peer->order),
		       rate.median / unit, rate.low / unit, rate.high / unit);
		print_ratio(c, e);
		printf(" %5.2f  ", cell_cpus(c, e).median);
		print_lost(c, e);
		printf("%s\n", e->peer->note);
	}
	fflush(stdout);
}

/* --- JSON ------------------------------------------------------------------------- */

static void write_spread(struct json *j, const char *key, struct spread s)
{
	json_object(j, key);
	json_f64(j, "median", s.median);
	json_f64(j, "min", s.low);
	json_f64(j, "max", s.high);
	json_close(j);
}

static void write_entry(struct json *j, const struct cell *c, const struct entry *e)
{
	struct spread ours = cell_rate(c, &c->entries[0]), theirs = cell_rate(c, e);

	json_object(j, NULL);
	json_text(j, "peer", e->peer->name);
	json_text(j, "order", bench_order_name(e->peer->order));
	json_u64(j, "producers", e->setup.producers);
	json_u64(j, "pool", e->setup.pool);
	json_u64(j, "bytes", e->setup.words * 8);
	json_u64(j, "round_trips", e->setup.n);
	write_spread(j, "per_second", theirs);
	write_spread(j, "ratio", cell_ratio(c, &c->entries[0], e));
	json_bool(j, "told_apart", !spread_overlap(&ours, &theirs));
	write_spread(j, "cpus", cell_cpus(c, e));
	json_array(j, "runs_per_second");
	for (size_t i = 0; i < c->rounds; i++)
		json_f64(j, NULL, e->rate[i]);
	json_close(j);
	json_close(j);
}

void sheet_json_cell(struct json *j, const struct group *g, const struct cell *c)
{
	json_object(j, NULL);
	json_text(j, "cells", g->name);
	json_u64(j, "rounds", c->rounds);
	json_array(j, "entries");
	for (size_t i = 0; i < c->n; i++)
		write_entry(j, c, &c->entries[i]);
	json_close(j);
	json_close(j);
}

/* --- goals ------------------------------------------------------------------------- */

void sheet_goals(const struct goal *goals, size_t n)
{
	printf("\n%-4s %-66s %4s %8s  %8s  %21s  %s\n", "goal", "what", "", "bound", "seen",
	       "(min to max)", "");
	for (size_t i = 0; i < n; i++) {
		const struct goal *g = &goals[i];

		printf("%-4s %-66s %4s %8.4g  %8.4g  (%8.4g to %8.4g)  %s", g->of, g->what,
		       g->at_least ? ">=" : "<=", g->bound, g->seen.median, g->seen.low,
		       g->seen.high, goal_word(goal_verdict(g)));
		if (g->has_floor)
			printf("; %s: %.4g", g->floor_is, g->floor);
		putchar('\n');
	}
}

void sheet_json_goals(struct json *j, const struct goal *goals, size_t n)
{
	json_array(j, "goals");
	for (size_t i = 0; i < n; i++) {
		const struct goal *g = &goals[i];

		json_object(j, NULL);
		json_text(j, "goal", g->of);
		json_text(j, "what", g->what);
		json_text(j, "bound_is", g->at_least ? "at least" : "at most");
		json_f64(j, "bound", g->bound);
		write_spread(j, "seen", g->seen);
		json_text(j, "verdict", goal_word(goal_verdict(g)));
		if (g->has_floor) {
			json_text(j, "floor_is", g->floor_is);
			json_f64(j, "floor", g->floor);
		}
		json_close(j);
	}
	json_close(j);
}

/* --- the picture ------------------------------------------------------------------- */

static bool same_kind(const struct cell *a, const struct cell *b)
{
	return a->entries[0].setup.pool == b->entries[0].setup.pool &&
	       a->entries[0].setup.words == b->entries[0].setup.words;
}

/* The first cell that has an entry of this name: only there its line is begun. */
static bool begins(const struct cell *cells, size_t n, size_t at, const char *name)
{
	for (size_t i = 0; i < n && i < at; i++)
		if (same_kind(cells, &cells[i]) && cell_find(&cells[i], name))
			return false;
	return true;
}

static void write_line(FILE *out, const struct cell *cells, size_t n, const char *name)
{
	fprintf(out, "\"%s\"\n", name);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = cell_find(&cells[i], name);
		struct spread rate;

		if (!e || !same_kind(cells, &cells[i]))
			continue;
		rate = cell_rate(&cells[i], e);
		fprintf(out, "%" PRIu32 " %g %g %g\n", e->setup.producers, rate.median, rate.low,
		        rate.high);
	}
	fprintf(out, "\n\n");
}

static int write_lines(FILE *out, const struct cell *cells, size_t n)
{
	int lines = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; same_kind(cells, &cells[i]) && k < cells[i].n; k++)
			if (begins(cells, n, i, cells[i].entries[k].peer->name)) {
				write_line(out, cells, n, cells[i].entries[k].peer->name);
				lines++;
			}
	return lines;
}

void sheet_picture(FILE *script, const struct cell *cells, size_t n)
{
	int lines;

	fprintf(script, "$d << END\n");
	lines = write_lines(script, cells, n);
	fprintf(script,
	        "END\n"
	        "set title 'Round trips of a buffer: pool %" PRIu32 ", %zu bytes' noenhanced\n"
	        "set xlabel 'producers'\nset ylabel 'round trips a second'\n"
	        "set logscale x 2\nset logscale y\nset format y '10^{%%L}'\n"
	        "set key outside right noenhanced\nset grid\n"
	        "plot for [i=0:%d] $d index i using 1:2:3:4 with yerrorlines "
	        "pointtype i+1 title columnheader(1)\n",
	        cells->entries[0].setup.pool, cells->entries[0].setup.words * 8, lines - 1);
}
