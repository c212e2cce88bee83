/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_PEER_H
#define BATON_BENCH_PEER_H

/* What rival compares: ways to pass buffers from producer threads to one trainer and back.
 *
 * Each peer has a pool of buffers. A producer gets a free one, writes every word of it
 * (bench_touch), and passes it on; the trainer, which is the caller's thread, takes it,
 * reads every word (bench_read), and gives it back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_setup {
	uint32_t producers;
	uint32_t pool; /* buffers */
	size_t words;  /* uint64 in each */
	uint64_t n;    /* round trips to time, after a warm-up of two pools */
};

struct bench_result {
	uint64_t ns;     /* of the n */
	uint64_t cpu_ns; /* of the process meanwhile */
};

struct bench_peer {
	const char *name;
	bool ordered; /* buffers arrive in the order in which they were claimed */
	/* False: it failed, and has said why on stderr. */
	bool (*run)(const struct bench_setup *setup, struct bench_result *result);
};

extern const struct bench_peer bench_baton, bench_baton_own, bench_mutex;

/* words [n] */
static inline void bench_touch(uint64_t *words, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		words[i] = value + i;
}

/* Are these the words of one bench_touch()? */
static inline bool bench_read(const uint64_t *words, size_t n)
{
	uint64_t differs = 0;

	for (size_t i = 0; i < n; i++)
		differs |= words[i] ^ (words[0] + i);
	return differs == 0;
}

/* The one clock: begin before the first timed round trip, end after the last. */
void bench_begin(struct bench_result *result);
void bench_end(struct bench_result *result);

#endif
