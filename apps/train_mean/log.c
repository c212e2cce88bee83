/* SPDX-License-Identifier: MIT */
/* Logs: rows for whoever watches a training with tail -f, or reads it afterwards.
 *
 * Invariant: a log is whole rows in the order of their steps, one for a step at most. Each
 * row is written at once and not kept back, so a log ends where the training is, or was
 * when it was killed. A run that goes on from a checkpoint cuts the rows behind the
 * checkpoint's step, which it will write again: so a log that was interrupted however often
 * has the rows of one that was not. For that a row tells only what a checkpoint restores
 * (the epoch's mean so far) or what is of that step alone (its batch's loss), and an epoch
 * that was cut short has none: it gets it when it is done.
 *
 * A row is lost only where a checkpoint of its very step is on the disk before the row is
 * written, and the run is killed in between: with rows of steps; an epoch's end is told
 * again. A machine that loses its power may lose more, since rows are not synced.
 *
 * If a row can't be written the training goes on, the log ends with the row before, and a
 * line says so at the end. */

#include "log.h"
#include "../args.h"
#include "train_mean.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROW 512

/* --- rows ------------------------------------------------------------------------- */

/* One row of either form, as it grows. */
struct row {
	char text[ROW];
	size_t n;
	bool json;
};

static void put(struct row *row, const char *format, ...) BATON_PRINTF(2, 3);
static void put(struct row *row, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	row->n += (size_t)vsnprintf(row->text + row->n, ROW - row->n, format, ap);
	va_end(ap);
}

/* What is not finite: null in JSON, which has no word for it, as in --json; nan, inf or -inf
 * in CSV, as its readers know them. */
static void put_number(struct row *row, const char *name, double value)
{
	char text[JSON_F64];

	json_f64_text(text, value);
	if (row->json)
		put(row, ", \"%s\": %s", name, text);
	else
		put(row, ",%s",
		    isnan(value)      ? "nan"
		    : isfinite(value) ? text
		    : value > 0       ? "inf"
		                      : "-inf");
}

/* A number that this row has not: an empty field, or no member. */
static void put_nothing(struct row *row)
{
	if (!row->json)
		put(row, ",");
}

static void make_header(const struct logs *logs, char *text)
{
	sprintf(text, "step,epoch,time,loss%s%s\n", logs->every ? ",batch_loss" : "",
	        logs->validates ? ",val_loss" : "");
}

/* What a row tells; both files the same. */
struct facts {
	uint64_t step, epoch;
	double loss;
	const baton_epoch *end; /* of the epoch that ends here; NULL: a step on the way */
	struct timespec now;
};

static void make_row(const struct logs *logs, const struct facts *facts, struct row *row)
{
	const baton_epoch *end = facts->end;

	put(row,
	    row->json ? "{\"step\": %" PRIu64 ", \"epoch\": %" PRIu64 ", \"time\": %lld.%03ld"
	              : "%" PRIu64 ",%" PRIu64 ",%lld.%03ld",
	    facts->step, facts->epoch + 1, (long long)facts->now.tv_sec,
	    facts->now.tv_nsec / 1000000);
	put_number(row, "loss", facts->loss);
	if (logs->every && logs->at == facts->step)
		put_number(row, "batch_loss", (double)logs->batch_loss);
	else if (logs->every)
		put_nothing(row);
	if (logs->validates && end && end->val_steps)
		put_number(row, "val_loss", end->val_loss);
	else if (logs->validates)
		put_nothing(row);
	put(row, row->json ? "}\n" : "\n");
}

/* All of it or, but for a pipe or device, nothing. */
static void append(struct log_file *f, const char *text, size_t n)
{
	f->error = json_file_put(f->file.fd, text, n);
	if (f->error == 0)
		f->bytes += (off_t)n;
	else if (f->regular && ftruncate(f->file.fd, f->bytes) < 0)
		return; /* a disk that takes nothing; a run that goes on cuts what is half */
}

