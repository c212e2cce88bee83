/* SPDX-License-Identifier: MIT */
/* scale: how far does one ring go? The costs of lines are measured here, on two cores; the
 * model (sim.h) says what they come to on up to 256.
 *
 *   1. what a transfer, a CAS and a hand-off cost here
 *   2. is the model right about what two cores can show? Two threads that only claim, at
 *      several distances between claims; and the ring with one producer
 *   3. the rate of batches against producers, for several m; where each bends
 *   4. what would move that: claiming n tickets at once, a ring for each socket
 *
 * What can't be measured on one socket is assumed, and said: a line from another socket. */

#include "args.h"
#include "busy.h"
#include "cell.h"
#include "floor.h"
#include "peers.h"
#include "plot.h"
#include "sim.h"
#include <math.h>
#include <pthread.h>
#include <ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "scale"
#define SLOTS 256u
#define NOT_A_LINE 2000.0 /* ns */

static struct {
	double far, line_ns;
	uint64_t rounds, ms, sockets;
	double fill_ns, train_ns;
	const char *plot;
} opt = {.far = 3, .rounds = 9, .ms = 20, .sockets = 2, .fill_ns = 100, .train_ns = 0};

static const struct arg table[] = {
	ARG_F64("far", "F", &opt.far, 1, 100,
                "what a line from another socket costs, in lines of\nthe same (default: 3; an "
                "assumption)"),
	ARG_F64("line-ns", "F", &opt.line_ns, 0, 1e6,
                "nanoseconds of a line from core to core, of another\nmachine (default: as "
                "measured)"),
	ARG_U64("sockets", "N", &opt.sockets, 1, 16, "sockets of the larger machine (default: 2)"),
	ARG_F64("fill-ns", "F", &opt.fill_ns, 0, 1e9, "nanoseconds to make a batch (default: 100)"),
	ARG_F64("train-ns", "F", &opt.train_ns, 0, 1e9,
                "nanoseconds to use one, beside the hand-off\n(default: 0: the ring alone)"),
	ARG_U64("rounds", "N", &opt.rounds, 1, SPREAD_MAX, "rounds (default: 9)"),
	ARG_U64("ms", "N", &opt.ms, 1, 10000, "milliseconds a run (default: 20)"),
	ARG_TEXT("plot", "FILE", &opt.plot, "draw the model's rates; FILE ends in .svg or .png"),
};

static const struct args args = {
	.program = NAME,
	.summary = "A model of one ring on up to 256 cores, from costs measured on these.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.statuses = "0    it was measured\n1    it failed\n2    wrong usage\n",
};

/* --- threads that only claim, in the form of a peer ----------------------------------- */

struct claims {
	const struct bench_setup *setup;
	struct baton_ring ring;
	struct bench_gate start, end;
};

static void *claim_all(void *arg)
{
	struct claims *c = arg;
	struct baton_block *block;
	uint64_t t;

	bench_gate_wait(&c->start);
	bench_gate_wait(&c->start);
	while (baton_ring_claim(&c->ring, c->setup->n, &t, &block) == BATON_CLAIM_WON) {
		busy(c->setup->work.source_turns);
		baton_ring_publish(&c->ring, t);
		/* with nobody to take it, its own producer frees it: never full */
		baton_ring_release(&c->ring, t);
	}
	bench_gate_wait(&c->end);
	return NULL;
}

