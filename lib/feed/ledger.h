/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_LEDGER_H
#define BATON_FEED_LEDGER_H

/* Where a thread's time goes. An account is written by its thread alone and read by any:
 *
 *      begun_ns ... ns[0] + ns[1] + ... ... since_ns ... now
 *                                           [doing ...    ]
 * Invariant: begun_ns + the sum of ns = since_ns, but inside a turn. That is also how a
 * reader knows that what it has read is of one moment: since_ns is written last (release)
 * and read first (acquire), so each of ns is as new or newer, and they never fall; if the
 * sum is right none is newer. */

#include <baton/ledger.h>
#include <stdatomic.h>
#include <stdbool.h>

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
	atomic_store_explicit(&a->doing, doing, memory_order_release);
}

static inline bool baton_account_begun(const struct baton_account *a)
{
	return baton_counter_read(&a->since_ns) != 0;
}

static inline void baton_account_begin(struct baton_account *a, int doing, uint64_t now)
{
	/* relaxed: before the first since_ns there is nothing to be seen */
	atomic_store_explicit(&a->begun_ns, now, memory_order_relaxed);
	baton_account_call(a, doing);
	atomic_store_explicit(&a->since_ns, now, memory_order_release);
}

/* What went on until now is put down, and something else begins. */
static inline void baton_account_turn(struct baton_account *a, int doing, uint64_t now)
{
	baton_counter_add(&a->ns[baton_account_doing(a)], now - baton_counter_read(&a->since_ns));
	baton_account_call(a, doing);
	atomic_store_explicit(&a->since_ns, now, memory_order_release);
}

/* Reads of an account: ns [BATON_TIMES] with what goes on until now. Returns their sum. */
uint64_t baton_account_read(const struct baton_account *a, uint64_t ns[BATON_TIMES]);

/* A wait of the trainer, from begun_ns to ended_ns, for a batch that was claimed at
 * claimed_ns by a producer that had looked for a block since lacked_ns. */
struct baton_stall {
	uint64_t begun_ns, ended_ns, claimed_ns, lacked_ns;
};

struct baton_stall_parts {
	uint64_t wake_ns, pool_ns, fill_ns;
};

struct baton_stall_parts baton_stall_divide(const struct baton_stall *stall);

/* The trainer's account. */
struct baton_trainer_time {
	struct baton_account account;
	uint64_t nameless_ns; /* waits for fills whose producer is not known yet */
};

struct baton_pipeline;
struct baton_producer;
struct baton_block;

/* The trainer, from its first next on. */
void baton_ledger_enter(struct baton_trainer_time *time);
/* Its next has said its last word. */
void baton_ledger_leave(struct baton_trainer_time *time);
/* It waits from now on. Returns now. */
uint64_t baton_ledger_wait(struct baton_trainer_time *time);
/* It has waited, and done before what it does again. claimed_ns: as far as it saw; block: what
 * came, with its producer's own word for it; NULL: nothing came. Returns now. */
uint64_t baton_ledger_waited(struct baton_pipeline *feed, int before, uint64_t claimed_ns,
                             const struct baton_block *block);

/* It fills a block itself. Returns what it did before. */
int baton_ledger_fills(struct baton_trainer_time *time);
/* And goes on with that. Returns how long it took. */
uint64_t baton_ledger_filled(struct baton_trainer_time *time, int before);

/* A producer finds no free block; sleeps for one; is awake again; has one, or gives up. */
void baton_ledger_lacks(struct baton_producer *p);
void baton_ledger_sleeps(struct baton_producer *p);
void baton_ledger_wakes(struct baton_producer *p);
void baton_ledger_has(struct baton_producer *p);

#endif
