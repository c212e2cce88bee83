/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_OPTIMIZER_H
#define BATON_TRAIN_OPTIMIZER_H

#include <baton/model.h>

struct baton_optimizer_ops;

/* An optimizer with its constants, all rounded to float32 once. It sees the weights as one
 * flat array and its state as n_slots more of the same length, all 0 at first. */
struct baton_rule {
	const struct baton_optimizer_ops *ops;
	size_t n_slots;
	float learning_rate, momentum, epsilon;
	float rho, one_minus_rho;                                 /* rmsprop */
	float beta_1, one_minus_beta_1, beta_2, one_minus_beta_2; /* adam */
	bool nesterov, centered, epsilon_outside;
};

struct baton_optimizer_ops {
	const char *name;

	/* One update, the step-th from 1: w [n] by its gradient g [n]; state [n_slots, n]. */
	void (*update)(const struct baton_rule *rule, uint64_t step, float *w, const float *g,
	               float *state, size_t n);
};

extern const struct baton_optimizer_ops baton_optimizer_sgd;
extern const struct baton_optimizer_ops baton_optimizer_rmsprop;
extern const struct baton_optimizer_ops baton_optimizer_adam;

/* What slot i < n_slots of the state is called, as Keras does: "velocity", "momentum", ... */
const char *baton_rule_slot(const struct baton_rule *rule, size_t i);

/* Settle the constants. Returns OK; -EINVAL, with err filled. */
int baton_rule_init(struct baton_rule *rule, const baton_optimizer *spec, baton_error *err);

#endif
