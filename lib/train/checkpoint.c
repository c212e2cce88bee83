/* SPDX-License-Identifier: MIT */
/* Checkpoint: a training's state as a file and back: tensors here, the rest of it as text in
 * metadata.c.
 *
 * Invariant: what the file holds was one state of the training between two steps, since it
 * is made from a snapshot; and a load that fails has changed nothing, since all of it is
 * read and checked before the first number of the model is. */

#include "checkpoint.h"
#include "error.h"
#include "file.h"
#include "metadata.h"
#include "model.h"
#include "safetensors.h"
#include "spec.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- tensors: the flat arrays, layer by layer --------------------------------------- */

/* Call with each tensor of weights (slot 0) or of a part of the state (slot 1..), in the
 * order in which they lie; first: index of its first number in weights and state together.
 * Stops at the first that is not OK. */
typedef int tensor_fn(void *arg, const char *name, const struct baton_tensor_shape *shape,
                      size_t first);

static int each_of_layer(const struct baton_plan_layer *layer, const char *prefix, size_t first,
                         tensor_fn *call, void *arg)
{
	const struct baton_tensor_shape kernel = {2, {layer->d_in, layer->d_out}};
	const struct baton_tensor_shape bias = {1, {layer->n_bias}};
	char name[96];
	int rc = BATON_OK;

	first += layer->weights;
	if (layer->n_kernel) {
		snprintf(name, sizeof(name), "%s%s.kernel", prefix, layer->name);
		rc = call(arg, name, &kernel, first);
	}
	if (rc == BATON_OK && layer->n_bias) {
		snprintf(name, sizeof(name), "%s%s.bias", prefix, layer->name);
		rc = call(arg, name, &bias, first + layer->n_kernel);
	}
	return rc;
}

static int each_tensor(const struct baton_plan *plan, const struct baton_rule *rule,
                       tensor_fn *call, void *arg)
{
	size_t n_slots = rule ? rule->n_slots : 0;
	int rc = BATON_OK;

	for (size_t slot = 0; rc == BATON_OK && slot <= n_slots; slot++) {
		char prefix[48] = "";

		if (slot)
			snprintf(prefix, sizeof(prefix), "optimizer.%s.",
			         baton_rule_slot(rule, slot - 1));
		for (size_t i = 0; rc == BATON_OK && i < plan->n_layers; i++)
			rc = each_of_layer(&plan->layers[i], prefix, slot * plan->n_weights, call,
			                   arg);
	}
	return rc;
}

/* --- saving ------------------------------------------------------------------------- */

struct adding {
	cJSON *header;
	uint64_t offset;
};

static int add_tensor(void *arg, const char *name, const struct baton_tensor_shape *shape,
                      size_t first)
{
	struct adding *adding = arg;

	(void)first;
	return baton_safetensors_add(adding->header, name, shape, &adding->offset);
}

/* The file's first bytes. Returns OK, -ENOMEM, -EINVAL. */
static int make_prefix(const struct baton_state *state, const baton_note *notes, size_t n_notes,
                       struct baton_part *prefix)
{
	cJSON *metadata = cJSON_CreateObject();
	struct adding adding = {NULL, 0};
	int rc = metadata ? baton_metadata_write(metadata, state, notes, n_notes) : -ENOMEM;

	if (rc < 0) {
		cJSON_Delete(metadata);
		return rc;
	}
	adding.header = baton_safetensors_header(metadata);
	rc = adding.header ? each_tensor(state->plan, state->rule, add_tensor, &adding) : -ENOMEM;
	if (rc == BATON_OK)
		prefix->bytes = baton_safetensors_prefix(adding.header, &prefix->n);
	cJSON_Delete(adding.header);
	return rc == BATON_OK && !prefix->bytes ? -ENOMEM : rc;
}

/* A load would refuse it: better to keep the last one that can go on. */
static bool is_finite(const struct baton_run *run)
{
	return isfinite(run->loss_sum) && isfinite(run->mae_sum) && isfinite(run->mse_sum);
}

static int refuse(int rc, baton_error *err)
{
	return baton_error_set(
		err, rc, "checkpoint: %s",
		rc == -ENOMEM   ? "out of memory"
		: rc == -EEXIST ? "layers of one name, whose tensors would have one name"
		: rc == BATON_ERR_NAN
			? "the loss is not finite: no training can go on from there"
			: "a note is not printable ASCII, or there are two of its key");
}

int baton_state_save(const struct baton_state *state, const char *path, unsigned keep,
                     const baton_note *notes, size_t n_notes, baton_error *err)
{
	size_t n = state->plan->n_weights * sizeof(float);
	struct baton_part parts[] = {
		{NULL, 0}, {state->weights, n}, {state->state, n * state->rule->n_slots}};
	int rc = is_finite(state->run) ? make_prefix(state, notes, n_notes, &parts[0])
	                               : BATON_ERR_NAN;

	if (rc < 0)
		return refuse(rc, err);
	rc = baton_file_replace(path, keep, parts, 3, err);
	free((void *)parts[0].bytes);
	return rc;
}

struct baton_state baton_snapshot_state_of(const struct baton_snapshot *s)
{
	return (struct baton_state){
		.plan = s->plan,
		.rule = s->rule,
		.loss = s->loss,
		.run = &s->run,
		.weights = s->weights,
		.state = s->weights + s->plan->n_weights,
	};
}

struct baton_state baton_model_state_of(const baton_model *net)
{
	return (struct baton_state){
		.plan = net->plan,
		.rule = &net->rule,
		.loss = net->loss->name,
		.run = &net->run,
		.weights = net->weights,
		.state = net->state,
	};
}

