/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_MODEL_H
#define BATON_TRAIN_MODEL_H

#include "linear.h"
#include "loss.h"
#include "optimizer.h"
#include "plan.h"
#include "run.h"
#include "snapshot.h"
#include <baton/fit.h>

/* One batch, row by row: x [n, d_in], y [n, d_out], weight [n] or NULL. */
struct baton_rows {
	const float *x, *y, *weight;
	size_t n;
	uint64_t k; /* of the batch that they are */
};

/* Where a model finds them: indices among a pipeline's fields. */
struct baton_binding {
	uint64_t layout; /* the pipeline's; 0: of none yet */
	size_t input, target, weight;
	bool weighted; /* there is a weight */
	bool expanded; /* the target [rows] is taken as [rows, 1] */
};

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
	struct baton_binding binding;
	size_t rows;     /* the most a batch can have */
	float *scratch;  /* all of the following */
	float *values;   /* [plan->columns, column]: the input, then each layer's output */
	float *expected; /* [d_out, column]: the target */
	float *weighted; /* [column]: each row's weight */
	float *slope[2]; /* [widest, column]: gradients on their way back, in turns */

	unsigned metrics;     /* BATON_METRIC_*, of the fit in hand */
	baton_pipeline *feed; /* its feed, whose ledger knows what is no training; or NULL */
	struct baton_run run;
	bool resumes;            /* run was loaded: the next fit goes on with it */
	bool telling;            /* callbacks, what a fit that goes on tells them again */
	uint64_t snapshot_steps; /* publish every so many steps; 0: when asked */
	uint64_t snapshot_next;  /* when run.steps gets there; UINT64_MAX: never */
	baton_error err;         /* of the step that failed */
};

/* Hold a pipeline against the network; *rows is the most that its batches have. Returns as
 * baton_bind(), but has no note. */
int baton_model_resolve(const baton_model *net, const baton_pipeline *feed,
                        struct baton_binding *binding, size_t *rows, baton_error *err);

/* Memory for steps of up to rows rows. Returns OK, -ENOMEM, or a lambda's error; then
 * nothing has changed. */
int baton_model_reserve(baton_model *net, size_t rows, baton_error *err);

/* The rows of a batch, of whichever pipeline. Returns OK, MISUSE_EMPTY, ERR_SHAPE (it is of
 * another than was bound, and does not fit). */
int baton_model_rows(const baton_model *net, const struct baton_binding *at, const baton_batch *b,
                     struct baton_rows *rows) BATON_REQUIRES(*b);

/* One step on 0 < rows->n <= net->rows rows. Allocates nothing and makes no system call.
 * scores: of these weights before the update; all 0 at first, what is not measured stays
 * Returns: OK; what a layer failed with, filled in net->err: then nothing has changed */
int baton_model_train(baton_model *net, const struct baton_rows *rows, struct baton_scores *scores);

/* The scores alone. */
int baton_model_evaluate(baton_model *net, const struct baton_rows *rows,
                         struct baton_scores *scores);

/* The scores, and the loss' gradient into net->gradient: by way of the layers, or by the
 * shortest way that gives the same bits. */
int baton_model_layers_gradient(baton_model *net, const struct baton_rows *rows,
                                struct baton_scores *scores);
int baton_model_gradient(baton_model *net, const struct baton_rows *rows,
                         struct baton_scores *scores);

#endif
