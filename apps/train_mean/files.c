/* SPDX-License-Identifier: MIT */
/* Files: what the run will write to is tried before it begins, so that nobody trains for a
 * night and then hears that there is no such folder. */

#include "../args.h"
#include "train_mean.h"
#include <string.h>
#include <sys/stat.h>

static int refuse(const char *option, const char *path, int error)
{
	return error ? args_error(PROGRAM, option, path, "can't be written: %s", strerror(error))
	             : ARGS_GO_ON;
}

/* A file that the library replaces as a whole: only a regular one can be. */
static int check_replaceable(const char *option, const char *path)
{
	struct json_file file;
	struct stat st;
	int error;

	if (!path)
		return ARGS_GO_ON;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return args_error(PROGRAM, option, path, "is not a regular file");
	error = json_file_open(&file, path);
	json_file_close(&file);
	return refuse(option, path, error);
}

/* It starts gnuplot, so that a missing one is told now, too. */
static int check_plot(struct setup *s)
{
	struct plot_error why;

	if (!s->plot_path || plot_open(&s->plot, s->plot_path, &why) == 0)
		return ARGS_GO_ON;
	return args_error(PROGRAM, "plot", s->plot_path, "%s", why.text);
}

int open_files(struct setup *s)
{
	int rc = check_replaceable("checkpoint", s->checkpoint_path);

	if (rc == ARGS_GO_ON)
		rc = check_replaceable("save", s->save_path);
	if (rc == ARGS_GO_ON && s->json_path)
		rc = refuse("json", s->json_path, json_file_open(&s->json, s->json_path));
	if (rc == ARGS_GO_ON && s->trace_path)
		rc = refuse("trace", s->trace_path, json_file_open(&s->trace_file, s->trace_path));
	if (rc == ARGS_GO_ON)
		rc = check_plot(s);
	if (rc == ARGS_GO_ON)
		rc = logs_open(&s->logs, s->log_csv_path, s->log_jsonl_path);
	return rc;
}

int draw_plot(struct setup *s, const struct run *run)
{
	struct plot_error why;

	if (!s->plot_path)
		return 0;
	if (curve_draw(&run->curve, &run->history, s->steps, s->plot.script) == 0) {
		plot_abandon(&s->plot);
		if (run->ended < 0)
			return 0; /* which is told */
		snprintf(why.text, sizeof(why.text), "was not drawn: no step was made");
	} else if (plot_draw(&s->plot, &why) == 0) {
		return 0;
	}
	args_error(PROGRAM, "plot", s->plot_path, "%s", why.text);
	return -1;
}
