/* SPDX-License-Identifier: MIT */
/* Busy: work of a known size, for sources and trainers that stand in for real ones.
 *
 * It is an amount, not a duration. A loop that watches a clock "works" on while its thread
 * is preempted, so that a machine with too few cores looks like one with enough; this one
 * takes as long as the CPU that it really gets makes it. The loop is a chain of one
 * multiplication and one addition: it touches no memory, and no unrolling or wider vector
 * shortens it. */

#include "busy.h"
#include <baton/pipeline.h>

#define WARM_UP_NS 10000000u
#define SLICES 40
#define SLICE_TURNS 100000u

void busy(uint64_t turns)
{
	uint64_t x = turns;

	for (uint64_t i = 0; i < turns; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		__asm__ volatile("" : "+r"(x)); /* each turn is made, whoever looks at x */
	}
}

/* The fastest of many short slices: one in which nobody disturbed us. */
double busy_turns_per_us(void)
{
	uint64_t begun = baton_now_ns(), best = UINT64_MAX;

	while (baton_now_ns() - begun < WARM_UP_NS)
		busy(SLICE_TURNS); /* let the CPU reach its speed */
	for (int i = 0; i < SLICES; i++) {
		uint64_t before = baton_now_ns(), ns;

		busy(SLICE_TURNS);
		ns = baton_now_ns() - before;
		best = ns < best ? ns : best;
	}
	return 1000.0 * SLICE_TURNS / (double)(best ? best : 1);
}
