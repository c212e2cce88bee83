/* SPDX-License-Identifier: MIT */
/* The pictures, as gnuplot scripts: the data in blocks, then how it is drawn.
 *
 * Every curve has its label at its end or beside it, in its own colour, and the figure that
 * mathematics predicts is a line of its own: the point is that the two meet. E2, E4 and E9
 * are the same line once they have learnt, so they differ in width, the widest first. */

#include "picture.h"
#include <inttypes.h>
#include <stdio.h>

static void style(FILE *out)
{
	fputs("set border 3 lc rgb '#666666' lw 0.8\n"
	      "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
	      "set grid lc rgb '#e4e4e4' lt 1 lw 0.6\n"
	      "set key opaque box lc rgb '#d0d0d0' spacing 1.15 samplen 3 Left reverse\n",
	      out);
}

/* --- the loss --------------------------------------------------------------------- */

struct curve {
	const char *name; /* of its result and of its data */
	const char *title;
	const char *line;
};

static const struct curve curves[] = {
	{"E4", "E4  new arrays for each batch", "lc rgb '#9ecae1' lw 7"},
	{"E2", "E2  x and labels reused: right by luck", "lc rgb '#ff9f1c' lw 3.6"},
	{"E9", "E9  baton: no copy, no allocation", "lc rgb '#1a7f37' lw 1.4"},
	{"E1", "E1  x reused, labels fresh: never learns", "lc rgb '#d1242f' lw 2.4"},
};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

static void write_losses(FILE *out, const struct result *r)
{
	fprintf(out, "$%s << EOD\n", r->name);
	for (size_t i = 0; i < r->training.history.n_epochs; i++)
		fprintf(out, "%zu %.9g\n", i + 1, r->training.history.epochs[i].loss);
	fputs("EOD\n", out);
}

/* The lines that mathematics draws, with what they are. */
static void write_closed_forms(FILE *out, uint64_t epochs)
{
	fprintf(out,
	        "set label 1 'variance of the mean, 416.625: all that a constant can do' "
	        "at graph 0.985, first 500 right textcolor rgb '#555555'\n"
	        "set label 2 'what RMSprop leaves at a learning rate of 0.001: 0.0026 to 0.0032' "
	        "at graph 0.985, first 0.0042 right textcolor rgb '#555555'\n"
	        "set object 1 rectangle from 1, %g to %" PRIu64 ", %g fc rgb '#d9d9d9' "
	        "fs solid noborder behind\n"
	        "set arrow 1 from 1, %g to %" PRIu64
	        ", %g nohead dt (8, 6) lc rgb '#555555' lw 1\n",
	        LEARNS_LOW, epochs, LEARNS_HIGH, VARIANCE, epochs, VARIANCE);
}

void picture_loss(struct plot *plot, const struct results *all)
{
	FILE *out = plot->script;
	const char *gap = "plot ";
	uint64_t epochs = 1;

	for (size_t i = 0; i < CURVES; i++) {
		const struct result *r = results_find(all, curves[i].name);

		if (r) {
			write_losses(out, r);
			epochs = r->training.history.n_epochs;
		}
	}
	style(out);
	fprintf(out,
	        "set title 'The same network, the same numbers: who may touch the array?' "
	        "font ',16' offset 0,0.4\n"
	        "set xlabel 'epoch (1000 steps of 64 pairs)'\n"
	        "set ylabel 'loss: mean squared error, of numbers 0 to 99'\n"
	        "set logscale xy\nset xrange [1:%" PRIu64 "]\nset yrange [0.001:4000]\n"
	        "set xtics (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)\n"
	        "set ytics ('0.001' 0.001, '0.01' 0.01, '0.1' 0.1, '1' 1, '10' 10, '100' 100, "
	        "'1000' 1000)\n"
	        "set key at graph 0.985, graph 0.72 right top\n",
	        epochs > 1 ? epochs : 2);
	write_closed_forms(out, epochs > 1 ? epochs : 2);
	for (size_t i = 0; i < CURVES; i++) {
		if (!results_find(all, curves[i].name))
			continue;
		fprintf(out, "%s$%s using 1:2 with lines %s title '%s'", gap, curves[i].name,
		        curves[i].line, curves[i].title);
		gap = ", ";
	}
	fputs("\n", out);
}

