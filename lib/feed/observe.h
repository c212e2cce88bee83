/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_OBSERVE_H
#define BATON_FEED_OBSERVE_H

/* Who looks on: an observer, if the caller has one; and USDT probes, which are a nop until
 * bpftrace or perf puts a breakpoint there. */

#include "feed.h"

#ifdef BATON_SDT
#include <sys/sdt.h>
#ifdef __clang__ /* what the header's macros do with no argument for `...` */
#define BATON_PROBE(name, thread, ticket)                                                   \
	_Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wpedantic\"") \
		DTRACE_PROBE2(baton, name, thread, ticket);                                 \
	_Pragma("clang diagnostic pop")
#else
#define BATON_PROBE(name, thread, ticket) DTRACE_PROBE2(baton, name, thread, ticket)
#endif
#else
#define BATON_PROBE(name, thread, ticket) ((void)0)
#endif

/* block: of a PUBLISH, TAKE or LATE, for how many batches are in it; else NULL */
void baton_observed(const struct baton_pipeline *feed, int what, int thread, uint64_t ticket,
                    const struct baton_block *block);

/* baton_observe(feed, TAKE, take, thread, ticket, block) */
#define baton_observe(feed, WHAT, name, thread, ticket, block)                           \
	do {                                                                             \
		BATON_PROBE(name, thread, ticket);                                       \
		if ((feed)->options.observe)                                             \
			baton_observed(feed, BATON_EVENT_##WHAT, thread, ticket, block); \
	} while (0)

/* Whose events a producer's are. */
static inline int baton_thread_of(const struct baton_pipeline *feed, uint32_t producer)
{
	if (!feed->source.fill)
		return BATON_THREAD_OWN;
	return feed->inner == &feed->producers[producer] ? BATON_THREAD_TRAINER : (int)producer;
}

#endif
