/* SPDX-License-Identifier: MIT */
/* rival: baton against other ways to pass buffers, in one process and by one clock.
 *
 * Each cell (producers, pool, payload, work) is one comparison (cell.h) of all peers
 * (peers.h) and of the floors that mean something there (floor.h).
 *
 * Round trips are what baton must not fall behind a mutex and condition variable in: a cell
 * in which its median is lower makes the exit status 1. It is run once more before that is
 * said, so that one bad second of a shared machine is not taken for a fact. */

#include "args.h"
#include "busy.h"
#include "floor.h"
#include "goals.h"
#include "peers.h"
#include "sheet.h"
#include <baton/baton.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "rival"
#define QUIET 1.6                       /* copies at once */
#define MOST_BYTES (UINT64_C(64) << 20) /* of a pool */

enum { ROUND_TRIPS, LARGE, WAITS, UNEVEN, N_GROUPS };

static const struct group groups[N_GROUPS] = {
	{"round-trips", "Round trips of a buffer", "M/s", 1e6},
	{"large", "Large batches, all of it written and read", "GB/s", 0},
	{"waits", "A source that waits 1 ms for each buffer", "/s", 1},
	{"uneven", "A source that waits 100 us, and 5 ms for one buffer in 100; a trainer of 20 us",
         "/s", 1},
};
static const char *const cells_words[] = {"round-trips", "large", "waits", "uneven", NULL};

struct choice {
	const struct bench_peer *peers[CELL_MAX];
	size_t n;
};

static struct {
	bool quick, goals;
	int cells;
	uint64_t goal, rounds, ms, producers, pool, bytes;
	const char *json, *plot;
	struct choice peers;
} opt;

/* a,b,c: names of peers. */
static bool parse_peers(void *value, const char *text)
{
	struct choice *c = value;
	char names[1000], *rest = names, *name;

	if (strlen(text) >= sizeof(names))
		return false;
	strcpy(names, text);
	for (c->n = 0; (name = strsep(&rest, ",")) != NULL; c->n++) {
		if (c->n == CELL_MAX - 10 || !bench_peer_find(name))
			return false;
		c->peers[c->n] = bench_peer_find(name);
	}
	return true;
}

static const struct arg table[] = {
	ARG_CHOICE("cells", "round-trips|large|waits|uneven", &opt.cells, cells_words,
                   "what to compare (default: round-trips)"),
	ARG_CALL("peers", "A,B,...", &opt.peers, parse_peers,
                 "a list of peers' names, with commas between",
                 "only these; the first is compared with the others\n(default: all)"),
	ARG_U64("producers", "P", &opt.producers, 1, BATON_MAX_PRODUCERS,
                "only cells with P producers"),
	ARG_U64("pool", "C", &opt.pool, 1, 1 << 16, "only cells with a pool of C; a power of two"),
	ARG_U64("bytes", "B", &opt.bytes, 8, UINT64_C(1) << 30, "only cells with B bytes a buffer"),
	ARG_FLAG("quick", &opt.quick, "fewer cells and short runs: under 30 seconds"),
	ARG_FLAG("goals", &opt.goals, "measure what the project's goals ask for, and judge"),
	ARG_U64("goal", "N", &opt.goal, 1, GOALS_LAST, "the same of goal N only"),
	ARG_U64("rounds", "N", &opt.rounds, 1, SPREAD_MAX, "rounds (default: 9)"),
	ARG_U64("ms", "N", &opt.ms, 1, 10000,
                "milliseconds a run (default: 20; 10 with --quick,\n"
                "100 or more where sources wait)"),
	ARG_TEXT("json", "FILE", &opt.json, "write every run to FILE"),
	ARG_TEXT("plot", "FILE", &opt.plot,
                 "draw rates against producers, of the first cell's pool\nand bytes; FILE ends in "
                 ".svg or .png"),
};

static const struct args args = {
	.program = NAME,
	.summary = "Compare baton with other ways to pass buffers from threads to one.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.statuses = "0    it was measured; all goals are met, or forbidden by a floor\n"
		    "1    a peer failed, a goal was missed, or baton was slower than a mutex\n"
		    "2    wrong usage\n",
};

/* What was measured so far: for JSON and the picture. */
static struct {
	struct cell *cells;
	size_t n;
	int lost;
	struct goal goals[GOALS_MAX];
	size_t n_goals;
	struct spread copies[2]; /* before and after */
} done;

/* --- one cell --------------------------------------------------------------------- */

