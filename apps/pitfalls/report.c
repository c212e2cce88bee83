/* SPDX-License-Identifier: MIT */
/* The report: a table, what is worth knowing about its lines, and the costs; or the same
 * as JSON. It reads what was found and decides nothing. */

#include "report.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"ok", "not judged", "FAILED"};

/* --- figures as text -------------------------------------------------------------- */

#define FIGURE_TEXT 48

/* A loss: as many digits as tell something. */
static const char *figure(char *text, double value)
{
	if (isnan(value))
		return "-";
	snprintf(text, FIGURE_TEXT, value == 0 ? "%.0f" : value < 1 ? "%.4f" : "%.3f", value);
	return text;
}

static const char *range(char *text, double low, double high)
{
	char a[FIGURE_TEXT], b[FIGURE_TEXT];

	if (low == high || isnan(low))
		return figure(text, low);
	snprintf(text, FIGURE_TEXT, "%.18s to %.18s", figure(a, low), figure(b, high));
	return text;
}

static const char *expected(char *text, const struct result *r)
{
	char closed[FIGURE_TEXT];
	double tolerance = r->expected.high - r->closed_form;

	if (isnan(r->closed_form) || tolerance == 0)
		return range(text, r->expected.low, r->expected.high);
	snprintf(text, FIGURE_TEXT, "%.18s +- %g", figure(closed, r->closed_form),
	         round(1e6 * tolerance) / 1e6);
	return text;
}

static const char *prediction(char *text, const struct result *r)
{
	if (isnan(r->predicted))
		return "-";
	snprintf(text, FIGURE_TEXT, "%.2f", r->predicted);
	return text;
}

/* --- the table -------------------------------------------------------------------- */

static void print_head(const struct setup *s)
{
	printf("seed %" PRIu64 ", %" PRIu64
	       " epochs of %d steps, batches of %d; a queue of %" PRIu64 ", ",
	       s->seed, s->epochs, STEPS, ROWS, s->queue);
	if (s->form == FORM_THREADS)
		printf("filled by a thread, taken from when full\n\n");
	else if (s->speed == SPEED_ALWAYS_AHEAD)
		printf("replayed on one thread, always full\n\n");
	else
		printf("replayed on one thread, speed %g\n\n", s->speed);
	printf("    %-33s %-17s %-17s %8s  %s\n", "what is done", "loss: expected", "measured",
	       "(73,57)", "verdict");
}

static void print_line(const struct result *r, const char *before)
{
	char a[FIGURE_TEXT], b[FIGURE_TEXT], c[FIGURE_TEXT];
	bool again = before && strcmp(before, r->name) == 0;

	printf("%-3s %-33s %-17s %-17s %8s  %s%s%s\n", again ? "" : r->name, r->what,
	       expected(a, r), range(b, r->measured[0], r->measured[1]), prediction(c, r),
	       names[r->verdict], r->verdict == VERDICT_OK ? ": " : "",
	       r->verdict == VERDICT_OK ? r->says : "");
}

/* A note's lines, each after the name or under it. */
static void print_note(const struct result *r, const char *before)
{
	const char *name = before && strcmp(before, r->name) == 0 ? "" : r->name;

	for (const char *at = r->note; *at; name = "") {
		size_t n = strcspn(at, "\n");

		printf("%-3s %.*s\n", name, (int)n, at);
		at += n + (at[n] == '\n');
	}
}

/* E1 and what can't be told from it by its loss. */
static void print_alike(const struct results *all)
{
	const struct result *race = results_find(all, "E1"), *shape = results_find(all, "E8");

	if (!race || !shape)
		return;
	shape++; /* the first line of E8 computes only */
	printf("\nAlike in the loss, and from different mistakes:\n");
	for (int i = 0; i < 2; i++) {
		const struct result *r = i == 0 ? race : shape;

		printf("%-3s %-33s loss %.3f, (73,57) -> %.2f, slope %.3f\n", r->name, r->what,
		       r->measured[0], r->predicted,
		       (double)(r->training.weights[0] + r->training.weights[1]));
	}
}

/* --- costs ------------------------------------------------------------------------ */

static const char *const cure_names[CURES] = {"", "E4", "E5", "E9", "", ""};
static const char *const cure_what[CURES] = {"floor: one thread, no hand-over",
                                             "new arrays for each batch",
                                             "a copy for each batch",
                                             "baton, 1 producer",
                                             "baton, 4 producers",
                                             "baton, 16 producers"};

