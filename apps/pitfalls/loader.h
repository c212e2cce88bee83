/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_LOADER_H
#define BATON_PITFALLS_LOADER_H

#include "generator.h"
#include <baton/source.h>

/* fit_generator() of Keras 2: a generator and a queue of what it yielded, of which the
 * trainer takes the oldest. The queue holds references.
 *
 *      generator --> [in hand] --> [depth places] --> head --> trainer
 *
 * A generator that finds the queue full waits with the next batch in its hand: made, that
 * is, written into x. So the trainer, at batch k, may find in x what was made for k + depth.
 *
 * Invariant: batches are handed out in order, each once; batch k + depth + 1 is not begun
 * before batch k is popped. */
struct loader;

enum form {
	FORM_REPLAYED, /* one thread; who does what when is computed: the same bits for a seed */
	FORM_THREADS   /* a thread for the generator, as Keras has */
};

/* The trainer is so much slower that it always finds the generator waiting. */
#define SPEED_ALWAYS_AHEAD 0.0
#define AHEAD_ALL UINT32_MAX

struct loader_config {
	enum form form;
	enum arrays arrays;
	size_t rows;
	uint64_t seed;
	uint32_t depth; /* places in the queue, at least 1 */
	uint64_t limit; /* the generator stops after so many batches; 0: never */
	double speed;   /* REPLAYED: batches that the generator could make in one step */
	uint32_t ahead; /* THREADS: the trainer takes batch k once k + ahead is made; at
	                 * most depth, to which AHEAD_ALL is cut: then nobody is writing */
};

/* What happened at the trainer's end. */
struct loader_counts {
	uint64_t rows;
	uint64_t strangers; /* rows whose x is not the one their label was made from */
	uint64_t batches;
	uint64_t queued; /* entries found in the queue at each take, in all */
};

void loader_open(struct loader **loader, const struct loader_config *config);
void loader_close(struct loader **loader);

/* Wait for the oldest entry. It stays where it is, so that the generator does not go on;
 * lent until pop. */
const struct yielded *loader_head(struct loader *loader);
/* Take it out. The caller drops it. */
struct yielded loader_pop(struct loader *loader);

struct loader_counts loader_counts(const struct loader *loader);

/* A source for a trainer of baton's, to be opened BATON_INLINE: each of its batches is
 * what the loader's head shows at that moment. So the bug is in what the batches hold; how
 * they get from there to the trainer is the real thing. Lent: loader outlives it. */
baton_source loader_source(struct loader *loader);

#endif