static void add_floors(struct cell *c, const struct bench_setup *s)
{
	if (opt.cells == WAITS) {
		cell_add(c, &floor_one_waits, s);
		cell_add(c, &floor_sources, s);
		cell_add(c, &floor_wakes, s);
		return;
	}
	if (opt.cells == UNEVEN) {
		cell_add(c, &floor_trainer, s);
		return;
	}
	cell_add(c, &floor_fused, s);
	cell_add(c, &floor_apart, s);
	if (opt.cells == LARGE)
		cell_add(c, &floor_copy, s);
	if (s->producers == 1 && s->pool >= 4)
		cell_add(c, &floor_bulk, s);
	if (s->producers == 1 && s->pool == 1) {
		cell_add(c, &floor_one_line, s);
		cell_add(c, &floor_ring, s);
		cell_add(c, &floor_pipeline, s);
		cell_add(c, &floor_futex, s);
	}
}

static void make_cell(struct cell *c, const struct bench_setup *s)
{
	memset(c, 0, sizeof(*c));
	c->rounds = opt.rounds;
	for (size_t i = 0; i < opt.peers.n; i++)
		cell_add(c, opt.peers.peers[i], s);
	for (size_t i = 0; opt.peers.n == 0 && bench_peers[i]; i++)
		cell_add(c, bench_peers[i], s);
	if (c->n > 0)
		add_floors(c, s);
}

static bool loses(const struct cell *c)
{
	const struct entry *us = cell_find(c, bench_baton.name);
	const struct entry *mutex = cell_find(c, bench_mutex.name);

	return opt.cells == ROUND_TRIPS && us && mutex &&
	       cell_rate(c, us).median < cell_rate(c, mutex).median;
}

static bool measure_cell(const struct bench_setup *s)
{
	struct cell *c = realloc(done.cells, (done.n + 1) * sizeof(*c));

	if (!c)
		return false;
	done.cells = c;
	c += done.n;
	make_cell(c, s);
	if (c->n == 0)
		return true;
	if (!cell_run(c, (double)opt.ms))
		return false;
	sheet_cell(&groups[opt.cells], c);
	if (loses(c)) {
		printf("     again:\n");
		if (!cell_run(c, (double)opt.ms))
			return false;
		sheet_cell(&groups[opt.cells], c);
		done.lost += loses(c);
	}
	done.n++;
	return true;
}

/* --- which cells ------------------------------------------------------------------ */

static bool wanted(uint64_t choice, uint64_t value)
{
	return choice == 0 || choice == value;
}

/* A cell is left out that was not asked for, or whose pool is too large. */
static bool measure_if(uint32_t producers, uint32_t pool, uint64_t bytes,
                       const struct bench_work *work)
{
	struct bench_setup s = {.producers = producers, .pool = pool, .words = (bytes + 7) / 8};

	if (!wanted(opt.producers, producers) || !wanted(opt.pool, pool) ||
	    !wanted(opt.bytes, bytes) || pool * bytes > MOST_BYTES)
		return true;
	s.work = *work;
	return measure_cell(&s);
}

static bool measure_quick(void)
{
	static const uint32_t producers[] = {1, 2, 4, 16, 64};

	for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++)
		if (!measure_if(producers[i], 64, 64, &(struct bench_work){0}))
			return false;
	return measure_if(1, 1, 64, &(struct bench_work){0});
}

static bool measure_round_trips(void)
{
	static const uint32_t producers[] = {1, 2, 4, 16, 64}, pools[] = {64, 1, 2, 8, 0};
	static const uint64_t bytes[] = {64, 768, 65536, 1048576};

	for (size_t b = 0; b < sizeof(bytes) / sizeof(bytes[0]); b++)
		for (size_t c = 0; c < sizeof(pools) / sizeof(pools[0]); c++)
			for (size_t p = 0; p < sizeof(producers) / sizeof(producers[0]); p++) {
				uint32_t pool = pools[c] ? pools[c] : 4 * producers[p];

				if (!pools[c] && (pool == 8 || pool == 64))
					continue; /* was there */
				if (!measure_if(producers[p], pool, bytes[b],
				                &(struct bench_work){0}))
					return false;
			}
	return true;
}

static bool measure_large(void)
{
	for (uint64_t bytes = 1 << 20; bytes <= 16 << 20; bytes *= 16)
		for (uint32_t p = 1; p <= 4; p *= 2)
			if (!measure_if(p, 4, bytes, &(struct bench_work){0}))
				return false;
	return true;
}

static bool measure_waits(void)
{
	const struct bench_work work = {.wait_ns = 1000000};

	for (uint32_t p = 1; p <= 256; p *= 4)
		if (!measure_if(p, 4 * p, 64, &work))
			return false;
	return true;
}

