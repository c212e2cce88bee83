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
		if (n < 0)
			return -errno;
		at += n;
		left -= (size_t)n;
	}
	return BATON_OK;
}

/* A new file, on the disk when this returns OK. */
static int write_file(const char *path, const struct baton_part *parts, size_t n_parts)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), rc = BATON_OK;

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
	}
	free(from);
	free(to);
	free(between);
	return rc == -ENOENT ? BATON_OK : rc;
}

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = BATON_OK;

	if (fd < 0)
		rc = copy ? -errno : -ENOMEM;
	else if (fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
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

int baton_file_replace(const char *path, unsigned keep, const struct baton_part *parts,
                       size_t n_parts, baton_error *err)
{
	char *beside = with_suffix(path, ".tmp", 0);
	int rc = beside ? check_place(path) : -ENOMEM;

	if (rc == BATON_OK) {
		rc = write_file(beside, parts, n_parts);
		for (unsigned i = keep; rc == BATON_OK && i-- > 1;)
			rc = age(path, i);
		if (rc == BATON_OK)
			rc = rename_file(beside, path);
		if (rc < 0)
			unlink(beside);
		else
			rc = sync_folder(path);
	}
	free(beside);
	if (rc < 0)
		baton_error_set(err, rc, "%s: can't be written: %s", path, baton_strerror(rc));
	return rc;
}
