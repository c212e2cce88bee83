/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_FEED_BENCH_WORK_H
#define BATON_APPS_FEED_BENCH_WORK_H

/* The work: stand-ins of a known size for a source and a trainer. The source waits (asleep,
 * like a disk) and works (a calibrated amount, busy.h), then writes every word of its batch,
 * each a function of the batch's number; the trainer reads and checks every word, and works. */

#include "../busy.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one batch costs, and holds. */
struct work {
	uint64_t source_turns, trainer_turns; /* busy() */
	uint64_t wait_ns;                     /* of the source */
	size_t words;                         /* uint64 */
	double source_ns, trainer_ns;         /* estimates, to choose counts by */
};

/* Where a batch did not hold what it should. */
struct work_error {
	uint64_t k;
	size_t i;
	uint64_t found, expected;
};

/* Of the options: calibrates busy(), so before other threads of the program are busy. */
struct work work_measure(double source_us, double source_wait_us, double trainer_us,
                         uint64_t bytes);
/* Sleep. */
void work_wait(uint64_t ns);
/* Note what is wrong with batch k. Returns false */
bool work_blame(const struct work *w, uint64_t k, const uint64_t *words);
/* What was noted last. */
struct work_error work_error(void);

static inline uint64_t work_tag(uint64_t k)
{
	return (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Make batch k: words [w->words] */
static inline void work_make(const struct work *w, uint64_t k, uint64_t *words)
{
	uint64_t first = work_tag(k);

	if (w->wait_ns)
		work_wait(w->wait_ns);
	busy(w->source_turns);
	for (size_t i = 0; i < w->words; i++)
		words[i] = first + i;
}

/* Use batch k: words [w->words]. False: it is not what work_make() made. */
static inline bool work_learn(const struct work *w, uint64_t k, const uint64_t *words)
{
	uint64_t first = work_tag(k), differs = 0;

	for (size_t i = 0; i < w->words; i++)
		differs |= words[i] ^ (first + i);
	busy(w->trainer_turns);
	return differs ? work_blame(w, k, words) : true;
}

#endif
