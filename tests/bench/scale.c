/* SPDX-License-Identifier: MIT */
/* scale: how far does one ring go? What a line costs is measured here; the model (sim.h) says
 * what that comes to on up to 256 cores.
 *
 *   1. what a line, a CAS and a hand-off cost here
 *   2. is the model right about what the CPUs here can show? Threads that only claim, at several
 *      distances between claims; and the ring with a trainer, at several fills. More CPUs, more
 *      checks. And would the checks see a wrong cost?
 *   3. the rate of batches against producers, for several m; where each bends
 *   4. what would move that: claiming n tickets at once, a ring for each socket
 *
 * What can't be measured on one socket is assumed, and said: a line from another socket. The costs
 * of another machine may be given in place of those measured here, for 3 and 4. */

#include "args.h"
#include "here.h"
#include "plot.h"
#include "sim.h"
#include <stdio.h>

#define NAME "scale"

static struct {
	double far, line_ns, cas_ns, swap_ns, hand_ns;
	uint64_t rounds, windows, sockets, cores;
	double fill_ns, train_ns;
	const char *plot;
} opt = {.far = 3,
         .rounds = 9,
         .windows = 10,
         .sockets = 4,
         .cores = 64,
         .fill_ns = 100,
         .train_ns = 0};

static const struct arg table[] = {
	ARG_F64("far", "F", &opt.far, 1, 100,
                "what a line from another socket costs, in lines of\nthe same (default: 3; an "
                "assumption)"),
	ARG_F64("line-ns", "F", &opt.line_ns, 0, 1e6,
                "nanoseconds of a line from core to core, of another\nmachine (default: as "
                "measured)"),
	ARG_F64("cas-ns", "F", &opt.cas_ns, 0, 1e6, "the same of a CAS on a line that is there"),
	ARG_F64("swap-ns", "F", &opt.swap_ns, 0, 1e6,
                "the same of a try where many do nothing but CAS"),
	ARG_F64("hand-ns", "F", &opt.hand_ns, 0, 1e6,
                "the same of a slot's lines, trainer to producer or\nback"),
	ARG_U64("sockets", "N", &opt.sockets, 1, 16, "sockets of the larger machine (default: 4)"),
	ARG_U64("cores", "N", &opt.cores, 1, 256, "cores of each socket (default: 64)"),
	ARG_F64("fill-ns", "F", &opt.fill_ns, 0, 1e9, "nanoseconds to make a batch (default: 100)"),
	ARG_F64("train-ns", "F", &opt.train_ns, 0, 1e9,
                "nanoseconds to use one, beside the hand-off\n(default: 0: the ring alone)"),
	ARG_U64("rounds", "N", &opt.rounds, 3, SPREAD_MAX, "rounds (default: 9)"),
	ARG_U64("windows", "N", &opt.windows, 1, SPREAD_MAX,
                "windows of 0.1 ms a measurement (default: 10)"),
	ARG_TEXT("plot", "FILE", &opt.plot, "draw the model's rates; FILE ends in .svg or .png"),
};

static const struct args args = {
	.program = NAME,
	.summary = "A model of one ring on up to 256 cores, from costs measured on these.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.statuses = "0    the model is right about what these CPUs show\n"
		    "1    it is not, or nobody could tell, or it failed\n2    wrong usage\n"
		    "77   no two CPUs were free at once: nothing was measured\n",
};

/* --- what it costs here, and what these CPUs show --------------------------------------- */

static void print_cost(const char *what, const struct spread *s)
{
	printf("  %-58s %7.2f (%7.2f to %7.2f)\n", what, s->median, s->low, s->high);
}

static void print_costs(const struct here *h)
{
	const struct costs *c = &h->costs;

	printf("%zu rounds on %u CPUs; medians, min, max\n\nns\n", h->rounds, (unsigned)h->cpus);
	print_cost("a line from one CPU to another (half of a ping-pong)", &c->line);
	if (h->cpus > 2)
		print_cost("the dearest of those tried", &c->far);
	print_cost("a CAS, one thread", &c->cas);
	for (unsigned i = 0; i < HERE_CROWDS && c->contended[i].median > 0; i++) {
		char what[60];

		snprintf(what, sizeof(what), "a CAS, %u threads that do nothing else", 2u << i);
		print_cost(what, &c->contended[i]);
		print_cost("  and successes a try", &c->kept[i]);
	}
	print_cost("claim, publish and release, one thread", &c->claim);
	print_cost("a slot's lines, trainer to producer or back", &c->hand);
	putchar('\n');
}

