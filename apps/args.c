/* SPDX-License-Identifier: MIT */
/* Command lines: getopt_long() with a table, and strictness.
 *
 * getopt_long() decides what is an option and what its value. What it leaves open is
 * settled here: a value is good only if all of it means something and it lies in the
 * option's range (strtoull() alone takes " -1" for 18446744073709551615, and "12x" for
 * 12), and whatever is wrong is said in exactly one line that names the program, the
 * option, the value and what would be right. Values are quoted with control characters
 * and anything else that is not printable ASCII as \xNN, so that a value can't forge a
 * second line.
 *
 * Programs must not call setlocale(): numbers have a point in every country. */

#include "args.h"
#include <assert.h>
#include <baton/version.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 256 /* getopt's number of table[0]: no short option's character */
#define QUOTED_MAX 64

/* --- saying what is wrong ------------------------------------------------------- */

/* Copy text so that it is printable and not too long; to [size] */
static const char *quoted(char *to, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text && at + 8 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			at += (size_t)snprintf(to + at, size - at, "\\x%02x", c);
		else
			to[at++] = *text;
	}
	snprintf(to + at, size - at, "%s", *text ? "..." : "");
	return to;
}

int args_error(const char *program, const char *option, const char *value, const char *why, ...)
{
	char text[256], safe[QUOTED_MAX];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s%s%s", program, option ? "--" : "", option ? option : "",
	        option ? ": " : "");
	if (value)
		fprintf(stderr, "\"%s\" ", quoted(safe, sizeof(safe), value));
	fprintf(stderr, "%s\n", text);
	return ARGS_STATUS;
}

/* "a, b or c" */
static const char *listed(char *to, size_t size, const char *const *choices)
{
	size_t at = 0;

	to[0] = '\0';
	for (size_t i = 0; choices[i] && at < size; i++) {
		const char *gap = i == 0 ? "" : choices[i + 1] ? ", " : " or ";

		at += (size_t)snprintf(to + at, size - at, "%s%s", gap, choices[i]);
	}
	return to;
}

static int refuse(const struct args *args, const struct arg *arg, const char *value)
{
	char list[160];

	switch (arg->kind) {
	case ARG_KIND_U64:
		return args_error(args->program, arg->name, value,
		                  "is not a whole number from %" PRIu64 " to %" PRIu64, arg->min,
		                  arg->max);
	case ARG_KIND_F64:
		return args_error(args->program, arg->name, value,
		                  "is not a number from %.15g to %.15g", arg->low, arg->high);
	case ARG_KIND_CHOICE:
		return args_error(args->program, arg->name, value, "is not %s",
		                  listed(list, sizeof(list), arg->choices));
	case ARG_KIND_CALL:
		return args_error(args->program, arg->name, value, "is not %s", arg->allowed);
	default:
		return args_error(args->program, arg->name, value, "is empty");
	}
}

/* --- values --------------------------------------------------------------------- */

bool args_u64(const char *text, uint64_t *out)
{
	unsigned long long value;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno)
		return false;
	*out = value;
	return true;
}

bool args_f64(const char *text, double *out)
{
	const char *digits = text + (*text == '-');
	double value;
	char *end;

	/* the set leaves out blanks, nan, inf and hexadecimal; strtod() does the rest */
	if (!*digits || *digits == '+' || *digits == '-' ||
	    digits[strspn(digits, "0123456789.eE+-")])
		return false;
	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value))
		return false;
	*out = value;
	return true;
}

static bool set_u64(const struct arg *arg, const char *text)
{
	uint64_t value;

	if (!args_u64(text, &value) || value < arg->min || value > arg->max)
		return false;
	*(uint64_t *)arg->value = value;
	return true;
}

static bool set_f64(const struct arg *arg, const char *text)
{
	double value;

	/* the sign bit: a range from 0 has no -0 */
	if (!args_f64(text, &value) || !(value >= arg->low && value <= arg->high) ||
	    (signbit(value) && arg->low >= 0))
		return false;
	*(double *)arg->value = value;
	return true;
}

static bool set_choice(const struct arg *arg, const char *text)
{
	for (int i = 0; arg->choices[i]; i++)
		if (strcmp(text, arg->choices[i]) == 0) {
			*(int *)arg->value = i;
			return true;
		}
	return false;
}

static bool set(const struct arg *arg, const char *text)
{
	switch (arg->kind) {
	case ARG_KIND_U64:
		return set_u64(arg, text);
	case ARG_KIND_F64:
		return set_f64(arg, text);
	case ARG_KIND_CHOICE:
		return set_choice(arg, text);
	case ARG_KIND_TEXT:
		*(const char **)arg->value = text;
		return *text != '\0';
	case ARG_KIND_CALL:
		return arg->parse(arg->value, text);
	default:
		*(bool *)arg->value = true;
		return true;
	}
}

/* --- --help and --version ------------------------------------------------------- */

/* The short option of table[i]; 0 if it has none. */
static char letter_of(const struct args *args, size_t i)
{
	const char *name = args->table[i].name;

	for (const char *const *l = args->lettered; l && *l; l++)
		if (strcmp(*l, name) == 0)
			return name[0];
	return '\0';
}

/* One option; the further lines of its help stand below the first. */
static void print_option(char letter, const char *name, const char *meta, const char *help,
                         int width)
{
	int used = printf(letter ? "  -%c, " : "      ", letter);

	used += printf("--%s%s%s", name, meta ? " " : "", meta ? meta : "");

	while (*help) {
		size_t n = strcspn(help, "\n");

		printf("%*s", width - used + 2, "");
		fwrite(help, 1, n, stdout);
		putchar('\n');
		help += n + (help[n] == '\n');
		used = 0;
	}
}