static void print_cost_verdict(const struct cost *c)
{
	printf("E4 %.2fx, E5 %.2fx; ", c->than[0], c->than[1]);
	if (c->clean == VERDICT_FAILED)
		printf("FAILED: a copy or an allocation\n");
	else if (c->cheaper == VERDICT_NOT_JUDGED)
		printf("not judged: %s\n", cost_unjudged ? cost_unjudged : "too noisy");
	else
		printf("%s\n", c->cheaper == VERDICT_OK ? "ok: cheapest" : "FAILED: dearer");
}

static void print_costs(const struct cost costs[CURES])
{
	printf("\nA batch made, handed over, read and given back: ns, the median of %d turns "
	       "(and its range)\n",
	       COST_ROUNDS);
	for (int i = 0; i < CURES; i++) {
		const struct cost *c = &costs[i];

		printf("%-3s %-33s %6.0f (%.0f to %.0f), %.2g allocations", cure_names[i],
		       cure_what[i], c->ns.median, c->ns.range.low, c->ns.range.high,
		       c->allocations);
		if (cure_producers[i] == 0) {
			printf("\n");
			continue;
		}
		printf(", %.0f %% read where written\n%38s", 100 * c->in_place, "");
		print_cost_verdict(c);
	}
}

void report_print(const struct setup *s, const struct results *all, const struct cost costs[CURES])
{
	print_head(s);
	for (size_t i = 0; i < all->n; i++)
		print_line(&all->at[i], i > 0 ? all->at[i - 1].name : NULL);
	printf("\n");
	for (size_t i = 0; i < all->n; i++)
		print_note(&all->at[i], i > 0 ? all->at[i - 1].name : NULL);
	print_alike(all);
	if (costs)
		print_costs(costs);
}

/* --- JSON ------------------------------------------------------------------------- */

static void json_interval(struct json *j, const char *key, double low, double high)
{
	json_array(j, key);
	json_f64(j, NULL, low);
	json_f64(j, NULL, high);
	json_close(j);
}

static void json_result(struct json *j, const struct result *r)
{
	json_object(j, NULL);
	json_text(j, "scenario", r->name);
	json_text(j, "what", r->what);
	json_f64(j, "closed_form", r->closed_form);
	json_interval(j, "expected", r->expected.low, r->expected.high);
	json_interval(j, "measured", r->measured[0], r->measured[1]);
	json_f64(j, "prediction", r->predicted);
	json_interval(j, "prediction_expected", r->predicts.low, r->predicts.high);
	json_text(j, "verdict", names[r->verdict]);
	json_text(j, "says", r->says);
	json_text(j, "note", r->note);
	json_array(j, "losses");
	for (size_t i = 0; i < r->training.history.n_epochs; i++)
		json_f64(j, NULL, r->training.history.epochs[i].loss);
	json_close(j);
	json_close(j);
}

static void json_cost(struct json *j, enum cure cure, const struct cost *c)
{
	json_object(j, NULL);
	json_text(j, "what", cure_what[cure]);
	json_u64(j, "producers", cure_producers[cure]);
	json_f64(j, "ns", c->ns.median);
	json_interval(j, "ns_range", c->ns.range.low, c->ns.range.high);
	json_f64(j, "allocations", c->allocations);
	if (cure_producers[cure] > 0) {
		json_f64(j, "read_where_written", c->in_place);
		json_f64(j, "fresh_costs_times", c->than[0]);
		json_f64(j, "copy_costs_times", c->than[1]);
		json_text(j, "no_copy_no_allocation", names[c->clean]);
		json_text(j, "cheapest", names[c->cheaper]);
	}
	json_close(j);
}

void report_json(struct json *j, const struct setup *s, const struct results *all,
                 const struct cost costs[CURES])
{
	json_object(j, "config");
	json_u64(j, "seed", s->seed);
	json_u64(j, "epochs", s->epochs);
	json_u64(j, "queue", s->queue);
	json_text(j, "form", s->form == FORM_THREADS ? "threads" : "replayed");
	json_f64(j, "speed", s->speed == SPEED_ALWAYS_AHEAD ? (double)NAN : s->speed);
	json_close(j);
	json_array(j, "scenarios");
	for (size_t i = 0; i < all->n; i++)
		json_result(j, &all->at[i]);
	json_close(j);
	json_array(j, "costs");
	for (int i = 0; costs && i < CURES; i++)
		json_cost(j, (enum cure)i, &costs[i]);
	json_close(j);
}

enum verdict report_verdict(const struct results *all, const struct cost costs[CURES])
{
	enum verdict worst = VERDICT_OK;

	for (size_t i = 0; i < all->n; i++)
		worst = judge_both(worst, all->at[i].verdict);
	for (int i = 0; costs && i < CURES; i++)
		worst = judge_both(worst, judge_both(costs[i].clean, costs[i].cheaper));
	return worst;
}
