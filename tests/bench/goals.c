/* SPDX-License-Identifier: MIT */
/* The project's goals, each measured in interleaved runs beside what it is held to, and
 * beside the floor that could forbid it. "ring" is ring.h with its waits, "baton" the whole
 * pipeline through its public calls, one batch a block. */

#include "goals.h"
#include "busy.h"
#include "floor.h"
#include "peers.h"
#include "start.h"
#include "train.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct judge {
	struct goal *goals; /* [GOALS_MAX] */
	size_t n;
	size_t rounds;
	double ms;
	struct cell cell; /* the one in hand */
};

static struct goal *add(struct judge *j, const char *of, bool at_least, double bound,
                        struct spread seen, const char *what, ...)
	__attribute__((format(printf, 6, 7)));
static struct goal *add(struct judge *j, const char *of, bool at_least, double bound,
                        struct spread seen, const char *what, ...)
{
	struct goal *g = &j->goals[j->n];
	va_list ap;

	j->n += j->n + 1 < GOALS_MAX;
	*g = (struct goal){.at_least = at_least, .bound = bound, .seen = seen};
	snprintf(g->of, sizeof(g->of), "%s", of);
	va_start(ap, what);
	vsnprintf(g->what, sizeof(g->what), what, ap);
	va_end(ap);
	return g;
}

/* Of several the first that forbids the goal counts. */
static void set_floor(struct goal *g, double floor, const char *is)
{
	if (g->has_floor && goal_is_forbidden(g))
		return;
	g->has_floor = true;
	g->floor = floor;
	snprintf(g->floor_is, sizeof(g->floor_is), "%s", is);
}

static void begin(struct judge *j)
{
	memset(&j->cell, 0, sizeof(j->cell));
	j->cell.rounds = j->rounds;
}

static bool run(struct judge *j, double longer)
{
	return cell_run(&j->cell, j->ms * longer);
}

static struct spread ratio(struct judge *j, const struct entry *a, const struct entry *b)
{
	return cell_ratio(&j->cell, a, b);
}

/* The same spread, of the numbers times by. */
static struct spread times(struct spread s, double by)
{
	return (struct spread){s.median * by, s.low * by, s.high * by};
}

/* --- 1: one producer --------------------------------------------------------------- */

/* Of the pairs of one-producer queues, the fastest here. */
static const struct entry *best_lane(const struct cell *c)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct entry *e = &c->entries[i];

		if (e->peer->lanes && (!best || cell_rate(c, e).median > cell_rate(c, best).median))
			best = e;
	}
	return best;
}

static void judge_beside(struct judge *j, const struct entry *e, const struct entry *peer,
                         double bound)
{
	const struct entry *bulk = cell_find(&j->cell, floor_bulk.name);
	const struct entry *apart = cell_find(&j->cell, floor_apart.name);
	struct goal *g;

	if (!peer) /* not installed */
		return;
	g = add(j, "1", true, bound, ratio(j, e, peer), "P=1, pool 64: %s to two %s", e->peer->name,
	        peer->peer->name);
	set_floor(g, ratio(j, bulk, peer).median, "a quarter of the pool at a time");
	set_floor(g, ratio(j, apart, peer).median, "nothing handed over");
}

static bool measure_1(struct judge *j)
{
	const struct bench_setup s = {.producers = 1, .pool = 64, .words = 8};
	const struct bench_peer *urcu = bench_peer_find("wfcqueue");
	const struct entry *ring, *baton, *queues;

	begin(j);
	ring = cell_add(&j->cell, &bench_ring, &s);
	baton = cell_add(&j->cell, &bench_baton, &s);
	for (size_t i = 0; bench_peers[i]; i++)
		if (bench_peers[i]->lanes)
			cell_add(&j->cell, bench_peers[i], &s);
	queues = urcu ? cell_add(&j->cell, urcu, &s) : NULL;
	cell_add(&j->cell, &floor_bulk, &s);
	cell_add(&j->cell, &floor_apart, &s);
	if (!run(j, 1))
		return false;
	judge_beside(j, ring, best_lane(&j->cell), 6);
	judge_beside(j, ring, queues, 3);
	judge_beside(j, baton, best_lane(&j->cell), 6);
	judge_beside(j, baton, queues, 3);
	return true;
}

/* A pool of one: the time of a round trip, in those of its lines alone. The question is what the
 * lines cost, so each side has a CPU of its own. */
