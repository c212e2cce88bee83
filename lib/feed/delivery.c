/* SPDX-License-Identifier: MIT */
/* Delivery: the trainer's side. Which batch comes next, and what is given back.
 *
 * A ticket's life, seen from here: untaken, taken (its block is ours, batch by batch),
 * released. head is the lowest untaken ticket, oldest the lowest unreleased one, and
 *     oldest <= head <= oldest + C:
 * a slot serves ticket t only after t - C was released. Tickets are taken at head, or,
 * in completion order, anywhere in [head, oldest + C) where one is ready. If there is
 * no untaken ticket below oldest + C, nothing can come before we release something:
 * that is MISUSE_HELD, and the only way to get it.
 *
 * Instead of waiting the trainer may make batches itself, as one more producer (inner): all
 * of them (inline), the one at head if it is late (spares), the next that nobody has begun
 * (work-conserving).
 *
 * Nothing here is atomic but the ring and the flags: it is all one thread's. */

#include "batch.h"
#include "error.h"
#include "observe.h"
#include <errno.h>
#include <string.h>

static bool untaken(const struct baton_pipeline *feed, uint64_t t)
{
	return baton_ring_slot(&feed->ring, t)->due == t;
}

static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* The tickets that may be taken now: [head, end). */
static uint64_t window_end(const struct baton_pipeline *feed)
{
	const struct baton_delivery *d = &feed->delivery;
	uint64_t end = d->oldest + feed->ring.mask + 1;

	if (feed->options.order == BATON_ORDERED && before(d->head + 1, end))
		end = d->head + 1;
	if (before(feed->limit, end))
		end = feed->limit;
	if (d->stopping)
		end = d->stop_ticket; /* is taken, so below all of those; past it nothing is wanted
		                       */
	return end;
}

/* The first ready ticket that may be taken, out of order: a deep ring has many to look at. What
 * nobody has claimed is not ready (relaxed: or is found at the next look). */
static bool find_any(const struct baton_pipeline *feed, uint64_t *t)
{
	uint64_t end = window_end(feed);
	uint64_t claimed = atomic_load_explicit(&feed->ring.ticket, memory_order_relaxed);

	if (before(claimed, end))
		end = claimed;
	for (; before(*t, end); (*t)++)
		if (untaken(feed, *t) && baton_ring_ready(&feed->ring, *t))
			return true;
	return false;
}

/* The first ready ticket that may be taken. In order only head may, and next_block() has seen
 * that it may. */
static bool find_ready(const struct baton_pipeline *feed, uint64_t *t)
{
	*t = feed->delivery.head;
	return feed->options.order == BATON_ORDERED ? baton_ring_ready(&feed->ring, *t)
	                                            : find_any(feed, t);
}

/* The same with the order that sleeping needs. */
static bool any_ready_recheck(const struct baton_pipeline *feed)
{
	uint64_t end = window_end(feed);

	for (uint64_t t = feed->delivery.head; before(t, end); t++)
		if (untaken(feed, t) && baton_wait_ready(&feed->ring, t))
			return true;
	return false;
}

/* Release a block whose every batch was given back. */
static void give_back(struct baton_pipeline *feed, uint64_t t)
{
	struct baton_delivery *d = &feed->delivery;

	baton_observe(feed, RELEASE, release, BATON_THREAD_TRAINER, t, NULL);
	baton_ring_release(&feed->ring, t);
	d->taken--;
	while (d->oldest != d->head && baton_ring_released(&feed->ring, d->oldest))
		d->oldest++;
	if (feed->source.fill)
		baton_wait_released(&feed->wait, &feed->ring, d->oldest, d->taken);
	else
		baton_wait_pass_on(&feed->wait, &feed->ring, 0);
}

/* Remember the END or error that comes after this block. The lowest one counts, and is the
 * last that is seen: nothing is taken past one. */
static void note_stop(struct baton_delivery *d, uint64_t t, const struct baton_block *block)
{
	if (block->stop == BATON_OK)
		return;
	d->stopping = true;
	d->stop_ticket = t;
	d->stop.code = block->stop;
	d->stop.batch = block->k + block->n;
	memcpy(d->stop.text, block->text, sizeof(d->stop.text));
}

