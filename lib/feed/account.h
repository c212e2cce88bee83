/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_ACCOUNT_H
#define BATON_FEED_ACCOUNT_H

/* Account: where a thread's time goes. It is written by its thread alone and read by any:
 *
 *      begun_ns ... ns[0] + ns[1] + ... ... since_ns ... now
 *                                           [doing ...    ]
 * Invariant: begun_ns + the sum of ns = since_ns, but inside a turn. That is also how a
 * reader knows that what it has read is of one moment: since_ns is written last (release)
 * and read first (acquire), so each of ns is as new or newer, and they never fall; if the
 * sum is right none is newer. doing is written before since_ns and after ns, with release, so
 * that who sees a newer one sees a newer sum, too.
 *
 *  label             where                     partner           without it
 *  ORDER_SINCE       a turn writes since_ns    ORDER_SINCE_SEEN  what went on before the turn
 *  ORDER_SINCE_SEEN  a look reads it           ORDER_SINCE       is taken for what does now
 *  ORDER_DOING       a turn writes doing       ORDER_DOING_SEEN  what goes on only after the
 *  ORDER_DOING_SEEN  a look reads it           ORDER_DOING       turn is, with the sum before */

#include <baton/ledger.h>
#include <stdatomic.h>
#include <stdbool.h>

#ifndef ORDER_SINCE
#define ORDER_SINCE memory_order_release
#endif
#ifndef ORDER_DOING
#define ORDER_DOING memory_order_release
#endif
#ifndef ORDER_SINCE_SEEN
#define ORDER_SINCE_SEEN memory_order_acquire
#endif
#ifndef ORDER_DOING_SEEN
#define ORDER_DOING_SEEN memory_order_acquire
#endif

/* A counter with one writer that others may look at. relaxed: it orders nothing. */
typedef _Atomic(uint64_t) baton_counter;

static inline void baton_counter_add(baton_counter *c, uint64_t n)
{
	uint64_t now = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, now + n, memory_order_relaxed);
}

static inline uint64_t baton_counter_read(const baton_counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* What a producer does, beside the trainer's BATON_TIME_*. */
enum { BATON_PRODUCER_FILLS, BATON_PRODUCER_LACKS, BATON_PRODUCER_PARKS };

#define BATON_NO_TIME (-1) /* not begun, or over */

struct baton_account {
	baton_counter since_ns; /* 0: not begun */
	baton_counter begun_ns;
	_Atomic(int) doing;
	baton_counter ns[BATON_TIMES];
};

static inline int baton_account_doing(const struct baton_account *a)
{
	/* relaxed: the owner's, or a guess that is checked by its caller */
	return atomic_load_explicit(&a->doing, memory_order_relaxed);
}

/* What goes on is called so from where it began. */
static inline void baton_account_call(struct baton_account *a, int doing)
{
	/* release: who sees the new one sees what the one before came to */
	atomic_store_explicit(&a->doing, doing, ORDER_DOING);
}

/* All until now is put down, and something else begins. */
static inline void baton_account_go_on(struct baton_account *a, int doing, uint64_t now)
{
	baton_account_call(a, doing);
	atomic_store_explicit(&a->since_ns, now, ORDER_SINCE);
}

static inline bool baton_account_begun(const struct baton_account *a)
{
	return baton_counter_read(&a->since_ns) != 0;
}

static inline void baton_account_begin(struct baton_account *a, int doing, uint64_t now)
{
	/* relaxed: before the first since_ns there is nothing to be seen */
	atomic_store_explicit(&a->begun_ns, now, memory_order_relaxed);
	baton_account_go_on(a, doing, now);
}

/* What went on until now is put down, and something else begins. */
static inline void baton_account_turn(struct baton_account *a, int doing, uint64_t now)
{
	baton_counter_add(&a->ns[baton_account_doing(a)], now - baton_counter_read(&a->since_ns));
	baton_account_go_on(a, doing, now);
}

/* What is put down by now; false if it is of no one moment. An account that is not begun is
 * one of many threads' of the caller's, if it holds anything: no sum to go by. */
static inline bool baton_account_look(const struct baton_account *a, uint64_t *since, int *doing,
                                      uint64_t ns[BATON_TIMES])
{
	uint64_t sum;

	*since = atomic_load_explicit(&a->since_ns, ORDER_SINCE_SEEN);
	*doing = atomic_load_explicit(&a->doing, ORDER_DOING_SEEN);
	sum = baton_counter_read(&a->begun_ns);
	for (int i = 0; i < BATON_TIMES; i++) {
		ns[i] = baton_counter_read(&a->ns[i]);
		sum += ns[i];
	}
	return sum == *since || *since == 0;
}

/* Reads of an account: ns with what goes on until now. Returns their sum. */
uint64_t baton_account_read(const struct baton_account *a, uint64_t ns[BATON_TIMES]);

#endif
