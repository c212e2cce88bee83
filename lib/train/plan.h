/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_PLAN_H
#define BATON_TRAIN_PLAN_H

#include "layer.h"

/* What a network is without its numbers: its layers, with every shape inferred, and where
 * each one's weights lie in the flat array. Immutable once created, so the model and all
 * its snapshots share one, on any thread. */
struct baton_plan {
	char field[64]; /* the source's, that is the input */
	struct baton_shape in, out;
	size_t d_in, d_out;
	size_t widest;  /* the most columns that any layer reads or writes */
	size_t columns; /* of the input and of every layer's scratch and output together */
	bool whole;     /* a layer wants to see whole batches */
	size_t n_weights;
	size_t n_layers; /* without the input */
	size_t n_fixed;  /* the first so many of them have no weights: no gradient goes there */
	struct baton_plan_layer layers[];
};

/* Returns OK; -EINVAL, ERR_SHAPE with err filled, -ENOMEM; then *plan is NULL. */
int baton_plan_create(struct baton_plan **plan, const baton_layer *layers, size_t n,
                      baton_error *err);
void baton_plan_destroy(struct baton_plan **plan);

/* Fresh weights w [n_weights], a pure function of seed. */
void baton_plan_init_weights(const struct baton_plan *plan, uint64_t seed, float *w);

/* Columns for so many rows, at least one: to be freed. NULL: there is no memory for them. */
float *baton_plan_alloc(size_t columns, size_t rows);

/* Run every layer. values [columns, column] holds the input's columns first and receives
 * each layer's scratch and output behind it; *prediction is the last one. Returns OK, or the error
 * of a layer. */
int baton_plan_forward(const struct baton_plan *plan, const float *w, float *values,
                       const struct baton_pass *pass, float **prediction);

/* inputs [n, d_in] -> outputs [n, d_out], with weights w. Returns OK, -ENOMEM, MISUSE_NULL. */
int baton_plan_predict(const struct baton_plan *plan, const float *w, const float *inputs, size_t n,
                       float *outputs);

#endif
