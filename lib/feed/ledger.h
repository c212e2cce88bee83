/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_LEDGER_H
#define BATON_FEED_LEDGER_H

/* Where the time of a pipeline's threads goes: what is put down in whose account. */

#include "account.h"

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
