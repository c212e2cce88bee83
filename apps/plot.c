/* SPDX-License-Identifier: MIT */
/* Pictures by gnuplot.
 *
 * gnuplot is started when the plot is opened, so that a missing one is known before a long
 * run, and waits for its script, which it gets as a whole at the end; if this program dies
 * before, its input ends and it draws nothing. No shell is between: no name is quoted, and
 * the picture comes from gnuplot's standard output rather than by a file name in the
 * script. Both of its outputs are files in memory (memfd_create()), so it never blocks on
 * us; a picture becomes a file only when gnuplot has ended well. */

#include "plot.h"
#include <baton/attributes.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int fail(struct plot_error *why, const char *format, ...) BATON_PRINTF(2, 3);
static int fail(struct plot_error *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return -1;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- starting --------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n > m && strcasecmp(path + n - m, ending) == 0;
}

/* Its three standard files; everything else of ours is closed on exec. */
static int spawn(struct plot *plot, int from)
{
	char *const argv[] = {(char[]){"gnuplot"}, (char[]){"--default-settings"}, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, from, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, plot->picture, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, plot->said, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawnp(&plot->child, argv[0], &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static int start(struct plot *plot, struct plot_error *why)
{
	int ends[2], rc;

	plot->picture = memfd_create("picture", MFD_CLOEXEC);
	plot->said = memfd_create("said", MFD_CLOEXEC);
	if (plot->picture < 0 || plot->said < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return fail(why, "can't be drawn: %s", strerror(errno));
	plot->to = ends[1];
	rc = spawn(plot, ends[0]);
	close(ends[0]);
	if (rc == ENOENT)
		return fail(why, "can't be drawn: there is no gnuplot on PATH; install it");
	if (rc != 0)
		return fail(why, "can't be drawn: gnuplot does not start: %s", strerror(rc));
	return 0;
}

/* Everything but the child, which is gone or was never there. */
static void clean_up(struct plot *plot)
{
	close_fd(&plot->to);
	close_fd(&plot->picture);
	close_fd(&plot->said);
	if (plot->script)
		fclose(plot->script);
	free(plot->text);
	json_file_close(&plot->file);
	*plot = (struct plot){.to = -1, .picture = -1, .said = -1};
}

int plot_open(struct plot *plot, const char *path, struct plot_error *why)
{
	int rc;

	*plot = (struct plot){.to = -1, .picture = -1, .said = -1, .png = ends_in(path, ".png")};
	if (!plot->png && !ends_in(path, ".svg"))
		return fail(why, "does not end in .svg or .png");
	rc = json_file_open(&plot->file, path);
	if (rc != 0)
		return fail(why, "can't be written: %s", strerror(rc));
	plot->script = open_memstream(&plot->text, &plot->bytes);
	rc = plot->script ? start(plot, why) : fail(why, "can't be drawn: out of memory");
	if (rc != 0)
		clean_up(plot);
	return rc;
}

/* --- drawing ---------------------------------------------------------------------- */

/* If it is there no more, its exit status says why: its end of the pipe breaking must not
 * end us, nor be what is reported. */
static void tell(struct plot *plot, const char *text, size_t bytes)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	sigaction(SIGPIPE, &ignore, &before);
	json_file_put(plot->to, text, bytes);
	sigaction(SIGPIPE, &before, NULL);
}

void plot_style(FILE *out)
{
	fputs("set border 3 lc rgb '#777777' lw 0.8\n"
	      "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
	      "set grid lc rgb '#e6e6e6' lt 1 lw 0.6\n"
	      "set key opaque nobox spacing 1.2 samplen 2.5 Left reverse\n",
	      out);
}

static void tell_terminal(struct plot *plot)
{
	static const char png[] = "set terminal pngcairo size 1800,1100 font 'sans,12' "
				  "fontscale 1.9 linewidth 2 enhanced background '#ffffff'\n";
	static const char svg[] = "set terminal svg size 900,550 dynamic enhanced "
				  "font 'sans-serif,13' background '#ffffff'\n";

	tell(plot, plot->png ? png : svg, plot->png ? sizeof(png) - 1 : sizeof(svg) - 1);
}

static int wait_for(struct plot *plot)
{
	int status = -1;

	close_fd(&plot->to);
	while (waitpid(plot->child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The line of what gnuplot said that names the mistake: `line 3: undefined variable`, or
 * else its last one. */
static void complaint(int said, char *line, size_t size)
{
	char text[4096], *rest = text, *at;
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);

	line[0] = '\0';
	text[n > 0 ? n : 0] = '\0';
	while ((at = strsep(&rest, "\n")) != NULL) {
		char *named = strstr(at, "line ");

		at += strspn(at, " \t\r");
		if (*at)
			snprintf(line, size, "%s", named ? named : at);
		if (named)
			return;
	}
}

static int save(struct plot *plot, struct plot_error *why)
{
	struct stat st;
	void *bytes;
	int rc;

	if (fstat(plot->picture, &st) < 0 || st.st_size == 0)
		return fail(why, "was not drawn: gnuplot wrote nothing");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, plot->picture, 0);
	if (bytes == MAP_FAILED)
		return fail(why, "was not drawn: %s", strerror(errno));
	rc = json_file_write(&plot->file, bytes, (size_t)st.st_size);
	munmap(bytes, (size_t)st.st_size);
	return rc == 0 ? 0 : fail(why, "can't be written: %s", strerror(rc));
}

int plot_draw(struct plot *plot, struct plot_error *why)
{
	int rc, status;
	bool whole = fflush(plot->script) == 0 && !ferror(plot->script);

	if (whole) {
		tell_terminal(plot);
		tell(plot, plot->text, plot->bytes);
	}
	status = wait_for(plot);
	if (!whole) {
		rc = fail(why, "was not drawn: out of memory");
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		char line[120];

		complaint(plot->said, line, sizeof(line));
		rc = fail(why, "was not drawn: gnuplot failed%s%s", *line ? ": " : "", line);
	} else {
		rc = save(plot, why);
	}
	clean_up(plot);
	return rc;
}

void plot_abandon(struct plot *plot)
{
	wait_for(plot);
	clean_up(plot);
}
