/* SPDX-License-Identifier: MIT */
#include "path.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Of the folder that a path's last name is in; false if it can't be looked at. */
static bool stat_folder(const char *path, struct stat *folder)
{
	size_t n = (size_t)(path_name(path) - path);
	char *name = n ? strndup(path, n) : strdup(".");
	bool there = name && stat(name, folder) == 0;

	free(name);
	return there;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool path_same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return stat_folder(a, &x) && stat_folder(b, &y) && same(&x, &y);
}

bool path_same_file(const char *a, const char *b)
{
	bool there, other_there;
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	there = stat(a, &x) == 0;
	other_there = stat(b, &y) == 0;
	if (there && other_there)
		return same(&x, &y) && S_ISREG(x.st_mode);
	return there == other_there && strcmp(path_name(a), path_name(b)) == 0 &&
	       path_same_folder(a, b);
}
