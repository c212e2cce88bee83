/* SPDX-License-Identifier: MIT */
/* Threads of the caller's own of which each claims as often as it likes, and leaves. One
 * sleeps for a slot; the trainer gives one back, and is busy from then on: nobody comes who
 * could make good what that release has missed. The first thread claims twice, the second
 * once: one ticket more than there are slots. BACKWARDS: the trainer takes all slots, and gives
 * them back the last one first; the first thread claims once more. */
#define OWN
#define TRAIN
#define MAIN
#define N_PRODUCERS 2
#ifndef N_SLOTS
#define N_SLOTS 2
#endif
#ifdef BACKWARDS
#define N_TAKEN N_SLOTS
#else
#define N_TAKEN 1
#endif
#define N_TICKETS (N_SLOTS + 2)
#include "sleepers.h"

static void claim_and_submit(int me)
{
	struct baton_block *b;
	uint64_t t;

	if (!producer_claim(&t, &b))
		return;
	fill(b, t, me);
	publish(b, t);
}

static void *leaver(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < (me == 1 ? N_SLOTS + N_TAKEN - 1 : 1); i++)
		claim_and_submit(me);
	return NULL;
}

static void *train(void *arg)
{
	uint64_t t;

	for (int i = 0; i < N_TAKEN; i++) {
		wait_ready(&t);
		take(t);
	}
	for (int i = N_TAKEN; i-- > 0;)
		give_back(FIRST + (uint64_t)i);
	return arg;
}

int main(void)
{
	pthread_t leavers[N_PRODUCERS];

	setup_ring();
	setup_waits();
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_create(&leavers[i], NULL, leaver, (void *)(intptr_t)(i + 1));
	train(NULL);
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_join(leavers[i], NULL);
	judge(N_TAKEN);
	return 0;
}