static void print_checks(const struct here *h)
{
	size_t off = here_off(h->checks, h->n);

	printf("%-40s %9s (%7s to %7s)   %s\n", "what these CPUs show, M/s", "measured", "min",
	       "max", "times the model's");
	for (size_t i = 0; i < h->n; i++) {
		const struct check *c = &h->checks[i];

		if (!here_judged(c)) {
			printf("  %-38s no CPUs for it at once: not judged\n", c->what);
			continue;
		}
		printf("  %-38s %9.2f (%7.2f to %7.2f)   %.2f (%.2f to %.2f)%s\n", c->what,
		       c->seen.median / 1e6, c->seen.low / 1e6, c->seen.high / 1e6, c->off.median,
		       c->off.low, c->off.high, here_meets(c) ? "" : "  OFF");
	}
	printf("%zu of %zu are off by more than %.2f times beyond the middle half of the rounds",
	       off, h->n, HERE_TOLERANCE);
	for (size_t i = 0; i < sizeof(h->seeded) / sizeof(h->seeded[0]); i++)
		printf("%s %s five times too dear: %zu", i == 0 ? "; with" : ",", h->seeded[i].what,
		       h->seeded[i].off);
	printf("\n%s\n",
	       h->seeded[0].off > 0 ? "" : "they would not see a wrong line: they say nothing\n");
}

/* --- what it would come to ---------------------------------------------------------------- */

struct design {
	const char *name;
	uint32_t m, tickets;
	bool ring_each, no_trainer;
};

static const struct design designs[] = {
	{"m=1", 1, 1, false, false},
	{"m=4", 4, 1, false, false},
	{"m=16", 16, 1, false, false},
	{"m=64", 64, 1, false, false},
	{"m=1, 8 tickets at once", 1, 8, false, false},
	{"m=1, a ring a socket", 1, 1, true, false},
	{"m=16, a ring a socket", 16, 1, true, false},
	{"m=1, claims alone", 1, 1, false, true},
};
#define N_DESIGNS (sizeof(designs) / sizeof(designs[0]))

enum { COUNTS = 9 }; /* of producers: 1, 2, 4, ... 256 */

static void replace(double *ns, double by)
{
	if (by > 0)
		*ns = by;
}

static double design_rate(const struct costs *costs, const struct design *d, uint32_t producers)
{
	struct sim s = here_machine(costs, producers);

	s.sockets = (uint32_t)((producers + opt.cores - 1) / opt.cores);
	s.sockets = s.sockets < opt.sockets ? s.sockets : (uint32_t)opt.sockets;
	replace(&s.line, opt.line_ns);
	replace(&s.cas, opt.cas_ns);
	replace(&s.swap, producers > 1 ? opt.swap_ns : 0);
	replace(&s.hand, opt.hand_ns);
	s.far = s.line * opt.far;
	s.fill = opt.fill_ns;
	s.train = opt.train_ns;
	s.trains = !d->no_trainer;
	s.block_batches = d->m;
	s.tickets = d->tickets;
	s.rings = d->ring_each ? s.sockets : 1;
	return sim_rate(&s);
}

static struct curve {
	double rate[COUNTS]; /* batches a second */
	uint32_t bend;       /* so many producers make less than 0.7 times what as many times one
	                      * would; 0: up to 256 none do */
} curves[N_DESIGNS];

static void make_curves(const struct costs *costs)
{
	for (size_t d = 0; d < N_DESIGNS; d++) {
		struct curve *c = &curves[d];

		for (uint32_t i = 0; i < COUNTS; i++) {
			c->rate[i] = design_rate(costs, &designs[d], 1u << i);
			if (!c->bend && c->rate[i] < 0.7 * c->rate[0] * (1u << i))
				c->bend = 1u << i;
		}
	}
}

