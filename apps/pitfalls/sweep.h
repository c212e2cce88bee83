/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_SWEEP_H
#define BATON_PITFALLS_SWEEP_H

#include "../json.h"
#include "scenario.h"

/* How much of the bug there is, depending on how deep the queue is and on who is faster. */

/* How fast the generator is, beside the trainer: speed if replayed, ahead with threads. */
struct pace {
	char name[16];
	double speed;
	uint32_t ahead; /* AHEAD_HALF, or a number, or AHEAD_ALL */
};
#define AHEAD_HALF (UINT32_MAX - 1)

struct sweep_point {
	double share;   /* of rows that hold other numbers than their label was made from */
	double plateau; /* the loss of the last ten epochs, or of all if there are fewer */
	double queued;  /* entries that the trainer finds, mean */
};

#define SWEEP_DEPTHS 8
#define SWEEP_PACES 8

struct sweep {
	uint32_t depth[SWEEP_DEPTHS];
	struct pace pace[SWEEP_PACES];
	size_t n_paces;
	uint32_t queue;                                  /* the depth of `both` */
	struct sweep_point x[SWEEP_DEPTHS][SWEEP_PACES]; /* x reused */
	struct sweep_point both[SWEEP_PACES];            /* x and labels reused */
};

/* The loss that is left when a share of the rows is wrong: s^2 q (2 - q). */
double sweep_closed_form(double share);

int sweep_run(struct sweep *sweep, const struct setup *s, baton_error *err);
void sweep_print(const struct sweep *sweep);
void sweep_json(struct json *j, const struct sweep *sweep);

#endif