static bool measure_1_pool_of_one(struct judge *j)
{
	const struct bench_setup s = {.producers = 1, .pool = 1, .words = 8, .pinned = true};
	const struct entry *ring, *lines, *baton, *more_lines;

	begin(j);
	ring = cell_add(&j->cell, &bench_ring, &s);
	lines = cell_add(&j->cell, &floor_ring, &s);
	baton = cell_add(&j->cell, &bench_baton, &s);
	more_lines = cell_add(&j->cell, &floor_pipeline, &s);
	if (!run(j, 1))
		return false;
	add(j, "1", false, 1.15, ratio(j, lines, ring), "P=1, pool 1: ring to its two lines");
	add(j, "1", false, 1.15, ratio(j, more_lines, baton),
	    "P=1, pool 1: baton to its three lines");
	return true;
}

/* --- 2: many producers --------------------------------------------------------------- */

static bool measure_2(struct judge *j)
{
	static const struct {
		uint32_t producers;
		double bound;
	} wanted[] = {{2, 8}, {16, 15}, {64, 60}};

	for (size_t i = 0; i < 3; i++) {
		const struct bench_setup s = {
			.producers = wanted[i].producers, .pool = 64, .words = 8};
		const struct entry *ours[2], *mutex, *apart;

		begin(j);
		ours[0] = cell_add(&j->cell, &bench_ring, &s);
		ours[1] = cell_add(&j->cell, &bench_baton, &s);
		mutex = cell_add(&j->cell, &bench_mutex, &s);
		apart = cell_add(&j->cell, &floor_apart, &s);
		if (!run(j, 2))
			return false;
		for (size_t k = 0; k < 2; k++)
			set_floor(add(j, "2", true, wanted[i].bound, ratio(j, ours[k], mutex),
			              "P=%" PRIu32 ", pool 64: %s to mutex+cv", s.producers,
			              ours[k]->peer->name),
			          ratio(j, apart, mutex).median, "nothing handed over");
	}
	return true;
}

static bool measure_2_keeps(struct judge *j)
{
	const struct bench_setup few = {.producers = 2, .pool = 64, .words = 8};
	const struct bench_setup many = {.producers = 64, .pool = 64, .words = 8};
	const struct entry *e[4];

	begin(j);
	e[0] = cell_add(&j->cell, &bench_ring, &many);
	e[1] = cell_add(&j->cell, &bench_ring, &few);
	e[2] = cell_add(&j->cell, &bench_baton, &many);
	e[3] = cell_add(&j->cell, &bench_baton, &few);
	if (!run(j, 2))
		return false;
	for (size_t i = 0; i < 4; i += 2)
		add(j, "2", true, 0.8, ratio(j, e[i], e[i + 1]), "pool 64: %s at P=64 to P=2",
		    e[i]->peer->name);
	return true;
}

/* Against the mutex in every cell: the worst of each is told. */
struct worst {
	struct spread ratio;
	struct bench_setup at;
};

static bool measure_against_mutex(struct judge *j, const struct bench_setup *s,
                                  struct worst worst[2])
{
	const struct entry *ours[2], *mutex;

	begin(j);
	ours[0] = cell_add(&j->cell, &bench_ring, s);
	ours[1] = cell_add(&j->cell, &bench_baton, s);
	mutex = cell_add(&j->cell, &bench_mutex, s);
	if (!run(j, 0.5))
		return false;
	for (size_t k = 0; k < 2; k++) {
		struct spread r = ratio(j, ours[k], mutex);

		if (r.median < worst[k].ratio.median)
			worst[k] = (struct worst){r, *s};
	}
	return true;
}

static bool measure_2_everywhere(struct judge *j)
{
	static const uint32_t producers[] = {1, 2, 4, 16, 64}, pools[] = {1, 2, 8, 64, 0};
	struct worst worst[2] = {{.ratio.median = (double)INFINITY},
	                         {.ratio.median = (double)INFINITY}};

	for (size_t p = 0; p < 5; p++)
		for (size_t c = 0; c < 5; c++)
			for (size_t words = 8; words <= 96; words += 88) {
				struct bench_setup s = {.producers = producers[p],
				                        .pool = pools[c] ? pools[c]
				                                         : 4 * producers[p],
				                        .words = words};

				if (!measure_against_mutex(j, &s, worst))
					return false;
			}
	for (size_t k = 0; k < 2; k++)
		add(j, "2", true, 1, worst[k].ratio,
		    "worst of 50 cells, P=%" PRIu32 ", pool %" PRIu32 ", %zu B: %s to mutex+cv",
		    worst[k].at.producers, worst[k].at.pool, 8 * worst[k].at.words,
		    k ? bench_baton.name : bench_ring.name);
	return true;
}

/* --- 3: sources and trainers that work -------------------------------------------- */

