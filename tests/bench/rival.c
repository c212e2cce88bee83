/* SPDX-License-Identifier: MIT */
/* rival: round trips of a buffer, baton against others, in one process and one clock.
 *
 * For every cell (producers, pool, payload) all peers run in turns, A B A B, so that what
 * disturbs one disturbs all. A peer's runs in a cell take about as long as everybody
 * else's: how many round trips that is, a first run finds out, which also warms up and
 * does not count. Compared are the runs of one round: their ratio, and its median over
 * the rounds.
 *
 * peers[0] is the one to be measured, peers[1] the one that it must not fall behind: a cell
 * in which its median is lower makes the exit status 1. A cell in which baton loses is run
 * once more before that is said, so that one bad second of a shared machine is not taken
 * for a fact. */

#include "../../apps/args.h"
#include "peer.h"
#include <baton/baton.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NAME "rival"
#define MAX_ROUNDS 99
#define MAX_PEERS 16

static const struct bench_peer *const peers[] = {&bench_baton, &bench_mutex, &bench_baton_own};
#define N_PEERS (sizeof(peers) / sizeof(peers[0]))

static struct {
	bool quick, own;
	uint64_t rounds, ms, producers;
} opt = {.rounds = 0, .ms = 0};

static const struct arg table[] = {
	ARG_FLAG("quick", &opt.quick, "9 rounds of short runs: under 30 seconds"),
	ARG_FLAG("own", &opt.own, "also baton with threads of the caller's (begin, submit)"),
	ARG_U64("rounds", "N", &opt.rounds, 9, MAX_ROUNDS, "rounds (default: 11)"),
	ARG_U64("ms", "N", &opt.ms, 1, 10000, "milliseconds a run (default: 100)"),
	ARG_U64("producers", "P", &opt.producers, 1, BATON_MAX_PRODUCERS,
                "only the cells with P producers"),
};

static const struct args args = {
	.program = NAME,
	.summary = "Round trips of a buffer: baton against two queues of mutex and condvar.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
};

/* What a cell came to. */
struct series {
	double rate[MAX_ROUNDS], ratio[MAX_ROUNDS], cpus[MAX_ROUNDS]; /* ratio: of peers[0]'s rate
	                                                               * to this one's */
};

/* --- the clock -------------------------------------------------------------------- */

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

void bench_begin(struct bench_result *result)
{
	result->cpu_ns = cpu_ns();
	result->ns = baton_now_ns();
}

void bench_end(struct bench_result *result)
{
	result->ns = baton_now_ns() - result->ns;
	result->cpu_ns = cpu_ns() - result->cpu_ns;
	result->ns += result->ns == 0;
}

/* --- one cell --------------------------------------------------------------------- */

static size_t n_peers(void)
{
	return opt.own ? N_PEERS : N_PEERS - 1;
}

/* How many round trips take opt.ms: by doubling, until a run is long enough to tell. */
static bool calibrate(const struct bench_peer *peer, const struct bench_setup *cell, uint64_t *n)
{
	struct bench_setup s = *cell;
	double wanted = (double)opt.ms * 1e6;
	struct bench_result r = {0};

	for (s.n = 1000; (double)r.ns < wanted / 8; s.n *= 4)
		if (!peer->run(&s, &r))
			return false;
	*n = (uint64_t)((double)s.n / 4 * wanted / (double)r.ns) + 1;
	return true;
}

