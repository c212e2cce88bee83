/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_FEED_H
#define BATON_FEED_FEED_H

/* The inside of a pipeline. Who may touch what:
 *   ring, wait     anybody, by their own rules
 *   pool, source, options, limit: constant after open
 *   delivery       the trainer (its counters also baton_stats_get)
 *   a producer     its own thread (its counters also baton_stats_get)
 *   state, lent    anybody */

#include "ledger.h"
#include "pool.h"
#include "wait.h"
#include <baton/pipeline.h>
#include <pthread.h>
#include <semaphore.h>

/* How far the run is. Only ever rises. */
enum baton_state {
	BATON_RUNNING,
	BATON_HALTED,  /* the source has ended or failed: no new claims, but next goes on */
	BATON_STOPPED, /* canceled */
};

/* What the trainer knows: which tickets it has taken and released, and which batch
 * comes next. oldest <= head: a ticket that was not taken was not released. */
struct baton_delivery {
	_Alignas(BATON_LINE) uint64_t head; /* the lowest ticket not taken */
	uint64_t oldest;                    /* the lowest ticket not released */
	uint64_t ticket;                    /* the block in hand: it is ours while */
	struct baton_block *block;          /* index < n; then it may be anybody's */
	uint32_t index;                     /* its next batch */
	uint32_t n;                         /* how many it has */
	uint32_t taken;                     /* blocks taken and not released */
	bool stopping;                      /* some taken block carries an END or error: */
	uint64_t stop_ticket;               /* the lowest such, */
	baton_error stop;                   /* and what it says */
	int misuse;                         /* what the last next() answered, if it was misuse */
	int ended;                          /* what next() has said for good; OK: nothing yet */
	baton_counter back;                 /* batches given back, or detached */
	uint64_t waited_ns;                 /* how long the last wait was; 0: none yet */
	uint64_t late_ns;                   /* when the ticket at head is late, */
	uint64_t waited_for;  /* if that is this one; late_ns 0: none was waited for */
	uint64_t own_fill_ns; /* how long the last block took that the trainer filled, */
	uint64_t after_own;   /* and the ticket after the last that was late; 0: none yet */
	baton_counter batches, parks, replaced;
	struct baton_trainer_time time;
};

struct baton_producer {
	_Alignas(BATON_LINE) struct baton_pipeline *feed;
	pthread_t thread;
	int index;
	void *state;
	bool woken;              /* slept since its last claim */
	struct baton_slot *slot; /* where the turn of the ticket in hand is looked up */
	struct baton_slot *hand; /* a slot of its own, in which nothing travels */
	baton_counter filled, parks;
	uint64_t lacked_ns;  /* since when it looked for the block of its last claim, and */
	uint64_t claimed_ns; /* when it had it; 0: at once */
	struct baton_account account;
	baton_error start_error;
	baton_counter blamed_ns; /* the trainer's */
};

struct baton_pipeline {
	struct baton_ring ring;
	struct baton_wait wait;
	struct baton_delivery delivery;
	_Alignas(BATON_LINE) _Atomic(int) state;
	_Atomic(uint32_t) lent; /* claims of own threads, and threads inside begin */
	_Alignas(BATON_LINE) struct baton_pool pool;
	baton_source source;
	baton_options options;
	uint64_t limit;                   /* the first ticket past a known end */
	uint64_t end_k;                   /* the first batch past it; UINT64_MAX: unknown */
	struct baton_producer *producers; /* [n_producers]; the last may be no thread of ours:
	                                   * the trainer, or all of the caller's own */
	struct baton_slot *hands;         /* [n_producers] */
	uint32_t n_producers;
	uint32_t n_threads; /* of ours, running */
	uint32_t n_cpus;
	struct baton_producer *inner; /* the trainer as a producer; NULL: it fills nothing */
	bool started_inner;           /* its start hook ran */
	sem_t started;                /* posted by each thread after its start hook */
};

static inline enum baton_state baton_state_of(const struct baton_pipeline *feed)
{
	/* relaxed: a hint that claims and fills may stop; who must not miss it sleeps, and
	 * looks with ORDER_RECHECK */
	return (enum baton_state)atomic_load_explicit(&feed->state, memory_order_relaxed);
}

/* Batches handed out and neither given back nor detached. Another thread than the trainer's may see
 * too few: those that came back between its two looks. */
static inline uint64_t baton_held(const struct baton_pipeline *feed)
{
	uint64_t out = baton_counter_read(&feed->delivery.batches);
	uint64_t back = baton_counter_read(&feed->delivery.back);

	return out > back ? out - back : 0;
}

/* pipeline.c: no new claims, and everybody who waits for one wakes. */
void baton_halt(struct baton_pipeline *feed);

/* producer.c */
/* Claim a ticket, waiting until deadline_ns. OK: *t and *block are the caller's. END,
 * CANCELED, TIMEOUT. */
int baton_producer_claim(struct baton_producer *p, uint64_t deadline_ns, uint64_t *t,
                         struct baton_block **block);
/* Open the block of ticket t for filling. */
void baton_producer_open_block(const struct baton_producer *p, uint64_t t,
                               struct baton_block *block);
/* The view of the batch in hand, good while the turn of p->slot says that t is being filled:
 * OK; or < 0, and the block's stop says so too. */
int baton_producer_view(const struct baton_producer *p, uint64_t t, struct baton_block *block,
                        baton_writable *w);
/* Fill a block with the batches of ticket t, from the source. */
void baton_producer_fill(struct baton_producer *p, uint64_t t, struct baton_block *block);
/* Pass ticket t with its block, which are the caller's, on to the trainer. */
void baton_producer_publish(struct baton_pipeline *feed, uint64_t t, struct baton_block *block);
/* The source's hooks: start returns OK or < 0 with p->start_error filled. */
int baton_producer_start(struct baton_producer *p);
void baton_producer_stop(struct baton_producer *p);
/* The thread: start, claim and fill until the end, stop. arg: a struct baton_producer */
void *baton_producer_main(void *arg);

#endif
