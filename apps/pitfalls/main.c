/* SPDX-License-Identifier: MIT */
/* pitfalls: the article's experiments, each run, with the figure that mathematics predicts
 * beside the one that is measured.
 *
 * One way: command line -> scenarios -> results -> report. The trainer of every scenario is
 * this program's main thread. */

#include "../args.h"
#include "../path.h"
#include "picture.h"
#include "report.h"
#include "scenario.h"
#include "spsc.h"
#include "sweep.h"
#include <baton/baton.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "pitfalls"

static scenario_fn *const scenarios[SCENARIOS] = {
	scenario_x_reused, scenario_both_reused, scenario_next_next,
	scenario_fresh,    scenario_copied,      scenario_flat_target,
	scenario_lambda,   scenario_flat_lambda, scenario_baton,
};

struct wanted {
	bool scenario[SCENARIOS];
	bool any;
};

struct program {
	struct setup setup;
	struct wanted wanted;
	bool threads, sweep;
	const char *json_path, *plot_path;
	struct json_file json;
	struct plot plot;
	struct plot_error why;
	struct results results;
	struct cost costs[CURES]; /* if measures_cost() */
	struct sweep swept;       /* if sweep */
};

/* --- command line ------------------------------------------------------------------ */

/* "E1" to "E9", "all" */
static bool parse_scenario(void *value, const char *text)
{
	struct wanted *wanted = value;
	bool all = strcmp(text, "all") == 0;

	if (!all && !(text[0] == 'E' && text[1] >= '1' && text[1] <= '9' && !text[2]))
		return false;
	for (int i = 0; i < SCENARIOS; i++)
		wanted->scenario[i] |= all || text[1] == '1' + i;
	wanted->any = true;
	return true;
}

/* The cures are always compared with each other. */
static bool measures_cost(const struct wanted *wanted)
{
	return wanted->scenario[3] || wanted->scenario[4] || wanted->scenario[8];
}

/* Is anything run that a picture can show? */
static bool drawable(const struct program *p)
{
	return p->sweep || p->wanted.scenario[0] || p->wanted.scenario[1] ||
	       p->wanted.scenario[3] || p->wanted.scenario[8];
}

/* Options of the queue, without one. */
static int check_queue(const struct program *p, const struct args *args)
{
	static const char *const its[] = {"queue", "speed", NULL};
	bool queued = false;

	for (int i = 0; i < 5; i++)
		queued |= p->wanted.scenario[i];
	if (!queued && args_given(args, its))
		return args_error(PROGRAM, args_given(args, its), NULL,
		                  "is for E1 to E5: --sweep has its own, the others none");
	if (!queued && !p->sweep && p->threads)
		return args_error(PROGRAM, "threads", NULL, "is for E1 to E5 and --sweep");
	if (p->threads && p->setup.speed != SPEED_ALWAYS_AHEAD)
		return args_error(PROGRAM, "speed", NULL,
		                  "is for the replay: with --threads the threads are as fast as "
		                  "they are");
	return ARGS_GO_ON;
}

/* What a table of options can't say. */
static int check(struct program *p)
{
	int rc;

	if (p->plot_path && !drawable(p))
		return args_error(PROGRAM, "plot", p->plot_path,
		                  "would be empty: it shows E1, E2, E4 and E9, or --sweep");
	if (p->json_path && p->plot_path && path_same_file(p->json_path, p->plot_path))
		return args_error(PROGRAM, "plot", p->plot_path, "is what --json writes to");
	if (p->json_path && (rc = json_file_open(&p->json, p->json_path)) != 0)
		return args_error(PROGRAM, "json", p->json_path, "can't be written: %s",
		                  strerror(rc));
	if (p->plot_path && plot_open(&p->plot, p->plot_path, &p->why) != 0)
		return args_error(PROGRAM, "plot", p->plot_path, "%s", p->why.text);
	return ARGS_GO_ON;
}

