/* SPDX-License-Identifier: MIT */
/* Shapes: compared, counted and printed. Values, without a home: any thread.
 *
 * Two shapes agree if they are equal, axis by axis, and in no other way. Whoever wants an
 * exception (loss.c has the only one) writes it down as a rule. */

#include "shape.h"
#include <stdio.h>

struct baton_shape baton_shape_of(const baton_field *field)
{
	struct baton_shape shape = {field->rank, {0}};

	for (int i = 0; i < field->rank; i++)
		shape.at[i] = field->shape[i];
	return shape;
}

struct baton_shape baton_shape_vector(size_t units)
{
	return (struct baton_shape){1, {units}};
}

bool baton_shape_equal(const struct baton_shape *a, const struct baton_shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++) {
		if (a->at[i] != b->at[i])
			return false;
	}
	return true;
}

size_t baton_shape_volume(const struct baton_shape *shape)
{
	size_t volume = 1;

	for (int i = 0; i < shape->rank; i++)
		volume *= shape->at[i];
	return volume;
}

const char *baton_shape_print(char text[BATON_SHAPE_TEXT], const struct baton_shape *shape,
                              size_t rows)
{
	int n = rows ? snprintf(text, BATON_SHAPE_TEXT, "[%zu", rows)
	             : snprintf(text, BATON_SHAPE_TEXT, "[n");

	for (int i = 0; i < shape->rank; i++)
		n += snprintf(text + n, BATON_SHAPE_TEXT - (size_t)n, ", %zu", shape->at[i]);
	snprintf(text + n, BATON_SHAPE_TEXT - (size_t)n, "]");
	return text;
}