static bool run_claims(const struct bench_setup *s, struct bench_result *result)
{
	static struct baton_slot slots[SLOTS];
	struct claims c = {.setup = s};
	pthread_t threads[2];

	baton_ring_init(&c.ring, slots, SLOTS, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		atomic_init(&slots[i].block, NULL);
	bench_gate_init(&c.start, s->producers + 1);
	bench_gate_init(&c.end, s->producers + 1);
	for (uint32_t i = 0; i < s->producers; i++)
		if (pthread_create(&threads[i], NULL, claim_all, &c) != 0)
			abort();
	bench_gate_wait(&c.start); /* all are there */
	bench_begin(result);
	bench_gate_wait(&c.start);
	bench_gate_wait(&c.end);
	bench_end(result, s->n);
	for (uint32_t i = 0; i < s->producers; i++)
		pthread_join(threads[i], NULL);
	return true;
}

static const struct bench_peer claims_peer = {
	.name = "claims", .note = "claim, publish, release; no trainer", .run = run_claims};

/* --- what it costs here ----------------------------------------------------------------- */

#define DISTANCES 5
static const double distance_ns[DISTANCES] = {0, 50, 100, 300, 1000};

struct costs {
	double line;                  /* half of a ping-pong */
	double claim[DISTANCES + 1];  /* one thread: ns of claim and all, at each distance */
	struct spread two[DISTANCES]; /* two threads: claims a second */
	double hand;                  /* of the ring with one producer, beside the work, ns */
};

static bool measure(struct costs *costs)
{
	static struct cell c;
	struct bench_setup s = {.producers = 1, .pool = 64, .words = 8};
	const struct entry *line, *ring, *fused, *one[DISTANCES], *two[DISTANCES];
	double turns = busy_turns_per_us();

	c.rounds = opt.rounds;
	ring = cell_add(&c, &bench_ring, &s);
	fused = cell_add(&c, &floor_fused, &s);
	s.pool = 1;
	line = cell_add(&c, &floor_one_line, &s);
	for (size_t i = 0; i < DISTANCES; i++) {
		s.work.source_turns = (uint64_t)(distance_ns[i] * turns / 1e3);
		s.producers = 1;
		one[i] = cell_add(&c, &claims_peer, &s);
		s.producers = 2;
		two[i] = cell_add(&c, &claims_peer, &s);
	}
	if (!cell_run(&c, (double)opt.ms))
		return false;
	/* of a cost that only others' work can raise, the least */
	costs->line = opt.line_ns > 0 ? opt.line_ns : 0.5e9 / cell_rate(&c, line).high;
	costs->hand = 1e9 / cell_rate(&c, ring).high - 0.5e9 / cell_rate(&c, fused).high;
	costs->hand = costs->hand > 0 ? costs->hand : 0;
	for (size_t i = 0; i < DISTANCES; i++) {
		costs->claim[i] = 1e9 / cell_rate(&c, one[i]).median;
		costs->two[i] = cell_rate(&c, two[i]);
	}
	return true;
}

static struct sim machine(const struct costs *costs)
{
	return (struct sim){.line = costs->line,
	                    .far = costs->line,
	                    .cas = costs->claim[0] / 3, /* its three: claim, publish, release */
	                    .hand = costs->hand,
	                    .producers = 1,
	                    .sockets = 1,
	                    .block_batches = 1,
	                    .tickets = 1,
	                    .rings = 1};
}

static void print_check(const char *what, struct sim *s, struct spread seen)
{
	double fair, kept;

	s->keeps = false;
	fair = sim_rate(s);
	s->keeps = true;
	kept = sim_rate(s);
	printf("  %-36s %9.2f %9.2f  %9.2f (%7.2f to %7.2f)  %+4.0f%% %+4.0f%%\n", what, fair / 1e6,
	       kept / 1e6, seen.median / 1e6, seen.low / 1e6, seen.high / 1e6,
	       100 * (fair / seen.median - 1), 100 * (kept / seen.median - 1));
}

static void check_model(const struct costs *costs)
{
	struct sim s = machine(costs);
	char what[40];

	printf("%-38s %9s %9s  %9s (%7s to %7s)  %s\n", "the model here, M/s", "yields", "keeps",
	       "measured", "min", "max", "both off by");
	s.producers = 2;
	for (size_t i = 0; i < DISTANCES; i++) {
		s.fill = costs->claim[i] - s.cas;
		snprintf(what, sizeof(what), "two threads claim, %4.0f ns between", distance_ns[i]);
		print_check(what, &s, costs->two[i]);
	}
	putchar('\n');
}

/* --- what it would come to ---------------------------------------------------------------- */

struct design {
	const char *name;
	uint32_t m, tickets;
	bool ring_each;
};

static const struct design designs[] = {
	{"m=1", 1, 1, false},
	{"m=4", 4, 1, false},
	{"m=16", 16, 1, false},
	{"m=64", 64, 1, false},
	{"m=1, 4 tickets at once", 1, 4, false},
	{"m=1, 16 tickets at once", 1, 16, false},
	{"m=1, a ring a socket", 1, 1, true},
	{"m=16, a ring a socket", 16, 1, true},
};
#define N_DESIGNS (sizeof(designs) / sizeof(designs[0]))

enum { COUNTS = 9 }; /* of producers: 1, 2, 4, ... 256 */

static double design_rate(const struct costs *costs, const struct design *d, uint32_t producers,
                          bool trains, bool keeps)
{
	struct sim s = machine(costs);

	s.keeps = keeps;
	s.producers = producers;
	s.sockets = producers < 2 * opt.sockets ? 1 : (uint32_t)opt.sockets;
	s.far = costs->line * opt.far;
	s.fill = opt.fill_ns;
	s.train = opt.train_ns;
	s.pool = trains ? 4096 : 0; /* so large that it is no limit */
	s.block_batches = d->m;
	s.tickets = d->tickets;
	s.rings = d->ring_each ? s.sockets : 1;
	return sim_rate(&s);
}

static void print_rates(const struct costs *costs, bool trains, bool keeps)
{
	printf("%s; a line that was read %s\n", trains ? "one trainer" : "claims alone, no trainer",
	       keeps ? "is kept until the CAS" : "goes to who has asked");
	printf("%-26s", "M batches/s, P:");
	for (uint32_t i = 0; i < COUNTS; i++)
		printf(" %8u", 1u << i);
	printf("   bends at\n");

	for (size_t d = 0; d < N_DESIGNS; d++) {
		double one = 0;
		uint32_t bend = 0;

		printf("%-26s", designs[d].name);
		for (uint32_t i = 0; i < COUNTS; i++) {
			double rate = design_rate(costs, &designs[d], 1u << i, trains, keeps);

			one = i == 0 ? rate : one;
			if (!bend && rate < 0.7 * one * (1u << i))
				bend = 1u << i;
			printf(" %8.2f", rate / 1e6);
		}
		if (bend)
			printf("   P=%u\n", bend);
		else
			printf("   not up to 256\n");
	}
	putchar('\n');
}

/* The least that the ticket counter gives from 8 to 256 producers, in blocks a second. */
static double least_rate(const struct costs *costs, bool keeps)
{
	double least = (double)INFINITY;

	for (uint32_t i = 3; i < COUNTS; i++)
		least = fmin(least, design_rate(costs, &designs[0], 1u << i, false, keeps));
	return least;
}

static void print_need(const struct costs *costs)
{
	double fair = least_rate(costs, false) / 1e6, kept = least_rate(costs, true) / 1e6;

	printf("one ticket counter gives at least %.2f (keeps) or %.2f (yields) M blocks/s at P=8 "
	       "to "
	       "256 that do nothing else but fill for %.0f ns;\na trainer takes at most %.1f M "
	       "blocks/s. m > 1 is needed above so many batches/s; and several tickets a "
	       "claim,\nor "
	       "a ring a socket, where m=64 is too little: above %.0f or %.0f M batches/s.\n",
	       kept, fair, opt.fill_ns, 1e3 / (costs->hand + opt.train_ns), 64 * kept, 64 * fair);
}

static void draw_rates(FILE *script, const struct costs *costs)
{
	fprintf(script, "$d << END\n");
	for (size_t d = 0; d < N_DESIGNS; d++) {
		fprintf(script, "\"%s\"\n", designs[d].name);
		for (uint32_t i = 0; i < COUNTS; i++)
			fprintf(script, "%u %g\n", 1u << i,
			        design_rate(costs, &designs[d], 1u << i, false, true));
		fprintf(script, "\n\n");
	}
	fprintf(script,
	        "END\nset title 'What one ring can hand out: a model (keeps), lines of %.0f ns, "
	        "fills of "
	        "%.0f ns'\n"
	        "set xlabel 'producers, each on a core'\nset ylabel 'batches a second'\n"
	        "set logscale x 2\nset logscale y\nset format y '10^{%%L}'\n"
	        "set key outside right noenhanced\nset grid\n"
	        "plot for [i=0:%zu] $d index i using 1:2 with linespoints pointtype i+1 title "
	        "columnheader(1)\n",
	        costs->line, opt.fill_ns, N_DESIGNS - 1);
}

static int draw(struct plot *plot, const struct costs *costs)
{
	struct plot_error why;

	draw_rates(plot->script, costs);
	if (plot_draw(plot, &why) == 0)
		return 0;
	args_error(NAME, "plot", opt.plot, "%s", why.text);
	return 1;
}

int main(int argc, char **argv)
{
	static struct costs costs;
	struct spread copies;
	struct plot plot;
	struct plot_error why;
	int rc = args_parse(&args, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (opt.plot && plot_open(&plot, opt.plot, &why) != 0)
		return args_error(NAME, "plot", opt.plot, "%s", why.text);
	if (!cell_two_copies(&copies, opt.rounds, (double)opt.ms) || !measure(&costs))
		return 1;
	if (costs.line > NOT_A_LINE) {
		args_error(NAME, NULL, NULL,
		           "a line took %.0f ns: no two CPUs were free at once; try again, or "
		           "--line-ns",
		           costs.line);
		return 1;
	}
	printf("a line from core to core %.1f ns (across sockets assumed %.1f); claim, publish and "
	       "release alone %.1f ns; a block through the ring, one producer, %.1f ns\n\n",
	       costs.line, costs.line * opt.far, costs.claim[0], costs.hand);
	if (copies.median < CELL_QUIET)
		printf("two copies of one work at once did %.2f times one's: what two threads show "
		       "here is one CPU's, and says nothing of the model\n\n",
		       copies.median);
	check_model(&costs);
	print_rates(&costs, false, false);
	print_rates(&costs, false, true);
	print_rates(&costs, true, true);
	print_need(&costs);
	if (opt.plot)
		return draw(&plot, &costs);
	return fflush(stdout) != 0;
}
