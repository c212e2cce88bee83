/* SPDX-License-Identifier: MIT */
/* Models: made, compiled, read and written. What a model does with a batch is in step.c,
 * how it is held against a pipeline in bind.c.
 *
 * Invariant: a model is created, then compiled, then bound, and keeps what it reached; a
 * call that fails changes nothing. All numbers that are learnt are in two flat arrays,
 * weights and state, so that an optimizer, a snapshot and a checkpoint need no idea of
 * layers.
 *
 * Who may call: one thread at a time, except baton_snapshot_get(). */

#include "model.h"
#include "error.h"
#include "spec.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* n floats, all 0. One at least: a network of relus alone has no weights. */
static float *zeros(size_t n)
{
	return calloc(n + 1, sizeof(float));
}

int baton_model_create(baton_model **net, const baton_layer *layers, size_t n, uint64_t seed,
                       baton_error *err)
{
	baton_model *m;
	int rc;

	if (!net)
		return baton_error_set(err, BATON_MISUSE_NULL, "net is NULL");
	*net = NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return baton_error_set(err, -ENOMEM, "out of memory");
	m->snapshot_next = UINT64_MAX;
	rc = baton_plan_create(&m->plan, layers, n, err);
	if (rc < 0)
		goto fail;
	m->weights = zeros(m->plan->n_weights);
	m->gradient = zeros(m->plan->n_weights);
	if (!m->weights || !m->gradient) {
		rc = baton_error_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	baton_plan_init_weights(m->plan, seed, m->weights);
	*net = m;
	return baton_error_set(err, BATON_OK, "%s", "");
fail:
	baton_model_destroy(&m);
	return rc;
}

int baton_model_destroy(baton_model **net)
{
	int rc;

	if (!net || !*net)
		return BATON_OK;
	rc = baton_snapshots_destroy(&(*net)->snapshots);
	if (rc < 0)
		return rc;
	free((*net)->scratch);
	free((*net)->state);
	free((*net)->gradient);
	free((*net)->weights);
	baton_plan_destroy(&(*net)->plan);
	free(*net);
	*net = NULL;
	return BATON_OK;
}

static int compile_loss(baton_model *net, const baton_loss *loss, baton_error *err)
{
	baton_loss spec;

	if (!baton_spec_read(&spec, sizeof(spec), loss))
		return baton_error_set(err, -EINVAL, "loss: size is not set");
	if (!baton_loss_find(spec.kind))
		return baton_error_set(err, -EINVAL, "loss: there is no kind %d", spec.kind);
	if (spec.target && strlen(spec.target) >= sizeof(net->target))
		return baton_error_set(err, -EINVAL,
		                       "%s: the target's name has over %zu characters",
		                       baton_loss_find(spec.kind)->name, sizeof(net->target) - 1);
	net->loss = baton_loss_find(spec.kind);
	strcpy(net->target, spec.target ? spec.target : "");
	return BATON_OK;
}

static int compile_optimizer(baton_model *net, const baton_optimizer *optimizer, baton_error *err)
{
	baton_optimizer spec;

	if (!baton_spec_read(&spec, sizeof(spec), optimizer))
		return baton_error_set(err, -EINVAL, "optimizer: size is not set");
	return baton_rule_init(&net->rule, &spec, err);
}

/* Whether gradients get from the loss to every weight. */
static int check_gradients(const struct baton_plan *plan, baton_error *err)
{
	for (size_t i = plan->n_fixed; i < plan->n_layers; i++) {
		const struct baton_plan_layer *layer = &plan->layers[i];

		if (layer->ops == &baton_layer_lambda && !layer->lambda_backward)
			return baton_error_set(err, -EINVAL,
			                       "%s: without backward, %s below it can't learn",
			                       layer->name, plan->layers[plan->n_fixed].name);
	}
	return BATON_OK;
}

/* input -> dense(1) -> mse, with few inputs. */
static bool is_linear(const baton_model *net)
{
	const struct baton_plan *plan = net->plan;

	return plan->n_layers == 1 && plan->layers[0].ops == &baton_layer_dense &&
	       plan->d_in <= BATON_LINEAR_INPUTS && plan->d_out == 1 &&
	       net->loss == &baton_loss_mse;
}

int baton_compile_spec(baton_model *net, const baton_loss *loss, const baton_optimizer *optimizer,
                       baton_error *err)
{
	int rc;

	if (!net || !loss || !optimizer)
		return baton_error_set(err, BATON_MISUSE_NULL, "net, loss or optimizer is NULL");
	if (net->snapshots)
		return baton_error_set(err, -EALREADY, "the model is compiled already");
	if ((rc = check_gradients(net->plan, err)) < 0 || (rc = compile_loss(net, loss, err)) < 0 ||
	    (rc = compile_optimizer(net, optimizer, err)) < 0)
		return rc;
	net->linear = is_linear(net) ? baton_linear_best() : NULL;
	net->run.learning_rate = (double)net->rule.learning_rate;
	free(net->state); /* of a compile that failed below */
	net->state = zeros(net->rule.n_slots * net->plan->n_weights);
	if (!net->state)
		return baton_error_set(err, -ENOMEM, "out of memory");
	rc = baton_snapshots_create(&net->snapshots, net->plan, &net->rule, net->loss->name, err);
	return rc < 0 ? rc : baton_error_set(err, BATON_OK, "%s", "");
}

int baton_sum_order(baton_model *net, int order)
{
	if (!net)
		return BATON_MISUSE_NULL;
	if (order != BATON_SUM_TREE && order != BATON_SUM_IN_ORDER)
		return -EINVAL;
	net->run.in_order = order == BATON_SUM_IN_ORDER;
	return BATON_OK;
}

int baton_learning_rate_set(baton_model *net, double rate)
{
	if (!net)
		return BATON_MISUSE_NULL;
	if (!net->snapshots || !(rate >= 0 && rate <= (double)FLT_MAX))
		return -EINVAL;
	net->rule.learning_rate = (float)rate;
	if (!net->telling) /* else it counts when all were told */
		net->run.learning_rate = (double)net->rule.learning_rate;
	return BATON_OK;
}

double baton_learning_rate(const baton_model *net)
{
	return net && net->snapshots ? (double)net->rule.learning_rate : (double)NAN;
}

int baton_predict(const baton_model *net, const float *inputs, size_t n, float *outputs)
{
	if (!net)
		return BATON_MISUSE_NULL;
	return baton_plan_predict(net->plan, net->weights, inputs, n, outputs);
}

int baton_predict_shape(const baton_model *net, size_t n, size_t *shape)
{
	if (!net || !shape)
		return 0;
	shape[0] = n;
	for (int i = 0; i < net->plan->out.rank; i++)
		shape[i + 1] = net->plan->out.at[i];
	return net->plan->out.rank + 1;
}

const baton_snapshot *baton_snapshot_get(const baton_model *net)
{
	return net && net->snapshots ? baton_snapshots_get(net->snapshots) : NULL;
}

static void describe_input(const struct baton_plan *plan, baton_layer_info *info)
{
	info->name = plan->field;
	info->inputs = plan->d_in;
	info->units = plan->d_in;
}

static void describe_layer(const struct baton_plan_layer *layer, baton_layer_info *info)
{
	info->name = layer->name;
	info->inputs = layer->d_in;
	info->units = layer->d_out;
	info->kernel = layer->weights;
	info->n_kernel = layer->n_kernel;
	info->bias = layer->weights + layer->n_kernel;
	info->n_bias = layer->n_bias;
}

int baton_layer_get(const baton_model *net, size_t i, baton_layer_info *info)
{
	baton_layer_info ours = BATON_LAYER_INFO_INIT;

	if (!net || !info)
		return BATON_MISUSE_NULL;
	if (i > net->plan->n_layers)
		return -EINVAL;
	if (i == 0)
		describe_input(net->plan, &ours);
	else
		describe_layer(&net->plan->layers[i - 1], &ours);
	return baton_spec_write(info, &ours, sizeof(ours)) ? BATON_OK : -EINVAL;
}

const float *baton_weights(const baton_model *net, size_t *n)
{
	if (n)
		*n = net ? net->plan->n_weights : 0;
	return net ? net->weights : NULL;
}

int baton_weights_set(baton_model *net, const float *weights, size_t n)
{
	if (!net || !weights)
		return BATON_MISUSE_NULL;
	if (n != net->plan->n_weights)
		return BATON_ERR_SHAPE;
	memcpy(net->weights, weights, n * sizeof(float));
	return BATON_OK;
}
