/* SPDX-License-Identifier: MIT */
/* Claims of the caller's own threads: the text of claim.c as it ships, and around it only
 * what it calls, as short as can be.
 *
 * Two threads give away copies of one claim: one submits, the other discards. One of the
 * two wins, and only the winner touches the block: else there is a data race, and a ticket
 * published twice.
 *
 * -DCLOSE: one submits; the trainer takes the batch, gives it back, and closes as soon as
 * nothing is lent. By then the submit must be through with the pipeline. */

#define BATON_FEED_FUTEX_H /* in place of lib/feed/futex.h: nobody sleeps here */

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATON_FOREVER UINT64_MAX

static inline void baton_pause(void)
{
}

static inline void baton_yield(void)
{
	ex_yield();
}

static inline void baton_futex_wake(_Atomic(int32_t) *word, int n)
{
	(void)word;
	(void)n;
}

#include "feed/claim.c"

#define main ex_harness /* the explorer calls it, again and again */
int main(void);

static struct baton_pipeline feed;
static struct baton_slot slots[1];
static struct baton_producer producer;
static struct baton_block the_block; /* its cells are not looked at */
static baton_claim claims[2];
static int outcomes[2];
static bool alive; /* what close puts an end to: all that is not atomic */

int baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                         struct baton_block **block)
{
	(void)deadline_ns;
	atomic_init(&p->parks, 0); /* of a producer that the caller has just set to 0 */
	return baton_ring_claim(&p->feed->ring, UINT64_MAX / 2, t, block) == BATON_CLAIM_WON
	               ? BATON_OK
	               : BATON_TIMEOUT;
}

void baton_producer_open_block(const struct baton_producer *p, uint64_t t,
                               struct baton_block *block)
{
	(void)p;
	block->k = t;
	block->n = 0;
	block->stop = BATON_OK;
}

int baton_producer_view(const struct baton_producer *p, uint64_t t, struct baton_block *block,
                        baton_writable *w)
{
	(void)block;
	*w = (baton_writable){p->slot, t, 0, BATON_POOLED};
	return BATON_OK;
}

void baton_producer_publish(struct baton_pipeline *f, uint64_t t, struct baton_block *block)
{
	(void)block;
	bool mine = baton_ring_publish(&f->ring, t);

	assert(mine && alive); /* baton_wait_published() */
}

void baton_halt(struct baton_pipeline *f)
{
	(void)f;
}

/* of a block with a guard, which this one is not */
void baton_block_withdraw(const struct baton_block *b, uint32_t i)
{
	(void)b;
	(void)i;
}

int baton_block_fail(struct baton_block *block, int code, const char *text)
{
	(void)text;
	block->stop = code;
	return code;
}

static void *submit(void *arg)
{
	outcomes[0] = baton_submit(&feed, &claims[0]);
	return arg;
}

#ifdef CLOSE
static void *close_soon(void *arg)
{
	while (!baton_ring_ready(&feed.ring, 0))
		baton_yield();
	baton_ring_release(&feed.ring, 0);
	/* baton_close() */
	while (atomic_load_explicit(&feed.lent, memory_order_acquire) > 0)
		baton_yield();
	alive = false;
	return arg;
}
#else
static void *discard(void *arg)
{
	outcomes[1] = baton_discard(&feed, &claims[1], -EIO, NULL);
	return arg;
}

static void judge(void)
{
	int won = (outcomes[0] == BATON_OK) + (outcomes[1] == BATON_OK);

	assert(won == 1);
	assert(outcomes[0] + outcomes[1] == BATON_MISUSE_STALE);
	assert(the_block.stop == (outcomes[0] == BATON_OK ? BATON_OK : -EIO));
	assert(baton_ring_ready(&feed.ring, 0));
	assert(atomic_load_explicit(&feed.lent, memory_order_acquire) == 0);
}
#endif

int main(void)
{
	pthread_t threads[2];

	atomic_init(&slots[0].block, &the_block);
	atomic_init(&feed.lent, 0);
	atomic_init(&producer.filled, 0);
	atomic_init(&producer.parks, 0);
	feed.producers = &producer;
	feed.source.fill = NULL;
	baton_ring_init(&feed.ring, slots, 1, 0);
	baton_wait_init(&feed.wait);
	alive = true;
	claims[0] = (baton_claim)BATON_CLAIM_INIT;
	assert(baton_begin(&feed, &claims[0]) == BATON_OK);
	claims[1] = claims[0];
	pthread_create(&threads[0], NULL, submit, NULL);
#ifdef CLOSE
	pthread_create(&threads[1], NULL, close_soon, NULL);
#else
	pthread_create(&threads[1], NULL, discard, NULL);
#endif
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
#ifndef CLOSE
	judge();
#endif
	return 0;
}