/* The block of a ticket that is ready. */
static struct baton_block *block_of(const struct baton_pipeline *feed, uint64_t t)
{
	/* relaxed: ours since the turn was acquired */
	return atomic_load_explicit(&baton_ring_slot(&feed->ring, t)->block, memory_order_relaxed);
}

static void take(struct baton_pipeline *feed, uint64_t t)
{
	struct baton_delivery *d = &feed->delivery;
	struct baton_slot *s = baton_ring_slot(&feed->ring, t);
	struct baton_block *block = block_of(feed, t);

	s->due = t + feed->ring.mask + 1;
	while (!untaken(feed, d->head))
		d->head++;
	d->taken++;
	note_stop(d, t, block);
	d->ticket = t;
	d->block = block;
	d->index = 0;
	d->n = block->left = block->n;
	baton_observe(feed, TAKE, take, BATON_THREAD_TRAINER, t, block);
	if (d->n == 0)
		give_back(feed, t); /* nothing in it but its stop */
	else
		baton_block_turn(block, BATON_GUARD_READS, BATON_NO_PRODUCER);
}

/* Sleep until what we want may be there. */
static void park(struct baton_pipeline *feed, uint64_t deadline_ns)
{
	struct baton_delivery *d = &feed->delivery;
	uint64_t wants = feed->options.order == BATON_ORDERED ? 2 * d->head + 1 : BATON_WANTS_ANY;
	uint64_t nap_ns =
		baton_now_ns() + (feed->pool.n_spares ? BATON_LATE_NS : BATON_TRAINER_NAP_NS);
	int32_t epoch;

	baton_wait_pass_on(&feed->wait, &feed->ring, 0);
	epoch = baton_wait_trainer_down(&feed->wait, wants);
	if (!any_ready_recheck(feed) &&
	    atomic_load_explicit(&feed->state, ORDER_RECHECK) != BATON_STOPPED) {
		baton_counter_add(&d->parks, 1);
		baton_observe(feed, PARK, park, BATON_THREAD_TRAINER, 0, NULL);
		baton_futex_wait(&feed->wait.trainer_epoch, epoch,
		                 nap_ns < deadline_ns ? nap_ns : deadline_ns);
		baton_observe(feed, WAKE, wake, BATON_THREAD_TRAINER, 0, NULL);
	}
	baton_wait_trainer_up(&feed->wait);
}

/* relaxed: for the account only */
static bool head_is_claimed(const struct baton_pipeline *feed)
{
	return before(feed->delivery.head,
	              atomic_load_explicit(&feed->ring.ticket, memory_order_relaxed));
}

static void fill(struct baton_pipeline *feed, uint64_t t, struct baton_block *block)
{
	struct baton_delivery *d = &feed->delivery;
	int before = baton_ledger_fills(&d->time);

	if (feed->wait.crowd > 0) /* who fills waits, and may do so without ever sleeping */
		baton_wait_pass_on(&feed->wait, &feed->ring, 0);
	baton_producer_fill(feed->inner, t, block);
	d->own_fill_ns = baton_ledger_filled(&d->time, before);
}

/* Be a producer: fill the next ticket, if its slot is free. */
static bool fill_next(struct baton_pipeline *feed)
{
	struct baton_block *block;
	uint64_t t;

	if (baton_producer_claim(feed->inner, 0, &t, &block) != BATON_OK)
		return false;
	fill(feed, t, block);
	baton_producer_publish(feed, t, block);
	return true;
}

/* Be the producer that has claimed the ticket at head. */
static bool replace_head(struct baton_pipeline *feed)
{
	struct baton_delivery *d = &feed->delivery;
	struct baton_block *spare = baton_spares_pop(&feed->pool.spares);

	if (!spare)
		return false;
	baton_observe(feed, CLAIM, claim, BATON_THREAD_TRAINER, d->head, NULL);
	fill(feed, d->head, spare);
	if (baton_ring_replace(&feed->ring, d->head, spare)) {
		baton_observe(feed, PUBLISH, publish, BATON_THREAD_TRAINER, d->head, spare);
		baton_counter_add(&d->replaced, 1);
		d->after_own = d->head + 1;
	} else { /* there it is */
		baton_observe(feed, LATE, late, BATON_THREAD_TRAINER, d->head, spare);
		baton_spares_keep(&feed->pool.spares, spare);
	}
	return true;
}

/* Be a producer of the ticket at head, which nobody has begun; or of a later one, if somebody
 * just has. */
