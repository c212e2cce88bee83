/* SPDX-License-Identifier: MIT */
/* The article's generator, with its bug: for batch after batch it writes its numbers into
 * the same x, while those who were handed x before still mean to read it.
 *
 *      x = np.zeros((batch_size, 2))
 *      while True:
 *          for i in range(batch_size):
 *              x[i][0] = np.random.randint(0, 100)
 *              x[i][1] = np.random.randint(0, 100)
 *          x_mean = (x[::,0] + x[::,1]) / 2
 *          yield x, x_mean
 *
 * What is wrong here can't be written in Python as undefined behaviour, so it must not be
 * in C either: cells are relaxed atomics. Each read gives some number that was written; the
 * numbers of a row, or of an x and its y, need not belong together. */

#include "generator.h"
#include "memory.h"
#include <stdatomic.h>
#include <stdlib.h>

/* relaxed: see above; the references themselves travel with release and acquire */
static void put(cell *to, float value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static float get(const cell *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static cell *new_cells(size_t n)
{
	return need(calloc(n, sizeof(cell)));
}

void yielded_read(const struct yielded *from, size_t rows, float *x, float *y)
{
	for (size_t i = 0; i < 2 * rows; i++)
		x[i] = get(&from->x[i]);
	for (size_t i = 0; i < rows; i++)
		y[i] = get(&from->y[i]);
}

void yielded_drop(struct yielded *them)
{
	if (them->owns_x)
		free((void *)them->x);
	if (them->owns_y)
		free((void *)them->y);
	*them = (struct yielded){0};
}

void generator_init(struct generator *g, enum arrays arrays, size_t rows, uint64_t seed)
{
	*g = (struct generator){.arrays = arrays, .rows = rows, .seed = seed};
	g->number = need(calloc(2 * rows, sizeof(*g->number)));
	g->x = arrays == ARRAYS_FRESH ? NULL : new_cells(2 * rows);
	g->y = arrays == ARRAYS_BOTH_REUSED ? new_cells(rows) : NULL;
}

void generator_fini(struct generator *g)
{
	free(g->number);
	free((void *)g->x);
	free((void *)g->y);
}

void generator_begin(struct generator *g, uint64_t k)
{
	baton_rng rng;

	baton_rng_init(&rng, g->seed, k);
	baton_rng_fill_below(&rng, 100, g->number, 2 * g->rows);
	g->k = k;
	g->row = 0;
	if (g->arrays == ARRAYS_FRESH) {
		free((void *)g->x); /* begun, but never handed out */
		g->x = new_cells(2 * g->rows);
	}
}

void generator_write(struct generator *g, size_t n)
{
	for (; g->row < n; g->row++) {
		put(&g->x[2 * g->row], (float)(int32_t)g->number[2 * g->row]);
		put(&g->x[2 * g->row + 1], (float)(int32_t)g->number[2 * g->row + 1]);
	}
}

/* x_mean = (x[::,0] + x[::,1]) / 2 */
static void write_means(const struct generator *g, cell *y)
{
	for (size_t i = 0; i < g->rows; i++)
		put(&y[i], (get(&g->x[2 * i]) + get(&g->x[2 * i + 1])) / 2);
}

/* np.copy(x) */
static cell *copy_of(const struct generator *g)
{
	cell *copy = new_cells(2 * g->rows);

	for (size_t i = 0; i < 2 * g->rows; i++)
		put(&copy[i], get(&g->x[i]));
	return copy;
}

struct yielded generator_yield(struct generator *g)
{
	struct yielded out = {.x = g->x, .y = g->y};

	out.owns_x = g->arrays == ARRAYS_FRESH || g->arrays == ARRAYS_COPIED;
	out.owns_y = g->arrays != ARRAYS_BOTH_REUSED;
	if (out.owns_y)
		out.y = new_cells(g->rows);
	write_means(g, out.y);
	if (g->arrays == ARRAYS_COPIED)
		out.x = copy_of(g);
	if (g->arrays == ARRAYS_FRESH)
		g->x = NULL; /* theirs now */
	return out;
}
