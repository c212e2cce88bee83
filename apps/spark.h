/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_SPARK_H
#define BATON_APPS_SPARK_H

#include <stdbool.h>
#include <stddef.h>

#define SPARK_WIDTH 60

/* A curve as one line of text: block characters of UTF-8, on a logarithmic scale from the
 * least of the values to the largest. Those that are not above 0 or not finite are blanks.
 * Values that share one of SPARK_WIDTH characters count by their geometric mean.
 * to: [3 * SPARK_WIDTH + 1] */
void spark_line(char *to, const double *values, size_t n);

/* Is stdout a terminal that shows such characters? By its environment: LC_ALL, LC_CTYPE,
 * LANG, TERM. */
bool spark_shows(void);

#endif