static bool fill_head(struct baton_pipeline *feed)
{
	if (!fill_next(feed))
		return false;
	feed->delivery.after_own = feed->delivery.head + 1;
	return true;
}

/* The ticket at head is late: make it. If nobody has even begun it, in its place. */
static bool help(struct baton_pipeline *feed)
{
	return baton_ring_claimed(&feed->ring, feed->delivery.head) ? replace_head(feed)
	                                                            : fill_head(feed);
}

/* Waiting for the ticket at head begins, unless it has before: when is it late? A producer
 * that works may take as long as we would; twice that, and more than a nap, is too long. And
 * if the one before was, nobody has been heard of since: at once. */
static void set_late(struct baton_pipeline *feed, uint64_t now_ns)
{
	struct baton_delivery *d = &feed->delivery;
	uint64_t patience = 2 * d->own_fill_ns;

	if (d->late_ns != 0 && d->waited_for == d->head)
		return;
	d->waited_for = d->head;
	d->late_ns = now_ns + (patience > BATON_LATE_NS ? patience : BATON_LATE_NS);
	if (d->after_own != 0 && d->after_own == d->head)
		d->late_ns = now_ns;
}

/* Make batches rather than wait for them. False: there is nothing to do. */
static bool lend_a_hand(struct baton_pipeline *feed, bool over)
{
	if (feed->pool.n_spares && baton_now_ns() >= feed->delivery.late_ns && help(feed))
		return true;
	return feed->options.work_conserving && !over && fill_next(feed);
}

/* As the last wait was, so will this one be. */
static int turns_to_wait(const struct baton_pipeline *feed)
{
	if (feed->options.work_conserving)
		return BATON_FILLER_TURNS;
	return feed->delivery.waited_ns > BATON_LONG_WAIT_NS ? BATON_FEW_TURNS
	                                                     : BATON_TRAINER_TURNS;
}

/* Wait for a ticket that may be taken. *claimed_ns: since when the one at head was seen
 * to be in somebody's hands; 0 if it never was. */
static int wait_ready(struct baton_pipeline *feed, uint64_t deadline_ns, uint64_t *t,
                      uint64_t *claimed_ns)
{
	int turn = 0, turns = turns_to_wait(feed);

	while (!find_ready(feed, t)) {
		bool over = deadline_ns != BATON_FOREVER && baton_now_ns() >= deadline_ns;

		if (baton_state_of(feed) == BATON_STOPPED)
			return BATON_CANCELED;
		/* not at each turn: the ticket's line is the claimers' */
		if (*claimed_ns == 0 && (turn % 32 == 31 || turn >= turns) &&
		    head_is_claimed(feed)) {
			*claimed_ns = baton_now_ns();
			baton_account_call(&feed->delivery.time.account, BATON_TIME_FILL);
		}
		if (turn < turns && !over) {
			baton_wait_turn(turn++);
			continue;
		}
		if (lend_a_hand(feed, over))
			continue;
		if (over) {
			/* to poll is to wait: the rule for a trainer about to sleep holds */
			baton_wait_pass_on(&feed->wait, &feed->ring, 0);
			return BATON_TIMEOUT;
		}
		park(feed, deadline_ns);
	}
	return BATON_OK;
}

/* What the trainer reads of a block next, which is on another CPU: on its way while the clock is
 * looked at, which lets no load pass before it is done. */
static void fetch(const struct baton_block *block)
{
	__builtin_prefetch(&block->k);
	__builtin_prefetch(block->data);
}

/* Wait, and put the time down to what it was waited for, as far as it was seen: claimed
 * and filled while we slept, nobody had begun when we lay down; while we only yielded,
 * somebody has had the CPU for it since. */
static int wait_timed(struct baton_pipeline *feed, uint64_t deadline_ns, uint64_t *t)
{
	struct baton_delivery *d = &feed->delivery;
	int before = baton_account_doing(&d->time.account);
	uint64_t parks = baton_counter_read(&d->parks), begun = baton_ledger_wait(&d->time);
	uint64_t claimed = 0;
	int rc;

	if (feed->pool.n_spares)
		set_late(feed, begun);
	rc = wait_ready(feed, deadline_ns, t, &claimed);
	if (rc == BATON_OK)
		fetch(block_of(feed, *t));
	if (claimed == 0)
		claimed = parks == baton_counter_read(&d->parks) ? begun : UINT64_MAX;
	d->waited_ns = baton_ledger_waited(feed, before, claimed,
	                                   rc == BATON_OK ? block_of(feed, *t) : NULL) -
	               begun;
	return rc;
}

