/* SPDX-License-Identifier: MIT */
/* Seeded bugs: a trainer that reads a batch which it has given back, through a pointer that
 * it kept, once the producer has refilled that memory.
 *
 *   read_after_release  by itself
 *   helper_reads        by a helper, to which it passed the pointer in the proper way: it
 *                       should have waited for it before it gave the batch back */

#include "seeded.h"
#include <pthread.h>

/* Two: then a producer that sleeps is woken for the one that is given back (wait.h). */
#define BLOCKS 2

static bool honest;
static atomic_int filled; /* batches */
static baton_pipeline *feed;

/* What the helper is asked to judge, and what it says: ordered. */
static const uint64_t *asked;
static atomic_int asked_k, answered_k;
static atomic_int n_wrong;

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	uint64_t k = baton_writable_k(b);

	(void)state, (void)rng;
	put(baton_writable_data(b, 0), k);
	say(&filled, (int)k + 1);
	return BATON_OK;
}

/* Until somebody has refilled what batch k was in. */
static void wait_for_refill(int k)
{
	if (k + BLOCKS < BATCHES)
		reach(&filled, k + BLOCKS + 1);
}

static void *helper(void *unused)
{
	for (int k = 0; k < BATCHES; k++) {
		while (atomic_load_explicit(&asked_k, memory_order_acquire) <= k)
			sched_yield();
		if (!honest)
			wait_for_refill(k);
		n_wrong += wrong(asked, (uint64_t)k);
		atomic_store_explicit(&answered_k, k + 1, memory_order_release);
	}
	return unused;
}

static void wait_for_answer(int k)
{
	while (atomic_load_explicit(&answered_k, memory_order_acquire) <= k)
		sched_yield();
}

static void with_helper(baton_batch *b) BATON_RELEASES(*b) BATON_NO_ANALYSIS;
static void with_helper(baton_batch *b)
{
	int k = (int)baton_k(b);

	asked = baton_data(b, 0);
	atomic_store_explicit(&asked_k, k + 1, memory_order_release);
	if (honest)
		wait_for_answer(k);
	baton_release(feed, b);
	wait_for_answer(k);
}

static void alone(baton_batch *b) BATON_RELEASES(*b) BATON_NO_ANALYSIS;
static void alone(baton_batch *b)
{
	const uint64_t *words = baton_data(b, 0);
	int k = (int)baton_k(b);

	if (honest)
		n_wrong += wrong(words, (uint64_t)k);
	baton_release(feed, b);
	wait_for_refill(k);
	if (!honest)
		n_wrong += wrong(words, (uint64_t)k);
}

int main(int argc, char **argv)
{
	bool helped = argc > 1 && strcmp(argv[1], "helper_reads") == 0;
	baton_batch b = BATON_BATCH_INIT;
	pthread_t thread;

	honest = argc > 2 && strcmp(argv[2], "honest") == 0;
	feed = open_feed(fill, 1, BLOCKS);
	if (helped && pthread_create(&thread, NULL, helper, NULL))
		return 1;
	while (baton_next(feed, &b) == BATON_OK) {
		if (helped)
			with_helper(&b);
		else
			alone(&b);
	}
	if (helped)
		pthread_join(thread, NULL);
	return verdict(&feed, n_wrong);
}
