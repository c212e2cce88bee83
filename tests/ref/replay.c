/* SPDX-License-Identifier: MIT */
/* A recorded run: read line by line, and trained on as it is read. */

#include "replay.h"
#include <baton/baton.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef MOST_NUMBERS /* of anything: a file that asks for more is a mistake */
#define MOST_NUMBERS (1u << 26)
#endif

enum { PASS = REPLAY_PASS, BAD = REPLAY_BAD };

/* A file, read line by line. */
struct reader {
	const char *path;
	FILE *file;
	unsigned long line;
	char *text; /* the line, without its end */
	size_t room;
	char *rest; /* what follows its first word */
};

/* A run as its head describes it. */
struct run {
	baton_optimizer optimizer;
	baton_loss loss;
	bool relu;
	size_t d_in, rows, steps;
	size_t *units; /* [n_layers] */
	size_t n_layers;
	float *weights; /* [n_weights]: before the first step, then what Keras has after it */
	size_t n_weights;
	unsigned seen; /* bit i: records[i] was there */
};

/* What it is trained with. */
struct trainer {
	baton_pipeline *feed;
	baton_model *net;
};

/* --- reading ------------------------------------------------------------------------ */

/* One line on standard error. Returns BAD. */
__attribute__((format(printf, 2, 3))) static int bad(const struct reader *in, const char *why, ...)
{
	va_list args;

	fprintf(stderr, "replay: %s:%lu: ", in->path, in->line);
	va_start(args, why);
	vfprintf(stderr, why, args);
	va_end(args);
	fputc('\n', stderr);
	return BAD;
}

/* The next record: comments and empty lines are none. False at the end. */
static bool next_line(struct reader *in)
{
	ssize_t n;

	while ((n = getline(&in->text, &in->room, in->file)) >= 0) {
		in->line++;
		while (n > 0 && strchr("\r\n \t", in->text[n - 1]))
			in->text[--n] = '\0';
		if (n > 0 && in->text[0] != '#') {
			in->rest = in->text + strcspn(in->text, " \t");
			if (*in->rest)
				*in->rest++ = '\0';
			return true;
		}
	}
	return false;
}

/* The next word of the line, or NULL. */
static char *next_word(struct reader *in)
{
	char *word = in->rest + strspn(in->rest, " \t");

	in->rest = word + strcspn(word, " \t");
	if (*in->rest)
		*in->rest++ = '\0';
	return *word ? word : NULL;
}

/* Exactly n numbers. */
static int read_numbers(struct reader *in, float *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *end;

		to[i] = strtof(in->rest, &end);
		if (end == in->rest || !strchr(" \t", *end))
			return bad(in, "%s: number %zu of %zu is %s", in->text, i + 1, n,
			           in->rest[strspn(in->rest, " \t")] ? "no number" : "missing");
		in->rest = end;
	}
	if (next_word(in))
		return bad(in, "%s: more than %zu numbers", in->text, n);
	return PASS;
}

/* One whole number from 1 to MOST_NUMBERS. */
static int read_count(struct reader *in, const char *word, size_t *to)
{
	unsigned long value = 0;

	if (word && word[strspn(word, "0123456789")] == '\0')
		value = strtoul(word, NULL, 10);
	if (value < 1 || value > MOST_NUMBERS)
		return bad(in, "%s: \"%s\" is not a whole number from 1 to %u", in->text,
		           word ? word : "", MOST_NUMBERS);
	*to = value;
	return PASS;
}

/* --- the head ----------------------------------------------------------------------- */

/* One of words, up to NULL. */
static int read_choice(struct reader *in, const char *const *words, int *choice)
{
	const char *word = next_word(in);

	for (*choice = 0; words[*choice]; (*choice)++) {
		if (word && strcmp(word, words[*choice]) == 0)
			return PASS;
	}
	return bad(in, "%s: \"%s\" is not %s or %s", in->text, word ? word : "", words[0],
	           words[1]);
}

/* The part of the name before the first _ counts. */
static int read_optimizer(struct reader *in, struct run *run)
{
	static const struct {
		const char *name;
		int kind;
	} known[] = {{"rmsprop", BATON_OPTIMIZER_RMSPROP},
	             {"sgd", BATON_OPTIMIZER_SGD},
	             {"adam", BATON_OPTIMIZER_ADAM}};
	const char *name = next_word(in);
	size_t length = name ? strcspn(name, "_") : 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (length == strlen(known[i].name) && strncmp(name, known[i].name, length) == 0) {
			run->optimizer.kind = known[i].kind;
			return PASS;
		}
	}
	return bad(in, "optimizer: \"%s\" is not rmsprop, sgd or adam", name ? name : "");
}

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

