/* SPDX-License-Identifier: MIT */
/* Claim: the producer's side for callers with threads of their own. A claim is a ticket
 * that they hold: one block of one batch, between begin and submit, discard or finish.
 *
 * `lent` counts threads inside begin and claims that are out, in one number: close
 * refuses while it is not 0. Which producer a caller's thread is does not matter, so
 * each call makes a producer of its own for as long as it lasts. */

#include "batch.h"
#include "error.h"
#include "feed.h"
#include <errno.h>

/* Publish a ticket that is out; whatever block says goes with it. */
static void pass_on(baton_pipeline *feed, uint64_t t, struct baton_block *block)
{
	if (block->stop != BATON_OK)
		baton_halt(feed); /* every lower ticket is claimed already: none is lost */
	else
		atomic_fetch_add_explicit(&feed->producers->filled, 1, memory_order_relaxed);
	baton_producer_publish(feed, t, block);
	/* release: pairs with the acquire in close, which then may free everything */
	atomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);
}

/* How long one of the caller's threads waited, beside what the others did. */
static void note_wait(struct baton_producer *all, const struct baton_account *one)
{
	/* relaxed: it orders nothing; but here there are many writers */
	for (int i = BATON_PRODUCER_LACKS; i <= BATON_PRODUCER_PARKS; i++)
		atomic_fetch_add_explicit(&all->account.ns[i], baton_counter_read(&one->ns[i]),
		                          memory_order_relaxed);
}

int baton_begin_until(baton_pipeline *feed, baton_claim *c, uint64_t deadline_ns)
{
	struct baton_producer me = {.feed = feed};
	struct baton_block *block;
	uint64_t t;
	int rc;

	if (!feed || !c)
		return BATON_MISUSE_NULL;
	if (feed->source.fill)
		return BATON_MISUSE_FILLED;
	if (c->w_.kind_ != BATON_EMPTY)
		return BATON_MISUSE_OCCUPIED;
	/* relaxed: close may not run beside begin; this is for a caller who errs */
	atomic_fetch_add_explicit(&feed->lent, 1, memory_order_relaxed);
	rc = baton_producer_claim(&me, deadline_ns, &t, &block);
	atomic_fetch_add_explicit(&feed->producers->parks, baton_counter_read(&me.parks),
	                          memory_order_relaxed);
	if (me.claimed_ns)
		note_wait(feed->producers, &me.account);
	if (rc != BATON_OK) {
		/* release: as in pass_on() */
		atomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);
		return rc;
	}
	baton_producer_open_block(&me, t, block);
	me.slot = baton_ring_slot(&feed->ring, t);
	rc = baton_producer_view(&me, t, block, &c->w_);
	if (rc != BATON_OK) {
		pass_on(feed, t, block);
		return rc;
	}
	/* relaxed: take_back() has the handle, which came from here */
	atomic_store_explicit(&me.slot->claim, t + 1, memory_order_relaxed);
	return BATON_OK;
}

int baton_begin(baton_pipeline *feed, baton_claim *c)
{
	return baton_begin_until(feed, c, BATON_FOREVER);
}

baton_writable *baton_claimed(baton_claim *c)
{
	return c && c->w_.kind_ != BATON_EMPTY ? &c->w_ : NULL;
}

/* Take the claim out of its caller's hands. Of several copies, on whichever threads, one
 * wins, and only the winner touches the block. */
static int take_back(const baton_pipeline *feed, const baton_claim *c, struct baton_block **block)
{
	struct baton_slot *s;
	uint64_t out;

	if (!feed || !c)
		return BATON_MISUSE_NULL;
	if (c->w_.kind_ == BATON_EMPTY)
		return BATON_MISUSE_EMPTY;
	s = baton_ring_slot(&feed->ring, c->w_.ticket_);
	if (c->w_.at_ != s)
		return BATON_MISUSE_FOREIGN;
	out = c->w_.ticket_ + 1;
	/* relaxed: it only chooses the winner; what it passes on is ordered by the turn */
	if (!atomic_compare_exchange_strong_explicit(&s->claim, &out, 0, memory_order_relaxed,
	                                             memory_order_relaxed))
		return BATON_MISUSE_STALE;
	*block = atomic_load_explicit(&s->block, memory_order_relaxed);
	return BATON_OK;
}

static int give_away(baton_pipeline *feed, baton_claim *c, struct baton_block *block)
{
	uint64_t t = c->w_.ticket_;

	baton_block_disown(block, 0);
	*c = (baton_claim)BATON_CLAIM_INIT;
	pass_on(feed, t, block);
	return BATON_OK;
}

int baton_submit(baton_pipeline *feed, baton_claim *c)
{
	struct baton_block *block;
	int rc = take_back(feed, c, &block);

	if (rc != BATON_OK)
		return rc;
	baton_block_check_filled(block, 0);
	block->stop = BATON_OK;
	block->n = 1;
	return give_away(feed, c, block);
}

int baton_discard(baton_pipeline *feed, baton_claim *c, int code, const char *text)
{
	struct baton_block *block;
	int rc = take_back(feed, c, &block);

	if (rc != BATON_OK)
		return rc;
	baton_block_fail(block, code, text);
	return give_away(feed, c, block);
}

int baton_finish(baton_pipeline *feed, baton_claim *c)
{
	struct baton_block *block;
	int rc = take_back(feed, c, &block);

	if (rc != BATON_OK)
		return rc;
	block->stop = BATON_END;
	return give_away(feed, c, block);
}
