/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_LATENCY_H
#define BATON_APPS_LATENCY_H

/* How durations are distributed: counts in buckets as HdrHistogram's, 32 for each power of
 * two, so that a quantile is known to 1 part in 32 whatever its size. One thread; no
 * allocation. */

#include <stdint.h>

#define LATENCY_BITS 5 /* of a value, after its highest */
#define LATENCY_BUCKETS ((64 - LATENCY_BITS + 1) << LATENCY_BITS)

struct latency {
	uint64_t count[LATENCY_BUCKETS];
	uint64_t n;
	uint64_t max; /* to the nanosecond */
};

/* Below 2^LATENCY_BITS each value has a bucket; above, its highest bit says which power of two,
 * and the next LATENCY_BITS which of its parts. */
static inline unsigned latency_bucket(uint64_t ns)
{
	unsigned shift;

	if (ns >> LATENCY_BITS == 0)
		return (unsigned)ns;
	shift = 63 - LATENCY_BITS - (unsigned)__builtin_clzll(ns);
	return ((shift + 1) << LATENCY_BITS) +
	       (unsigned)((ns >> shift) & ((1u << LATENCY_BITS) - 1));
}

/* The largest value of a bucket. */
static inline uint64_t latency_most(unsigned bucket)
{
	unsigned power = bucket >> LATENCY_BITS, shift;

	if (power == 0)
		return bucket;
	shift = power - 1;
	return (((uint64_t)(1u << LATENCY_BITS) + (bucket & ((1u << LATENCY_BITS) - 1)) + 1)
	        << shift) -
	       1;
}

static inline void latency_add(struct latency *l, uint64_t ns)
{
	l->count[latency_bucket(ns)]++;
	l->n++;
	l->max = ns > l->max ? ns : l->max;
}

/* What share of all was at most: 0 < share <= 1. 0 of an empty one. */
uint64_t latency_at(const struct latency *l, double share);

#endif
