/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_CURVE_H
#define BATON_APPS_CURVE_H

#include "../plot.h"
#include <baton/baton.h>

#define CURVE_POINTS 1024

/* The loss over all steps of a run, in memory that does not grow: means over as many steps
 * as it takes. */
struct curve {
	uint64_t first;           /* steps made before this run */
	uint64_t steps;           /* of this run */
	uint64_t width;           /* of a point, in steps; all have it but the last */
	double sum[CURVE_POINTS]; /* of the losses of its steps */
	size_t n;
};

void curve_begin(struct curve *curve, uint64_t first);
baton_callback curve_callback(struct curve *curve);

/* Mean loss and last step of the ith point; false: it is not finite, or not above 0, and
 * so on no logarithmic scale. */
bool curve_point(const struct curve *curve, size_t i, double *step, double *loss);

/* The script for its picture: the curve, and the validations' losses if there are some.
 * Returns how many points there are: if none, there is nothing to be drawn. */
size_t curve_draw(const struct curve *curve, const baton_history *history, uint64_t steps_per_epoch,
                  FILE *out);

#endif
