/* SPDX-License-Identifier: MIT */
/* Fuzz target: the option parser, under a table with an option of each kind and under the
 * tables of the programs.
 *
 * An input is one byte that chooses the program, then the words of its command line, each
 * ended by a 0 byte. What must hold:
 *   - usage errors are exactly one line of printable ASCII on standard error that begins with
 *     the program's name, and names an option of the table or quotes a word; and nothing goes
 *     to standard output
 *   - otherwise nothing is said, but for --help and --version, and each value lies in its
 *     range or is what it was
 *   - words of the plain form --name=value, and --flag, mean what a parser of ten lines makes
 *     of them: is the command line good, and what are the values
 *   - a text that is taken for a number is that number, and only such a text is. */

#include "options.h"
#include "../../apps/json.h"
#include "../../apps/plot.h"
#include "fuzz.h"
#include <baton/baton.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 40, SAID = 1 << 16 };

static char said[SAID]; /* on standard error */
static FILE *real_stderr;
static struct bytes whole; /* the input */

void options_broken(const char *promise)
{
	fprintf(real_stderr, "options: broken: %s\nsaid: %s\nwords: \"", promise, said);
	for (const uint8_t *at = whole.at + (whole.at < whole.end); at < whole.end; at++)
		fprintf(real_stderr,
		        *at >= ' ' && *at <= '~' ? "%c"
		        : *at                    ? "\\x%02x"
		                                 : "\" \"",
		        *at);
	fprintf(real_stderr, "\"\n");
	fflush(NULL);
	abort();
}

#define PROMISE(condition, text) ((condition) ? (void)0 : options_broken(text))

/* --- one value after another -------------------------------------------------------------- */

union value {
	uint64_t u64;
	double f64;
	int choice;
	const char *text;
	bool flag;
};

static size_t size_of(const struct arg *arg)
{
	switch (arg->kind) {
	case ARG_KIND_U64:
		return sizeof(uint64_t);
	case ARG_KIND_F64:
		return sizeof(double);
	case ARG_KIND_CHOICE:
		return sizeof(int);
	case ARG_KIND_TEXT:
		return sizeof(const char *);
	case ARG_KIND_FLAG:
		return sizeof(bool);
	default:
		return 0;
	}
}

static bool is_word_of(const char *text, char **argv)
{
	for (; *argv; argv++)
		if (text >= *argv && text <= *argv + strlen(*argv))
			return true;
	return false;
}

static bool in_range(const struct arg *arg, const union value *v, char **argv)
{
	int n = 0;

	switch (arg->kind) {
	case ARG_KIND_U64:
		return v->u64 >= arg->min && v->u64 <= arg->max;
	case ARG_KIND_F64:
		return v->f64 >= arg->low && v->f64 <= arg->high && isfinite(v->f64);
	case ARG_KIND_CHOICE:
		while (arg->choices[n])
			n++;
		return v->choice >= 0 && v->choice < n;
	case ARG_KIND_TEXT:
		return is_word_of(v->text, argv) && *v->text;
	default:
		return true;
	}
}

static void read_values(const struct args *args, union value *values)
{
	memset(values, 0, args->n * sizeof(*values));
	for (size_t i = 0; i < args->n; i++)
		if (args->table[i].value)
			memcpy(&values[i], args->table[i].value, size_of(&args->table[i]));
}

/* --- what is said ------------------------------------------------------------------------- */

static bool names_an_option(const struct args *args, const char *text)
{
	const char *names[] = {"help", "version"};

	for (size_t i = 0; i < args->n + 2; i++) {
		const char *name = i < args->n ? args->table[i].name : names[i - args->n];

		if (strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == ':')
			return true;
	}
	return false;
}

static void check_said(const struct args *args, int rc)
{
	size_t length = strlen(args->program), n = strlen(said);

	if (rc != ARGS_STATUS) {
		PROMISE(n == 0, "nothing is said of a good command line");
		return;
	}
	PROMISE(n > 0 && said[n - 1] == '\n' && strchr(said, '\n') == said + n - 1,
	        "one line on standard error");
	for (size_t i = 0; i + 1 < n; i++)
		PROMISE(said[i] >= ' ' && said[i] <= '~', "printable ASCII");
	PROMISE(n < 512, "a line that can be read");
	PROMISE(strncmp(said, args->program, length) == 0 && strncmp(said + length, ": ", 2) == 0,
	        "the program's name comes first");
	if (strncmp(said + length + 2, "--", 2) == 0)
		PROMISE(names_an_option(args, said + length + 4), "the option is one of the table");
	else
		PROMISE(said[length + 2] == '"', "a word is quoted");
}