static bool is_inline(const struct baton_pipeline *feed)
{
	return feed->n_threads == 0 && feed->source.fill;
}

/* Have a block with a batch to hand out. */
static int next_block(struct baton_pipeline *feed, uint64_t deadline_ns)
{
	struct baton_delivery *d = &feed->delivery;
	uint64_t t;
	int rc = BATON_OK;

	if (d->stopping && !before(d->head, d->stop_ticket))
		return d->stop.code;
	if (d->head == feed->limit)
		return BATON_END;
	if (d->head == d->oldest + feed->ring.mask + 1)
		return BATON_MISUSE_HELD;
	baton_ledger_enter(&d->time);
	if (is_inline(feed)) /* what it fills is taken at once: none is ready before. The slot at
	                      * head is free; only a cancel can come between */
		fill_next(feed);
	if (!find_ready(feed, &t))
		rc = wait_timed(feed, deadline_ns, &t);
	if (rc == BATON_OK)
		take(feed, t);
	return rc;
}

/* Have a batch in hand. Apart, since it is once a block that there is none. */
static __attribute__((noinline)) int refill(struct baton_pipeline *feed, uint64_t deadline_ns)
{
	const struct baton_delivery *d = &feed->delivery;
	int rc = BATON_OK;

	while (rc == BATON_OK && d->index == d->n)
		rc = next_block(feed, deadline_ns);
	return rc;
}

/* Is this the last word? Then next() will repeat it. */
static __attribute__((noinline)) int last_word(struct baton_delivery *d, int rc)
{
	if (rc == BATON_END || rc == BATON_CANCELED || (rc < 0 && !baton_is_misuse(rc))) {
		d->ended = rc;
		baton_ledger_leave(&d->time);
	}
	return rc;
}

/* A batch that can't be mapped is an error in its place. */
static int unmapped(struct baton_delivery *d)
{
	baton_error_set(&d->stop, -ENOMEM, BATON_BLOCK_UNMAPPED);
	d->stop.batch = d->block->k + d->index;
	return -ENOMEM;
}

static int hand_out(struct baton_pipeline *feed, baton_batch *b)
{
	struct baton_delivery *d = &feed->delivery;
	struct baton_block *block = d->block;
	uint32_t i = d->index;

	if (baton_block_own(block, i) != BATON_OK)
		return unmapped(d);
	d->index = i + 1;
	block->cells[i].state = BATON_CELL_HELD;
	*b = (baton_batch){baton_ring_slot(&feed->ring, d->ticket), d->ticket, i, BATON_POOLED};
	baton_counter_add(&d->batches, 1);
	return BATON_OK;
}

static int next_batch(struct baton_pipeline *feed, baton_batch *b, uint64_t deadline_ns)
{
	struct baton_delivery *d = &feed->delivery;
	int rc = BATON_OK;

	if (b->kind_ != BATON_EMPTY)
		return BATON_MISUSE_OCCUPIED;
	if (d->ended != BATON_OK)
		return d->ended;
	if (baton_state_of(feed) == BATON_STOPPED)
		rc = BATON_CANCELED;
	else if (d->index == d->n)
		rc = refill(feed, deadline_ns);
	if (rc == BATON_OK)
		rc = hand_out(feed, b);
	return rc == BATON_OK ? BATON_OK : last_word(d, rc);
}

int baton_next_until(baton_pipeline *feed, baton_batch *b, uint64_t deadline_ns)
{
	int rc;

	if (!feed || !b)
		return BATON_MISUSE_NULL;
	rc = next_batch(feed, b, deadline_ns);
	/* a loop that only asks for BATON_OK must still be able to learn why it ended */
	feed->delivery.misuse = baton_is_misuse(rc) ? rc : BATON_OK;
	return rc;
}

int baton_next(baton_pipeline *feed, baton_batch *b)
{
	return baton_next_until(feed, b, BATON_FOREVER);
}

