/* SPDX-License-Identifier: MIT */
/* Batches given back out of order: the slots that are free by then do not add up to
 * half, and only the rule for a trainer about to sleep wakes the producer. */
#define TRAIN
#define N_SLOTS 4
#define N_TICKETS 5
#include "sleepers.h"

static void *train(void *arg)
{
	static const int given_back[] = {2, 3, 0}; /* and 1 is kept */
	uint64_t t;

	for (int i = 0; i < 4; i++) {
		wait_ready(&t);
		take(t);
	}
	for (int i = 0; i < 3; i++)
		give_back(FIRST + (uint64_t)given_back[i]);
	wait_ready(&t);
	take(t);
	give_back(FIRST + 1);
	give_back(t);
	return arg;
}
