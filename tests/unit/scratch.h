/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

/* A folder for a test's files, gone afterwards; whole files in and out of memory. */

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[64];

static inline void make_scratch(void)
{
	strcpy(scratch,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/baton-XXXXXX" : "/tmp/baton-XXXXXX");
	cr_assert_not_null(mkdtemp(scratch));
}

/* A path in it; good for the next seven calls. */
static inline const char *in_scratch(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

/* How many entries it has. */
static inline unsigned count_scratch(void)
{
	DIR *folder = opendir(scratch);
	unsigned n = 0;

	while (readdir(folder))
		n++;
	closedir(folder);
	return n - 2;
}

static inline void remove_scratch(void)
{
	DIR *folder = opendir(scratch);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (unlinkat(dirfd(folder), entry->d_name, 0) != 0)
			unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
	}
	closedir(folder);
	rmdir(scratch);
}

struct bytes {
	unsigned char *at;
	size_t n;
};

static inline struct bytes read_bytes(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct bytes bytes = {calloc(1, 1 << 20), 0};

	cr_assert(f && bytes.at, "%s", path);
	bytes.n = fread(bytes.at, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

static inline void write_bytes(const char *path, const void *at, size_t n)
{
	FILE *f = fopen(path, "wb");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(at, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
}

static inline bool same_files(const char *a, const char *b)
{
	struct bytes x = read_bytes(a), y = read_bytes(b);
	bool same = x.n == y.n && memcmp(x.at, y.at, x.n) == 0;

	free(x.at);
	free(y.at);
	return same;
}

#endif