static int print_help(const struct args *args, const struct args_words *words)
{
	int width = (int)strlen("  -V, --version");

	for (size_t i = 0; i < args->n; i++) {
		const struct arg *arg = &args->table[i];
		int n = (int)(strlen("  -x, -- ") + strlen(arg->name) +
		              (arg->meta ? strlen(arg->meta) : 0));

		width = n > width ? n : width;
	}
	/* as it was called: it may be installed under another name */
	printf("Usage: %s [OPTION]...%s%s\n%s\n\n", program_invocation_short_name, words ? " " : "",
	       words ? words->meta : "", args->summary);
	for (size_t i = 0; i < args->n; i++)
		print_option(letter_of(args, i), args->table[i].name, args->table[i].meta,
		             args->table[i].help, width);
	print_option('h', "help", NULL, "print this and exit", width);
	print_option('V', "version", NULL, "print the version and exit", width);
	printf("\nExit status:\n");
	for (const char *at = args->statuses; *at; at += strcspn(at, "\n") + 1)
		printf("  %.*s\n", (int)strcspn(at, "\n"), at);
	return 0;
}

static int print_version(const struct args *args)
{
	printf("%s %s\n", args->program, baton_version());
	return 0;
}

/* To a full disk or a closed pipe nothing was printed, and that is a failure. */
static int flushed(const struct args *args, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	args_error(args->program, NULL, NULL, "standard output: %s", strerror(errno));
	return 1;
}

/* --- the command line ----------------------------------------------------------- */

/* What getopt_long() did not know: a short option, a value for an option that has none,
 * or the beginning of no option's name, or of more than one's. */
static int unknown(const struct args *args, char **argv, const struct option *longs)
{
	const char *given = argv[optind - 1];
	char one[3] = {'-', (char)optopt, '\0'};
	size_t n = strcspn(given, "="), matches = 0;

	if (optopt >= FIRST)
		return args_error(args->program, longs[optopt - FIRST].name,
		                  strchr(given, '=') ? strchr(given, '=') + 1 : NULL,
		                  "is not wanted: the option takes no value");
	if (optopt)
		return args_error(args->program, NULL, one, "is not an option; --help lists them");
	for (size_t i = 0; longs[i].name; i++)
		matches += n > 2 && strncmp(longs[i].name, given + 2, n - 2) == 0;
	return args_error(args->program, NULL, given,
	                  matches > 1
	                          ? "is the beginning of more than one option; --help lists them"
	                          : "is not an option; --help lists them");
}

/* Which option getopt_long() means by a character or number of its own: an index into the
 * table, then help and version. */
static size_t index_of(const struct args *args, int c)
{
	if (c >= FIRST)
		return (size_t)(c - FIRST);
	for (size_t i = 0; i < args->n; i++)
		if (letter_of(args, i) == c)
			return i;
	return c == 'h' ? args->n : args->n + 1;
}

/* longs [n + 3]: the table's, then help and version; shorts [2 n + 4]: the same */
static void translate(const struct args *args, struct option *longs, char *shorts)
{
	shorts += sprintf(shorts, ":hV");
	for (size_t i = 0; i < args->n; i++)
		if (letter_of(args, i))
			shorts += sprintf(shorts, "%c%s", letter_of(args, i),
			                  args->table[i].meta ? ":" : "");

	for (size_t i = 0; i < args->n; i++)
		longs[i] = (struct option){args->table[i].name, args->table[i].meta != NULL, NULL,
		                           FIRST + (int)i};
	longs[args->n] = (struct option){"help", 0, NULL, FIRST + (int)args->n};
	longs[args->n + 1] = (struct option){"version", 0, NULL, FIRST + (int)args->n + 1};
	longs[args->n + 2] = (struct option){0};
}

static int read_words(const struct args *args, const struct args_words *words, char **word)
{
	for (; *word; word++) {
		if (!words)
			return args_error(args->program, NULL, *word,
			                  "is not wanted: only options are; --help lists them");
		if (!words->parse(words->value, *word))
			return args_error(args->program, NULL, *word, "is not %s", words->allowed);
	}
	return ARGS_GO_ON;
}

static const char *given(const struct args *args, const char *const *these, bool among)
{
	for (size_t i = 0; i < args->n; i++) {
		const char *const *at = these;

		while (*at && strcmp(*at, args->table[i].name) != 0)
			at++;
		if (*args->given >> i & 1 && (*at != NULL) == among)
			return args->table[i].name;
	}
	return NULL;
}

const char *args_given(const struct args *args, const char *const *these)
{
	return given(args, these, true);
}

const char *args_given_beside(const struct args *args, const char *const *these)
{
	return given(args, these, false);
}

int args_parse(const struct args *args, int argc, char **argv)
{
	return args_parse_words(args, NULL, argc, argv);
}

int args_parse_words(const struct args *args, const struct args_words *words, int argc, char **argv)
{
	struct option longs[ARGS_MAX + 3];
	char shorts[2 * ARGS_MAX + 4];
	int c;

	assert(args->n <= ARGS_MAX);
	translate(args, longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		size_t i = index_of(args, c);

		if (c == ':')
			return args_error(args->program, longs[index_of(args, optopt)].name, NULL,
			                  "a value is missing");
		if (c == '?')
			return unknown(args, argv, longs);
		if (i == args->n)
			return flushed(args, print_help(args, words));
		if (i == args->n + 1)
			return flushed(args, print_version(args));
		if (!set(&args->table[i], optarg))
			return refuse(args, &args->table[i], optarg);
		if (args->given)
			*args->given |= UINT64_C(1) << i;
	}
	return read_words(args, words, argv + optind);
}