static bool measure_slow_trainer(struct judge *j, uint32_t producers, double turns)
{
	struct bench_setup s = {.producers = producers,
	                        .words = 8,
	                        .work = {.source_turns = (uint64_t)(5 * turns),
	                                 .trainer_turns = (uint64_t)(20 * turns)}};
	const struct entry *baton, *trainer, *apart;
	struct goal *g;

	s.pool = bench_baton_pool(&s);
	begin(j);
	baton = cell_add(&j->cell, &bench_baton, &s);
	trainer = cell_add(&j->cell, &floor_trainer, &s);
	apart = cell_add(&j->cell, &floor_apart, &s);
	if (!run(j, 4))
		return false;
	g = add(j, "3", true, producers == 1 ? 0.95 : 0.90, ratio(j, baton, trainer),
	        "source 5 us, trainer 20 us, P=%" PRIu32 ": share of the trainer alone", producers);
	set_floor(g, ratio(j, apart, trainer).median, "nothing handed over");
	g = add(j, "3", false, 1.35, cell_cpus(&j->cell, baton),
	        "source 5 us, trainer 20 us, P=%" PRIu32 ": CPUs", producers);
	set_floor(g, cell_cpus(&j->cell, apart).median, "nothing handed over");
	return true;
}

static bool measure_slow_source(struct judge *j, uint32_t producers, double turns)
{
	struct bench_setup s = {.producers = producers,
	                        .words = 8,
	                        .work = {.source_turns = (uint64_t)(20 * turns),
	                                 .trainer_turns = (uint64_t)(2 * turns)}};
	const struct entry *baton, *apart;

	s.pool = bench_baton_pool(&s);
	begin(j);
	baton = cell_add(&j->cell, &bench_baton, &s);
	apart = cell_add(&j->cell, &floor_apart, &s);
	if (!run(j, 4))
		return false;
	add(j, "3", true, 0.90, ratio(j, baton, apart),
	    "source 20 us, trainer 2 us, P=%" PRIu32 ": share of the ceiling", producers);
	return true;
}

static bool measure_3(struct judge *j)
{
	static const uint32_t producers[] = {1, 2, 16, 64};
	double turns = busy_turns_per_us();

	for (size_t i = 0; i < 4; i++)
		if (!measure_slow_trainer(j, producers[i], turns))
			return false;
	for (size_t i = 0; i < 4; i++)
		if (!measure_slow_source(j, producers[i], turns))
			return false;
	return true;
}

/* --- 4: training -------------------------------------------------------------------- */

static void judge_training(struct judge *j, const struct entry *fed, const struct entry *inlined,
                           double ceiling)
{
	struct spread r = ratio(j, inlined, fed);
	uint32_t p = fed->setup.producers;

	add(j, "4", false, 1.05, r, "training, P=%" PRIu32 ": time, in inline's", p);
	/* 0.85 is asked for where two CPUs do at least 1.6 times the work of one */
	set_floor(add(j, "4", false, 0.85, r, "training, P=%" PRIu32 ": time, in inline's", p),
	          0.85 * 1.6 / ceiling, "0.85 x 1.6 / ceiling");
}

static struct spread ns_each(struct judge *j, const struct entry *e)
{
	struct spread rate = cell_rate(&j->cell, e);

	return (struct spread){1e9 / rate.median, 1e9 / rate.high, 1e9 / rate.low};
}

static bool measure_4(struct judge *j)
{
	static const uint32_t producers[] = {0, 1, 2, 64};
	const struct entry *fed[4], *fused, *apart;

	begin(j);
	for (size_t i = 0; i < 4; i++) {
		struct bench_setup s = {.producers = producers[i], .pool = 1, .words = 8};

		fed[i] = cell_add(&j->cell, &train_feed, &s);
	}
	fused = cell_add(&j->cell, &train_fused, &fed[0]->setup);
	apart = cell_add(&j->cell, &train_apart, &fed[0]->setup);
	if (!run(j, 4))
		return false;
	for (size_t i = 1; i < 4; i++)
		judge_training(j, fed[i], fed[0], ratio(j, apart, fused).median);
	add(j, "4", false, 1.15, ratio(j, fused, fed[0]),
	    "training inline: time, in the fused loop's");
	set_floor(add(j, "4", false, 200, ns_each(j, fed[0]),
	              "training inline: ns a step (Keras in the article: 2,000,000)"),
	          ns_each(j, fused).median, "the fused loop");
	return true;
}

/* --- 5: sources that wait ------------------------------------------------------------ */

/* CPU time a buffer, in the other's. */
static struct spread cpu_each(struct judge *j, const struct entry *a, const struct entry *b)
{
	return times(cell_cpu_ratio(&j->cell, a, b), ratio(j, b, a).median);
}