/* A constant that baton has. In a file 0 is 0; for baton it would be the default. */
static int set_constant(struct reader *in, const char *key, const char *value, double *to)
{
	char *end;

	*to = strtod(value, &end);
	if (end == value || *end)
		return bad(in, "config: %s=%s is not a number", key, value);
	if (*to == 0)
		*to = BATON_ZERO;
	return PASS;
}

static int set_switch(struct reader *in, const char *key, const char *value, bool *to)
{
	*to = strcmp(value, "True") == 0;
	if (!*to && strcmp(value, "False") != 0)
		return bad(in, "config: %s=%s is not True or False", key, value);
	return PASS;
}

/* get_config() also has what baton does without: fine if it is off, or only a name. */
static int set_other(struct reader *in, const char *key, const char *value)
{
	static const char *const off[] = {"None", "False", "0", "0.0", NULL};
	static const char *const harmless[] = {"name", "ema_momentum", "jit_compile",
	                                       "is_legacy_optimizer", NULL};

	if (is_one_of(value, off) || is_one_of(key, harmless))
		return PASS;
	return bad(in, "config: %s=%s is not supported, only %s=None or False", key, value, key);
}

static int set_config(struct reader *in, struct run *run, const char *key, const char *value)
{
	baton_optimizer *o = &run->optimizer;
	const struct {
		const char *key;
		double *value;
	} constants[] = {
		{"learning_rate", &o->learning_rate},
		{"rho", &o->rho},
		{"epsilon", &o->epsilon},
		{"momentum", &o->momentum},
		{"beta_1", &o->beta_1},
		{"beta_2", &o->beta_2},
	};

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		if (strcmp(key, constants[i].key) == 0)
			return set_constant(in, key, value, constants[i].value);
	}
	if (strcmp(key, "nesterov") == 0)
		return set_switch(in, key, value, &o->nesterov);
	if (strcmp(key, "centered") == 0)
		return set_switch(in, key, value, &o->centered);
	return set_other(in, key, value);
}

static int read_config(struct reader *in, struct run *run)
{
	char *word, *equals;

	while ((word = next_word(in))) {
		equals = strchr(word, '=');
		if (!equals)
			return bad(in, "config: \"%s\" is not KEY=VALUE", word);
		*equals = '\0';
		if (set_config(in, run, word, equals + 1) != PASS)
			return BAD;
	}
	return PASS;
}

static int read_loss(struct reader *in, struct run *run)
{
	static const char *const words[] = {"mse", "mae", NULL};
	int choice;

	if (read_choice(in, words, &choice) != PASS)
		return BAD;
	run->loss = choice == 0 ? baton_mse() : baton_mae();
	return PASS;
}

static int read_activation(struct reader *in, struct run *run)
{
	static const char *const words[] = {"linear", "relu", NULL};
	int choice;

	if (read_choice(in, words, &choice) != PASS)
		return BAD;
	run->relu = choice == 1;
	return PASS;
}

static int read_d_in(struct reader *in, struct run *run)
{
	return read_count(in, next_word(in), &run->d_in);
}

static int read_batch(struct reader *in, struct run *run)
{
	return read_count(in, next_word(in), &run->rows);
}

static int read_steps(struct reader *in, struct run *run)
{
	return read_count(in, next_word(in), &run->steps);
}

static int read_units(struct reader *in, struct run *run)
{
	const char *word = next_word(in);

	run->units = malloc((strlen(in->rest) / 2 + 2) * sizeof(*run->units));
	if (!run->units)
		return bad(in, "out of memory");
	do {
		if (read_count(in, word, &run->units[run->n_layers++]) != PASS)
			return BAD;
	} while ((word = next_word(in)));
	if (run->units[run->n_layers - 1] != 1)
		return bad(in, "units: the last layer has %zu units; the target is [N, 1]",
		           run->units[run->n_layers - 1]);
	return PASS;
}

