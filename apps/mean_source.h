/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_MEAN_SOURCE_H
#define BATON_APPS_MEAN_SOURCE_H

#include <baton/source.h>

/* The article's task: x [rows, 2], two whole numbers 0..99, and y [rows, 1], their mean.
 * Pure: batch k is a function of (seed, k).
 * n_batches: 0 for no end */
baton_source mean_source(size_t rows, uint64_t n_batches);

/* One batch of it without a pipeline: x [rows, 2], y [rows]; rng at its stream's start. */
void mean_make(baton_rng *rng, float *x, float *y, size_t rows);

#endif
