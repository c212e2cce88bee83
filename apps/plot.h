/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_PLOT_H
#define BATON_APPS_PLOT_H

/* Draw a picture with gnuplot, which must be on PATH when the program runs.
 *
 *      plot_open(&plot, "loss.svg", &why);
 *      fprintf(plot.script, "plot sin(x)\n");
 *      plot_draw(&plot, &why);
 *
 * The script sets no terminal and no output: those follow from the file's name. */

#include "json.h"
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct plot_error {
	char text[200]; /* what went wrong, to stand behind the file's name */
};

struct plot {
	FILE *script; /* what gnuplot will be told; into text */
	char *text;
	size_t bytes;
	bool png;    /* else SVG */
	pid_t child; /* gnuplot, waiting for its script */
	int to;      /* its standard input */
	int picture; /* its standard output, in memory */
	int said;    /* its standard error, in memory */
	struct json_file file;
};

/* Before a long run: can path be drawn? It ends in .svg or .png, it can be written, and
 * gnuplot starts. Nothing of a file that is there changes, and none appears, until
 * plot_draw() has all of the picture.
 * Returns 0, or -1 with *why filled and nothing to be closed */
int plot_open(struct plot *plot, const char *path, struct plot_error *why);
/* The start of a script: axes, grid and key in the one style of all pictures. */
void plot_style(FILE *out);
/* Draw and close. Returns 0, or -1 with *why filled: what was there before is there still. */
int plot_draw(struct plot *plot, struct plot_error *why);
/* Give it up, undrawn. */
void plot_abandon(struct plot *plot);

#endif
