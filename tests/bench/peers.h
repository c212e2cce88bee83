/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_PEERS_H
#define BATON_BENCH_PEERS_H

/* The table of all peers: baton's own first, then those that were found when this was
 * configured. */

#include "peer.h"

extern const struct bench_peer *const bench_peers[]; /* ends with NULL */
extern const char bench_missing[];                   /* the others' names, "" if there are none */

/* The pool that baton takes where none is asked for. */
uint32_t bench_baton_pool(const struct bench_setup *setup);

/* Baton's own, and the one that none of them must fall behind. */
extern const struct bench_peer bench_baton, bench_baton_completion, bench_baton_own;
extern const struct bench_peer bench_ring, bench_ring_yield, bench_ring_8;
extern const struct bench_peer bench_mutex;

/* NULL: there is none of that name. */
const struct bench_peer *bench_peer_find(const char *name);
/* Can it have such a pool? */
bool bench_peer_fits(const struct bench_peer *peer, uint32_t producers, uint32_t pool);

const char *bench_order_name(enum bench_order order);

#endif
