/* SPDX-License-Identifier: MIT */
/* train_mean's logs with a bug or a fault in them, linked in with -Wl,--wrap (meson.build).
 * Words in the environment's BATON_BUG:
 *
 *   full       a fault: of the fourth row the disk takes half, and then no more
 *   uncut      what should be cut stays
 *   kept       rows are kept back until the file is closed
 *   lost       every third row is not written
 *   twice      every third row is written twice
 *   nan        JSON gets what is no JSON */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_ftruncate64(int fd, off_t bytes);
int __real_close(int fd);

ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_ftruncate64(int fd, off_t bytes);
int __wrap_close(int fd);

static bool has(const char *bug)
{
	const char *bugs = getenv("BATON_BUG");

	return bugs && strstr(bugs, bug);
}

static struct kept {
	char text[1 << 12];
	size_t n;
} kept[16];

static ssize_t keep_back(int fd, const void *bytes, size_t n)
{
	struct kept *k = &kept[fd % 16];

	if (k->n + n > sizeof(k->text))
		_exit(3); /* it was to be looked at long before */
	memcpy(k->text + k->n, bytes, n);
	k->n += n;
	return (ssize_t)n;
}

static ssize_t write_nan(int fd, const char *row, const char *null)
{
	char text[512];
	size_t n =
		(size_t)snprintf(text, sizeof(text), "%.*sNaN%s", (int)(null - row), row, null + 4);

	return __real_write(fd, text, n) < 0 ? -1 : (ssize_t)(n + 1);
}

/* A row of a log is told from other files by how it begins. */
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	static int rows;
	char row[512] = "";

	memcpy(row, bytes, n < sizeof(row) ? n : sizeof(row) - 1);
	if (!strchr("123456789", row[0]) && strncmp(row, "{\"step\": ", 9) != 0)
		return __real_write(fd, bytes, n);
	rows++;
	if (has("full") && rows >= 4) {
		if (rows == 4 && __real_write(fd, bytes, n / 2) < 0)
			return -1;
		errno = ENOSPC;
		return -1;
	}
	if (has("kept"))
		return keep_back(fd, bytes, n);
	if (has("lost") && rows % 3 == 0)
		return (ssize_t)n;
	if (has("nan") && strstr(row, "null"))
		return write_nan(fd, row, strstr(row, "null"));
	if (has("twice") && rows % 3 == 0 && __real_write(fd, bytes, n) < 0)
		return -1;
	return __real_write(fd, bytes, n);
}

int __wrap_ftruncate64(int fd, off_t bytes)
{
	return has("uncut") && bytes > 0 ? 0 : __real_ftruncate64(fd, bytes);
}

int __wrap_close(int fd)
{
	if (has("kept") && fd >= 0 && __real_write(fd, kept[fd % 16].text, kept[fd % 16].n) < 0)
		return -1;
	if (fd >= 0)
		kept[fd % 16].n = 0;
	return __real_close(fd);
}
