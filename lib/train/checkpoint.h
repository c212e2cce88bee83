/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_CHECKPOINT_H
#define BATON_TRAIN_CHECKPOINT_H

#include "snapshot.h"
#include <baton/checkpoint.h>
#include <baton/version.h>

/* All that a checkpoint is made from; the model's own, or a snapshot's copy. */
struct baton_state {
	const struct baton_plan *plan;
	const struct baton_rule *rule; /* only what never changes */
	const char *loss;
	const struct baton_run *run;
	const float *weights; /* [n_weights] */
	const float *state;   /* [rule->n_slots, n_weights] */
};

/* Write a file beside path and rename it. keep > 1: what was at path is path.1 then, and so
 * on. Returns OK, -errno with err filled. */
int baton_state_save(const struct baton_state *state, const char *path, unsigned keep,
                     const baton_note *notes, size_t n_notes, baton_error *err);

struct baton_state baton_snapshot_state_of(const struct baton_snapshot *s);
struct baton_state baton_model_state_of(const baton_model *net);

#endif
