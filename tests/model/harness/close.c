/* SPDX-License-Identifier: MIT */
/* Close, by the trainer, while others are still on their way out: who is inside is waited
 * for, then the memory goes. One word stands for all that close frees: whoever uses the
 * pipeline has read it by the time it leaves, and free() writes it.
 *
 * Producers of ours are canceled and joined. -DOWN: the caller's own threads, of which each
 * fills one batch, are not: the trainer has seen their batches and closes, and is refused
 * (MISUSE_LENT) while one is still inside submit. */
#ifndef N_PRODUCERS
#define N_PRODUCERS 2
#endif
#ifndef N_TICKETS
#define N_TICKETS 2
#endif
#ifdef OWN
#define TAKES N_TICKETS
#else
#define TAKES 1
#define CANCEL
#endif
#define MAIN
#include "sleepers.h"

static int memory;

static void use(void)
{
	(void)*(volatile int *)&memory;
}

#ifdef OWN
static _Atomic(unsigned) lent;

/* baton_begin() and baton_submit() */
static void *be_producer(void *arg)
{
	struct baton_block *b;
	uint64_t t;

	if (producer_claim(&t, &b)) {
		fill(b, t, (int)(intptr_t)arg);
		publish(b, t);
	}
	use();
	atomic_fetch_sub_explicit(&lent, 1, memory_order_release);
	return NULL;
}
#else
static void *be_producer(void *arg)
{
	produce(arg);
	use();
	return NULL;
}
#endif

/* The trainer gives back all that it took. */
static void *be_trainer(void *arg)
{
	train(arg);
	while (taken) {
		release_first();
		MODEL_NEXT();
	}
	return arg;
}

int main(void)
{
	pthread_t producers[N_PRODUCERS];

	setup_ring();
	setup_waits();
#ifdef OWN
	atomic_init(&lent, N_PRODUCERS); /* all are inside begin already */
#endif
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_create(&producers[i], NULL, be_producer, (void *)(intptr_t)(i + 1));
	be_trainer(NULL);
#ifdef OWN
	while (MODEL_LOOK(), atomic_load_explicit(&lent, memory_order_acquire) != 0)
		MODEL_YIELD();
	memory = 1;
#else
	cancel(NULL);
#endif
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_join(producers[i], NULL);
#ifndef OWN
	memory = 1;
#endif
	judge(n_taken);
	return 0;
}
