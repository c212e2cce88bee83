/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_COST_H
#define BATON_PITFALLS_COST_H

#include "judge.h"
#include <stdint.h>

/* What the cures cost: a batch is made by a generator's thread, handed over, read by the
 * trainer's, and its memory got rid of. */
enum cure {
	CURE_NONE,    /* the floor: made and read by one thread, nothing handed over */
	CURE_FRESH,   /* E4: new memory for each batch */
	CURE_COPIED,  /* E5: one array, and a copy of it in new memory for each batch */
	CURE_BATON_1, /* E9, with so many producers */
	CURE_BATON_4,
	CURE_BATON_16,
	CURES
};

#define COST_ROUNDS 9

struct cost {
	struct spread ns;     /* a batch */
	double allocations;   /* a batch, counted apart from the timed rounds */
	double in_place;      /* share of batches that were read where they were written */
	enum verdict clean;   /* baton's: no allocation, each read where it was written */
	enum verdict cheaper; /* baton's: than both E4 and E5 */
	double than[2];       /* how many times as much E4 and E5 cost */
};

extern const unsigned cure_producers[CURES]; /* 0: not baton */

/* Why costs are never judged in this build; NULL: they are. */
extern const char *const cost_unjudged;

/* Measure all of them, in turns, so that whatever slows the machine slows all alike. queue:
 * places, for E4 and E5. */
void cost_measure(struct cost costs[CURES], uint32_t queue);

#endif
