/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_FUTEX_H
#define BATON_FEED_FUTEX_H

/* Sleeping in the kernel on a 32-bit word, by liburcu's wrapper (the _async one: its
 * wake is async-signal-safe). A model checker brings its own of this header. */

#include <baton/pipeline.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <urcu/arch.h>
#include <urcu/futex.h>

#define BATON_FOREVER UINT64_MAX

static inline void baton_pause(void)
{
	caa_cpu_relax();
}

static inline void baton_yield(void)
{
	sched_yield();
}

/* Sleep while *word is seen, at most until deadline_ns (CLOCK_MONOTONIC). May return
 * early for any reason: the caller looks again. FUTEX_WAIT counts its timeout from
 * now, so it is computed anew at each call. */
static inline void baton_futex_wait(_Atomic(int32_t) *word, int32_t seen, uint64_t deadline_ns)
{
	struct timespec rest;
	const struct timespec *timeout = NULL;

	if (deadline_ns != BATON_FOREVER) {
		uint64_t now = baton_now_ns();
		uint64_t ns = deadline_ns > now ? deadline_ns - now : 0;

		rest.tv_sec = (time_t)(ns / 1000000000u);
		rest.tv_nsec = (long)(ns % 1000000000u);
		timeout = &rest;
	}
	futex_async((int32_t *)word, FUTEX_WAIT_PRIVATE, seen, timeout, NULL, 0);
}

static inline void baton_futex_wake(_Atomic(int32_t) *word, int n)
{
	futex_async((int32_t *)word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

#endif