static bool measure_waits(struct judge *j, uint32_t producers)
{
	struct bench_setup s = {.producers = producers, .words = 8, .work = {.wait_ns = 1000000}};
	const struct entry *baton, *one, *all, *wakes;

	s.pool = bench_baton_pool(&s);
	begin(j);
	baton = cell_add(&j->cell, &bench_baton, &s);
	one = cell_add(&j->cell, &floor_one_waits, &s);
	all = cell_add(&j->cell, &floor_sources, &s);
	wakes = cell_add(&j->cell, &floor_wakes, &s);
	if (!run(j, 4))
		return false;
	set_floor(add(j, "5", true, 0.95, times(ratio(j, baton, one), 1.0 / producers),
	              "source that waits 1 ms, P=%" PRIu32 ": share of P times one alone",
	              producers),
	          ratio(j, all, one).median / producers, "no trainer");
	set_floor(add(j, "5", false, 1.5, cpu_each(j, baton, all),
	              "source that waits 1 ms, P=%" PRIu32 ": CPU time, in the sources'",
	              producers),
	          cpu_each(j, wakes, all).median, "a trainer woken for each");
	return true;
}

static bool measure_5(struct judge *j)
{
	for (uint32_t p = 1; p <= 64; p *= 4)
		if (!measure_waits(j, p))
			return false;
	return true;
}

/* --- 6: kernels ----------------------------------------------------------------------- */

static bool measure_6(struct judge *j)
{
	const struct bench_setup s = {.producers = 1, .pool = 1, .words = 8};
	const struct entry *e[4];

	begin(j);
	e[0] = cell_add(&j->cell, &kernel_source, &s);
	e[1] = cell_add(&j->cell, &kernel_source_straight, &s);
	e[2] = cell_add(&j->cell, &kernel_step, &s);
	e[3] = cell_add(&j->cell, &kernel_step_straight, &s);
	if (!run(j, 1))
		return false;
	add(j, "6", false, 1.1, ratio(j, e[1], e[0]), "source: time, in a straight kernel's");
	add(j, "6", false, 1.1, ratio(j, e[3], e[2]),
	    "training step: time, in a straight kernel's");
	return true;
}

/* --- 7: memory, start ----------------------------------------------------------------- */

static struct spread one_value(double value)
{
	return (struct spread){value, value, value};
}

static bool measure_memory(struct judge *j)
{
	const struct bench_setup s = {.producers = 2, .pool = 64, .words = 8192, .n = 2000};
	struct start_memory m;

	if (!start_measure_memory(&s, &m))
		return false;
	add(j, "7", false, 0, one_value(m.grown), "heap, from the first step to the last: bytes");
	add(j, "7", false, 1.01, one_value(m.heap / m.blocks),
	    "heap of 64 blocks of 64 KiB, in their words");
	add(j, "7", true, 1, one_value(m.stated / m.blocks),
	    "what baton_stats_get() says of it, in the same");
	return true;
}

static struct spread ms_each(struct judge *j, const struct entry *e)
{
	return times(ns_each(j, e), 1e-6);
}

static bool measure_start(struct judge *j)
{
	const struct bench_setup large = {.producers = 2, .pool = 64, .words = 8192};
	const struct bench_setup many = {.producers = 64, .pool = 128, .words = 96};
	const struct entry *two, *pages, *all, *threads;

	begin(j);
	two = cell_add(&j->cell, &start_baton, &large);
	pages = cell_add(&j->cell, &start_pages, &large);
	all = cell_add(&j->cell, &start_baton, &many);
	threads = cell_add(&j->cell, &start_threads, &many);
	if (!run(j, 2))
		return false;
	set_floor(add(j, "7", false, 1, ms_each(j, two),
	              "P=2, 64 blocks of 64 KiB: open to the first batch, ms"),
	          ms_each(j, pages).median, "its pages, touched");
	add(j, "7", false, 1.5, ratio(j, threads, all),
	    "P=64, 128 blocks of 768 B: open to a batch, in creations of 64 threads");
	return true;
}

size_t goals_measure(struct goal *goals, uint64_t only, size_t rounds, double ms)
{
	static const struct {
		uint64_t goal;
		bool (*measure)(struct judge *);
	} all[] = {{1, measure_1},
	           {1, measure_1_pool_of_one},
	           {2, measure_2},
	           {2, measure_2_keeps},
	           {2, measure_2_everywhere},
	           {3, measure_3},
	           {4, measure_4},
	           {5, measure_5},
	           {6, measure_6},
	           {7, measure_memory},
	           {7, measure_start}};
	static struct judge j;

	j = (struct judge){.goals = goals, .rounds = rounds, .ms = ms};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((only == 0 || only == all[i].goal) && !all[i].measure(&j))
			return 0;
	return j.n;
}
