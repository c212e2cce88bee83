/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_MODEL_H
#define BATON_TRAIN_MODEL_H

#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "plan.h"
#include "run.h"
#include "snapshot.h"

/* A network that learns. Everything is the trainer's, one thread at a time, but for
 * snapshots, which any thread may look at. NULL until their call: snapshots and state
 * until compile, scratch until bind. */
struct baton_model {
	struct baton_plan *plan;
	float *weights;  /* [n_weights] */
	float *gradient; /* [n_weights] */

	/* compile */
	const struct baton_loss_ops *loss;
	char target[64];         /* the field's name; "": the only one beside the input */
	baton_linear_fn *linear; /* makes the whole gradient; NULL: the layers do */
	struct baton_rule rule;
	float *state; /* [rule.n_slots, n_weights] */
	struct baton_snapshots *snapshots;

	/* bind */
	size_t input_field, target_field; /* indices among the pipeline's fields */
	bool target_expanded;
	size_t rows;     /* the most a batch can have */
	float *scratch;  /* all of the following */
	float *values;   /* [plan->columns, column]: the input, then each layer's output */
	float *expected; /* [d_out, column]: the target */
	float *slope[2]; /* [widest, column]: gradients on their way back, in turns */

	struct baton_run run;
	uint64_t snapshot_steps; /* publish every so many steps; 0: when asked */
	uint64_t snapshot_next;  /* when run.steps gets there; UINT64_MAX: never */
};

/* One step on rows x [rows, d_in] and y [rows, d_out], 0 < rows <= net->rows. Returns the
 * loss before the update. Allocates nothing and makes no system call. */
float baton_model_train(baton_model *net, const float *x, const float *y, size_t rows);

/* The loss of these rows, and its gradient into net->gradient: by way of the layers, or by
 * the shortest way that gives the same bits. */
float baton_model_layers_gradient(baton_model *net, const float *x, const float *y, size_t rows);
float baton_model_gradient(baton_model *net, const float *x, const float *y, size_t rows);

#endif
