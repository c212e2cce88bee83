/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_PICTURE_H
#define BATON_PITFALLS_PICTURE_H

#include "../plot.h"
#include "sweep.h"

/* Write the script of a picture; plot_draw() draws it. */

/* The loss of E1, E2, E4 and E9, of those that were run, over the epochs. */
void picture_loss(struct plot *plot, const struct results *all);
/* How much is wrong, and what that costs. */
void picture_sweep(struct plot *plot, const struct sweep *sweep);

#endif
