/* SPDX-License-Identifier: MIT */
/* Binding a model to a pipeline: which field is the input, which the target, whether their
 * shapes are the network's, and the memory for the steps to come.
 *
 * This is where a run with the wrong shapes ends, before its first batch is taken: nothing
 * later looks at a shape again. Setup only: it allocates, and speaks in full sentences. */

#include "error.h"
#include "feed/look.h"
#include "model.h"
#include "reduce.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct source {
	const baton_field *fields;
	size_t n, rows;
};

/* The index of a field, or n. */
static size_t find(const struct source *source, const char *name)
{
	size_t i = 0;

	while (i < source->n && strcmp(source->fields[i].name, name) != 0)
		i++;
	return i;
}

/* Asked before the shape: a field of another dtype is another field. */
static int check_dtype(const baton_field *field, const char *role, baton_error *err)
{
	static const char *const kinds[] = {"int", "uint", "float", "", "bfloat", "", "bool"};

	if (field->dtype == BATON_F32)
		return BATON_OK;
	return baton_error_set(err, BATON_ERR_SHAPE,
	                       "%s %s: the source's field is %s%d, not float32", role, field->name,
	                       kinds[field->dtype >> 8], field->dtype & 0xff);
}

static int bind_input(const baton_model *net, const struct source *source, size_t *input,
                      baton_error *err)
{
	char got[BATON_SHAPE_TEXT], want[BATON_SHAPE_TEXT];
	struct baton_shape shape;
	int rc;

	*input = find(source, net->plan->field);
	if (*input == source->n)
		return baton_error_set(err, BATON_ERR_SHAPE,
		                       "input %s: the source has no field \"%s\"", net->plan->field,
		                       net->plan->field);
	if ((rc = check_dtype(&source->fields[*input], "input", err)) < 0)
		return rc;
	shape = baton_shape_of(&source->fields[*input]);
	if (!baton_shape_equal(&shape, &net->plan->in))
		return baton_error_set(
			err, BATON_ERR_SHAPE, "input %s: the source's field is %.40s, not %.40s",
			net->plan->field, baton_shape_print(got, &shape, source->rows),
			baton_shape_print(want, &net->plan->in, source->rows));
	return BATON_OK;
}

/* The rows' weights: a field of that name, unless it has another role. */
static int bind_weight(const baton_model *net, const struct source *source,
                       struct baton_binding *binding, baton_error *err)
{
	const struct baton_shape none = {0, {0}};
	char got[BATON_SHAPE_TEXT];
	struct baton_shape shape;
	int rc;

	binding->weight = find(source, "weight");
	binding->weighted = binding->weight < source->n && binding->weight != binding->input &&
	                    strcmp(net->target, "weight") != 0;
	if (!binding->weighted)
		return BATON_OK;
	if ((rc = check_dtype(&source->fields[binding->weight], "rows'", err)) < 0)
		return rc;
	shape = baton_shape_of(&source->fields[binding->weight]);
	if (!baton_shape_equal(&shape, &none))
		return baton_error_set(err, BATON_ERR_SHAPE,
		                       "weight: the source's field is %.60s, not [%zu]",
		                       baton_shape_print(got, &shape, source->rows), source->rows);
	return BATON_OK;
}

/* The only field that has no other role, or n. */
static size_t find_rest(const struct source *source, const struct baton_binding *binding)
{
	size_t i = 0;

	while (i < source->n &&
	       (i == binding->input || (binding->weighted && i == binding->weight)))
		i++;
	return i;
}

static int find_target(const baton_model *net, const struct source *source,
                       struct baton_binding *binding, baton_error *err)
{
	if (net->target[0]) {
		binding->target = find(source, net->target);
		if (binding->target == source->n)
			return baton_error_set(err, BATON_ERR_SHAPE,
			                       "%s: the source has no field \"%s\"",
			                       net->loss->name, net->target);
		return BATON_OK;
	}
	binding->target = find_rest(source, binding);
	if (binding->target == source->n)
		return baton_error_set(err, BATON_ERR_SHAPE, "%s: the source has no target",
		                       net->loss->name);
	if (source->n > 2u + binding->weighted)
		return baton_error_set(
			err, BATON_ERR_SHAPE,
			"%s: which of the source's %zu fields is the target? name it",
			net->loss->name, source->n);
	return BATON_OK;
}