static void write_row(const struct logs *logs, struct log_file *f, const struct facts *facts)
{
	struct row row = {.json = f->json};

	if (f->file.fd < 0 || f->error || facts->step <= f->last)
		return;
	make_row(logs, facts, &row);
	append(f, row.text, row.n);
	if (f->error == 0)
		f->last = facts->step;
}

static void write_rows(struct logs *logs, struct facts facts)
{
	clock_gettime(CLOCK_REALTIME, &facts.now);
	write_row(logs, &logs->csv, &facts);
	write_row(logs, &logs->jsonl, &facts);
}

static int on_step(void *state, const baton_progress *progress)
{
	struct logs *logs = state;
	uint64_t step = progress->epoch * logs->steps + progress->step + 1;

	logs->at = step;
	logs->batch_loss = progress->loss;
	if (step % logs->every == 0 && progress->step + 1 < logs->steps)
		write_rows(logs, (struct facts){.step = step,
		                                .epoch = progress->epoch,
		                                .loss = progress->mean});
	return 0;
}

/* One that was cut short has its row later, if ever: but not if it ended in a loss that is
 * none, from where no run goes on. */
static int on_epoch_end(void *state, const baton_epoch *epoch)
{
	struct logs *logs = state;

	if (!epoch->cut_short || !isfinite(epoch->loss))
		write_rows(logs, (struct facts){.step = epoch->epoch * logs->steps + epoch->steps,
		                                .epoch = epoch->epoch,
		                                .loss = epoch->loss,
		                                .end = epoch});
	return 0;
}

baton_callback logs_callback(struct logs *logs)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.state = logs;
	callback.on_epoch_end = on_epoch_end;
	if (logs->every)
		callback.on_step = on_step;
	return callback;
}

/* --- the files -------------------------------------------------------------------- */

static int open_log(struct log_file *f, const char *option, const char *path, bool json)
{
	struct stat st;
	int error;

	*f = (struct log_file){.option = option, .path = path, .json = json, .file.fd = -1};
	if (!path)
		return ARGS_GO_ON;
	if (strcmp(path, "-") == 0)
		return args_error(PROGRAM, option, path,
		                  "is no file's name; /dev/stdout is standard output");
	f->created = access(path, F_OK) < 0;
	error = json_file_append(&f->file, path);
	if (error)
		return args_error(PROGRAM, option, path, "can't be written: %s", strerror(error));
	f->regular = !f->file.is_stdout && fstat(f->file.fd, &st) == 0 && S_ISREG(st.st_mode);
	return ARGS_GO_ON;
}

int logs_open(struct logs *logs, const char *csv, const char *jsonl)
{
	int rc = open_log(&logs->csv, "log-csv", csv, false);
	int other = open_log(&logs->jsonl, "log-jsonl", rc == ARGS_GO_ON ? jsonl : NULL, true);

	if (csv || jsonl)
		signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error like a full disk */
	if (rc == ARGS_GO_ON && other == ARGS_GO_ON)
		return rc;
	logs_close(logs);
	return ARGS_STATUS;
}

static int refuse(const struct log_file *f, baton_error *err, const char *why, ...)
	BATON_PRINTF(3, 4);
static int refuse(const struct log_file *f, baton_error *err, const char *why, ...)
{
	size_t n =
		(size_t)snprintf(err->text, sizeof(err->text), "--%s: %.60s: ", f->option, f->path);
	va_list ap;

	va_start(ap, why);
	vsnprintf(err->text + n, sizeof(err->text) - n, why, ap);
	va_end(ap);
	return err->code = -EINVAL;
}

static const char row_begin[] = "{\"step\": ";

