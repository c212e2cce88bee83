/* SPDX-License-Identifier: MIT */
#ifndef BATON_BAR_H
#define BATON_BAR_H

#include <baton/attributes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* One line of progress as Keras 2 draws it, without a newline:
 *  500/1000 [==============>...............] - ETA: 1s - loss: 1072.0000
 * 1000/1000 [==============================] - 2s 2ms/step - loss: 985.9000
 * and, validated, " - val_loss: 901.2000" behind it. */
typedef struct baton_bar {
	size_t size;    /* set by BATON_BAR_INIT */
	uint64_t step;  /* steps done in this epoch */
	uint64_t steps; /* it will have; 0: not known */
	uint64_t ns;    /* since it began */
	double loss;    /* mean so far */
	size_t columns; /* the bar, then the time give way until the line fits; 0: any */
	double val_loss;
	bool validated; /* val_loss is one, and is shown */
} baton_bar;
#define BATON_BAR_INIT                                     \
	{                                                  \
		sizeof(baton_bar), 0, 0, 0, 0, 0, 0, false \
	}

/* Write the line to line [bytes], cut to fit. Returns its length, as strlen() would;
 * prints nothing.
 * Source: keras 2.2.4, utils/generic_utils.py, Progbar.update(); nanoseconds a step are
 *         ours */
BATON_API size_t baton_bar_format(char *line, size_t bytes, const baton_bar *bar);

BATON_END_DECLS

#endif
