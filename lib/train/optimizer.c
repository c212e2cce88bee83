/* SPDX-License-Identifier: MIT */
/* Optimizers: how weights follow their gradient, as Keras 3 does it, in float32. Pure
 * functions of what they are given: any thread.
 *
 * Constants are derived in double and rounded once, since that is what Keras does:
 * 1 - 0.9 in float32 differs from (float)(1 - 0.9) in its last bits. */

#include "optimizer.h"
#include "error.h"
#include <errno.h>
#include <math.h>

static void rmsprop_update(const struct baton_rule *rule, float *restrict w,
                           const float *restrict g, float *restrict v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		v[i] = rule->rho * v[i] + rule->one_minus_rho * (g[i] * g[i]);
		w[i] -= rule->learning_rate * g[i] / sqrtf(v[i] + rule->epsilon);
	}
}

const struct baton_optimizer_ops baton_optimizer_rmsprop = {"rmsprop", 1, rmsprop_update};

static double or_default(double value, double otherwise)
{
	return value == 0 ? otherwise : value;
}

int baton_rule_init(struct baton_rule *rule, const baton_optimizer *spec, baton_error *err)
{
	double learning_rate = or_default(spec->learning_rate, 1e-3);
	double rho = or_default(spec->rho, 0.9);
	double epsilon = or_default(spec->epsilon, 1e-7);

	if (spec->kind != BATON_OPTIMIZER_RMSPROP)
		return baton_error_set(err, -EINVAL, "optimizer: there is no kind %d", spec->kind);
	if (!(learning_rate > 0 && isfinite(learning_rate)))
		return baton_error_set(err, -EINVAL, "rmsprop: learning_rate %g is not above 0",
		                       learning_rate);
	if (!(rho > 0 && rho < 1))
		return baton_error_set(err, -EINVAL, "rmsprop: rho %g is not between 0 and 1", rho);
	if (!(epsilon > 0 && isfinite(epsilon)))
		return baton_error_set(err, -EINVAL, "rmsprop: epsilon %g is not above 0", epsilon);
	rule->ops = &baton_optimizer_rmsprop;
	rule->learning_rate = (float)learning_rate;
	rule->rho = (float)rho;
	rule->one_minus_rho = (float)(1 - rho);
	rule->epsilon = (float)epsilon;
	return BATON_OK;
}
