/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_WATCH_H
#define BATON_APPS_WATCH_H

#include <baton/model.h>

/* Predict the mean of one pair again and again while a model trains, and print it to
 * stderr, from a thread of its own: the trainer knows nothing of it. */
struct watch;

/* Start watching net, which must be compiled. wipe: each line takes the place of what stands
 * in the terminal's. NULL: no memory or thread for it. */
struct watch *watch_start(const baton_model *net, const float pair[2], bool wipe);

/* Print what is the newest now, and stop. NULL is fine. */
void watch_stop(struct watch **watch);

#endif
