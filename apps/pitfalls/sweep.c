/* SPDX-License-Identifier: MIT */
/* The sweep: the same two generators as E1 and E2, at queue depths from 1 to 64 and with a
 * generator that is slower or faster than the trainer.
 *
 * A generator that is slower leaves the queue empty: the trainer takes each batch as it is
 * made, and x is still right. One that is faster fills the queue, and then every row is
 * wrong, however short the queue. In between a share q of the rows is wrong, the slope
 * becomes 1 - q and the loss s^2 q (2 - q), as long as wrong rows come like coin tosses. */

#include "sweep.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint32_t depths[SWEEP_DEPTHS] = {1, 2, 4, 8, 10, 16, 32, 64};

static const struct pace replayed[] = {
	{"0.25", 0.25, 0}, {"0.5", 0.5, 0}, {"0.8", 0.8, 0}, {"1", 1, 0},
	{"1.25", 1.25, 0}, {"2", 2, 0},     {"4", 4, 0},     {"always", SPEED_ALWAYS_AHEAD, 0},
};

static const struct pace threaded[] = {
	{"0", 0, 0},
	{"1", 0, 1},
	{"2", 0, 2},
	{"4", 0, 4},
	{"half", 0, AHEAD_HALF},
	{"full", 0, AHEAD_ALL},
};

double sweep_closed_form(double share)
{
	return VARIANCE * share * (2 - share);
}

static int measure(const struct setup *s, enum arrays arrays, uint32_t depth,
                   const struct pace *pace, struct sweep_point *point, baton_error *err)
{
	struct loader_config config = scenario_loader(s, arrays);
	struct training_options options = scenario_training(s, BATON_INLINE);
	struct training t = TRAINING_INIT;
	struct loader *loader = NULL;
	struct loader_counts c;
	baton_source source;
	int rc;

	config.depth = depth;
	config.speed = pace->speed;
	config.ahead = pace->ahead == AHEAD_HALF ? (depth + 1) / 2 : pace->ahead;
	loader_open(&loader, &config);
	source = loader_source(loader);
	rc = training_run(&t, &source, &options, err);
	c = loader_counts(loader);
	loader_close(&loader);
	point->share = (double)c.strangers / (double)c.rows;
	point->queued = (double)c.queued / (double)c.batches;
	point->plateau = training_mean(&t, s->epochs > 10 ? s->epochs - 9 : 1, s->epochs);
	training_free(&t);
	return rc;
}

static void choose(struct sweep *sweep, const struct setup *s)
{
	bool threads = s->form == FORM_THREADS;

	sweep->n_paces = threads ? sizeof(threaded) / sizeof(threaded[0])
	                         : sizeof(replayed) / sizeof(replayed[0]);
	memcpy(sweep->pace, threads ? threaded : replayed, sweep->n_paces * sizeof(sweep->pace[0]));
	memcpy(sweep->depth, depths, sizeof(depths));
	sweep->queue = (uint32_t)s->queue;
}

int sweep_run(struct sweep *sweep, const struct setup *s, baton_error *err)
{
	int rc = 0;

	choose(sweep, s);
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		for (size_t j = 0; j < sweep->n_paces && rc == 0; j++)
			rc = measure(s, ARRAYS_X_REUSED, sweep->depth[i], &sweep->pace[j],
			             &sweep->x[i][j], err);
	for (size_t j = 0; j < sweep->n_paces && rc == 0; j++)
		rc = measure(s, ARRAYS_BOTH_REUSED, sweep->queue, &sweep->pace[j], &sweep->both[j],
		             err);
	return rc;
}

/* --- the table -------------------------------------------------------------------- */

static void print_paces(const struct sweep *sweep)
{
	bool threads = sweep->pace[sweep->n_paces - 1].ahead == AHEAD_ALL;

	printf("%-18s", threads ? "batches ahead:" : "generator's speed:");
	for (size_t j = 0; j < sweep->n_paces; j++)
		printf(" %8s", sweep->pace[j].name);
	printf("\n");
}

static void print_value(double value)
{
	printf(value < 1 ? " %8.4f" : " %8.2f", value);
}

/* One of a point's figures, by its place. */
static double pick(const struct sweep_point *point, int which)
{
	return which == 0   ? 100 * point->share
	       : which == 1 ? point->plateau
	       : which == 2 ? sweep_closed_form(point->share)
	                    : point->queued;
}

static void print_grid(const struct sweep *sweep, int which)
{
	for (size_t i = 0; i < SWEEP_DEPTHS; i++) {
		printf("queue of %-9u", sweep->depth[i]);
		for (size_t j = 0; j < sweep->n_paces; j++)
			print_value(pick(&sweep->x[i][j], which));
		printf("\n");
	}
}

void sweep_print(const struct sweep *sweep)
{
	static const char *const grids[] = {
		"x reused: % of the rows that hold other numbers than their label was made from",
		"the loss where it stays", "the same by the closed form s^2 q (2 - q)",
		"entries that the trainer finds in the queue"};
	static const char *const lines[] = {"wrong rows, %", "loss"};

	for (int which = 0; which < 4; which++) {
		printf("%s%s\n", which ? "\n" : "", grids[which]);
		print_paces(sweep);
		print_grid(sweep, which);
	}
	printf("\nx and labels reused, a queue of %u: its luck ends where the trainer is not the "
	       "slow side\n",
	       sweep->queue);
	print_paces(sweep);
	for (int which = 0; which < 2; which++) {
		printf("%-18s", lines[which]);
		for (size_t j = 0; j < sweep->n_paces; j++)
			print_value(pick(&sweep->both[j], which));
		printf("\n");
	}
}

/* --- JSON ------------------------------------------------------------------------- */

static void json_point(struct json *j, const char *arrays, uint32_t depth, const struct pace *pace,
                       const struct sweep_point *point)
{
	json_object(j, NULL);
	json_text(j, "reused", arrays);
	json_u64(j, "queue", depth);
	json_text(j, "pace", pace->name);
	json_f64(j, "wrong_rows", point->share);
	json_f64(j, "loss", point->plateau);
	json_f64(j, "closed_form", sweep_closed_form(point->share));
	json_f64(j, "queued", point->queued);
	json_close(j);
}

void sweep_json(struct json *j, const struct sweep *sweep)
{
	json_array(j, "sweep");
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		for (size_t p = 0; p < sweep->n_paces; p++)
			json_point(j, "x", sweep->depth[i], &sweep->pace[p], &sweep->x[i][p]);
	for (size_t p = 0; p < sweep->n_paces; p++)
		json_point(j, "x and labels", sweep->queue, &sweep->pace[p], &sweep->both[p]);
	json_close(j);
}
