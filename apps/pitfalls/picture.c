/* SPDX-License-Identifier: MIT */
/* The pictures, as gnuplot scripts: the data in blocks, then how it is drawn.
 *
 * Every curve has its label at its end or beside it, in its own colour, and the figure that
 * mathematics predicts is a line of its own: the point is that the two meet. E2, E4 and E9
 * are the same line once they have learnt, so they differ in width, the widest first. */

#include "picture.h"
#include <inttypes.h>
#include <stdio.h>

/* --- the loss --------------------------------------------------------------------- */

struct curve {
	const char *name; /* of its result and of its data */
	const char *title;
	const char *line;
};

/* As they are drawn: the wide ones first. */
static const struct curve curves[] = {
	{"E4", "E4  new arrays for each batch: learns", "lc rgb '#9ecae1' lw 7"},
	{"E2", "E2  x and labels reused: learns, by luck", "lc rgb '#ff9f1c' lw 3.6"},
	{"E9", "E9  baton, no copy, no allocation: learns", "lc rgb '#1a7f37' lw 1.5"},
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

/* What mathematics draws: a line and a band, and what they are. */
static void write_closed_forms(FILE *out, uint64_t epochs)
{
	fprintf(out,
	        "set arrow 1 from 1, %g to %" PRIu64
	        ", %g nohead dt (10, 6) lc rgb '#555555' lw 1.2 "
	        "front\n"
	        "set label 1 '416.625, the variance of the mean: the best that a constant can do' "
	        "at graph 0.98, first 250 right textcolor rgb '#555555'\n",
	        VARIANCE, epochs, VARIANCE);
	fprintf(out,
	        "set object 1 rectangle from 1, %g to %" PRIu64 ", %g fc rgb '#d5d5d5' "
	        "fs solid noborder behind\n"
	        "set label 2 '0.0026 to 0.0032: what RMSprop leaves at a learning rate of 0.001' "
	        "at graph 0.98, first 0.0053 right textcolor rgb '#555555'\n",
	        LEARNS_LOW, epochs, LEARNS_HIGH);
}

static void write_axes(FILE *out, uint64_t epochs)
{
	fprintf(out,
	        "set title 'One network, one task: who may touch the array that is in the queue?' "
	        "font ',15' offset 0, 0.3\n"
	        "set xlabel 'epoch (1000 steps of 64 pairs)'\n"
	        "set ylabel 'loss: mean squared error, numbers from 0 to 99'\n"
	        "set logscale xy\nset xrange [1:%" PRIu64 "]\nset yrange [0.001:5000]\n"
	        "set xtics (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)\n"
	        "set ytics ('0.001' 0.001, '0.01' 0.01, '0.1' 0.1, '1' 1, '10' 10, '100' 100, "
	        "'1000' 1000)\n"
	        "set rmargin 4\nset key at graph 0.98, graph 0.68 right top\n",
	        epochs);
}

/* The legend by name, whatever the order of drawing. */
static void write_legend(FILE *out, const struct results *all)
{
	for (char n = '1'; n <= '9'; n++)
		for (size_t i = 0; i < CURVES; i++)
			if (curves[i].name[1] == n && results_find(all, curves[i].name))
				fprintf(out, ", keyentry with lines %s title '%s'", curves[i].line,
				        curves[i].title);
	fputs("\n", out);
}

void picture_loss(struct plot *plot, const struct results *all)
{
	FILE *out = plot->script;
	uint64_t epochs = 2; /* an axis must have some length */
	const char *gap = "plot";

	for (size_t i = 0; i < CURVES; i++) {
		const struct result *r = results_find(all, curves[i].name);
		uint64_t n = r ? r->training.history.n_epochs : 0;

		if (r)
			write_losses(out, r);
		epochs = n > epochs ? n : epochs;
	}
	plot_style(out);
	write_axes(out, epochs);
	write_closed_forms(out, epochs);
	for (size_t i = 0; i < CURVES; i++) {
		if (!results_find(all, curves[i].name))
			continue;
		fprintf(out, "%s $%s using 1:2 with lines %s notitle", gap, curves[i].name,
		        curves[i].line);
		gap = ",";
	}
	write_legend(out, all);
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
	        "set title 'How many rows are wrong'\n"
	        "set xlabel '%s'\nset ylabel 'rows with other numbers than their label (%%)'\n"
	        "set xrange [-0.2:%g]\nset yrange [0:104]\nset xtics (",
	        threads ? "batches made ahead of the one that is taken"
	                : "generator speed (batches a step of the trainer)",
	        (double)sweep->n_paces - 0.7);
	for (size_t j = 0; j < sweep->n_paces; j++)
		fprintf(out, "%s'%s' %zu", j ? ", " : "", sweep->pace[j].name, j);
	fprintf(out,
	        ")\nset key noopaque left top at graph 0.04, graph 0.99 title \"x reused,\\nqueue "
	        "of\" "
	        "left font ',11' samplen "
	        "1.2 "
	        "spacing 1\n"
	        "set label 3 \"x and labels reused,\\nqueue of %u\" at %g, 47 textcolor rgb "
	        "'#2171b5' "
	        "font ',11'\n"
	        "plot ",
	        sweep->queue, 0.44 * (double)sweep->n_paces);
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		fprintf(out,
		        "$Q%zu using 1:2 with linespoints pt 7 ps 0.6 lw 1.6 lc rgb '%s' title "
		        "'%u', ",
		        i, depth_colours[i], sweep->depth[i]);
	fputs("$both using 1:2 with linespoints pt 6 ps 0.9 lw 1.6 dt (6, 4) lc rgb '#2171b5' "
	      "notitle\nunset label 3\n",
	      out);
}

static void write_right(FILE *out)
{
	fprintf(out,
	        "set title 'Where the loss stays'\n"
	        "set xlabel 'rows with other numbers than their label (%%)'\n"
	        "set ylabel 'loss: mean squared error'\n"
	        "set xrange [-2:104]\nset yrange [-10:450<*]\nset xtics auto\n"
	        "set key noopaque right bottom at graph 0.98, graph 0.03 notitle font ',12' "
	        "samplen 2 spacing 1.2\n"
	        "plot [0:100] %g * (x / 100) * (2 - x / 100) with lines lw 2 lc rgb '#777777' "
	        "title 's^2 q (2 - q), as expected', ",
	        VARIANCE);
	for (size_t i = 0; i < SWEEP_DEPTHS; i++)
		fprintf(out, "$Q%zu using 2:3 with points pt 7 ps 1 lc rgb '%s' %s, ", i,
		        depth_colours[i], i == 5 ? "title 'x reused'" : "notitle");
	fputs("$both using 2:3 with points pt 6 ps 1.3 lw 1.8 lc rgb '#2171b5' "
	      "title 'x and labels reused'\n",
	      out);
}

void picture_sweep(struct plot *plot, const struct sweep *sweep)
{
	FILE *out = plot->script;

	write_points(out, sweep);
	plot_style(out);
	fputs("set multiplot layout 1, 2\n", out);
	write_left(out, sweep);
	write_right(out);
	fputs("unset multiplot\n", out);
}
