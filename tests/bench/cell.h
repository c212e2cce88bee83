/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_CELL_H
#define BATON_BENCH_CELL_H

/* One comparison: entries that run in turns, A B A B, so that what disturbs one disturbs
 * all. Each run of an entry takes about as long as everybody else's; how many round trips
 * that is, a first run finds out, which also warms up and does not count. */

#include "peer.h"
#include "spread.h"

#define CELL_MAX 40

struct entry {
	const struct bench_peer *peer;
	struct bench_setup setup; /* n: found by cell_run() */
	double rate[SPREAD_MAX];  /* [rounds] buffers a second */
	double cpus[SPREAD_MAX];
};

struct cell {
	size_t rounds; /* odd, for a median that was measured */
	size_t n;
	struct entry entries[CELL_MAX];
};

/* Add an entry; NULL if its peer can't have such a pool. */
struct entry *cell_add(struct cell *c, const struct bench_peer *peer,
                       const struct bench_setup *setup);
/* Run all of it, about ms each time. False: a peer failed, and has said why. */
bool cell_run(struct cell *c, double ms);

/* NULL: it is not in this cell. */
const struct entry *cell_find(const struct cell *c, const char *name);

struct spread cell_rate(const struct cell *c, const struct entry *e);
struct spread cell_cpus(const struct cell *c, const struct entry *e);
/* Pairs of one round. */
struct spread cell_ratio(const struct cell *c, const struct entry *a, const struct entry *b);
struct spread cell_cpu_ratio(const struct cell *c, const struct entry *a, const struct entry *b);

/* How much two threads do that share nothing, in what one does: the ceiling of whatever two
 * CPUs can gain, at this minute. ms: a run's. False: it failed. */
bool cell_two_copies(struct spread *copies, size_t rounds, double ms);
#define CELL_QUIET 1.6 /* copies; below, what needs two CPUs did not have them */

#endif
