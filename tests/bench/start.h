/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_START_H
#define BATON_BENCH_START_H

/* Starting, and memory. In the form of peers: a round trip is one start. */

#include "peer.h"

/* From before open to the first batch in hand; closing is not timed. */
extern const struct bench_peer start_baton;
/* Memory of setup's pool from the system, each page touched, which no open can do without. */
extern const struct bench_peer start_pages;
/* To create setup->producers threads. */
extern const struct bench_peer start_threads;

struct start_memory {
	double blocks; /* what setup's pool holds in words alone */
	double stated; /* what baton_stats_get() says */
	double heap;   /* what the heap grew by */
	double grown;  /* from the first step to the last of setup->n */
};

/* False: it failed, and has said why. */
bool start_measure_memory(const struct bench_setup *setup, struct start_memory *m);

#endif
