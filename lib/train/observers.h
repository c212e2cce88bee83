/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_OBSERVERS_H
#define BATON_TRAIN_OBSERVERS_H

#include <baton/fit.h>

/* How a fit goes on after an event, beside an outcome or error: a callback has seen enough. */
#define BATON_STOPPED 1000

/* A fit's callbacks. */
struct baton_observers {
	baton_model *net;
	baton_error *err;   /* the fit's: what went wrong first */
	baton_callback *of; /* [n], of our own length; to be freed */
	size_t n;
	bool of_steps; /* one of them wants to know of steps */
};

/* From the caller's, whose elements are as long as the first one says. Returns OK, or an error
 * with err filled; of may be something even then. */
int baton_observers_copy(struct baton_observers *o, const baton_fit_options *options,
                         baton_error *err);

/* The first failure wins over an end of any kind, the first of those over going on. */
int baton_observers_merge(int so_far, int answer);

/* Tell all of them. Each returns what they answer, merged; a failure's words are in err. */
int baton_tell_fit_begin(struct baton_observers *o);
int baton_tell_epoch_begin(struct baton_observers *o, uint64_t epoch);
int baton_tell_step(struct baton_observers *o, uint64_t steps_per_epoch, float loss);
int baton_tell_epoch_end(struct baton_observers *o, const baton_epoch *epoch);
int baton_tell_fit_end(struct baton_observers *o);

/* Write down their numbers for whoever makes a checkpoint: of each how many, then
 * themselves. */
int baton_observers_save(struct baton_observers *o);
/* Give them back what a checkpoint holds of them. */
int baton_observers_restore(struct baton_observers *o);

#endif