/* --- numbers ---------------------------------------------------------------------------- */

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

static void check_u64(const char *word)
{
	uint64_t value = 42;
	bool is = args_u64(word, &value);
	const char *plain = word + strspn(word, "0");
	char again[32];

	if (!is) {
		PROMISE(value == 42, "no number leaves the value alone");
		PROMISE(!*word || word[digits(word)] || strlen(plain) > 20 ||
		                (strlen(plain) == 20 && strcmp(plain, "18446744073709551615") > 0),
		        "a whole number is taken");
		return;
	}
	snprintf(again, sizeof(again), "%" PRIu64, value);
	PROMISE(strcmp(again, *plain ? plain : "0") == 0, "a whole number is what it says");
}

/* -D.DeD, where some D may be missing */
static bool is_decimal(const char *at)
{
	size_t n;

	at += *at == '-';
	n = digits(at);
	at += n;
	if (*at == '.') {
		n += digits(at + 1);
		at += 1 + digits(at + 1);
	}
	if (n == 0)
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		n = digits(at);
		at += n;
	}
	return n > 0 && !*at;
}

static void check_f64(const char *word)
{
	double value = 42;
	bool is = args_f64(word, &value);

	if (is)
		PROMISE(is_decimal(word) && value == strtod(word, NULL) && isfinite(value),
		        "a number is what it says");
	else
		PROMISE(value == 42 && (!is_decimal(word) || !isfinite(strtod(word, NULL))),
		        "a number is taken");
}

/* --- ten lines ---------------------------------------------------------------------------- */

static bool one_value(const struct arg *arg, const char *text, union value *v)
{
	switch (arg->kind) {
	case ARG_KIND_U64:
		return args_u64(text, &v->u64) && v->u64 >= arg->min && v->u64 <= arg->max;
	case ARG_KIND_F64:
		return args_f64(text, &v->f64) && v->f64 >= arg->low && v->f64 <= arg->high &&
		       !(signbit(v->f64) && arg->low >= 0);
	case ARG_KIND_CHOICE:
		for (v->choice = 0; arg->choices[v->choice]; v->choice++)
			if (strcmp(text, arg->choices[v->choice]) == 0)
				return true;
		return false;
	default:
		v->text = text;
		return *text;
	}
}

enum verdict { NOT_PLAIN, GOOD, WRONG };

/* One word. */
static enum verdict one_word(const struct args *args, const char *word, union value *values)
{
	for (size_t i = 0; i < args->n; i++) {
		const struct arg *arg = &args->table[i];
		size_t n = strlen(arg->name);

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, arg->name, n) != 0)
			continue;
		if (arg->kind == ARG_KIND_FLAG && !word[2 + n]) {
			values[i].flag = true;
			return GOOD;
		}
		if (word[2 + n] != '=' || arg->kind == ARG_KIND_CALL)
			continue;
		return arg->kind != ARG_KIND_FLAG && one_value(arg, word + 3 + n, &values[i])
		               ? GOOD
		               : WRONG;
	}
	return NOT_PLAIN;
}

/* values: as they were before, and as they should be after */
static enum verdict plain(const struct args *args, char **argv, union value *values)
{
	enum verdict verdict = GOOD;

	for (argv++; *argv && verdict == GOOD; argv++)
		verdict = one_word(args, *argv, values);
	return verdict;
}

