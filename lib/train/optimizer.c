/* SPDX-License-Identifier: MIT */
/* Optimizers: how weights follow their gradient, as Keras 3 does it, in float32. Pure
 * functions of what they are given: any thread.
 *
 * Constants are derived in double and rounded once, since that is what Keras does:
 * 1 - 0.9 in float32 differs from (float)(1 - 0.9) in its last bits. Each line keeps the
 * order of Keras' operations.
 *
 * Invariant: a weight's update depends on its own gradient and state, and on the step's
 * number; so flat arrays will do, and what is saved of a run is weights, state and step. */

#include "optimizer.h"
#include "error.h"
#include <errno.h>
#include <float.h>
#include <math.h>

/* --- sgd: state is m, if there is momentum ------------------------------------------ */

static void descend(float rate, float *restrict w, const float *restrict g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w[i] -= g[i] * rate;
}

/* nesterov: as if the next step's momentum had been applied already. */
static void descend_with_momentum(const struct baton_rule *rule, float *restrict w,
                                  const float *restrict g, float *restrict m, size_t n)
{
	const float rate = rule->learning_rate, momentum = rule->momentum;

	for (size_t i = 0; i < n; i++) {
		m[i] = m[i] * momentum - g[i] * rate;
		w[i] += rule->nesterov ? m[i] * momentum - g[i] * rate : m[i];
	}
}

static void sgd_update(const struct baton_rule *rule, uint64_t step, float *w, const float *g,
                       float *state, size_t n)
{
	(void)step;
	if (rule->momentum == 0)
		descend(rule->learning_rate, w, g, n);
	else
		descend_with_momentum(rule, w, g, state, n);
}

const struct baton_optimizer_ops baton_optimizer_sgd = {"sgd", sgd_update};

/* --- rmsprop: state is v, then a if centered, then m if there is momentum ----------- */

/* Which of its parts are in use; known to the compiler where nothing is. */
struct rmsprop {
	bool centered, momentum, outside;
};

__attribute__((always_inline)) static inline void
rmsprop(const struct baton_rule *rule, struct rmsprop with, float *restrict w,
        const float *restrict g, float *restrict v, float *restrict a, float *restrict m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float spread, root, step;

		v[i] = rule->rho * v[i] + rule->one_minus_rho * (g[i] * g[i]);
		spread = v[i];
		if (with.centered) {
			a[i] = rule->rho * a[i] + rule->one_minus_rho * g[i];
			spread -= a[i] * a[i];
		}
		root = with.outside ? sqrtf(spread) + rule->epsilon : sqrtf(spread + rule->epsilon);
		step = rule->learning_rate * g[i] / root;
		if (with.momentum)
			step = m[i] = rule->momentum * m[i] + step;
		w[i] -= step;
	}
}

static void rmsprop_update(const struct baton_rule *rule, uint64_t step, float *w, const float *g,
                           float *state, size_t n)
{
	const struct rmsprop plain = {false, false, false};
	const struct rmsprop with = {
		rule->centered,
		rule->momentum != 0,
		rule->epsilon_outside,
	};
	float *a = state + n, *m = rule->centered ? a + n : a;

	(void)step;
	if (with.centered || with.momentum || with.outside)
		rmsprop(rule, with, w, g, state, a, m, n);
	else
		rmsprop(rule, plain, w, g, state, NULL, NULL, n);
}

const struct baton_optimizer_ops baton_optimizer_rmsprop = {"rmsprop", rmsprop_update};

/* --- adam: state is m, then v ------------------------------------------------------- */

/* base^n in float32, for 0 <= base < 1. Squared in double and rounded once, since the C
 * library's powf() has other last bits on other processors. */
static float power(float base, uint64_t n)
{
	double square = (double)base, product = 1;

	for (; n > 0; n >>= 1, square *= square) {
		if (n & 1)
			product *= square;
	}
	return (float)product;
}

/* The learning rate, corrected for moments that start at 0. */
static float adam_rate(const struct baton_rule *rule, uint64_t step)
{
	return rule->learning_rate * sqrtf(1 - power(rule->beta_2, step)) /
	       (1 - power(rule->beta_1, step));
}

static void adam(const struct baton_rule *rule, float rate, float *restrict w,
                 const float *restrict g, float *restrict m, float *restrict v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m[i] += (g[i] - m[i]) * rule->one_minus_beta_1;
		v[i] += (g[i] * g[i] - v[i]) * rule->one_minus_beta_2;
		w[i] -= m[i] * rate / (sqrtf(v[i]) + rule->epsilon);
	}
}

static void adam_update(const struct baton_rule *rule, uint64_t step, float *w, const float *g,
                        float *state, size_t n)
{
	adam(rule, adam_rate(rule, step), w, g, state, state + n, n);
}

