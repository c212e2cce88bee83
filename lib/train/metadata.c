/* SPDX-License-Identifier: MIT */
/* Metadata: what of a training is no tensor, as strings in a file's header and back: whole
 * numbers in decimal, doubles as C's hexadecimal floats, which lose no bit; and in words
 * what must be the same for a training to go on. */

#include "metadata.h"
#include "error.h"
#include "model.h"
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

/* --- writing ------------------------------------------------------------------------ */

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

int baton_metadata_write(cJSON *metadata, const struct baton_state *state, const baton_note *notes,
                         size_t n_notes)
{
	struct c_locale c;
	int rc;

	enter_c(&c);
	rc = set_metadata(metadata, state, notes, n_notes);
	leave_c(&c);
	return rc;
}

/* --- reading ------------------------------------------------------------------------ */

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

#define QUOTED 40

/* Of two descriptions from where a part of theirs begins to differ: that part, up to a comma, unless
 * only what comes after it differs; "..." where it is cut, and where so much of it is the same that
 * no difference would be seen. */
static void quote_part(char to[QUOTED], const char *text, const char *other)
{
	size_t n = strcspn(text, ","), same = 0;
	char part[2 * QUOTED];
	const char *begun = "";

	if (n == strcspn(other, ",") && strncmp(text, other, n) == 0)
		n = strlen(text);
	while (text[same] && text[same] == other[same])
		same++;
	if (same > QUOTED / 2) {
		begun = "...";
		text += same - 8;
		n -= same - 8; /* same <= n: they differ in this part, or at its end */
	}
	if (strlen(begun) + n < QUOTED)
		snprintf(part, sizeof(part), "%s%.*s", begun, (int)n, text);
	else
		snprintf(part, sizeof(part), "%s%.*s...", begun, (int)(QUOTED - 4 - strlen(begun)),
		         text);
	baton_safetensors_quote(to, QUOTED, part);
}

/* What a file must say of a key. */
static int check_text(const struct baton_safetensors *file, const char *path, const char *key,
                      const char *wanted, const char *what, baton_error *err)
{
	const char *found = baton_safetensors_note(file, key);
	char there[QUOTED], here[QUOTED];
	size_t at;

	if (found && strcmp(found, wanted) == 0)
		return BATON_OK;
	if (!found)
		return baton_error_set(err, -EINVAL, "%.60s: not a checkpoint of baton: no \"%s\"",
		                       path, key);
	at = differ_at(found, wanted);
	quote_part(there, found + at, wanted + at);
	quote_part(here, wanted + at, found + at);
	return baton_error_set(err, -EINVAL, "%.40s: %s is \"%s\" there, \"%s\" here", path, what,
	                       there, here);
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

int baton_metadata_check(const struct baton_safetensors *file, const char *path,
                         const struct baton_state *state, const baton_note *notes, size_t n_notes,
                         baton_error *err)
{
	struct c_locale c;
	int rc;

	enter_c(&c);
	rc = check_sameness(file, path, state, notes, n_notes, err);
	leave_c(&c);
	return rc;
}

int baton_metadata_read(const struct baton_safetensors *file, const char *path,
                        struct baton_run *run, baton_error *err)
{
	struct c_locale c;
	int rc;

	enter_c(&c);
	rc = read_run(file, path, run, err);
	leave_c(&c);
	return rc;
}
