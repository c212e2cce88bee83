/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_GENERATOR_H
#define BATON_PITFALLS_GENERATOR_H

#include <baton/rng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The article's train_iterator(): a generator of x [rows, 2] and its mean y [rows]. */

/* Which of the arrays it hands out are new for each batch. */
enum arrays {
	ARRAYS_X_REUSED,    /* x is one array, y is new: the article's first generator */
	ARRAYS_BOTH_REUSED, /* x and y are one array each: its second */
	ARRAYS_FRESH,       /* x and y are new: its first cure */
	ARRAYS_COPIED       /* x is one array, and what is handed out a copy: its second */
};

/* An array as two threads may share it without undefined behaviour. Every access is
 * relaxed: it orders nothing, as a NumPy array orders nothing, and that is the subject. */
typedef _Atomic float cell;

/* What `yield x, y` hands out: two references. */
struct yielded {
	cell *x; /* [rows, 2] */
	cell *y; /* [rows] */
	bool owns_x, owns_y;
};

/* Read through the references: what the arrays hold now. x [rows, 2], y [rows] */
void yielded_read(const struct yielded *from, size_t rows, float *x, float *y);
/* The last reference to new arrays is gone; to the generator's own nothing happens. */
void yielded_drop(struct yielded *them);

struct generator {
	enum arrays arrays;
	size_t rows;
	uint64_t seed;
	uint64_t k;       /* the batch that is being made */
	size_t row;       /* how many rows of it are written */
	uint32_t *number; /* [rows, 2] its numbers, drawn but perhaps not written yet */
	cell *x, *y;      /* where it writes */
};

/* Out of memory ends the program here and below: Python's generator has no other way
 * either. */
void generator_init(struct generator *g, enum arrays arrays, size_t rows, uint64_t seed);
void generator_fini(struct generator *g);

/* Make batch k in three steps, so that somebody can look in between: begin, rows up to n
 * of them, yield. Batch k's numbers are a function of (seed, k). */
void generator_begin(struct generator *g, uint64_t k);
void generator_write(struct generator *g, size_t n);
struct yielded generator_yield(struct generator *g);

#endif