/* --- the sweep -------------------------------------------------------------------- */

/* From few to many: a queue's depth is an order, so its colours are one too. */
static const char *const depth_colours[SWEEP_DEPTHS] = {"#fdcc8a", "#fdbb63", "#fca13c", "#f5822a",
                                                        "#e8601c", "#d23f10", "#a92a0a", "#6b1505"};

static void write_points(FILE *out, const struct sweep *sweep)
{
	for (size_t i = 0; i < SWEEP_DEPTHS; i++) {
		fprintf(out, "$Q%zu << EOD\n", i);
		for (size_t j = 0; j < sweep->n_paces; j++)
			fprintf(out, "%zu %.9g %.9g\n", j, 100 * sweep->x[i][j].share,
			        sweep->x[i][j].plateau);
		fputs("EOD\n", out);
	}
	fputs("$both << EOD\n", out);
	for (size_t j = 0; j < sweep->n_paces; j++)
		fprintf(out, "%zu %.9g %.9g\n", j, 100 * sweep->both[j].share,
		        sweep->both[j].plateau);
	fputs("EOD\n", out);
}

static void write_left(FILE *out, const struct sweep *sweep)
{
	bool threads = sweep->pace[sweep->n_paces - 1].ahead == AHEAD_ALL;

	fprintf(out,
	        "set title 'A queue that is never empty is wrong, however short'\n"
	        "set xlabel '%s'\nset ylabel 'rows with other numbers than their label (%%)'\n"
	        "set xrange [-0.2:%g]\nset yrange [0:104]\nset key left top\nset xtics (",
	        threads ? "batches made ahead of the one that is taken"
	                : "batches that the generator could make in one step of the trainer",
	        (double)sweep->n_paces - 0.8);
	for (size_t j = 0; j < sweep->n_paces; j++)
		fprintf(out, "%s'%s' %zu", j ? ", " : "", sweep->pace[j].name, j);
	fputs(")\nplot ", out);
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		fprintf(out,
		        "$Q%zu using 1:2 with linespoints pt 7 ps 0.6 lw 1.6 lc rgb '%s' title "
		        "'x reused, queue of %u', ",
		        i, depth_colours[i], sweep->depth[i]);
	fprintf(out,
	        "$both using 1:2 with linespoints pt 6 ps 0.8 lw 1.6 dt 2 lc rgb '#2171b5' title "
	        "'x and labels reused, queue of %u'\n",
	        sweep->queue);
}

static void write_right(FILE *out)
{
	fprintf(out,
	        "set title 'What it costs: the loss where it stays'\n"
	        "set xlabel 'rows with other numbers than their label (%%)'\n"
	        "set ylabel 'loss (mean squared error)'\n"
	        "set xrange [-2:104]\nset yrange [-10:450]\nset xtics auto\nset key left top\n"
	        "plot [0:100] %g * (x / 100) * (2 - x / 100) with lines lw 2 lc rgb '#555555' "
	        "title 's^2 q (2 - q)', ",
	        VARIANCE);
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		fprintf(out, "$Q%zu using 2:3 with points pt 7 ps 0.7 lc rgb '%s' %s, ", i,
		        depth_colours[i], i == 5 ? "title 'x reused'" : "notitle");
	fputs("$both using 2:3 with points pt 6 ps 0.9 lw 1.6 lc rgb '#2171b5' title 'x and labels "
	      "reused'\n",
	      out);
}

void picture_sweep(struct plot *plot, const struct sweep *sweep)
{
	FILE *out = plot->script;

	write_points(out, sweep);
	style(out);
	fputs("set multiplot layout 1,2\n", out);
	write_left(out, sweep);
	write_right(out);
	fputs("unset multiplot\n", out);
}