int baton_snapshot_save(const baton_snapshot *s, const char *path, const baton_note *notes,
                        size_t n_notes, baton_error *err)
{
	struct baton_state state;

	if (!s || !path || (!notes && n_notes))
		return baton_error_set(err, BATON_MISUSE_NULL, "snapshot, path or notes is NULL");
	state = baton_snapshot_state_of(s);
	return baton_state_save(&state, path, 1, notes, n_notes, err);
}

int baton_model_save(const baton_model *net, const char *path, const baton_note *notes,
                     size_t n_notes, baton_error *err)
{
	struct baton_state state;

	if (!net || !path || (!notes && n_notes))
		return baton_error_set(err, BATON_MISUSE_NULL, "net, path or notes is NULL");
	if (!net->snapshots)
		return baton_error_set(err, -EINVAL, "the model is not compiled");
	state = baton_model_state_of(net);
	return baton_state_save(&state, path, 1, notes, n_notes, err);
}

/* --- loading ------------------------------------------------------------------------ */

struct reading {
	const struct baton_safetensors *file;
	const char *path;
	float *numbers;
	baton_error *err;
};

static int read_tensor(void *arg, const char *name, const struct baton_tensor_shape *shape,
                       size_t first)
{
	const struct reading *reading = arg;

	return baton_safetensors_read(reading->file, reading->path, name, shape,
	                              reading->numbers + first, reading->err);
}

/* Weights, and state if there is a rule, to memory of their own: to be freed. */
static int read_numbers(const struct baton_safetensors *file, const char *path,
                        const struct baton_plan *plan, const struct baton_rule *rule,
                        float **numbers, baton_error *err)
{
	size_t n = plan->n_weights * (1 + (rule ? rule->n_slots : 0));
	struct reading reading = {file, path, calloc(n + 1, sizeof(float)), err};
	int rc;

	if (!reading.numbers)
		return baton_error_set(err, -ENOMEM, "out of memory");
	rc = each_tensor(plan, rule, read_tensor, &reading);
	if (rc < 0)
		free(reading.numbers);
	else
		*numbers = reading.numbers;
	return rc;
}

/* Everything was checked. */
static void adopt(baton_model *net, const struct baton_run *run, const float *numbers)
{
	size_t n = net->plan->n_weights;

	memcpy(net->weights, numbers, n * sizeof(float));
	memcpy(net->state, numbers + n, n * net->rule.n_slots * sizeof(float));
	net->run = *run;
	net->rule.learning_rate = (float)run->learning_rate;
	net->run.learning_rate = (double)net->rule.learning_rate;
	net->resumes = run->steps > 0 || run->epoch_begun; /* else nothing was begun */
}

static int load(baton_model *net, const struct baton_safetensors *file, const char *path,
                const baton_note *notes, size_t n_notes, baton_error *err)
{
	const struct baton_state state = baton_model_state_of(net);
	struct baton_run run = net->run;
	float *numbers = NULL;
	int rc;

	if ((rc = baton_metadata_check(file, path, &state, notes, n_notes, err)) < 0 ||
	    (rc = baton_metadata_read(file, path, &run, err)) < 0)
		return rc;
	rc = read_numbers(file, path, net->plan, &net->rule, &numbers, err);
	if (!numbers)
		return rc;
	adopt(net, &run, numbers);
	free(numbers);
	return BATON_OK;
}

static int open_and_load(baton_model *net, const char *path, const baton_note *notes,
                         size_t n_notes, baton_error *err)
{
	struct baton_safetensors file;
	int rc = baton_safetensors_open(&file, path, err);

	if (rc == BATON_OK) {
		rc = load(net, &file, path, notes, n_notes, err);
		baton_safetensors_close(&file);
	}
	return rc;
}

int baton_model_load(baton_model *net, const char *path, const baton_note *notes, size_t n_notes,
                     baton_resume *at, baton_error *err)
{
	baton_resume ours = BATON_RESUME_INIT;
	int rc;

	if (!net || !path || (!notes && n_notes))
		return baton_error_set(err, BATON_MISUSE_NULL, "net, path or notes is NULL");
	if (!net->snapshots)
		return baton_error_set(err, -EINVAL, "the model is not compiled");
	if (at && at->size < sizeof(at->size))
		return baton_error_set(err, -EINVAL, "at: size is not set");
	rc = open_and_load(net, path, notes, n_notes, err);
	if (rc < 0)
		return rc;
	ours.step = net->run.steps;
	ours.next_batch = net->run.next_batch;
	ours.epoch = net->run.epoch + net->run.epoch_closed;
	ours.epoch_step = net->run.epoch_closed ? 0 : net->run.epoch_step;
	if (at)
		baton_spec_write(at, &ours, sizeof(ours));
	return baton_error_set(err, BATON_OK, "%s", "");
}

int baton_weights_load(baton_model *net, const char *path, baton_error *err)
{
	struct baton_safetensors file;
	float *numbers = NULL;
	int rc;

	if (!net || !path)
		return baton_error_set(err, BATON_MISUSE_NULL, "net or path is NULL");
	rc = baton_safetensors_open(&file, path, err);
	if (rc < 0)
		return rc;
	rc = read_numbers(&file, path, net->plan, NULL, &numbers, err);
	baton_safetensors_close(&file);
	if (!numbers)
		return rc;
	memcpy(net->weights, numbers, net->plan->n_weights * sizeof(float));
	free(numbers);
	return baton_error_set(err, BATON_OK, "%s", "");
}
