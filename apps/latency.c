/* SPDX-License-Identifier: MIT */
#include "latency.h"
#include <math.h>

uint64_t latency_at(const struct latency *l, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)l->n), seen = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->count[i];
		if (seen >= wanted && seen > 0) /* the last bucket is not full of its most */
			return latency_most(i) < l->max ? latency_most(i) : l->max;
	}
	return l->max;
}
