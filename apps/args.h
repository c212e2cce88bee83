/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_ARGS_H
#define BATON_APPS_ARGS_H

/* The command line of a program, as a table of long options (args.c says what is strict
 * about it). --help and --version come by themselves. */

#include <baton/attributes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arg_kind {
	ARG_KIND_U64,
	ARG_KIND_F64,
	ARG_KIND_CHOICE,
	ARG_KIND_TEXT,
	ARG_KIND_FLAG,
	ARG_KIND_CALL
};

/* One option; made by the macros below. What value points to is set when the option is
 * given, and left alone otherwise: its initial value is the default. The last one given
 * counts. */
struct arg {
	const char *name; /* without its dashes */
	const char *meta; /* what its value is called in --help; NULL for a flag */
	const char *help; /* may have several lines */
	enum arg_kind kind;
	void *value;
	uint64_t min, max;
	double low, high;
	const char *const *choices; /* ends with NULL */
	bool (*parse)(void *value, const char *text);
	const char *allowed; /* CALL: ends the sentence `"x" is not ...` */
};

/* uint64_t *value, from min to max */
#define ARG_U64(name_, meta_, value_, min_, max_, help_)                                 \
	{                                                                                \
		.name = (name_), .meta = (meta_), .help = (help_), .kind = ARG_KIND_U64, \
		.value = 1 ? (value_) : (uint64_t *)0, .min = (min_), .max = (max_)      \
	}
/* double *value, finite, from low to high */
#define ARG_F64(name_, meta_, value_, low_, high_, help_)                                \
	{                                                                                \
		.name = (name_), .meta = (meta_), .help = (help_), .kind = ARG_KIND_F64, \
		.value = 1 ? (value_) : (double *)0, .low = (low_), .high = (high_)      \
	}
/* int *value, the index of the word in choices */
#define ARG_CHOICE(name_, meta_, value_, choices_, help_)                                   \
	{                                                                                   \
		.name = (name_), .meta = (meta_), .help = (help_), .kind = ARG_KIND_CHOICE, \
		.value = 1 ? (value_) : (int *)0, .choices = (choices_)                     \
	}
/* const char **value, not empty; points into argv */
#define ARG_TEXT(name_, meta_, value_, help_)                                             \
	{                                                                                 \
		.name = (name_), .meta = (meta_), .help = (help_), .kind = ARG_KIND_TEXT, \
		.value = 1 ? (value_) : (const char **)0                                  \
	}
/* bool *value, set to true */
#define ARG_FLAG(name_, value_, help_)                                   \
	{                                                                \
		.name = (name_), .help = (help_), .kind = ARG_KIND_FLAG, \
		.value = 1 ? (value_) : (bool *)0                        \
	}
/* anything: parse(value, text) says whether it is good. It may build upon args_u64() and
 * args_f64(); it prints nothing itself. */
#define ARG_CALL(name_, meta_, value_, parse_, allowed_, help_)                           \
	{                                                                                 \
		.name = (name_), .meta = (meta_), .help = (help_), .kind = ARG_KIND_CALL, \
		.value = (value_), .parse = (parse_), .allowed = (allowed_)               \
	}

struct args {
	const char *program; /* as messages name it */
	const char *summary; /* --help's first lines */
	const struct arg *table;
	size_t n;             /* at most ARGS_MAX */
	const char *const *lettered; /* the options whose first letter is a short one; ends with
	                              * NULL; NULL: none. -h and -V come by themselves */
	const char *statuses; /* --help's last lines: "0    what it means\n1    ..." */
	uint64_t *given; /* 0 before, then bit i: table[i] was there; or NULL */
};
#define ARGS_MAX 64 /* bits of given */

/* The words beside the options, for a program that takes some; each goes to parse(). */
struct args_words {
	const char *meta; /* what --help calls them */
	void *value;
	bool (*parse)(void *value, const char *text);
	const char *allowed; /* ends the sentence `"x" is not ...` */
};

#define ARGS_GO_ON (-1)
#define ARGS_STATUS 2 /* of a program that was called wrongly */

/* Read the command line. Returns ARGS_GO_ON, or the status to exit with: 0 after --help
 * and --version, ARGS_STATUS after one line on stderr. Uses getopt_long(): one thread. */
int args_parse(const struct args *args, int argc, char **argv);
/* The same, with words. */
int args_parse_words(const struct args *args, const struct args_words *words, int argc,
                     char **argv);

/* The first of the options on the command line that is one of these, or that is none of them;
 * NULL: there is none. They end with NULL; args has given. */
const char *args_given(const struct args *args, const char *const *these);
const char *args_given_beside(const struct args *args, const char *const *these);

/* One line on stderr, `program: --option: "value" why`, for what a table can't say; option
 * and value may be NULL. Whatever value holds, it stays one line. Returns ARGS_STATUS. */
int args_error(const char *program, const char *option, const char *value, const char *why, ...)
	BATON_PRINTF(4, 5);

/* The whole text as a number: decimal digits only; a finite decimal number, perhaps with
 * an exponent and a minus sign. False leaves *out alone. */
bool args_u64(const char *text, uint64_t *out);
bool args_f64(const char *text, double *out);

#endif