/* How many weights this network has; 0: more than makes sense. */
static size_t count_weights(const struct run *run)
{
	size_t inputs = run->d_in, n = 0;

	for (size_t i = 0; i < run->n_layers; i++) {
		n += (inputs + 1) * run->units[i]; /* below 2^53 */
		if (n > MOST_NUMBERS)
			return 0;
		inputs = run->units[i];
	}
	return n;
}

static int read_weights(struct reader *in, struct run *run)
{
	run->n_weights = count_weights(run);
	if (run->n_weights == 0 || run->rows * run->d_in > MOST_NUMBERS)
		return bad(in, "weights: a layer or a batch would have over %u numbers",
		           MOST_NUMBERS);
	run->weights = calloc(run->n_weights, sizeof(float));
	if (!run->weights)
		return bad(in, "out of memory");
	return read_numbers(in, run->weights, run->n_weights);
}

/* The head's records, each once; the last one ends it. */
static const struct {
	const char *word;
	int (*read)(struct reader *in, struct run *run);
} records[] = {
	{"optimizer", read_optimizer},   {"config", read_config}, {"loss", read_loss},
	{"activation", read_activation}, {"d_in", read_d_in},     {"units", read_units},
	{"batch", read_batch},           {"steps", read_steps},   {"weights", read_weights},
};
enum { N_RECORDS = sizeof(records) / sizeof(records[0]), WEIGHTS = N_RECORDS - 1 };

static int read_record(struct reader *in, struct run *run)
{
	size_t i = 0;

	while (i < N_RECORDS && strcmp(in->text, records[i].word) != 0)
		i++;
	if (i == N_RECORDS)
		return bad(in, "\"%.40s\" is no record of a run's head", in->text);
	if (run->seen & 1u << i)
		return bad(in, "%s: a second one", in->text);
	for (size_t k = 0; i == WEIGHTS && k < WEIGHTS; k++) {
		if (!(run->seen & 1u << k))
			return bad(in, "weights: no %s before it", records[k].word);
	}
	run->seen |= 1u << i;
	return records[i].read(in, run);
}

static int read_head(struct reader *in, struct run *run)
{
	*run = (struct run){.optimizer = baton_rmsprop(0)};
	while (!(run->seen & 1u << WEIGHTS)) {
		if (!next_line(in))
			return bad(in, "ends within the head; weights and steps must follow");
		if (read_record(in, run) != PASS)
			return BAD;
	}
	return PASS;
}

/* --- training ----------------------------------------------------------------------- */

/* input -> dense -> relu -> ... -> dense */
static int make_net(const struct run *run, baton_model **net, baton_error *err)
{
	baton_layer *layers = calloc(2 * run->n_layers + 1, sizeof(*layers));
	size_t n = 0;
	int rc;

	if (!layers)
		return -ENOMEM;
	layers[n++] = baton_input("x", run->d_in);
	for (size_t i = 0; i < run->n_layers; i++) {
		layers[n++] = baton_dense(run->units[i]);
		if (run->relu && i + 1 < run->n_layers)
			layers[n++] = baton_relu();
	}
	rc = baton_model_create(net, layers, n, 1, err);
	free(layers);
	return rc;
}

