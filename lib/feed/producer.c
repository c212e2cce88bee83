/* SPDX-License-Identifier: MIT */
/* Producer: claim a ticket, fill its block, publish it.
 *
 * Every claimed ticket is published, whatever happens: filled, or with the END or the
 * error that stopped it, or empty because the run was canceled. So the trainer never
 * waits for a ticket that nobody will pass on. Unless the trainer has done so itself, since
 * we were late: then what we made is not wanted, and the block goes back to the spares. */

#include "batch.h"
#include "error.h"
#include "observe.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int thread_of(const struct baton_producer *p)
{
	return baton_thread_of(p->feed, (uint32_t)p->index);
}

/* Sleep until a slot may be free, or the run is over. */
static void park(struct baton_producer *p, uint64_t deadline_ns)
{
	struct baton_pipeline *feed = p->feed;
	int32_t epoch = baton_wait_producer_down(&feed->wait);

	if (baton_wait_full(&feed->ring) &&
	    atomic_load_explicit(&feed->state, ORDER_RECHECK) == BATON_RUNNING) {
		baton_counter_add(&p->parks, 1);
		baton_ledger_sleeps(p);
		baton_observe(feed, PARK, park, thread_of(p), 0, NULL);
		baton_futex_wait(&feed->wait.producers_epoch, epoch, deadline_ns);
		baton_ledger_wakes(p);
		baton_observe(feed, WAKE, wake, thread_of(p), 0, NULL);
		p->woken = true;
	}
	baton_wait_producer_up(&feed->wait);
}

static int try_claim(struct baton_pipeline *feed, uint64_t *t, struct baton_block **block)
{
	enum baton_state state = baton_state_of(feed);

	if (state != BATON_RUNNING)
		return state == BATON_STOPPED ? BATON_CANCELED : BATON_END;
	switch (baton_ring_claim(&feed->ring, feed->limit, t, block)) {
	case BATON_CLAIM_WON:
		return BATON_OK;
	case BATON_CLAIM_PAST:
		return BATON_END;
	default:
		return BATON_TIMEOUT;
	}
}

static int wait_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                      struct baton_block **block)
{
	int rc = BATON_TIMEOUT;

	for (int turn = 0; rc == BATON_TIMEOUT; rc = try_claim(p->feed, t, block)) {
		if (deadline_ns != BATON_FOREVER && baton_now_ns() >= deadline_ns)
			return BATON_TIMEOUT;
		if (turn < BATON_PRODUCER_TURNS)
			baton_wait_turn(turn++);
		else
			park(p, deadline_ns);
	}
	return rc;
}

/* What the producer writes of a block next, which is on the trainer's CPU: on its way while the
 * clock is looked at. */
static void fetch(const struct baton_block *block)
{
	__builtin_prefetch(&block->k, 1);
	__builtin_prefetch(block->data, 1);
}

int baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                         struct baton_block **block)
{
	int rc = try_claim(p->feed, t, block);

	p->claimed_ns = 0;
	if (rc == BATON_TIMEOUT && deadline_ns != 0) {
		baton_ledger_lacks(p);
		rc = wait_claim(p, deadline_ns, t, block);
		if (rc == BATON_OK)
			fetch(*block);
		baton_ledger_has(p);
	}
	if (rc != BATON_OK)
		return rc;
	baton_observe(p->feed, CLAIM, claim, thread_of(p), *t, NULL);
	if (*t + 1 == p->feed->limit)
		baton_halt(p->feed); /* that was the last: who sleeps for another is told */
	else if (p->woken)
		baton_wait_pass_on(&p->feed->wait, &p->feed->ring, p->feed->wait.crowd);
	p->woken = false;
	return BATON_OK;
}

/* Is the producer a thread of ours, and not the caller's? */
static bool is_ours(const struct baton_producer *p)
{
	return p->feed->source.fill && p != p->feed->inner;
}

void baton_producer_open_block(const struct baton_producer *p, uint64_t t,
                               struct baton_block *block)
{
	block->k = p->feed->options.first_batch + t * p->feed->pool.block_batches;
	block->n = 0;
	block->stop = BATON_OK;
	block->lacked_ns = p->lacked_ns;
	block->claimed_ns = p->claimed_ns;
	block->producer = (uint32_t)p->index;
	baton_block_turn(block, BATON_GUARD_FILLS, is_ours(p) ? p->index : BATON_NO_PRODUCER);
}

int baton_producer_view(const struct baton_producer *p, uint64_t t, struct baton_block *block,
                        baton_writable *w)
{
	int rc = baton_block_own(block, block->n);

	block->cells[block->n] =
		(struct baton_cell){(uint32_t)block->layout->rows, BATON_CELL_FILLED};
	if (block->text[0]) /* else its line is not written */
		block->text[0] = '\0';
	if (rc != BATON_OK)
		return baton_block_fail(block, rc, BATON_BLOCK_UNMAPPED);
	baton_block_blank(block, block->n);
	*w = (baton_writable){p->slot, t, block->n, BATON_POOLED};
	return BATON_OK;
}

