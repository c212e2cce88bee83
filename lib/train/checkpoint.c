/* SPDX-License-Identifier: MIT */
/* Checkpoint: a training's state as a file and back.
 *
 * Invariant: what the file holds was one state of the training between two steps, since it
 * is made from a snapshot; and a load that fails has changed nothing, since all of it is
 * read and checked before the first number of the model is.
 *
 * Numbers that are not tensors are strings in the metadata: whole numbers in decimal,
 * doubles as C's hexadecimal floats, which lose no bit. */

#include "checkpoint.h"
#include "error.h"
#include "file.h"
#include "model.h"
#include "safetensors.h"
#include "spec.h"
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMAT "baton checkpoint 1"
#define NOTE "note." /* before a caller's key */

/* --- numbers as text ---------------------------------------------------------------- */

/* The same text in every locale: with a point. */
struct c_locale {
	locale_t c, before;
};

static void enter_c(struct c_locale *l)
{
	l->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	l->before = uselocale(l->c);
}

static void leave_c(const struct c_locale *l)
{
	uselocale(l->before);
	if (l->c)
		freelocale(l->c);
}

/* --- what must be the same ---------------------------------------------------------- */

/* "x 2 -> dense dense_1 16 -> relu relu_1 16", to be freed; NULL: no memory. */
static char *describe_model(const struct baton_plan *plan)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);
	bool failed;

	if (!f)
		return NULL;
	fprintf(f, "%s %zu", plan->field, plan->d_in);
	for (size_t i = 0; i < plan->n_layers; i++)
		fprintf(f, " -> %s %s %zu", plan->layers[i].ops->kind, plan->layers[i].name,
		        plan->layers[i].d_out);
	failed = ferror(f);
	if (fclose(f) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* How it learns, but for the learning rate, which may change on the way. */
static void describe_rule(const struct baton_state *state, char *text, size_t size)
{
	const struct baton_rule *r = state->rule;

	snprintf(text, size,
	         "%s, %s: momentum %.9g, epsilon %.9g%s, rho %.9g, beta %.9g %.9g%s%s%s",
	         state->loss, r->ops->name, (double)r->momentum, (double)r->epsilon,
	         r->epsilon_outside ? " outside" : "", (double)r->rho, (double)r->beta_1,
	         (double)r->beta_2, r->nesterov ? ", nesterov" : "",
	         r->centered ? ", centered" : "", state->run->in_order ? ", in order" : "");
}

/* --- the numbers of a run ----------------------------------------------------------- */

enum number_kind { WHOLE, FLAG, NUMBER };

struct number {
	const char *key;
	enum number_kind kind;
	void *at; /* uint64_t, bool, double */
};

#define N_NUMBERS 13

static void list_numbers(struct number list[N_NUMBERS], struct baton_run *run)
{
	const struct number all[N_NUMBERS] = {
		{"step", WHOLE, &run->steps},
		{"next_batch", WHOLE, &run->next_batch},
		{"epoch", WHOLE, &run->epoch},
		{"epoch_step", WHOLE, &run->epoch_step},
		{"epoch_rows", WHOLE, &run->epoch_rows},
		{"epoch_begun", FLAG, &run->epoch_begun},
		{"epoch_closed", FLAG, &run->epoch_closed},
		{"loss_sum", NUMBER, &run->loss_sum},
		{"mae_sum", NUMBER, &run->mae_sum},
		{"mse_sum", NUMBER, &run->mse_sum},
		{"digest", WHOLE, &run->digest},
		{"learning_rate", NUMBER, &run->learning_rate},
		{"metrics", WHOLE, &run->metrics},
	};

	memcpy(list, all, sizeof(all));
}

static bool printable(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static int set_text(cJSON *metadata, const char *prefix, const char *key, const char *value)
{
	char *name;
	int rc;

	if (asprintf(&name, "%s%s", prefix, key) < 0)
		return -ENOMEM;
	rc = cJSON_AddStringToObject(metadata, name, value) ? BATON_OK : -ENOMEM;
	free(name);
	return rc;
}

static int set_number(cJSON *metadata, const struct number *n)
{
	char text[40];

	if (n->kind == WHOLE)
		snprintf(text, sizeof(text), "%" PRIu64, *(const uint64_t *)n->at);
	else if (n->kind == FLAG)
		snprintf(text, sizeof(text), "%d", *(const bool *)n->at);
	else
		snprintf(text, sizeof(text), "%a", *(const double *)n->at);
	return set_text(metadata, "", n->key, text);
}

/* Callbacks' numbers: "0x1p+0 0x1.8p+1" */
static int set_saved(cJSON *metadata, const struct baton_run *run)
{
	char text[BATON_RUN_SAVED * 32 + 1] = "";
	size_t n = 0;

	for (unsigned i = 0; i < run->n_saved; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%a", i ? " " : "",
		                      run->saved[i]);
	return set_text(metadata, "", "callbacks", text);
}

static bool parse_whole(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && errno == 0;
}

/* Of finite numbers alone can a training go on. */
static bool parse_number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && isfinite(*value);
}

static bool parse(const struct number *n, const char *text)
{
	uint64_t flag;

	if (n->kind == WHOLE)
		return parse_whole(text, n->at);
	if (n->kind == NUMBER)
		return parse_number(text, n->at);
	if (!parse_whole(text, &flag) || flag > 1)
		return false;
	*(bool *)n->at = flag;
	return true;
}

/* They may be infinite: the best of none. */
static bool parse_saved(const char *text, struct baton_run *run)
{
	for (run->n_saved = 0; *text; run->n_saved++) {
		char *end;

		if (run->n_saved == BATON_RUN_SAVED)
			return false;
		run->saved[run->n_saved] = strtod(text, &end);
		if (end == text || (*end && *end != ' '))
			return false;
		text = *end ? end + 1 : end;
	}
	return true;
}

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

static bool is_first(const baton_note *notes, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(notes[j].key, notes[i].key) == 0)
			return false;
	}
	return true;
}