int options_parse(const struct args *args, const struct args_words *words, int argc, char **argv)
{
	union value before[ARGS_MAX], wanted[ARGS_MAX], after[ARGS_MAX];
	enum verdict verdict;
	int rc;

	read_values(args, before);
	memcpy(wanted, before, sizeof(wanted));
	verdict = plain(args, argv, wanted); /* first: getopt moves words about */
	rc = args_parse_words(args, words, argc, argv);
	fflush(stderr);
	read_values(args, after);
	PROMISE(rc == ARGS_GO_ON || rc == 0 || rc == ARGS_STATUS, "a known status");
	check_said(args, rc);
	PROMISE(verdict != GOOD || rc == ARGS_GO_ON, "what is right is taken");
	PROMISE(verdict != WRONG || rc == ARGS_STATUS, "what is wrong is refused");
	for (size_t i = 0; rc == ARGS_GO_ON && i < args->n; i++) {
		const struct arg *arg = &args->table[i];

		PROMISE(memcmp(&after[i], &before[i], sizeof(after[i])) == 0 ||
		                in_range(arg, &after[i], argv),
		        "a value in its range");
		PROMISE(verdict != GOOD || memcmp(&after[i], &wanted[i], size_of(arg)) == 0,
		        "the value that was given last");
	}
	return rc;
}

/* --- a table with one of each ----------------------------------------------------------------- */

static bool is_abc(void *value, const char *text)
{
	*(size_t *)value = strlen(text);
	return strcmp(text, "abc") == 0;
}

static int options_of_each(int argc, char **argv)
{
	static const char *const choices[] = {"one", "two", "three", NULL};
	static const char *const lettered[] = {"number", "real", "choice", "text", NULL};
	uint64_t u64 = 7;
	double f64 = 7, rate = 7;
	int choice = 2;
	const char *text = NULL;
	bool flag = false;
	size_t call = 0;
	const struct arg table[] = {
		ARG_U64("number", "N", &u64, 1, 1000, "a number"),
		ARG_F64("real", "F", &f64, -1, 1e6, "a real number"),
		ARG_CHOICE("choice", "C", &choice, choices, "one of them\nor another"),
		ARG_TEXT("text", "T", &text, "any text"),
		ARG_FLAG("flag", &flag, "a flag"),
		ARG_CALL("call", "ABC", &call, is_abc, "abc", "abc"),
		ARG_F64("rate", "F", &rate, 0, 1, "begins as real does"),
	};
	const struct args args = {"each",   "One of each.",
	                          table,    sizeof(table) / sizeof(table[0]),
	                          lettered, "0    it worked\n2    it did not\n",
	                          NULL};
	const struct args_words words = {"ABC", &call, is_abc, "abc"};

	return options_parse(&args, argc % 2 ? &words : NULL, argc, argv);
}

/* In place of those that open files. */
int json_file_open(struct json_file *file, const char *path)
{
	(void)file, (void)path;
	return 0;
}

int plot_open(struct plot *plot, const char *path, struct plot_error *why)
{
	(void)plot, (void)path, (void)why;
	return 0;
}

/* --- one input ---------------------------------------------------------------------------------
 */

static int (*const programs[])(int argc, char **argv) = {
	options_of_each, options_of_train_mean, options_of_feed_bench, options_of_pitfalls};

/* In glibc these two may be assigned to. */
static void listen_to(FILE **out)
{
	static FILE *stream, *nowhere;

	if (!stream) {
		real_stderr = stderr;
		stream = fmemopen(said, sizeof(said), "w");
		nowhere = fopen("/dev/null", "w");
		setvbuf(stream, NULL, _IOFBF, 1024);
	}
	rewind(stream);
	*out = stdout;
	stderr = stream;
	stdout = nowhere;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 2), *argv[WORDS + 2] = {(char[]){"program"}};
	int argc = 1, rc;
	FILE *out;

	whole = (struct bytes){data, data + size};
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	for (size_t at = 1; at < size && argc <= WORDS; at += strlen(text + at) + 1) {
		argv[argc++] = text + at;
		check_u64(text + at);
		check_f64(text + at);
	}
	memset(said, 0, strlen(said));
	listen_to(&out);
	optind = 0; /* glibc: from the start, and forget the last argv */
	rc = programs[(unsigned char)text[0] % 4](argc, argv);
	PROMISE(rc == ARGS_GO_ON || rc == 0 || rc == ARGS_STATUS, "a known status");
	fflush(stderr);
	stderr = real_stderr;
	stdout = out;
	free(text);
	return 0;
}