const struct baton_optimizer_ops baton_optimizer_adam = {"adam", adam_update};

/* --- constants ---------------------------------------------------------------------- */

/* 0 is the default, -0 (BATON_ZERO) is 0. */
static double or_default(double value, double otherwise)
{
	return value == 0 ? signbit(value) ? 0 : otherwise : value;
}

static const struct baton_optimizer_ops *find_ops(int kind)
{
	switch (kind) {
	case BATON_OPTIMIZER_SGD:
		return &baton_optimizer_sgd;
	case BATON_OPTIMIZER_RMSPROP:
		return &baton_optimizer_rmsprop;
	case BATON_OPTIMIZER_ADAM:
		return &baton_optimizer_adam;
	default:
		return NULL;
	}
}

static int check_size(const char *optimizer, const char *name, double value, baton_error *err)
{
	if (value >= 0 && value <= (double)FLT_MAX)
		return BATON_OK;
	return baton_error_set(err, -EINVAL, "%s: %s %g is not a float32 from 0 upwards", optimizer,
	                       name, value);
}

static int check_share(const char *optimizer, const char *name, double value, baton_error *err)
{
	if (value >= 0 && value < 1)
		return BATON_OK;
	return baton_error_set(err, -EINVAL, "%s: %s %g is not from 0 to below 1", optimizer, name,
	                       value);
}

/* The caller's constants, with every default filled in. */
static baton_optimizer complete(const baton_optimizer *spec)
{
	baton_optimizer full = *spec;

	full.learning_rate =
		or_default(spec->learning_rate, spec->kind == BATON_OPTIMIZER_SGD ? 1e-2 : 1e-3);
	full.rho = or_default(spec->rho, 0.9);
	full.epsilon = or_default(spec->epsilon, 1e-7);
	full.beta_1 = or_default(spec->beta_1, 0.9);
	full.beta_2 = or_default(spec->beta_2, 0.999);
	return full;
}

static int check(const char *name, const baton_optimizer *spec, baton_error *err)
{
	int rc;

	if ((rc = check_size(name, "learning_rate", spec->learning_rate, err)) < 0 ||
	    (rc = check_size(name, "epsilon", spec->epsilon, err)) < 0 ||
	    (rc = check_size(name, "momentum", spec->momentum, err)) < 0 ||
	    (rc = check_share(name, "rho", spec->rho, err)) < 0 ||
	    (rc = check_share(name, "beta_1", spec->beta_1, err)) < 0 ||
	    (rc = check_share(name, "beta_2", spec->beta_2, err)) < 0)
		return rc;
	if (spec->momentum > 1)
		return baton_error_set(err, -EINVAL, "%s: momentum %g is above 1", name,
		                       spec->momentum);
	return BATON_OK;
}

static size_t count_slots(const baton_optimizer *spec)
{
	size_t momentum = spec->momentum > 0;

	switch (spec->kind) {
	case BATON_OPTIMIZER_SGD:
		return momentum;
	case BATON_OPTIMIZER_RMSPROP:
		return 1 + spec->centered + momentum;
	default:
		return 2;
	}
}

int baton_rule_init(struct baton_rule *rule, const baton_optimizer *spec, baton_error *err)
{
	const struct baton_optimizer_ops *ops = find_ops(spec->kind);
	baton_optimizer full = complete(spec);
	int rc;

	if (!ops)
		return baton_error_set(err, -EINVAL, "optimizer: there is no kind %d", spec->kind);
	if ((rc = check(ops->name, &full, err)) < 0)
		return rc;
	*rule = (struct baton_rule){
		.ops = ops,
		.n_slots = count_slots(&full),
		.learning_rate = (float)full.learning_rate,
		.momentum = (float)full.momentum,
		.epsilon = (float)full.epsilon,
		.rho = (float)full.rho,
		.one_minus_rho = (float)(1 - full.rho),
		.beta_1 = (float)full.beta_1,
		.one_minus_beta_1 = (float)(1 - full.beta_1),
		.beta_2 = (float)full.beta_2,
		.one_minus_beta_2 = (float)(1 - full.beta_2),
		.nesterov = full.nesterov,
		.centered = full.centered,
		.epsilon_outside = full.epsilon_outside,
	};
	return BATON_OK;
}

const char *baton_rule_slot(const struct baton_rule *rule, size_t i)
{
	static const char *const sgd[] = {"momentum"};
	static const char *const rmsprop[] = {"velocity", "momentum"};
	static const char *const centered[] = {"velocity", "average_gradient", "momentum"};
	static const char *const adam[] = {"momentum", "velocity"};

	if (rule->ops == &baton_optimizer_sgd)
		return sgd[i];
	if (rule->ops == &baton_optimizer_adam)
		return adam[i];
	return rule->centered ? centered[i] : rmsprop[i];
}
