/* SPDX-License-Identifier: MIT */
/* Bar: Keras 2's progress line, as text. Whoever calls decides when and where to draw it;
 * nothing here knows of terminals, threads or the rest of the library. */

#include <baton/bar.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 30u /* of the bar between its brackets */

static void format_count(char *to, size_t size, const baton_bar *bar)
{
	char steps[24];

	snprintf(steps, sizeof(steps), "%" PRIu64, bar->steps);
	if (bar->steps)
		snprintf(to, size, "%*" PRIu64 "/%s", (int)strlen(steps), bar->step, steps);
	else
		snprintf(to, size, "%7" PRIu64 "/Unknown", bar->step);
}

static void format_eta(char *to, size_t size, double seconds)
{
	uint64_t s = seconds < 1e15 ? (uint64_t)seconds : (uint64_t)1e15;

	if (s > 3600)
		snprintf(to, size, " - ETA: %" PRIu64 ":%02u:%02u", s / 3600,
		         (unsigned)(s % 3600 / 60), (unsigned)(s % 60));
	else if (s > 60)
		snprintf(to, size, " - ETA: %" PRIu64 ":%02u", s / 60, (unsigned)(s % 60));
	else
		snprintf(to, size, " - ETA: %" PRIu64 "s", s);
}

static void format_taken(char *to, size_t size, double seconds, double a_step)
{
	if (a_step >= 1)
		snprintf(to, size, " - %.0fs %.0fs/step", seconds, a_step);
	else if (a_step >= 1e-3)
		snprintf(to, size, " - %.0fs %.0fms/step", seconds, a_step * 1e3);
	else if (a_step >= 1e-6)
		snprintf(to, size, " - %.0fs %.0fus/step", seconds, a_step * 1e6);
	else
		snprintf(to, size, " - %.0fs %.0fns/step", seconds, a_step * 1e9);
}

static void format_time(char *to, size_t size, const baton_bar *bar)
{
	double seconds = (double)bar->ns * 1e-9;
	double a_step = bar->step ? seconds / (double)bar->step : 0;

	if (bar->step < bar->steps)
		format_eta(to, size, a_step * (double)(bar->steps - bar->step));
	else
		format_taken(to, size, seconds, a_step);
}

static size_t format_loss(char *to, size_t size, const char *name, double loss)
{
	return (size_t)snprintf(to, size, fabs(loss) > 1e-3 ? " - %s: %.4f" : " - %s: %.4e", name,
	                        loss);
}

/* " [====>....]" with width characters between the brackets; "" for none. */
static void format_bar(char *to, const baton_bar *bar, size_t width)
{
	size_t full = bar->step >= bar->steps
	                      ? width
	                      : (size_t)((double)width * (double)bar->step / (double)bar->steps);

	if (width == 0 || bar->steps == 0) {
		*to = '\0';
		return;
	}
	*to++ = ' ';
	*to++ = '[';
	memset(to, '=', full);
	memset(to + full, '.', width - full);
	if (full > 0 && bar->step < bar->steps)
		to[full - 1] = '>';
	to[width] = ']';
	to[width + 1] = '\0';
}

size_t baton_bar_format(char *line, size_t bytes, const baton_bar *bar)
{
	char count[56], between[WIDTH + 4], time[48], losses[768];
	size_t columns = bar->columns ? bar->columns : SIZE_MAX, rest, width = WIDTH;
	int n;

	format_count(count, sizeof(count), bar);
	format_time(time, sizeof(time), bar);
	rest = format_loss(losses, sizeof(losses), "loss", bar->loss);
	if (bar->validated)
		format_loss(losses + rest, sizeof(losses) - rest, "val_loss", bar->val_loss);
	if (strlen(count) + strlen(time) + strlen(losses) > columns)
		time[0] = '\0';
	rest = strlen(count) + strlen(time) + strlen(losses) + strlen(" []");
	if (rest + width > columns)
		width = columns > rest ? columns - rest : 0;
	format_bar(between, bar, width);
	n = snprintf(line, bytes, "%s%s%s%s", count, between, time, losses);
	if ((size_t)n > columns && columns < bytes)
		line[n = (int)columns] = '\0';
	return bytes == 0 ? 0 : (size_t)n < bytes ? (size_t)n : bytes - 1;
}
