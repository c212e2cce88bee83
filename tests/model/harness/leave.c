/* SPDX-License-Identifier: MIT */
/* Threads of the caller's own of which each claims as often as it likes, and leaves. One
 * sleeps for a slot; the trainer gives one back, and is busy from then on: nobody comes who
 * could make good what that release has missed. The first thread claims twice, the second
 * once: one ticket more than there are slots. */
#define OWN
#define TRAIN
#define MAIN
#define N_PRODUCERS 2
#ifndef N_SLOTS
#define N_SLOTS 2
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

	for (int i = 0; i < (me == 1 ? N_SLOTS : 1); i++)
		claim_and_submit(me);
	return NULL;
}

static void *train(void *arg)
{
	uint64_t t;

	wait_ready(&t);
	take(t);
	give_back(t);
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
	judge(1);
	return 0;
}
