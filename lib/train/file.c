/* SPDX-License-Identifier: MIT */
/* File: one is replaced whole or not at all, also by who is killed in between. */

#include "file.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* path with something behind it, to be freed; NULL: no memory. */
static char *with_suffix(const char *path, const char *suffix, unsigned number)
{
	char *text;

	if (number == 0)
		return asprintf(&text, "%s%s", path, suffix) < 0 ? NULL : text;
	return asprintf(&text, "%s%s.%u", path, suffix, number) < 0 ? NULL : text;
}

static int write_fully(int fd, const struct baton_part *part)
{
	const char *at = part->bytes;

	for (size_t left = part->n; left > 0;) {
		ssize_t n = write(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		left -= (size_t)n;
	}
	return BATON_OK;
}

/* A new file, on the disk when this returns OK. What an interrupted run has left there goes,
 * and a link that was put there is not followed. */
static int write_file(const char *path, const struct baton_part *parts, size_t n_parts)
{
	int fd, rc = BATON_OK;

#ifndef BATON_MUTANT_WRITE_IN_PLACE
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
#else
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
#endif
	if (fd < 0)
		return -errno;
	for (size_t i = 0; rc == BATON_OK && i < n_parts; i++)
		rc = write_fully(fd, &parts[i]);
	if (rc == BATON_OK && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == BATON_OK)
		rc = -errno;
	return rc;
}

static int rename_file(const char *from, const char *to)
{
	return !from || !to ? -ENOMEM : rename(from, to) < 0 ? -errno : BATON_OK;
}

/* path.(number - 1) becomes path.number; that path is there at every moment, it is not moved
 * away but gets a second name. */
static int age(const char *path, unsigned number)
{
	char *from = with_suffix(path, "", number - 1), *to = with_suffix(path, "", number);
	char *between = number == 1 ? with_suffix(path, ".old", 0) : NULL;
	int rc;

	if (number > 1) {
		rc = rename_file(from, to);
	} else if (!from || !to || !between) {
		rc = -ENOMEM;
	} else {
		unlink(between);
		rc = link(from, between) < 0 ? -errno : rename_file(between, to);
		/* it is still there if it was not renamed, or if both are one file: a run was
		 * killed right here */
		unlink(between);
	}
	free(from);
	free(to);
	free(between);
	return rc == -ENOENT ? BATON_OK : rc;
}

/* The folder that path is in; -errno. */
static int open_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd >= 0 ? fd : copy ? -errno : -ENOMEM;

	free(copy);
	return rc;
}

/* A folder, a device or a pipe is not to be replaced by a file. */
static int check_place(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return errno == ENOENT ? BATON_OK : -errno;
	return S_ISREG(info.st_mode) ? BATON_OK : S_ISDIR(info.st_mode) ? -EISDIR : -EINVAL;
}

/* Past the process's limit there is no error, but SIGXFSZ. */
static int check_size(const struct baton_part *parts, size_t n_parts)
{
	struct rlimit most;
	uint64_t bytes = 0;

	for (size_t i = 0; i < n_parts; i++)
		bytes += parts[i].n;
	return getrlimit(RLIMIT_FSIZE, &most) == 0 && bytes > most.rlim_cur ? -EFBIG : BATON_OK;
}

/* The same, but for the folder's sync. */
static int replace(const char *path, const char *beside, unsigned keep,
                   const struct baton_part *parts, size_t n_parts)
{
	int rc = check_place(path);

	if (rc == BATON_OK)
		rc = check_size(parts, n_parts);
	if (rc < 0)
		return rc;
	rc = write_file(beside, parts, n_parts);
	for (unsigned i = keep; rc == BATON_OK && i-- > 1;)
		rc = age(path, i);
	if (rc == BATON_OK)
		rc = rename_file(beside, path);
	if (rc < 0)
		unlink(beside);
	return rc;
}

static int explain(int rc, const char *path, baton_error *err)
{
	return rc == BATON_OK ? rc
	                      : baton_error_set(err, rc, "%.90s: can't be written: %s", path,
	                                        rc == -EINVAL ? "it is not a regular file"
	                                                      : baton_strerror(rc));
}

int baton_file_probe(const char *path, baton_error *err)
{
	char *beside = with_suffix(path, ".tmp", 0);
	int rc = beside ? check_place(path) : -ENOMEM;

	if (rc == BATON_OK) {
		rc = write_file(beside, NULL, 0);
		unlink(beside);
	}
	free(beside);
	return explain(rc, path, err);
}

int baton_file_replace(const char *path, unsigned keep, const struct baton_part *parts,
                       size_t n_parts, baton_error *err)
{
#ifndef BATON_MUTANT_WRITE_IN_PLACE
	char *beside = with_suffix(path, ".tmp", 0);
#else
	char *beside = with_suffix(path, "", 0);
#endif
	int folder = beside ? open_folder(path) : -ENOMEM, rc = folder;

	if (folder >= 0) {
		rc = replace(path, beside, keep, parts, n_parts);
		if (rc == BATON_OK && fsync(folder) < 0 && errno != EINVAL) /* can't be synced */
			rc = -errno;
		close(folder);
	}
	free(beside);
	return explain(rc, path, err);
}
