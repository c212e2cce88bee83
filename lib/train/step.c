/* SPDX-License-Identifier: MIT */
/* A training step: rows in, one update of the weights out.
 *
 *   rows -> columns -> forward, layer by layer -> loss -> backward -> optimizer -> snapshot?
 *
 * Invariant: the weights after a step are a pure function of those before it, of the
 * optimizer's state and of the rows; every sum in it has one order (reduce.h, layer_*.c).
 * The path of a batch: no allocation, no lock, no system call.
 *
 * Who may call: the trainer, on a bound model. */

#include "columns.h"
#include "model.h"
#include "reduce.h"
#include <errno.h>

/* From the last layer to the first: dy, in one slope buffer, becomes dx in the other. */
static void backward(baton_model *net, size_t column)
{
	const struct baton_plan *plan = net->plan;
	const float *y = net->values + (plan->columns - plan->d_out) * column;

	for (size_t i = plan->n_layers, turn = 0; i-- > 0; turn ^= 1) {
		const struct baton_plan_layer *layer = &plan->layers[i];
		const float *x = y - layer->d_in * column;

		layer->ops->backward(layer, net->weights + layer->weights, x, y, net->slope[turn],
		                     i > 0 ? net->slope[turn ^ 1] : NULL,
		                     net->gradient + layer->weights, column);
		y = x;
	}
}

float baton_model_layers_gradient(baton_model *net, const float *x, const float *y, size_t rows)
{
	const struct baton_plan *plan = net->plan;
	size_t column = baton_column(rows);
	const float *prediction;
	float loss;

	baton_columns_from_rows(x, rows, plan->d_in, net->values);
	baton_columns_from_rows(y, rows, plan->d_out, net->expected);
	prediction = baton_plan_forward(plan, net->weights, net->values, column);
	loss = net->loss->gradient(prediction, net->expected, NULL, rows, plan->d_out,
	                           net->slope[0]);
	backward(net, column);
	return loss;
}

float baton_model_gradient(baton_model *net, const float *x, const float *y, size_t rows)
{
	if (net->linear)
		return net->linear(net->weights, x, y, rows, net->plan->d_in, net->gradient);
	return baton_model_layers_gradient(net, x, y, rows);
}

/* Show this step to whoever watches, if it is time to. */
static void offer_snapshot(baton_model *net)
{
	if (net->run.steps < net->snapshot_next && !baton_snapshots_asked(net->snapshots))
		return;
	baton_snapshots_publish(net->snapshots, &net->run, net->weights, net->state);
	if (net->run.steps >= net->snapshot_next)
		net->snapshot_next += net->snapshot_steps;
}

float baton_model_train(baton_model *net, const float *x, const float *y, size_t rows)
{
	float loss = baton_model_gradient(net, x, y, rows);

	net->rule.ops->update(&net->rule, net->run.steps + 1, net->weights, net->gradient,
	                      net->state, net->plan->n_weights);
	baton_run_add(&net->run, loss, rows);
	offer_snapshot(net);
	return loss;
}

int baton_step(baton_model *net, const baton_batch *b, float *loss)
{
	const float *x, *y;
	float value;

	if (!net || !b)
		return BATON_MISUSE_NULL;
	if (!net->scratch)
		return -EINVAL;
	x = baton_f32(b, net->input_field);
	y = baton_f32(b, net->target_field);
	if (!x || !y)
		return BATON_MISUSE_EMPTY;
	value = baton_model_train(net, x, y, baton_rows(b));
	if (loss)
		*loss = value;
	return BATON_OK;
}