static bool run_round(const struct bench_setup *cell, const uint64_t *n, struct series *series,
                      size_t round)
{
	for (size_t i = 0; i < n_peers(); i++) {
		struct bench_setup s = *cell;
		struct bench_result r;

		s.n = n[i];
		if (!peers[i]->run(&s, &r))
			return false;
		series[i].rate[round] = (double)s.n * 1e9 / (double)r.ns;
		series[i].cpus[round] = (double)r.cpu_ns / (double)r.ns;
		series[i].ratio[round] = series[0].rate[round] / series[i].rate[round];
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorted, so that the middle is the median. */
static void sort(struct series *series)
{
	for (size_t i = 0; i < n_peers(); i++) {
		qsort(series[i].rate, opt.rounds, sizeof(double), compare);
		qsort(series[i].ratio, opt.rounds, sizeof(double), compare);
		qsort(series[i].cpus, opt.rounds, sizeof(double), compare);
	}
}

static bool run_cell(const struct bench_setup *cell, struct series *series)
{
	uint64_t n[MAX_PEERS];

	for (size_t i = 0; i < n_peers(); i++)
		if (!calibrate(peers[i], cell, &n[i]))
			return false;
	for (size_t round = 0; round < opt.rounds; round++)
		if (!run_round(cell, n, series, round))
			return false;
	sort(series);
	return true;
}

/* --- the table -------------------------------------------------------------------- */

static void print_head(void)
{
	printf("millions of round trips a second: median (min to max) of %" PRIu64
	       " interleaved runs of %" PRIu64 " ms;\nratio: %s to this peer, pairs of one "
	       "round; CPUs: median\n\n",
	       opt.rounds, opt.ms, peers[0]->name);
	printf("%4s %5s %6s  %-10s %7s  %8s  %19s  %7s  %17s  %5s\n", "P", "pool", "bytes", "peer",
	       "ordered", "M/s", "(min to max)", "ratio", "(min to max)", "CPUs");
}

static void print_cell(const struct bench_setup *cell, const struct series *series)
{
	size_t middle = opt.rounds / 2, last = opt.rounds - 1;

	for (size_t i = 0; i < n_peers(); i++) {
		const struct series *s = &series[i];

		printf("%4" PRIu32 " %5" PRIu32 " %6zu  %-10s %7s  %8.3f  (%7.3f to %7.3f)",
		       cell->producers, cell->pool, cell->words * 8, peers[i]->name,
		       peers[i]->ordered ? "yes" : "no", s->rate[middle] / 1e6, s->rate[0] / 1e6,
		       s->rate[last] / 1e6);
		if (i > 0)
			printf("  %7.2f  (%6.2f to %6.2f)", s->ratio[middle], s->ratio[0],
			       s->ratio[last]);
		else
			printf("  %7s  %18s", "", "");
		printf("  %5.2f\n", s->cpus[middle]);
	}
	fflush(stdout);
}

static bool loses(const struct series *series)
{
	return series[0].rate[opt.rounds / 2] < series[1].rate[opt.rounds / 2];
}

/* Returns 1 if peers[0] lost, 0 if not, -1 if a peer failed. */
static int measure_cell(const struct bench_setup *cell)
{
	static struct series series[MAX_PEERS];

	if (!run_cell(cell, series))
		return -1;
	print_cell(cell, series);
	if (!loses(series))
		return 0;
	printf("     again:\n");
	if (!run_cell(cell, series))
		return -1;
	print_cell(cell, series);
	return loses(series);
}

/* --- all cells -------------------------------------------------------------------- */

static const uint32_t producer_counts[] = {1, 2, 4, 16, 64};
static const size_t payloads[] = {64, 768};

/* Pools of 8, 64 and 4 P, each once. */
static int measure_producers(uint32_t producers, int *lost)
{
	uint32_t pools[] = {8, 64, 4 * producers};

	for (size_t i = 0; i < 3; i++)
		for (size_t b = 0; b < sizeof(payloads) / sizeof(payloads[0]); b++) {
			struct bench_setup cell = {producers, pools[i], payloads[b] / 8, 0};
			int rc;

			if (i == 2 && (pools[2] == pools[0] || pools[2] == pools[1]))
				continue;
			rc = measure_cell(&cell);
			if (rc < 0)
				return rc;
			*lost += rc;
		}
	return 0;
}

static int measure(void)
{
	int lost = 0;

	for (size_t i = 0; i < sizeof(producer_counts) / sizeof(producer_counts[0]); i++) {
		uint32_t p = producer_counts[i];

		if ((opt.producers == 0 || opt.producers == p) && measure_producers(p, &lost) < 0)
			return 1;
	}
	if (lost)
		printf("\n%s is slower than %s in %d cells\n", peers[0]->name, peers[1]->name,
		       lost);
	return lost > 0 || fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
	int rc = args_parse(&args, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (opt.rounds == 0)
		opt.rounds = opt.quick ? 9 : 11;
	if (opt.ms == 0)
		opt.ms = opt.quick ? 25 : 100;
	print_head();
	return measure();
}
