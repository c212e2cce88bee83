/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_PROGRESS_H
#define BATON_APPS_PROGRESS_H

#include <baton/fit.h>

/* Keras-like progress on stderr, drawn by a thread of its own: the trainer never waits
 * for the terminal. */
enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_LINES, PROGRESS_NONE };

struct progress;

/* Start drawing the training of net, which must be compiled. AUTO is BAR on a terminal
 * and LINES elsewhere. NULL: nothing to draw, or no memory or thread for it, which is no
 * reason not to train. */
struct progress *progress_start(enum progress_mode mode, const baton_model *net, uint64_t epochs,
                                uint64_t steps_per_epoch);
/* Does it redraw one line in place? Then who else prints wipes the line first. */
bool progress_redraws(const struct progress *p);
/* To be told by the fit; with a NULL progress, of nothing. */
baton_callback progress_callback(struct progress *p);
/* Draw what is left, and stop. NULL is fine. */
void progress_stop(struct progress **p);

#endif