static bool measure_uneven(void)
{
	struct bench_work work = {.wait_ns = 100000, .slow_every = 100, .slow_times = 50};

	work.trainer_turns = (uint64_t)(20 * busy_turns_per_us());
	for (uint32_t pool = 16; pool <= 1024; pool *= 8)
		if (!measure_if(16, pool, 64, &work))
			return false;
	return true;
}

static bool measure(void)
{
	static bool (*const all[])(void) = {measure_round_trips, measure_large, measure_waits,
	                                    measure_uneven};

	if (opt.goals) {
		done.n_goals = goals_measure(done.goals, opt.goal, opt.rounds, (double)opt.ms);
		sheet_goals(done.goals, done.n_goals);
		return done.n_goals > 0;
	}
	sheet_head(&groups[opt.cells], opt.rounds, (double)opt.ms);
	return opt.quick && opt.cells == ROUND_TRIPS ? measure_quick() : all[opt.cells]();
}

/* Whatever two CPUs gain is held to what they allowed, before and after. */
static bool measure_between(void)
{
	double a, b;

	if (*bench_missing)
		printf("skipped, not found when this was configured: %s\n", bench_missing);
	if (!cell_two_copies(&done.copies[0], opt.rounds, (double)opt.ms) || !measure() ||
	    !cell_two_copies(&done.copies[1], opt.rounds, (double)opt.ms))
		return false;
	a = done.copies[0].median;
	b = done.copies[1].median;
	printf("\ntwo copies of one work at once, nothing handed over: %.2f times one (%.2f to "
	       "%.2f) "
	       "before, %.2f (%.2f to %.2f) after\n",
	       a, done.copies[0].low, done.copies[0].high, b, done.copies[1].low,
	       done.copies[1].high);
	if (a < CELL_QUIET || b < CELL_QUIET)
		printf("the machine was not quiet: figures that need two CPUs did not have them\n");
	return true;
}

/* --- the end ----------------------------------------------------------------------- */

static int save(struct json_file *file)
{
	struct json j;
	int rc;

	json_begin(&j);
	json_object(&j, NULL);
	json_program(&j, NAME);
	json_text(&j, "missing", bench_missing);
	json_f64(&j, "copies_before", done.copies[0].median);
	json_f64(&j, "copies_after", done.copies[1].median);
	json_array(&j, "cells");
	for (size_t i = 0; i < done.n; i++)
		sheet_json_cell(&j, &groups[opt.cells], &done.cells[i]);
	json_close(&j);
	sheet_json_goals(&j, done.goals, done.n_goals);
	json_close(&j);
	rc = json_save(&j, file);
	if (rc)
		args_error(NAME, "json", opt.json, "can't be written: %s", strerror(rc));
	return rc ? 1 : 0;
}

static int draw(struct plot *plot)
{
	struct plot_error why;

	if (done.n == 0) {
		plot_abandon(plot);
		return 0;
	}
	sheet_picture(plot->script, done.cells, done.n);
	if (plot_draw(plot, &why) == 0)
		return 0;
	args_error(NAME, "plot", opt.plot, "%s", why.text);
	return 1;
}

static int verdict(void)
{
	if (done.lost)
		printf("\n%s is slower than %s in %d cells\n", bench_baton.name, bench_mutex.name,
		       done.lost);
	return done.lost > 0 || (opt.goals && !goals_pass(done.goals, done.n_goals));
}

static void set_defaults(void)
{
	if (opt.rounds == 0)
		opt.rounds = 9;
	if (opt.ms == 0)
		opt.ms = opt.cells == UNEVEN ? 400 : opt.cells == WAITS ? 100 : opt.quick ? 10 : 20;
}

static int check_files(struct json_file *file, struct plot *plot)
{
	struct plot_error why;
	int rc = opt.json ? json_file_open(file, opt.json) : 0;

	if (opt.pool & (opt.pool - 1))
		return args_error(NAME, "pool", NULL, "%" PRIu64 " is not a power of two",
		                  opt.pool);
	if (rc)
		return args_error(NAME, "json", opt.json, "can't be written: %s", strerror(rc));
	if (opt.plot && plot_open(plot, opt.plot, &why) != 0)
		return args_error(NAME, "plot", opt.plot, "%s", why.text);
	return 0;
}

int main(int argc, char **argv)
{
	struct json_file file = {.fd = -1};
	struct plot plot;
	int rc = args_parse(&args, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	opt.goals |= opt.goal != 0;
	rc = check_files(&file, &plot);
	if (rc)
		return rc;
	set_defaults();
	if (!measure_between())
		return 1;
	rc = verdict();
	if (opt.json)
		rc |= save(&file);
	if (opt.plot)
		rc |= draw(&plot);
	return rc | (fflush(stdout) != 0);
}
