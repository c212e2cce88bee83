/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_OPTIONS_H
#define FUZZ_OPTIONS_H

/* The programs' own command lines. Each comes from the text of its main file, of which only
 * the reading of the options is called: a main that is static and unused goes, and with it all
 * that only it needs. --json and --plot open nothing here. */

#include "../../apps/args.h"

/* args_parse_words(), and then: is every value in its range, or what it was? */
int options_parse(const struct args *args, const struct args_words *words, int argc, char **argv);

/* A broken promise: says so and aborts. */
void options_broken(const char *promise);

int options_of_train_mean(int argc, char **argv);
int options_of_feed_bench(int argc, char **argv);
int options_of_pitfalls(int argc, char **argv);

#endif