/* What a source's fill may return, and what it is taken for. */
static int checked(struct baton_block *block, int rc)
{
	char text[64];

	if (rc == BATON_OK || rc == BATON_END)
		return rc;
	if (rc < 0)
		return baton_block_fail(block, rc, block->text[0] ? block->text : NULL);
	snprintf(text, sizeof(text), "fill returned %d: not BATON_OK, BATON_END or < 0", rc);
	return baton_block_fail(block, -EINVAL, text);
}

static int fill_batch(struct baton_producer *p, uint64_t t, struct baton_block *block)
{
	baton_writable w;
	baton_rng rng;
	int rc = baton_producer_view(p, t, block, &w);

	if (rc != BATON_OK)
		return rc;
	baton_rng_init(&rng, p->feed->options.seed, block->k + block->n);
	rc = checked(block, p->feed->source.fill(p->state, &w, &rng));
	if (rc == BATON_OK)
		baton_block_check_filled(block, block->n);
	baton_block_disown(block, block->n);
	return rc;
}

static inline __attribute__((always_inline)) void fill_batches(struct baton_producer *p, uint64_t t,
                                                               struct baton_block *block)
{
	struct baton_pipeline *feed = p->feed;
	uint32_t m = feed->pool.block_batches;
	int rc;

	baton_producer_open_block(p, t, block);
	if (feed->end_k - block->k < m) /* the last block of a known length */
		m = (uint32_t)(feed->end_k - block->k);
	do {
		rc = fill_batch(p, t, block);
		block->n += rc == BATON_OK;
		if (block->n < m && baton_state_of(feed) == BATON_STOPPED)
			rc = BATON_CANCELED; /* nobody reads the rest */
	} while (block->n < m && rc == BATON_OK);
	block->stop = rc;
	baton_counter_add(&p->filled, block->n);
	if (rc != BATON_OK)
		baton_halt(feed); /* every lower ticket is claimed already: none is lost */
}

/* While a fill is at it the ring's slot may get another block, so it is lent a view of a slot
 * of our own. relaxed: this thread lends the view, and takes it back. */
static void fill_replaceable(struct baton_producer *p, uint64_t t, struct baton_block *block)
{
	p->slot = p->hand;
	atomic_store_explicit(&p->hand->block, block, memory_order_relaxed);
	atomic_store_explicit(&p->hand->turn, 2 * t, memory_order_relaxed);
	fill_batches(p, t, block);
	atomic_store_explicit(&p->hand->turn, 2 * t + 1, memory_order_relaxed);
}

void baton_producer_fill(struct baton_producer *p, uint64_t t, struct baton_block *block)
{
	if (p->feed->pool.n_spares > 0) {
		fill_replaceable(p, t, block);
		return;
	}
	p->slot = baton_ring_slot(&p->feed->ring, t);
	fill_batches(p, t, block);
}

void baton_producer_publish(struct baton_pipeline *feed, uint64_t t, struct baton_block *block)
{
	baton_observe(feed, PUBLISH, publish, baton_thread_of(feed, block->producer), t, block);
	if (baton_ring_publish(&feed->ring, t)) {
		baton_wait_published(&feed->wait, t);
		return;
	}
	assert(feed->pool.n_spares > 0); /* the trainer was faster */
	baton_observe(feed, LATE, late, baton_thread_of(feed, block->producer), t, block);
	baton_spares_push(&feed->pool.spares, block);
}

int baton_producer_start(struct baton_producer *p)
{
	const baton_source *source = &p->feed->source;
	int rc = BATON_OK;

	p->state = source->state;
	if (!source->start)
		return BATON_OK;
	rc = source->start(p->index, &p->state, &p->start_error);
	if (rc > 0)
		rc = -EINVAL;
	p->start_error.code = rc;
	baton_error_one_line(p->start_error.text);
	if (rc < 0 && !p->start_error.text[0])
		baton_error_set(&p->start_error, rc, "producer %d: start failed: %s", p->index,
		                baton_strerror(rc));
	return rc;
}

void baton_producer_stop(struct baton_producer *p)
{
	if (p->feed->source.stop)
		p->feed->source.stop(p->index, p->state);
}

void *baton_producer_main(void *arg)
{
	struct baton_producer *p = arg;
	struct baton_pipeline *feed = p->feed;
	struct baton_block *block;
	uint64_t t;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "baton-%d", p->index);
	pthread_setname_np(pthread_self(), name);
	rc = baton_producer_start(p);
	sem_post(&feed->started);
	if (rc < 0)
		return NULL;
	baton_account_begin(&p->account, BATON_PRODUCER_FILLS, baton_now_ns());
	while (baton_producer_claim(p, BATON_FOREVER, &t, &block) == BATON_OK) {
		baton_producer_fill(p, t, block);
		baton_producer_publish(feed, t, block);
	}
	baton_account_turn(&p->account, BATON_NO_TIME, baton_now_ns());
	baton_producer_stop(p);
	return NULL;
}
