/* SPDX-License-Identifier: MIT */
/* Seeded bugs: a source whose fills, on two threads at once, share what each should have for
 * itself. The fills of batches 2j and 2j + 1 meet in the middle of both.
 *
 *   shared_state    one count of batches made so far, in place of the batch's own k
 *   shared_scratch  one array in which a batch is made before it is copied */

#include "seeded.h"

static bool honest;
static atomic_int half; /* fills that have come to their middle */

/* Until the other one has, too. */
static void meet(uint64_t k)
{
	atomic_fetch_add_explicit(&half, 1, memory_order_relaxed);
	reach(&half, (int)(k / 2 * 2) + 2);
}

static int fill_from_state(void *state, baton_writable *b, baton_rng *rng)
{
	static uint64_t made;
	uint64_t k = baton_writable_k(b), n = honest ? k : made;

	(void)state, (void)rng;
	meet(k);
	put(baton_writable_data(b, 0), n);
	if (!honest)
		made = n + 1;
	return BATON_OK;
}

static int fill_by_scratch(void *state, baton_writable *b, baton_rng *rng)
{
	static uint64_t shared[WORDS];
	uint64_t own[WORDS], *scratch = honest ? own : shared;
	uint64_t k = baton_writable_k(b);

	(void)state, (void)rng;
	put(scratch, k);
	meet(k);
	memcpy(baton_writable_data(b, 0), scratch, sizeof(own));
	return BATON_OK;
}

int main(int argc, char **argv)
{
	bool by_state = argc > 1 && strcmp(argv[1], "shared_state") == 0;
	baton_batch b = BATON_BATCH_INIT;
	baton_pipeline *feed;
	int n_wrong = 0;

	honest = argc > 2 && strcmp(argv[2], "honest") == 0;
	feed = open_feed(by_state ? fill_from_state : fill_by_scratch, 2, 4);
	while (baton_next(feed, &b) == BATON_OK) {
		n_wrong += wrong(baton_data(&b, 0), baton_k(&b));
		baton_release(feed, &b);
	}
	return verdict(&feed, n_wrong);
}