static int set_notes(cJSON *metadata, const baton_note *notes, size_t n)
{
	int rc = BATON_OK;

	for (size_t i = 0; rc == BATON_OK && i < n; i++)
		rc = notes[i].key && notes[i].value && printable(notes[i].key) &&
		                     printable(notes[i].value) && is_first(notes, i)
		             ? set_text(metadata, NOTE, notes[i].key, notes[i].value)
		             : -EINVAL;
	return rc;
}

static int set_metadata(cJSON *metadata, const struct baton_state *state, const baton_note *notes,
                        size_t n_notes)
{
	struct baton_run run = *state->run;
	struct number numbers[N_NUMBERS];
	char *model = describe_model(state->plan), rule[256];
	int rc;

	describe_rule(state, rule, sizeof(rule));
	list_numbers(numbers, &run);
	if (!model)
		return -ENOMEM;
	if ((rc = set_text(metadata, "", "format", FORMAT)) == BATON_OK &&
	    (rc = set_text(metadata, "", "baton", BATON_VERSION)) == BATON_OK &&
	    (rc = set_text(metadata, "", "model", model)) == BATON_OK &&
	    (rc = set_text(metadata, "", "training", rule)) == BATON_OK &&
	    (rc = set_saved(metadata, &run)) == BATON_OK)
		rc = set_notes(metadata, notes, n_notes);
	for (size_t i = 0; rc == BATON_OK && i < N_NUMBERS; i++)
		rc = set_number(metadata, &numbers[i]);
	free(model);
	return rc;
}

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
	int rc = metadata ? set_metadata(metadata, state, notes, n_notes) : -ENOMEM;

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
	struct c_locale c;
	int rc = is_finite(state->run) ? BATON_OK : BATON_ERR_NAN;

	if (rc == BATON_OK) {
		enter_c(&c);
		rc = make_prefix(state, notes, n_notes, &parts[0]);
		leave_c(&c);
	}
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

/* Where two descriptions begin to differ: the part that does, from its beginning. */
static size_t differ_at(const char *a, const char *b)
{
	size_t i = 0;

	while (a[i] && a[i] == b[i])
		i++;
	while (i > 0 && a[i - 1] != ',' && a[i - 1] != '>' && a[i - 1] != ':')
		i--;
	return a[i] == ' ' && b[i] == ' ' ? i + 1 : i;
}

