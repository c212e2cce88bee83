/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_SPSC_H
#define BATON_PITFALLS_SPSC_H

/* A bounded queue of pointers between two threads, as good as one is made by hand: what
 * E4 and E5 hand their batches over with, so that baton is not compared with a straw man.
 *
 * Each side keeps its last look at the other's counter, and looks again only when that
 * says full or empty: the counters' cache lines travel once for several entries.
 *
 *      S1 release put       -> S2 acquire get      the entry, and what it points to
 *      S3 release get       -> S4 acquire put      the place is empty
 * Source: E. Rigtorp, SPSCQueue; the cached index is his. */

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SPSC_MAX 1024
#define SPSC_SPINS 300

struct spsc {
	_Alignas(128) _Atomic uint64_t put;
	uint64_t seen_got; /* the putting side's */
	_Alignas(128) _Atomic uint64_t got;
	uint64_t seen_put; /* the getting side's */
	_Alignas(128) atomic_bool stop;
	uint32_t places; /* 1..SPSC_MAX */
	void *at[SPSC_MAX];
};

/* False: the getting side has stopped; p is still the caller's. */
static inline bool spsc_put(struct spsc *q, void *p)
{
	uint64_t k = atomic_load_explicit(&q->put, memory_order_relaxed); /* our own */

	for (unsigned spins = 0; k - q->seen_got == q->places; spins++) {
		q->seen_got = atomic_load_explicit(&q->got, memory_order_acquire); /* S4 */
		if (atomic_load_explicit(&q->stop, memory_order_relaxed))          /* only a flag */
			return false;
		if (spins > SPSC_SPINS)
			sched_yield();
	}
	q->at[k % q->places] = p;
	atomic_store_explicit(&q->put, k + 1, memory_order_release); /* S1 */
	return true;
}

static inline void *spsc_get(struct spsc *q)
{
	uint64_t k = atomic_load_explicit(&q->got, memory_order_relaxed); /* our own */
	void *p;

	for (unsigned spins = 0; k == q->seen_put; spins++) {
		q->seen_put = atomic_load_explicit(&q->put, memory_order_acquire); /* S2 */
		if (spins > SPSC_SPINS)
			sched_yield();
	}
	p = q->at[k % q->places];
	atomic_store_explicit(&q->got, k + 1, memory_order_release); /* S3 */
	return p;
}

#endif
