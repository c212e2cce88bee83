/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_TRAIN_H
#define BATON_BENCH_TRAIN_H

/* The article's training (64 rows a step) in the form of peers: a round trip is a step.
 * Timed is the training: from the first next() to the last step. */

#include "peer.h"

/* Through the library: setup->producers of them, 0: inline. */
extern const struct bench_peer train_feed;
/* Generate into one buffer, then train on it, in one loop; no pipeline. */
extern const struct bench_peer train_fused;
/* Both at once on two threads, each on a buffer of its own: the ceiling. */
extern const struct bench_peer train_apart;

/* Kernels on data in L1: the library's source, and the same written straight down; the
 * library's step, and the same. */
extern const struct bench_peer kernel_source, kernel_source_straight;
extern const struct bench_peer kernel_step, kernel_step_straight;

#endif