static int bind_target(const baton_model *net, const struct source *source, size_t target,
                       bool *expanded, baton_error *err)
{
	const struct baton_plan *plan = net->plan;
	struct baton_shape shape = baton_shape_of(&source->fields[target]);
	char got[BATON_SHAPE_TEXT], want[BATON_SHAPE_TEXT];
	int rc = check_dtype(&source->fields[target], "target", err);

	if (rc < 0)
		return rc;
	if (!baton_loss_accepts(&plan->out, &shape, expanded))
		return baton_error_set(err, BATON_ERR_SHAPE,
		                       "%s -> %s: prediction %.40s against target %.40s",
		                       plan->layers[plan->n_layers - 1].name, net->loss->name,
		                       baton_shape_print(want, &plan->out, source->rows),
		                       baton_shape_print(got, &shape, source->rows));
	return BATON_OK;
}

/* A forward pass of zeros: layers that speak for themselves must mean what they declare. */
static int dry_run(const struct baton_plan *plan, const float *w, size_t rows, float *values,
                   baton_error *err)
{
	const struct baton_pass pass = baton_pass_of(rows, false, err);
	float *prediction;

	memset(values, 0, plan->d_in * pass.column * sizeof(float));
	return baton_plan_forward(plan, w, values, &pass, &prediction);
}

/* In one piece. */
int baton_model_reserve(baton_model *net, size_t rows, baton_error *err)
{
	const struct baton_plan *plan = net->plan;
	size_t columns = plan->columns + plan->d_out + 1 + 2 * plan->widest;
	size_t column = baton_column(rows);
	float *scratch = baton_plan_alloc(columns, rows);
	int rc = BATON_OK;

	if (!scratch)
		return baton_error_set(err, -ENOMEM, "no memory for a step of %zu rows", rows);
	if (plan->whole)
		rc = dry_run(plan, net->weights, rows, scratch, err);
	if (rc < 0) {
		free(scratch);
		return rc;
	}
	free(net->scratch);
	net->scratch = scratch;
	net->rows = rows;
	net->values = scratch;
	net->expected = net->values + plan->columns * column;
	net->weighted = net->expected + plan->d_out * column;
	net->slope[0] = net->weighted + column;
	net->slope[1] = net->slope[0] + plan->widest * column;
	return BATON_OK;
}

/* The note that the one rule was applied; else nothing. */
static int note(const baton_model *net, baton_error *err)
{
	if (!net->binding.expanded)
		return baton_error_set(err, BATON_OK, "%s", "");
	return baton_error_set(err, BATON_OK, "%s: target [%zu] taken as [%zu, 1]", net->loss->name,
	                       net->rows, net->rows);
}

int baton_model_resolve(const baton_model *net, const baton_pipeline *feed,
                        struct baton_binding *binding, size_t *rows, baton_error *err)
{
	struct source source;
	int rc;

	if (!net->snapshots)
		return baton_error_set(err, -EINVAL, "the model is not compiled");
	source.fields = baton_layout(feed, &source.n, &source.rows);
	*rows = source.rows;
	binding->layout = baton_layout_number(feed);
	if ((rc = bind_input(net, &source, &binding->input, err)) < 0 ||
	    (rc = bind_weight(net, &source, binding, err)) < 0 ||
	    (rc = find_target(net, &source, binding, err)) < 0)
		return rc;
	return bind_target(net, &source, binding->target, &binding->expanded, err);
}

int baton_bind(baton_model *net, const baton_pipeline *feed, baton_error *err)
{
	struct baton_binding binding;
	size_t rows;
	int rc;

	if (!net || !feed)
		return baton_error_set(err, BATON_MISUSE_NULL, "net or feed is NULL");
	if ((rc = baton_model_resolve(net, feed, &binding, &rows, err)) < 0 ||
	    (rc = baton_model_reserve(net, rows, err)) < 0)
		return rc;
	net->binding = binding;
	return note(net, err);
}