/* Is this a batch of feed that its caller holds? */
static int check_held(const baton_pipeline *feed, const baton_batch *b, struct baton_block **block)
{
	const struct baton_slot *s;

	if (!feed || !b)
		return BATON_MISUSE_NULL;
	if (b->kind_ != BATON_POOLED)
		return b->kind_ == BATON_EMPTY ? BATON_MISUSE_EMPTY : BATON_MISUSE_DETACHED;
	s = b->at_;
	if (s != baton_ring_slot(&feed->ring, b->ticket_))
		return BATON_MISUSE_FOREIGN;
	*block = baton_batch_block(b);
	return *block ? BATON_OK : BATON_MISUSE_STALE;
}

/* Batch b is not held any more; its bytes belong to nobody. */
static void let_go(struct baton_pipeline *feed, struct baton_block *block, const baton_batch *b)
{
	block->cells[b->index_].state = BATON_CELL_RETURNED;
	baton_block_scrub(block, b->index_);
	baton_block_disown(block, b->index_);
	if (--block->left == 0)
		give_back(feed, b->ticket_);
}

int baton_release(baton_pipeline *feed, baton_batch *b)
{
	struct baton_block *block;
	int rc = check_held(feed, b, &block);

	if (rc != BATON_OK)
		return rc;
	baton_counter_add(&feed->delivery.back, 1);
	let_go(feed, block, b);
	*b = (baton_batch)BATON_BATCH_INIT;
	return BATON_OK;
}

/* A copy of batch i, as the only batch of a block of its own. */
static struct baton_block *copy_batch(const struct baton_block *block, uint32_t i)
{
	const struct baton_layout *l = block->layout;
	struct baton_block *copy = baton_block_create(block->layout, 1);

	if (!copy)
		return NULL;
	copy->k = block->k + i;
	baton_block_turn(copy, BATON_GUARD_FILLS, BATON_NO_PRODUCER);
	if (baton_block_own(copy, 0) != BATON_OK)
		goto fail;
	for (size_t f = 0; f < l->n_fields; f++)
		memcpy(copy->data + l->offset[f], baton_block_batch(block, i) + l->offset[f],
		       l->used[f]);
	copy->n = 1;
	copy->cells[0] = block->cells[i];
	baton_block_disown(copy, 0);
	baton_block_turn(copy, BATON_GUARD_READS, BATON_NO_PRODUCER);
	if (baton_block_own(copy, 0) != BATON_OK)
		goto fail;
	return copy;
fail:
	baton_block_destroy(&copy);
	return NULL;
}

/* A fresh block for the slot of ticket t, in place of the one that it has. */
static bool replace_block(struct baton_pipeline *feed, uint64_t t)
{
	struct baton_block *fresh = baton_block_create(feed->pool.layout, 1);

	if (!fresh)
		return false;
	/* relaxed: the slot is ours until give_back() */
	atomic_store_explicit(&baton_ring_slot(&feed->ring, t)->block, fresh, memory_order_relaxed);
	return true;
}

int baton_detach(baton_pipeline *feed, baton_batch *b)
{
	struct baton_block *block, *mine;
	int rc = check_held(feed, b, &block);

	if (rc != BATON_OK)
		return rc;
	if (block->capacity == 1) {
		if (!replace_block(feed, b->ticket_))
			return -ENOMEM;
		give_back(feed, b->ticket_);
		mine = block;
	} else {
		mine = copy_batch(block, b->index_);
		if (!mine)
			return -ENOMEM;
		let_go(feed, block, b);
	}
	baton_block_keep(mine);
	baton_counter_add(&feed->delivery.back, 1);
	*b = (baton_batch){mine, 0, 0, BATON_DETACHED};
	return BATON_OK;
}

int baton_status(const baton_pipeline *feed, baton_error *err)
{
	const struct baton_delivery *d;
	int rc;

	if (!feed)
		return BATON_MISUSE_NULL;
	d = &feed->delivery;
	if (d->misuse != BATON_OK) {
		baton_error_set(err, d->misuse, "%s", baton_strerror(d->misuse));
		return d->misuse;
	}
	rc = d->ended;
	if (rc < 0) { /* only a source's error ends a run with one */
		if (err)
			*err = d->stop;
		return rc;
	}
	baton_error_set(err, rc, "%s", rc ? baton_strerror(rc) : "");
	if (err) /* of an END that a source said, its own place: later ones may have come */
		err->batch = rc == BATON_END && d->stopping
		                     ? d->stop.batch
		                     : feed->options.first_batch + baton_counter_read(&d->batches);
	return rc;
}
