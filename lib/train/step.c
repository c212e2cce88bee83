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
#include "feed/look.h"
#include "model.h"
#include <baton/ledger.h>
#include <errno.h>

/* Turn rows into columns, and run every layer. */
static int forward(baton_model *net, const struct baton_rows *rows, const struct baton_pass *pass,
                   float **prediction)
{
	const struct baton_plan *plan = net->plan;

	baton_columns_from_rows(rows->x, rows->n, plan->d_in, net->values);
	baton_columns_from_rows(rows->y, rows->n, plan->d_out, net->expected);
	if (rows->weight)
		baton_columns_from_rows(rows->weight, rows->n, 1, net->weighted);
	return baton_plan_forward(plan, net->weights, net->values, pass, prediction);
}

/* What these rows come to; the loss' gradient goes to the first slope buffer. Metrics are
 * losses whose gradient nobody wants, and do not know of weights (as in Keras). */
static void measure(baton_model *net, const struct baton_rows *rows, const struct baton_pass *pass,
                    const float *prediction, struct baton_scores *scores)
{
	size_t units = net->plan->d_out;

	if (net->metrics & BATON_METRIC_MAE)
		scores->mae = baton_loss_mae.gradient(pass, prediction, net->expected, NULL, units,
		                                      net->slope[0]);
	if (net->metrics & BATON_METRIC_MSE)
		scores->mse = baton_loss_mse.gradient(pass, prediction, net->expected, NULL, units,
		                                      net->slope[0]);
	scores->loss =
		net->loss->gradient(pass, prediction, net->expected,
	                            rows->weight ? net->weighted : NULL, units, net->slope[0]);
}

/* From the last layer to the first that learns: dy, in one slope buffer, becomes dx in the
 * other. */
static int backward(baton_model *net, const struct baton_pass *pass)
{
	const struct baton_plan *plan = net->plan;
	const float *y = net->values + (plan->columns - plan->d_out) * pass->column;
	int rc = BATON_OK;

	for (size_t i = plan->n_layers, turn = 0; rc == BATON_OK && i-- > plan->n_fixed;
	     turn ^= 1) {
		const struct baton_plan_layer *layer = &plan->layers[i];
		const float *x = y - (layer->n_scratch + layer->d_in) * pass->column;

		rc = layer->ops->backward(layer, net->weights + layer->weights, x, y,
		                          net->slope[turn],
		                          i > plan->n_fixed ? net->slope[turn ^ 1] : NULL,
		                          net->gradient + layer->weights, pass);
		y = x;
	}
	return rc;
}

int baton_model_layers_gradient(baton_model *net, const struct baton_rows *rows,
                                struct baton_scores *scores)
{
	const struct baton_pass pass = baton_pass_of(rows->n, net->run.in_order, &net->err);
	float *prediction;
	int rc = forward(net, rows, &pass, &prediction);

	if (rc != BATON_OK)
		return rc;
	measure(net, rows, &pass, prediction, scores);
	return backward(net, &pass);
}

int baton_model_gradient(baton_model *net, const struct baton_rows *rows,
                         struct baton_scores *scores)
{
	if (!net->linear || net->run.in_order || net->metrics || rows->weight)
		return baton_model_layers_gradient(net, rows, scores);
	scores->loss = net->linear(net->weights, rows->x, rows->y, rows->n, net->plan->d_in,
	                           net->gradient);
	return BATON_OK;
}

int baton_model_evaluate(baton_model *net, const struct baton_rows *rows,
                         struct baton_scores *scores)
{
	const struct baton_pass pass = baton_pass_of(rows->n, net->run.in_order, &net->err);
	float *prediction;
	int rc = forward(net, rows, &pass, &prediction);

	if (rc == BATON_OK)
		measure(net, rows, &pass, prediction, scores);
	return rc;
}

/* Apart, so that it costs nothing where there is none. */
static __attribute__((noinline)) void publish_snapshot(baton_model *net)
{
	int before = baton_ledger_charge(net->feed, BATON_TIME_SNAPSHOT);

	baton_snapshots_publish(net->snapshots, &net->run, net->weights, net->state);
	baton_ledger_charge(net->feed, before);
	if (net->run.steps >= net->snapshot_next)
		net->snapshot_next += net->snapshot_steps;
}

/* Show this step to whoever watches, if it is time to. */
static void offer_snapshot(baton_model *net)
{
	if (net->run.steps >= net->snapshot_next || baton_snapshots_asked(net->snapshots))
		publish_snapshot(net);
}

int baton_model_train(baton_model *net, const struct baton_rows *rows, struct baton_scores *scores)
{
	int rc = baton_model_gradient(net, rows, scores);

	if (rc != BATON_OK)
		return rc;
	net->rule.ops->update(&net->rule, net->run.steps + 1, net->weights, net->gradient,
	                      net->state, net->plan->n_weights);
	baton_run_add(&net->run, scores, rows->n, rows->k);
	offer_snapshot(net);
	return BATON_OK;
}

static size_t units_of(const baton_field *f)
{
	size_t units = 1;

	for (int i = 0; i < f->rank; i++)
		units *= f->shape[i];
	return units;
}

/* The rows of a batch of another pipeline than the one that was bound, perhaps a detached one,
 * which may lack such a field, or have another dtype or other shapes: it is the buffers of this
 * model that would overflow. */
static __attribute__((noinline)) int foreign_rows(const baton_model *net,
                                                  const struct baton_binding *at,
                                                  const baton_batch *b, struct baton_rows *rows)
	BATON_REQUIRES(*b);
static int foreign_rows(const baton_model *net, const struct baton_binding *at,
                        const baton_batch *b, struct baton_rows *rows)
{
	const baton_field *fields = baton_fields(b, NULL);

	rows->x = baton_f32(b, at->input);
	rows->y = baton_f32(b, at->target);
	rows->weight = at->weighted ? baton_f32(b, at->weight) : NULL;
	if (rows->x && rows->y && rows->n <= net->rows &&
	    units_of(&fields[at->input]) == net->plan->d_in &&
	    units_of(&fields[at->target]) == net->plan->d_out &&
	    (!at->weighted || (rows->weight && units_of(&fields[at->weight]) == 1)))
		return BATON_OK;
	return BATON_ERR_SHAPE;
}

static const float *floats(const struct baton_look *look, size_t i)
{
	return (const float *)(const void *)(look->data + look->offset[i]);
}

int baton_model_rows(const baton_model *net, const struct baton_binding *at, const baton_batch *b,
                     struct baton_rows *rows)
{
	struct baton_look look;

	if (!baton_batch_look(b, &look))
		return BATON_MISUSE_EMPTY;
	rows->n = look.rows;
	rows->k = look.k;
	if (look.layout != at->layout)
		return foreign_rows(net, at, b, rows);
	rows->x = floats(&look, at->input);
	rows->y = floats(&look, at->target);
	rows->weight = at->weighted ? floats(&look, at->weight) : NULL;
	return BATON_OK;
}

int baton_step(baton_model *net, const baton_batch *b, float *loss)
{
	struct baton_scores scores = {0, 0, 0};
	struct baton_rows rows;
	int rc;

	if (!net || !b)
		return BATON_MISUSE_NULL;
	if (!net->scratch)
		return -EINVAL;
	rc = baton_model_rows(net, &net->binding, b, &rows);
	if (rc == BATON_OK)
		rc = baton_model_train(net, &rows, &scores);
	if (rc == BATON_OK && loss)
		*loss = scores.loss;
	return rc;
}
