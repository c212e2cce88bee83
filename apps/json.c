/* SPDX-License-Identifier: MIT */
/* JSON: a writer for the programs' --json, and the file that it ends in.
 *
 * A document is built in memory and written at once, when the run is over. A regular file,
 * or a new one, is written beside its place, brought to the disk and renamed into it: a run
 * that fails or is killed leaves what was there before, and never half a file (but if it is
 * killed just then, its neighbour, .baton-PID-N.json). Everything else (devices,
 * pipes, and symbolic links, of which /dev/stdout is one) is written in place: opened
 * before the run, so that an error shows then, and not truncated before the end. */

#include "json.h"
#include <assert.h>
#include <baton/version.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the document --------------------------------------------------------------- */

void json_begin(struct json *j)
{
	memset(j, 0, sizeof(*j));
	j->out = open_memstream(&j->text, &j->bytes);
}

/* The length of the UTF-8 sequence at s, 0 if it is not one: overlong forms, surrogates
 * and what lies past U+10FFFF are not. */
static int utf8_length(const unsigned char *s)
{
	int n = s[0] < 0x80   ? 1
	        : s[0] < 0xc2 ? 0
	        : s[0] < 0xe0 ? 2
	        : s[0] < 0xf0 ? 3
	        : s[0] < 0xf5 ? 4
	                      : 0;

	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80) /* the final 0 too */
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* What is not UTF-8 can't be said in JSON: U+FFFD stands for each byte of it. */
static void put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', out);
	while (*s) {
		int n = utf8_length(s);

		if (n == 0)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, (size_t)n, out);
		s += n ? n : 1;
	}
	putc('"', out);
}

static void new_line(struct json *j)
{
	fprintf(j->out, "\n%*s", 2 * j->depth, "");
}

/* Whatever comes before a value. False: there is nowhere to write. */
static bool put_key(struct json *j, const char *key)
{
	if (!j->out)
		return false;
	if (j->used[j->depth])
		putc(',', j->out);
	j->used[j->depth] = true;
	if (j->depth)
		new_line(j);
	assert((key != NULL) == (j->depth > 0 && j->closer[j->depth] == '}'));
	if (key) {
		put_string(j->out, key);
		fputs(": ", j->out);
	}
	return true;
}

static void put_opener(struct json *j, const char *key, char opener, char closer)
{
	if (!put_key(j, key))
		return;
	putc(opener, j->out);
	assert(j->depth < JSON_MAX_DEPTH);
	j->depth++;
	j->used[j->depth] = false;
	j->closer[j->depth] = closer;
}

void json_object(struct json *j, const char *key)
{
	put_opener(j, key, '{', '}');
}

void json_array(struct json *j, const char *key)
{
	put_opener(j, key, '[', ']');
}

void json_close(struct json *j)
{
	char closer = j->closer[j->depth];
	bool used = j->used[j->depth];

	if (!j->out)
		return;
	assert(j->depth > 0);
	j->depth--;
	if (used)
		new_line(j);
	putc(closer, j->out);
}

