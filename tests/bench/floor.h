/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_FLOOR_H
#define BATON_BENCH_FLOOR_H

/* What no hand-off can beat, measured beside the peers and in their form, so that the same
 * clock and the same rounds hold for both. None of these hands over anything. */

#include "peer.h"

/* One thread makes and uses each buffer in turn. */
extern const struct bench_peer floor_fused;
/* The sources' and the trainer's work at once, each on buffers of its own: the ceiling. */
extern const struct bench_peer floor_apart;
/* One source thread alone; the trainer alone. */
extern const struct bench_peer floor_one_waits, floor_trainer;
/* P threads that only wait and make, and no trainer: what a pipeline's CPU time is held to. */
extern const struct bench_peer floor_sources;
/* One cache line there and back, by plain stores. */
extern const struct bench_peer floor_one_line;
/* What baton's ring moves for a buffer: the turn, by CAS and exchange, and the words. */
extern const struct bench_peer floor_ring;
/* What its pipeline moves: also the line with the block's header and the batch's cell, which
 * both write. */
extern const struct bench_peer floor_pipeline;
/* What any hand-off moves, the words, a quarter of a pool at a time: next to nothing else. */
extern const struct bench_peer floor_bulk;
/* Two threads that wake each other by futex. */
extern const struct bench_peer floor_futex;
/* All sources, and a trainer that sleeps until one of them wakes it: what CPU time it takes to hear
 * of each buffer as soon as it is there, without handing it over. */
extern const struct bench_peer floor_wakes;
/* memcpy() of each buffer, on one thread: what a copy would cost. */
extern const struct bench_peer floor_copy;

extern const struct bench_peer *const floors[]; /* ends with NULL */

#endif
