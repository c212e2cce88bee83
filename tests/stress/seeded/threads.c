/* SPDX-License-Identifier: MIT */
/* Seeded bugs: threads of the caller's own that write into a batch when it is not theirs.
 *
 *   write_after_submit  one more word is written once the trainer has taken the batch
 *   submit_before_fill  the batch is submitted, then filled
 *   shared_claim        a claim is copied to a second thread, and both fill it: that one as
 *                       the batch which it would have been next */

#include "seeded.h"
#include <pthread.h>

static enum { WRITE_AFTER_SUBMIT, SUBMIT_BEFORE_FILL, SHARED_CLAIM } bug;
static bool honest;
static baton_pipeline *feed;
static atomic_int lent, filled; /* batches, of a shared claim */
static atomic_int taken, done;  /* batches, between a thread and the trainer */
static _Atomic(uint64_t *) shared;

static void submit(baton_claim *c) BATON_RELEASES(*c) BATON_NO_ANALYSIS;
static void submit(baton_claim *c)
{
	if (baton_submit(feed, c) != BATON_OK)
		exit(1);
}

/* The second thread of a shared claim. */
static void *second(void *unused)
{
	for (int k = 0; k < BATCHES; k++) {
		reach(&lent, k + 1);
		if (!honest)
			put(atomic_load_explicit(&shared, memory_order_relaxed), (uint64_t)k + 1);
		say(&filled, k + 1);
	}
	return unused;
}

static void fill(uint64_t *words, int k)
{
	put(words, (uint64_t)k);
	if (bug != SHARED_CLAIM)
		return;
	atomic_store_explicit(&shared, words, memory_order_relaxed);
	say(&lent, k + 1);
	reach(&filled, k + 1);
}

static void *first(void *unused) BATON_NO_ANALYSIS;
static void *first(void *unused)
{
	baton_claim c = BATON_CLAIM_INIT;

	while (baton_begin(feed, &c) == BATON_OK) {
		uint64_t *words = baton_writable_data(baton_claimed(&c), 0);
		int k = (int)baton_writable_k(baton_claimed(&c));
		bool late = bug == SUBMIT_BEFORE_FILL && !honest;

		if (!late)
			fill(words, k);
		submit(&c);
		reach(&taken, k + 1);
		if (late)
			fill(words, k);
		if (bug == WRITE_AFTER_SUBMIT && !honest)
			words[WORDS - 1] = 0;
		say(&done, k + 1);
	}
	return unused;
}

/* Reads before the late fill, and after the late write. */
static int train(void)
{
	baton_batch b = BATON_BATCH_INIT;
	int n_wrong = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		int k = (int)baton_k(&b);

		if (bug == SUBMIT_BEFORE_FILL)
			n_wrong += wrong(baton_data(&b, 0), (uint64_t)k);
		say(&taken, k + 1);
		reach(&done, k + 1);
		if (bug != SUBMIT_BEFORE_FILL)
			n_wrong += wrong(baton_data(&b, 0), (uint64_t)k);
		baton_release(feed, &b);
	}
	return n_wrong;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"write_after_submit", "submit_before_fill",
	                                    "shared_claim"};
	pthread_t threads[2];
	int n_wrong;

	while (argc > 1 && strcmp(argv[1], names[bug]) != 0)
		if (++bug > SHARED_CLAIM)
			return 1;
	honest = argc > 2 && strcmp(argv[2], "honest") == 0;
	feed = open_feed(NULL, 0, 4);
	if (pthread_create(&threads[0], NULL, first, NULL) ||
	    (bug == SHARED_CLAIM && pthread_create(&threads[1], NULL, second, NULL)))
		return 1;
	n_wrong = train();
	pthread_join(threads[0], NULL);
	if (bug == SHARED_CLAIM)
		pthread_join(threads[1], NULL);
	return verdict(&feed, n_wrong);
}
