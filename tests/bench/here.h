/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_HERE_H
#define BATON_BENCH_HERE_H

/* What lines cost on this machine, and whether the model (sim.h) says what its CPUs then show.
 *
 * Each round measures the costs and, beside them, what is to be foretold from them; a check is
 * the ratio of the two in each round. So a machine that is another one every second (a virtual
 * one is moved from core to core) is compared with itself. */

#include "sim.h"
#include "spread.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HERE_CHECKS 64
#define HERE_CROWDS 4 /* 2, 4, 8, 16 threads */
#define HERE_COSTS 4  /* that are taken wrong, to see whether the checks see it */
/* The middle half of the rounds, this much wider both ways, must contain what the model says. */
#define HERE_TOLERANCE 1.75

struct costs {
	struct spread line; /* ns: half of a ping-pong */
	struct spread far;  /* the same, of the pair for which it is most */
	struct spread cas;  /* on a line that is there */
	/* 2, 4, 8, 16 CPUs that do nothing else, as far as there are so many: ns a success, */
	struct spread contended[HERE_CROWDS];
	struct spread kept[HERE_CROWDS]; /* and successes a try */
	struct spread claim;             /* claim, publish and release, alone */
	struct spread hand;              /* sim.h; from the ring with one producer */
};

struct check {
	char what[60];
	size_t n;           /* rounds in which there was something to compare */
	struct spread seen; /* per second */
	struct spread off;  /* measured / foretold */
	struct spread half; /* the same, without the highest and the lowest quarter */
};

struct here {
	uint32_t cpus;
	size_t rounds; /* in which a line cost the same from the first to the last */
	struct costs costs;
	size_t n;
	struct check checks[HERE_CHECKS];
	/* how many of them are not met if a cost is taken as wrong as this */
	struct {
		const char *what;
		size_t off;
	} seeded[HERE_COSTS];
};

/* False: no two CPUs were there at once. rounds: 3 to SPREAD_MAX; windows a measurement. */
bool here_measure(struct here *here, size_t rounds, uint32_t windows);

/* Was it measured in so many rounds that it says something? */
bool here_judged(const struct check *check);
/* Is what was measured within the tolerance of what was foretold? If it was not, yes. */
bool here_meets(const struct check *check);
/* How many are not met. */
size_t here_off(const struct check *checks, size_t n);

/* Its costs, for so many producers. */
struct sim here_machine(const struct costs *costs, uint32_t producers);

#endif