static void print_rates(void)
{
	printf("the model: fills of %.0f ns, producers each on a core, %u sockets of %u; a line "
	       "from "
	       "another one %.1f times as dear (assumed)\n%-26s",
	       opt.fill_ns, (unsigned)opt.sockets, (unsigned)opt.cores, opt.far, "M batches/s, P:");
	for (uint32_t i = 0; i < COUNTS; i++)
		printf(" %8u", 1u << i);
	printf("   bends at\n");
	for (size_t d = 0; d < N_DESIGNS; d++) {
		printf("%-26s", designs[d].name);
		for (uint32_t i = 0; i < COUNTS; i++)
			printf(" %8.2f", curves[d].rate[i] / 1e6);
		if (curves[d].bend)
			printf("   P=%u\n", (unsigned)curves[d].bend);
		else
			printf("   not up to 256\n");
	}
	putchar('\n');
}

/* The least that any number of producers from 8 on makes of a design. */
static double least(size_t d)
{
	double rate = curves[d].rate[3];

	for (uint32_t i = 3; i < COUNTS; i++)
		rate = curves[d].rate[i] < rate ? curves[d].rate[i] : rate;
	return rate / 1e6;
}

static void print_need(void)
{
	printf("M batches/s at any P from 8 to 256, at least:");
	for (size_t d = 0; d < N_DESIGNS && !designs[d].no_trainer; d++)
		printf("%s %s %.2f", d == 0 ? "" : ";", designs[d].name, least(d));
	printf("\n");
}

static void draw_rates(FILE *script, const struct costs *costs)
{
	static const char *const colors[] = {"#1b6ca8", "#2a9d8f", "#7a9e1f", "#555555",
	                                     "#c1440e", "#8e44ad", "#d08c00"};

	plot_style(script);
	fprintf(script, "$d << END\n");
	for (size_t d = 0; d < N_DESIGNS && !designs[d].no_trainer; d++) {
		fprintf(script, "\"%s\"\n", designs[d].name);
		for (uint32_t i = 0; i < COUNTS; i++)
			fprintf(script, "%u %g\n", 1u << i, curves[d].rate[i] / 1e6);
		fprintf(script, "\n\n");
	}
	fprintf(script,
	        "END\nset title 'One ring, fills of %.0f ns, lines of %.0f ns: a model' "
	        "noenhanced\n"
	        "set xlabel 'producers, each on a core'\nset ylabel 'million batches a second'\n"
	        "set logscale x 2\nset logscale y 10\nset xrange [1:256]\n"
	        "set key bottom left\nplot ",
	        opt.fill_ns, opt.line_ns > 0 ? opt.line_ns : costs->line.median);
	for (size_t d = 0; d < N_DESIGNS && !designs[d].no_trainer; d++)
		fprintf(script,
		        "%s$d index %zu using 1:2 with linespoints pt %zu ps 0.6 lw 2 dt %d "
		        "lc rgb '%s' title columnheader(1)",
		        d == 0 ? "" : ", ", d, d + 4, d < 4 ? 1 : 2, colors[d]);
	fprintf(script, "\n");
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
	static struct here here;
	struct plot plot;
	struct plot_error why;
	int rc = args_parse(&args, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	if (opt.plot && plot_open(&plot, opt.plot, &why) != 0)
		return args_error(NAME, "plot", opt.plot, "%s", why.text);
	if (!here_measure(&here, opt.rounds, (uint32_t)opt.windows)) {
		args_error(NAME, NULL, NULL, "no two CPUs were free at once; nothing was measured");
		if (opt.plot)
			plot_abandon(&plot);
		return 77;
	}
	print_costs(&here);
	print_checks(&here);
	make_curves(&here.costs);
	print_rates();
	print_need();
	rc = here_off(here.checks, here.n) > 0 || here.seeded[0].off == 0;
	if (opt.plot && draw(&plot, &here.costs) != 0)
		rc = 1;
	return fflush(stdout) != 0 ? 1 : rc;
}
