/* SPDX-License-Identifier: MIT */
#include "spark.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The mean of their logarithms; NaN: none of them has one. */
static double mean_log(const double *values, size_t n)
{
	double sum = 0;
	size_t counted = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(values[i]) && values[i] > 0) {
			sum += log(values[i]);
			counted++;
		}
	return counted ? sum / (double)counted : (double)NAN;
}

void spark_line(char *to, const double *values, size_t n)
{
	static const char blocks[8][4] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t width = n < SPARK_WIDTH ? n : SPARK_WIDTH;
	double at[SPARK_WIDTH], low = (double)INFINITY, high = (double)-INFINITY;

	for (size_t i = 0; i < width; i++) {
		size_t from = i * n / width, end = (i + 1) * n / width;

		at[i] = mean_log(values + from, end - from);
		low = fmin(low, at[i]); /* which take NaN for none */
		high = fmax(high, at[i]);
	}
	*to = '\0';
	for (size_t i = 0; i < width; i++) {
		double level = high > low ? 8 * (at[i] - low) / (high - low) : 0;

		strcat(to, isnan(at[i]) ? " " : blocks[level < 7 ? (size_t)level : 7]);
	}
}

static bool is_utf8(const char *locale)
{
	const char *charset = strchr(locale, '.');

	return charset && (strncasecmp(charset + 1, "utf-8", 5) == 0 ||
	                   strncasecmp(charset + 1, "utf8", 4) == 0);
}

bool spark_shows(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !term || strcmp(term, "dumb") == 0)
		return false;
	for (size_t i = 0; i < 3; i++) {
		const char *locale = getenv(names[i]);

		if (locale && *locale)
			return is_utf8(locale);
	}
	return false;
}