/* The step of a row; 0: it is none of ours. */
static uint64_t step_of(const struct log_file *f, const char *line)
{
	size_t skip = f->json ? strlen(row_begin) : 0;
	uint64_t step;
	char *end;

	if (strncmp(line, row_begin, skip) != 0 || line[skip] < '1' || line[skip] > '9')
		return 0;
	step = strtoull(line + skip, &end, 10);
	return *end == ',' ? step : 0;
}

/* One who was killed has left the beginning of a line; what is not that is not for us to cut. */
static bool is_torn(const struct log_file *f, const char *line, size_t n, const char *header,
                    size_t number)
{
	const char *begin = f->json ? row_begin : number == 1 ? header : "";
	size_t m = strlen(begin);

	return strncmp(line, begin, n < m ? n : m) == 0;
}

/* What is to stay: whole rows up to step. */
static int read_rows(struct log_file *f, FILE *in, const char *header, uint64_t step,
                     baton_error *err)
{
	size_t size = 0, number = 1;
	char *line = NULL;
	int rc = BATON_OK;
	ssize_t n;

	for (; rc == BATON_OK && (n = getline(&line, &size, in)) > 0; number++) {
		bool heads = number == 1 && !f->json;
		uint64_t its = heads ? 0 : step_of(f, line);

		if (its > step)
			break;
		if (line[n - 1] != '\n' && is_torn(f, line, (size_t)n, header, number))
			break;
		if (heads && strcmp(line, header) != 0)
			rc = refuse(f, err, "it can't go on: line 1 is not %.*s",
			            (int)strlen(header) - 1, header);
		else if (!heads && its == 0)
			rc = refuse(f, err, "it can't go on: line %zu is no row of a log", number);
		f->last = its;
		f->bytes += n;
	}
	free(line);
	return rc;
}

static int read_log(struct log_file *f, const char *header, uint64_t step, baton_error *err)
{
	FILE *in;
	int rc;

	if (!f->path || !f->regular)
		return BATON_OK;
	in = fopen(f->path, "re");
	if (!in)
		return refuse(f, err, "it can't be read: %s", strerror(errno));
	rc = read_rows(f, in, header, step, err);
	fclose(in);
	return rc;
}

static int begin_log(struct log_file *f, const char *header, baton_error *err)
{
	if (!f->path)
		return BATON_OK;
	f->begun = true;
	if (f->regular && ftruncate(f->file.fd, f->bytes) < 0)
		f->error = errno;
	else if (!f->json && f->bytes == 0)
		append(f, header, strlen(header));
	if (f->error == 0)
		return BATON_OK;
	refuse(f, err, "it can't be written: %s", strerror(f->error));
	f->error = 0; /* it is told */
	return err->code;
}

int logs_begin(struct logs *logs, bool went_on, uint64_t step, baton_error *err)
{
	char header[80];
	int rc = BATON_OK;

	make_header(logs, header);
	if (went_on && (rc = read_log(&logs->csv, header, step, err)) == BATON_OK)
		rc = read_log(&logs->jsonl, header, step, err);
	if (rc == BATON_OK)
		rc = begin_log(&logs->csv, header, err);
	if (rc == BATON_OK)
		rc = begin_log(&logs->jsonl, header, err);
	return rc;
}

static int close_log(struct log_file *f)
{
	char rows[64];

	if (!f->path || f->file.fd < 0)
		return 0;
	if (close(f->file.fd) < 0 && f->error == 0)
		f->error = errno;
	f->file.fd = -1;
	if (f->created && !f->begun)
		unlink(f->path);
	if (f->error == 0)
		return 0;
	snprintf(rows, sizeof(rows), "its last row is of step %" PRIu64, f->last);
	args_error(PROGRAM, f->option, f->path, "can't be written: %s; %s", strerror(f->error),
	           f->last ? rows : "it has no row");
	return -1;
}

int logs_close(struct logs *logs)
{
	int csv = close_log(&logs->csv), jsonl = close_log(&logs->jsonl);

	return csv < 0 || jsonl < 0 ? -1 : 0;
}