void json_text(struct json *j, const char *key, const char *value)
{
	if (!put_key(j, key))
		return;
	if (value)
		put_string(j->out, value);
	else
		fputs("null", j->out);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	if (put_key(j, key))
		fprintf(j->out, "%" PRIu64, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	if (put_key(j, key))
		fprintf(j->out, "%" PRId64, value);
}

/* The fewest digits that read back as the same double. */
void json_f64_text(char text[JSON_F64], double value)
{
	strcpy(text, "null");
	for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
		snprintf(text, JSON_F64, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
}

void json_f64(struct json *j, const char *key, double value)
{
	char text[JSON_F64];

	json_f64_text(text, value);
	if (put_key(j, key))
		fputs(text, j->out);
}

void json_bool(struct json *j, const char *key, bool value)
{
	if (put_key(j, key))
		fputs(value ? "true" : "false", j->out);
}

void json_program(struct json *j, const char *program)
{
	json_text(j, "program", program);
	json_text(j, "version", baton_version());
}

/* --- the file ------------------------------------------------------------------- */

/* Not in the place of a standard stream that was closed, which others write to; -1 stays. */
static int beyond_standard(int fd)
{
	int other, error;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	other = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	error = errno;
	close(fd);
	errno = error;
	return other;
}

/* A file of ours in path's directory: an open descriptor, or -1 with errno. *name is to be
 * freed. mode as for open(). One that has our name is of somebody who was killed. */
static int open_neighbour(const char *path, mode_t mode, char **name)
{
	const char *slash = strrchr(path, '/');
	int length = slash ? (int)(slash - path) + 1 : 0, fd = -1;

	*name = NULL;
	for (int i = 0; fd < 0 && i < 100 && (i == 0 || errno == EEXIST); i++) {
		free(*name);
		if (asprintf(name, "%.*s.baton-%ld-%d.json", length, path, (long)getpid(), i) < 0) {
			*name = NULL;
			errno = ENOMEM;
			return -1;
		}
		fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	return beyond_standard(fd);
}

/* Could a neighbour be renamed to path? Tries it, and leaves nothing behind. */
static int probe_neighbour(const char *path)
{
	char *name = NULL;
	int fd = open_neighbour(path, 0666, &name);
	int rc = fd < 0 ? errno : 0;

	if (fd >= 0) {
		close(fd);
		unlink(name);
	}
	free(name);
	return rc;
}

static int open_stdout(struct json_file *file)
{
	file->is_stdout = true;
	file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return file->fd < 0 ? errno : 0;
}

/* Without O_TRUNC: a failing run changes nothing. If it is the very file that standard
 * output goes to, share its offset rather than write over what was printed. */
static int open_in_place(struct json_file *file, int more)
{
	struct stat ours, std;

	file->fd = beyond_standard(
		open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | more, 0666));
	if (file->fd < 0)
		return errno;
	if (fstat(file->fd, &ours) == 0 && fstat(STDOUT_FILENO, &std) == 0 &&
	    ours.st_dev == std.st_dev && ours.st_ino == std.st_ino && !S_ISCHR(ours.st_mode)) {
		close(file->fd);
		return open_stdout(file);
	}
	return 0;
}

int json_file_open(struct json_file *file, const char *path)
{
	struct stat st;
	int rc;

	*file = (struct json_file){.path = path, .fd = -1};
	if (strcmp(path, "-") == 0)
		return open_stdout(file);
	if (lstat(path, &st) < 0) /* perhaps a new file */
		return errno == ENOENT ? probe_neighbour(path) : errno;
	if (!S_ISREG(st.st_mode))
		return open_in_place(file, 0);
	if (access(path, W_OK) < 0)
		return errno;
	rc = probe_neighbour(path);
	return rc ? open_in_place(file, 0) : 0; /* a directory that lets us in but not add */
}

void json_file_close(struct json_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int json_file_append(struct json_file *file, const char *path)
{
	*file = (struct json_file){.path = path, .fd = -1};
	return open_in_place(file, O_APPEND);
}

int json_file_put(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno != EINTR)
			return errno;
		at += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

/* With the mode of what it replaces. */
static int replace(const char *path, const char *text, size_t bytes)
{
	struct stat st;
	char *name = NULL;
	bool exists = stat(path, &st) == 0;
	int fd = open_neighbour(path, 0666, &name);
	int rc = fd < 0 ? errno : json_file_put(fd, text, bytes);

	if (rc == 0 && exists && fchmod(fd, st.st_mode & 0777) < 0)
		rc = errno;
	if (rc == 0 && fsync(fd) < 0) /* before the name is: a crash must not show it empty */
		rc = errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = errno;
	if (rc == 0 && rename(name, path) < 0)
		rc = errno;
	if (rc != 0 && fd >= 0)
		unlink(name);
	free(name);
	return rc;
}

static int write_in_place(const struct json_file *file, const char *text, size_t bytes)
{
	struct stat st;
	int rc;

	if (file->is_stdout && fflush(stdout) != 0)
		return errno;
	rc = json_file_put(file->fd, text, bytes);
	if (rc == 0 && !file->is_stdout && fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    ftruncate(file->fd, (off_t)bytes) < 0)
		rc = errno;
	return rc;
}

int json_file_write(struct json_file *file, const void *bytes, size_t n)
{
	int rc = file->fd < 0 ? replace(file->path, bytes, n) : write_in_place(file, bytes, n);

	json_file_close(file);
	return rc;
}

int json_save(struct json *j, struct json_file *file)
{
	int rc = ENOMEM;
	bool good;

	if (j->out) {
		assert(j->depth == 0);
		putc('\n', j->out);
		good = !ferror(j->out);
		if (fclose(j->out) == 0 && good)
			rc = json_file_write(file, j->text, j->bytes);
	}
	free(j->text);
	*j = (struct json){0};
	json_file_close(file);
	return rc;
}
