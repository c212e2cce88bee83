/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_OPTIMIZER_H
#define BATON_TRAIN_OPTIMIZER_H

#include <baton/model.h>

struct baton_optimizer_ops;

/* An optimizer with its constants, all rounded to float32 once. It sees the weights as one
 * flat array and its state as n_slots more of the same length, all 0 at first. */
struct baton_rule {
	const struct baton_optimizer_ops *ops;
	float learning_rate, rho, one_minus_rho, epsilon;
};

struct baton_optimizer_ops {
	const char *name;
	size_t n_slots;

	/* One update: w [n] by its gradient g [n]; state [n_slots, n]. */
	void (*update)(const struct baton_rule *rule, float *w, const float *g, float *state,
	               size_t n);
};

extern const struct baton_optimizer_ops baton_optimizer_rmsprop;

/* Settle the constants. Returns OK; -EINVAL, with err filled. */
int baton_rule_init(struct baton_rule *rule, const baton_optimizer *spec, baton_error *err);

#endif