static int open_feed(const struct run *run, baton_pipeline **feed, baton_error *err)
{
	const baton_field fields[] = {{"x", BATON_F32, 1, {run->d_in}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = run->rows;
	source.n_batches = run->steps;
	options.blocks = 1;
	return baton_open(feed, &source, &options, err);
}

static int set_up(const struct run *run, struct trainer *t, int sum_order, baton_error *err)
{
	int rc;

	if ((rc = make_net(run, &t->net, err)) < 0 ||
	    (rc = baton_compile(t->net, run->loss, run->optimizer, err)) < 0 ||
	    (rc = open_feed(run, &t->feed, err)) < 0 ||
	    (rc = baton_bind(t->net, t->feed, err)) < 0 ||
	    (rc = baton_sum_order(t->net, sum_order)) < 0)
		return rc;
	return baton_weights_set(t->net, run->weights, run->n_weights);
}

/* Nothing is held here but after a failure, which ends the program anyway. */
static void tear_down(struct trainer *t)
{
	if (t->feed && baton_close(&t->feed) < 0)
		abort();
	if (baton_model_destroy(&t->net) < 0)
		abort();
}

/* y [rows]: the float32 mean of each row of x [rows, d_in]. */
static void make_targets(const float *x, size_t rows, size_t d_in, float *y)
{
	for (size_t i = 0; i < rows; i++) {
		double sum = 0;

		for (size_t k = 0; k < d_in; k++)
			sum += (double)x[i * d_in + k];
		y[i] = (float)sum / (float)d_in;
	}
}

/* A batch from the line x, through the pipeline. */
static int submit(struct reader *in, const struct run *run, baton_pipeline *feed)
{
	baton_claim claim = BATON_CLAIM_INIT;
	int rc = baton_begin(feed, &claim);
	float *x;

	if (rc != BATON_OK)
		return bad(in, "baton_begin(): %s", baton_strerror(rc));
	x = baton_writable_f32(baton_claimed(&claim), 0);
	rc = read_numbers(in, x, run->rows * run->d_in);
	make_targets(x, run->rows, run->d_in, baton_writable_f32(baton_claimed(&claim), 1));
	baton_submit(feed, &claim);
	return rc;
}

static int train(struct reader *in, struct trainer *t, float *loss)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc = baton_next(t->feed, &b);

	if (rc != BATON_OK)
		return bad(in, "baton_next(): %s", baton_strerror(rc));
	rc = baton_step(t->net, &b, loss);
	baton_release(t->feed, &b);
	return rc == BATON_OK ? PASS : bad(in, "baton_step(): %s", baton_strerror(rc));
}

static double distance(float a, float b)
{
	if (a == b || (isnan(a) && isnan(b)))
		return 0;
	return isfinite(a) && isfinite(b) ? fabs((double)a - (double)b) : (double)INFINITY;
}

/* Relative to their loss, but not to next to nothing. */
static double loss_distance(float ours, float theirs)
{
	double d = distance(ours, theirs);

	/* an infinite one stays so: inf / inf would be a NaN, which fmax() drops */
	return isfinite(d) ? d / fmax((double)theirs, 1e-3) : d;
}

/* The line after this one must be that record. */
static int expect_line(struct reader *in, const char *word, size_t step, size_t steps)
{
	if (!next_line(in))
		return bad(in, "ends in step %zu of %zu, where \"%s\" must follow", step, steps,
		           word);
	if (strcmp(in->text, word) != 0)
		return bad(in, "\"%.40s\" in step %zu, where \"%s\" must follow", in->text, step,
		           word);
	return PASS;
}

/* The lines x, l, w. */
static int replay_step(struct reader *in, struct run *run, struct trainer *t, size_t step,
                       struct replay_deviation *far)
{
	float ours = 0, theirs = 0;
	const float *w = baton_weights(t->net, NULL);

	if (expect_line(in, "x", step, run->steps) != PASS || submit(in, run, t->feed) != PASS ||
	    train(in, t, &ours) != PASS)
		return BAD;
	if (expect_line(in, "l", step, run->steps) != PASS || read_numbers(in, &theirs, 1) != PASS)
		return BAD;
	far->loss = fmax(far->loss, loss_distance(ours, theirs));
	if (expect_line(in, "w", step, run->steps) != PASS ||
	    read_numbers(in, run->weights, run->n_weights) != PASS)
		return BAD;
	for (size_t i = 0; i < run->n_weights; i++)
		far->weight = fmax(far->weight, distance(w[i], run->weights[i]));
	return PASS;
}

static int replay_steps(struct reader *in, struct run *run, int sum_order,
                        struct replay_deviation *far)
{
	struct trainer t = {NULL, NULL};
	baton_error err = {0, 0, ""};
	int rc = set_up(run, &t, sum_order, &err);

	if (rc < 0)
		rc = bad(in, "%s", err.text[0] ? err.text : baton_strerror(rc));
	for (size_t i = 1; rc == PASS && i <= run->steps; i++)
		rc = replay_step(in, run, &t, i, far);
	if (rc == PASS && next_line(in))
		rc = bad(in, "\"%.40s\" after the last of %zu steps", in->text, run->steps);
	tear_down(&t);
	return rc;
}

int replay(FILE *file, const char *path, int sum_order, struct replay_deviation *far)
{
	struct reader in = {.path = path, .file = file};
	struct run run;
	int rc;

	*far = (struct replay_deviation){0, 0};
	rc = read_head(&in, &run);
	if (rc == PASS)
		rc = replay_steps(&in, &run, sum_order, far);
	free(run.units);
	free(run.weights);
	free(in.text);
	return rc;
}