/* What a file must say of a key. */
static int check_text(const struct baton_safetensors *file, const char *path, const char *key,
                      const char *wanted, const char *what, baton_error *err)
{
	const char *found = baton_safetensors_note(file, key);
	char quoted[40];
	size_t at;

	if (found && strcmp(found, wanted) == 0)
		return BATON_OK;
	if (!found)
		return baton_error_set(err, -EINVAL, "%.60s: not a checkpoint of baton: no \"%s\"",
		                       path, key);
	at = differ_at(found, wanted);
	baton_safetensors_quote(quoted, sizeof(quoted), found + at);
	return baton_error_set(err, -EINVAL, "%.40s: %s is \"%s\" there, \"%.39s\" here", path,
	                       what, quoted, wanted + at);
}

static int check_note(const struct baton_safetensors *file, const char *path,
                      const baton_note *note, baton_error *err)
{
	char *key;
	int rc;

	if (!note->key || !note->value)
		return baton_error_set(err, -EINVAL, "checkpoint: a note has no key or value");
	if (asprintf(&key, "%s%s", NOTE, note->key) < 0)
		return baton_error_set(err, -ENOMEM, "out of memory");
	rc = check_text(file, path, key, note->value, note->key, err);
	free(key);
	return rc;
}

static int check_sameness(const struct baton_safetensors *file, const char *path,
                          const struct baton_state *state, const baton_note *notes, size_t n_notes,
                          baton_error *err)
{
	char *model = describe_model(state->plan), rule[256];
	int rc;

	if (!model)
		return baton_error_set(err, -ENOMEM, "out of memory");
	describe_rule(state, rule, sizeof(rule));
	if ((rc = check_text(file, path, "format", FORMAT, "format", err)) == BATON_OK &&
	    (rc = check_text(file, path, "model", model, "the model", err)) == BATON_OK)
		rc = check_text(file, path, "training", rule, "the training", err);
	for (size_t i = 0; rc == BATON_OK && i < n_notes; i++)
		rc = check_note(file, path, &notes[i], err);
	free(model);
	return rc;
}

/* Numbers that no training comes to. */
static int check_agreement(const struct baton_run *run, const char *path, baton_error *err)
{
	if (run->metrics & ~(uint64_t)(BATON_METRIC_MAE | BATON_METRIC_MSE))
		return baton_error_set(err, -EINVAL, "%.60s: metrics has unknown bits", path);
	if (run->epoch_step > run->steps || (run->epoch_closed && !run->epoch_begun) ||
	    run->epoch == UINT64_MAX)
		return baton_error_set(err, -EINVAL, "%.60s: step and epoch do not agree", path);
	return BATON_OK;
}

static int read_run(const struct baton_safetensors *file, const char *path, struct baton_run *run,
                    baton_error *err)
{
	const char *saved = baton_safetensors_note(file, "callbacks");
	struct number numbers[N_NUMBERS];

	list_numbers(numbers, run);
	for (size_t i = 0; i < N_NUMBERS; i++) {
		const char *text = baton_safetensors_note(file, numbers[i].key);
		char quoted[40];

		if (text && parse(&numbers[i], text))
			continue;
		baton_safetensors_quote(quoted, sizeof(quoted), text ? text : "");
		return baton_error_set(err, -EINVAL, "%.60s: %s is \"%s\", no such number", path,
		                       numbers[i].key, quoted);
	}
	if (!saved || !parse_saved(saved, run))
		return baton_error_set(err, -EINVAL, "%.60s: the callbacks' numbers are none",
		                       path);
	if (!(run->learning_rate >= 0 && run->learning_rate <= (double)FLT_MAX))
		return baton_error_set(err, -EINVAL, "%.60s: learning_rate is not from 0 to %g",
		                       path, (double)FLT_MAX);
	return check_agreement(run, path, err);
}

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

	if ((rc = check_sameness(file, path, &state, notes, n_notes, err)) < 0 ||
	    (rc = read_run(file, path, &run, err)) < 0)
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
	struct c_locale c;
	int rc;

	enter_c(&c);
	rc = baton_safetensors_open(&file, path, err);
	if (rc == BATON_OK) {
		rc = load(net, &file, path, notes, n_notes, err);
		baton_safetensors_close(&file);
	}
	leave_c(&c);
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