static int read_args(struct program *p, int argc, char **argv)
{
	uint64_t given = 0;
	const struct arg table[] = {
		ARG_U64("seed", "S", &p->setup.seed, 0, UINT64_MAX, "of all random numbers (1)"),
		ARG_U64("epochs", "N", &p->setup.epochs, 1, 100000,
	                "of 1000 steps; what is said of epoch 100 is judged from\n"
	                "100 epochs on, what is said of epoch 6 from 6 on (100)"),
		ARG_U64("queue", "Q", &p->setup.queue, 1, SPSC_MAX,
	                "places in the queue of E1 to E5 (10)"),
		ARG_F64("speed", "F", &p->setup.speed, 0.01, 100,
	                "E1 to E5: batches that the generator could make in one\n"
	                "step of the trainer (default: it is always ahead)"),
		ARG_FLAG("threads", &p->threads,
	                 "E1 to E5, sweep: a real thread for the generator, rather\n"
	                 "than a replay on one thread"),
		ARG_FLAG("sweep", &p->sweep,
	                 "how much is wrong, against the queue's depth and the\n"
	                 "generator's pace; without scenarios, nothing else"),
		ARG_TEXT("json", "FILE", &p->json_path,
	                 "write the results as JSON; -: to stdout, instead of text"),
		ARG_TEXT("plot", "FILE", &p->plot_path,
	                 "draw the loss of E1, E2, E4 and E9, or the sweep, as .svg\n"
	                 "or .png; needs gnuplot"),
	};
	const struct args args = {
		PROGRAM,
		"Run the article's experiments: the loss that mathematics expects beside the one\n"
		"that is measured. Scenarios: E1 x reused, E2 x and labels reused, E3 next next,\n"
		"E4 new arrays, E5 copies, E6 labels without an axis, E7 Lambda, E8 Lambda "
		"without\n"
		"expand_dims, E9 baton; all of them by default.",
		table,
		sizeof(table) / sizeof(table[0]),
		NULL,
		"0    every figure that is judged lies where it should\n"
		"1    one does not, or it failed\n"
		"2    wrong usage\n"
		"130  interrupted: nothing is reported\n",
		&given};
	const struct args_words words = {"[E1..E9|all]...", &p->wanted, parse_scenario,
	                                 "a scenario: E1 to E9, or all"};
	int rc = args_parse_words(&args, &words, argc, argv);

	if (rc != ARGS_GO_ON)
		return rc;
	p->setup.form = p->threads ? FORM_THREADS : FORM_REPLAYED;
	if (!p->wanted.any && !p->sweep)
		parse_scenario(&p->wanted, "all");
	rc = check_queue(p, &args);
	return rc == ARGS_GO_ON ? check(p) : rc;
}

/* --- interruption ------------------------------------------------------------------ */

/* Nothing is printed or written before the end, so there is nothing to be saved. */
static void on_interrupt(int signal)
{
	static const char text[] = PROGRAM ": interrupted: there is no report\n";
	ssize_t rc = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal, (void)rc;
	_exit(130);
}

static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

/* --- running ----------------------------------------------------------------------- */

/* One line on stderr. Returns 1, the status of a failure. */
static int complain(const char *what, const char *name, const char *why)
{
	fprintf(stderr, PROGRAM ": %s%s%s: %s\n", what, name ? " " : "", name ? name : "", why);
	return 1;
}

static int run_scenarios(struct program *p)
{
	baton_error err = {0};

	for (int i = 0; i < SCENARIOS; i++) {
		const char name[3] = {'E', (char)('1' + i), '\0'};
		int rc = p->wanted.scenario[i] ? scenarios[i](&p->setup, &p->results, &err) : 0;

		if (rc < 0)
			return complain(name, NULL, err.text[0] ? err.text : baton_strerror(rc));
	}
	if (measures_cost(&p->wanted))
		cost_measure(p->costs, (uint32_t)p->setup.queue);
	return 0;
}

static int run_sweep(struct program *p)
{
	baton_error err = {0};
	int rc = p->sweep ? sweep_run(&p->swept, &p->setup, &err) : 0;

	return rc < 0 ? complain("--sweep", NULL, err.text[0] ? err.text : baton_strerror(rc)) : 0;
}

/* --- reporting --------------------------------------------------------------------- */

static const struct cost *measured_costs(const struct program *p)
{
	return measures_cost(&p->wanted) ? p->costs : NULL;
}

static int save_json(struct program *p, bool good)
{
	struct json j;
	int rc;

	json_begin(&j);
	json_object(&j, NULL);
	json_program(&j, PROGRAM);
	json_bool(&j, "good", good);
	report_json(&j, &p->setup, &p->results, measured_costs(p));
	if (p->sweep)
		sweep_json(&j, &p->swept);
	json_close(&j);
	rc = json_save(&j, &p->json);
	return rc ? complain("--json", p->json_path, strerror(rc)) : 0;
}

static int draw(struct program *p)
{
	if (p->sweep)
		picture_sweep(&p->plot, &p->swept);
	else
		picture_loss(&p->plot, &p->results);
	return plot_draw(&p->plot, &p->why) ? complain("--plot", p->plot_path, p->why.text) : 0;
}

static void print(const struct program *p)
{
	if (p->wanted.any)
		report_print(&p->setup, &p->results, measured_costs(p));
	if (p->wanted.any && p->sweep)
		printf("\n");
	if (p->sweep)
		sweep_print(&p->swept);
}

static int report(struct program *p)
{
	bool good = report_verdict(&p->results, measured_costs(p)) != VERDICT_FAILED;
	int status = good ? 0 : 1;

	if (!p->json_path || !p->json.is_stdout)
		print(p);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = complain("standard output", NULL, "can't be written");
	if (p->plot_path && draw(p) != 0)
		status = 1;
	if (p->json_path && save_json(p, good) != 0)
		status = 1;
	return status;
}

static int run_all(struct program *p)
{
	int status = run_scenarios(p);

	if (status == 0)
		status = run_sweep(p);
	if (status == 0)
		return report(p);
	if (p->plot_path)
		plot_abandon(&p->plot);
	if (p->json_path)
		json_file_close(&p->json);
	return status;
}

int main(int argc, char **argv)
{
	static struct program p = {
		.setup = {.seed = 1, .epochs = 100, .queue = 10, .speed = SPEED_ALWAYS_AHEAD},
	};
	int status;

	catch_interrupts();
	status = read_args(&p, argc, argv);
	if (status == ARGS_GO_ON)
		status = run_all(&p);
	results_free(&p.results);
	return status;
}
