/* SPDX-License-Identifier: MIT */
/* Curve: when all points are used, each two neighbours become one, which is twice as wide. */

#include "curve.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

void curve_begin(struct curve *curve, uint64_t first)
{
	memset(curve, 0, sizeof(*curve));
	curve->first = first;
	curve->width = 1;
}

static void halve(struct curve *curve)
{
	for (size_t i = 0; i < CURVE_POINTS / 2; i++)
		curve->sum[i] = curve->sum[2 * i] + curve->sum[2 * i + 1];
	curve->n = CURVE_POINTS / 2;
	curve->width *= 2;
}

static int on_step(void *state, const baton_progress *progress)
{
	struct curve *curve = state;

	if (curve->steps == curve->n * curve->width) { /* the last point is full */
		if (curve->n == CURVE_POINTS)
			halve(curve);
		curve->sum[curve->n++] = 0;
	}
	curve->sum[curve->n - 1] += (double)progress->loss;
	curve->steps++;
	return 0;
}

baton_callback curve_callback(struct curve *curve)
{
	baton_callback callback = BATON_CALLBACK_INIT;

	callback.state = curve;
	callback.on_step = on_step;
	return callback;
}

bool curve_point(const struct curve *curve, size_t i, double *step, double *loss)
{
	uint64_t before = i * curve->width;
	uint64_t width =
		curve->steps - before < curve->width ? curve->steps - before : curve->width;

	*step = (double)(curve->first + before + width);
	*loss = curve->sum[i] / (double)width;
	return isfinite(*loss) && *loss > 0;
}

static size_t write_losses(const struct curve *curve, FILE *out)
{
	size_t n = 0;

	fputs("$loss << EOD\n", out);
	for (size_t i = 0; i < curve->n; i++) {
		double step, loss;

		if (!curve_point(curve, i, &step, &loss))
			continue;
		fprintf(out, "%.17g %.9g\n", step, loss);
		n++;
	}
	fputs("EOD\n", out);
	return n;
}

/* At most as many points as the curve has. */
static size_t write_validations(const baton_history *h, uint64_t steps_per_epoch, FILE *out)
{
	size_t stride = h->n_epochs / CURVE_POINTS + 1, n = 0;

	fputs("$validation << EOD\n", out);
	for (size_t i = stride - 1; i < h->n_epochs; i += stride) {
		const baton_epoch *e = &h->epochs[i];

		if (e->val_steps == 0 || !isfinite(e->val_loss) || e->val_loss <= 0)
			continue;
		fprintf(out, "%" PRIu64 " %.9g\n", e->epoch * steps_per_epoch + e->steps,
		        e->val_loss);
		n++;
	}
	fputs("EOD\n", out);
	return n;
}

size_t curve_draw(const struct curve *curve, const baton_history *history, uint64_t steps_per_epoch,
                  FILE *out)
{
	size_t n = write_losses(curve, out);
	bool validated = write_validations(history, steps_per_epoch, out) > 0;

	plot_style(out);
	if (curve->width > 1)
		fprintf(out,
		        "set title 'each point of the loss is the mean of %" PRIu64 " steps'\n",
		        curve->width);
	fprintf(out,
	        "set logscale y\nset format y '%%g'\nset xlabel 'step'\nset ylabel 'loss'\n"
	        "set xrange [%" PRIu64 ":%" PRIu64 "]\nset rmargin 5\n"
	        "plot $loss using 1:2 with %s pt 7 ps 0.4 lw 1.4 lc rgb '#1a7f37' title 'loss'",
	        curve->first, curve->first + (curve->steps ? curve->steps : 1),
	        n < 50 ? "linespoints" : "lines");
	if (validated)
		fputs(", $validation using 1:2 with points pt 6 ps 0.8 lw 1.6 lc rgb '#d1242f' "
		      "title 'of the validation'",
		      out);
	fputs("\n", out);
	return n;
}
