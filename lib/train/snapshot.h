/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_SNAPSHOT_H
#define BATON_TRAIN_SNAPSHOT_H

#include "optimizer.h"
#include "plan.h"
#include "reclaimer.h"
#include "run.h"
#include <baton/snapshot.h>

struct baton_snapshot {
	_Atomic(uint32_t) refs; /* 0: free, the trainer may fill it */
	unsigned index;
	const struct baton_plan *plan;
	const struct baton_rule *rule; /* its learning rate is the trainer's: run has a copy */
	const char *loss;
	size_t n_state;
	struct baton_run run;
	float *weights; /* [plan->n_weights], then state [n_state] */
};

/* All the snapshots that a model will ever have. */
struct baton_snapshots {
	_Atomic(struct baton_snapshot *) current; /* the newest; NULL: none yet */
	atomic_bool asked; /* a reader came since the last one was published */
	struct baton_reclaimer reclaimer;
	float *numbers; /* behind every weights */
	struct baton_snapshot all[BATON_SNAPSHOTS];
};

/* plan, rule and loss, its name, must live as long as the set. Returns OK; -ENOMEM, -EAGAIN
 * with err filled. */
int baton_snapshots_create(struct baton_snapshots **set, const struct baton_plan *plan,
                           const struct baton_rule *rule, const char *loss, baton_error *err);

/* *set becomes NULL; a NULL one is fine. Returns OK; MISUSE_LENT: nothing has changed. */
int baton_snapshots_destroy(struct baton_snapshots **set);

/* The trainer's, at the end of a step. */
static inline bool baton_snapshots_asked(const struct baton_snapshots *set)
{
	/* relaxed: a hint; what is published is ordered by the pointer */
	return atomic_load_explicit(&set->asked, memory_order_relaxed);
}

/* Publish a copy of this state, or skip if no snapshot is free. The trainer's: wait-free,
 * no allocation, no system call. state [n_state] */
void baton_snapshots_publish(struct baton_snapshots *set, const struct baton_run *run,
                             const float *weights, const float *state);

/* Hold the newest, or NULL, and ask for a newer one. Any thread. */
const baton_snapshot *baton_snapshots_get(struct baton_snapshots *set);

#endif
