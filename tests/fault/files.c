/* SPDX-License-Identifier: MIT */
/* What a program does to files, with a fault in it, or a signal. Linked into a program of apps/ with
 * -Wl,--wrap for each call below (meson.build). The environment says what goes wrong:
 *
 *   BATON_FAULT=fail:N   the Nth of these calls fails; what it was is written to descriptor
 *                        BATON_FAULT_NOTE
 *   BATON_FAULT=kill:N   the process is killed just before the Nth
 *   BATON_FAULT=torn     a seeded bug: in place of a rename the file is written itself, and
 *                        the process stops half-way until it is killed
 *   BATON_FAULT=early    SIGINT comes as soon as the program hears of it
 *   BATON_FAULT=late     SIGINT comes just before the first rename */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_open64(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __real_close(int fd);
int __real_rename(const char *from, const char *to);
int __real_sigaction(int number, const struct sigaction *action, struct sigaction *old);

int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_fsync(int fd);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_close(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/* Is it this call's turn? Then errno is set. */
static bool fails(const char *name, int error)
{
	static long calls;
	const char *fault = getenv("BATON_FAULT"), *note = getenv("BATON_FAULT_NOTE");

	if (!fault || strlen(fault) < 6 || atol(fault + 5) != ++calls)
		return false;
	if (strncmp(fault, "kill:", 5) == 0)
		raise(SIGKILL);
	if (note)
		dprintf(atoi(note), "%s\n", name);
	errno = error;
	return true;
}

int __wrap_open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails("open", EIO) ? -1 : __real_open64(path, flags, mode);
}

/* A full disk takes what fits. */
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	if (fails("write", ENOSPC))
		return __real_write(fd, bytes, n / 2) < 0 ? -1 : (errno = ENOSPC, -1);
	return __real_write(fd, bytes, n);
}

int __wrap_fsync(int fd)
{
	return fails("fsync", EIO) ? -1 : __real_fsync(fd);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails("fchmod", EPERM) ? -1 : __real_fchmod(fd, mode);
}

/* Closed all the same, as by Linux. */
int __wrap_close(int fd)
{
	bool failed = fails("close", EIO);
	int rc = __real_close(fd);

	if (failed)
		errno = EIO;
	return failed ? -1 : rc;
}

static void tear(const char *from, const char *to)
{
	static char text[1 << 16];
	int in = __real_open64(from, O_RDONLY);
	int out = __real_open64(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	ssize_t n = read(in, text, sizeof(text));

	if (n > 0 && __real_write(out, text, (size_t)n / 2) > 0)
		pause();
}

int __wrap_rename(const char *from, const char *to)
{
	const char *fault = getenv("BATON_FAULT");

	if (fault && strcmp(fault, "torn") == 0)
		tear(from, to);
	if (fault && strcmp(fault, "late") == 0)
		raise(SIGINT);
	return fails("rename", EACCES) ? -1 : __real_rename(from, to);
}

int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	const char *fault = getenv("BATON_FAULT");
	int rc = __real_sigaction(number, action, old);

	if (number == SIGINT && fault && strcmp(fault, "early") == 0)
		raise(SIGINT);
	return rc;
}
