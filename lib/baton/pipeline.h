/* SPDX-License-Identifier: MIT */
#ifndef BATON_PIPELINE_H
#define BATON_PIPELINE_H

#include <baton/observer.h>
#include <baton/source.h>

BATON_BEGIN_DECLS

/* A pipeline: generator threads fill batches from a fixed pool and pass each to
 * one trainer thread, which passes its memory back only when it has been used.
 *
 *  source -> pool -> ring -> trainer -> pool
 *
 * Who may call what at once:
 *   next, next_until, release, detach, status   the trainer: one thread at a time,
 *                       which one may change under the caller's own synchronisation
 *   begin, begin_until, submit, discard, finish own producer threads, any number
 *   cancel              any thread and any signal handler
 *   stats, layout       any thread
 *   open, close         nothing else on that pipeline
 * fork without exec is not supported: the child has no producer threads. */
typedef struct baton_pipeline baton_pipeline;

#define BATON_INLINE (-1) /* producers: none, batches are filled inside next() */

/* ORDERED: batch k comes after batch k - 1. COMPLETION: a batch that is ready may
 * come before an earlier one that is not, by at most the pool's size; each still
 * comes exactly once, and an END or error at k after every batch below k. */
#define BATON_ORDERED 0
#define BATON_COMPLETION 1

#define BATON_SLEEPS (-1) /* work_conserving */

/* Zero always means the default. None of these changes what batch k holds. */
typedef struct baton_options {
	size_t size;               /* set by BATON_OPTIONS_INIT */
	int producers;             /* 1..1024, or BATON_INLINE; 0: CPUs less one, at least 1.
	                            * Must be 0 for a source without fill */
	uint32_t blocks;           /* the pool: how many blocks there will ever be; rounded up
	                            * to a power of two; 0: twice the producers, at least 8, and up to
	                            * 512 where they fit 512 KiB (without producer threads 32,
	                            * 256 KiB) */
	uint32_t block_batches;    /* batches that travel together; 0: 1, or for a cheap
	                            * source as many as fit 48 KiB, at most 64 */
	int order;                 /* BATON_ORDERED, BATON_COMPLETION */
	uint64_t seed;             /* key of every batch's rng */
	uint64_t first_batch;      /* the run starts at this k */
	baton_observe_fn *observe; /* is told of each block; NULL: nobody (observer.h) */
	void *observe_state;
	uint32_t spares;     /* blocks beside the pool's, for helping (below); at most one for
	                      * each producer is made, and with so many producers may be frozen
	                      * at once. 0: no helping. Only for a pure source, with producers */
	int work_conserving; /* 1: a trainer that would wait fills the next batch that nobody
	                      * has begun, where one is free. BATON_SLEEPS: it sleeps. 0: it
	                      * fills if the source is cheap, pure and without hooks: then a
	                      * block is made sooner than a producer wakes. 1 only with
	                      * producers */
} baton_options;
#define BATON_OPTIONS_INIT                                          \
	{                                                           \
		sizeof(baton_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

/* Helping: a batch whose producer is late (frozen, or off its CPU for long) is made again by
 * the trainer, inside next(), in a spare block; the producer's own comes too late, is
 * dropped, and its memory is a spare again. Late is who lets the trainer wait for
 * a millisecond, or twice what the last block took that the trainer made, if that is longer.
 * Of a pure source it is the same batch, so nobody can tell but by the time. With a spare for
 * each producer no thread that is suspended, wherever it is, can stop the trainer, unless the
 * source itself has a lock that it holds. In both orders of delivery. Close still waits for
 * fills that run.
 *
 * With spares, and with work_conserving (asked for or not), the trainer is a producer too: with
 * start and stop hooks it has a state of its own, index P, made on the thread that calls
 * baton_open() and taken back by baton_close(). What it fills runs inside next(), and is not cut short by a
 * deadline. */

#define BATON_MAX_PRODUCERS 1024
#define BATON_MAX_BLOCKS (1u << 20)
#define BATON_MAX_BLOCK_BATCHES (1u << 16)

/* Open a pipeline and start its producers.
 * Ownership: *feed is the caller's, until baton_close(). source and options are
 *            read during the call; source.state and the functions are used until
 *            close
 * Threads:   producers are named baton-0, baton-1, ... and block every signal but
 *            their own faults'
 * Memory:    the whole pool is allocated here; later only baton_detach() allocates
 * Returns:   OK; -EINVAL, -ENOMEM, -EAGAIN (no thread), -ENOTSUP (BATON_GUARD in a build
 *            with ThreadSanitizer: guard.h), what start returned; then
 *            *feed is NULL, nothing is left running, and err (may be NULL) says
 *            which argument and what would be right */
BATON_API BATON_MUST_CHECK int baton_open(baton_pipeline **feed, const baton_source *source,
                                          const baton_options *options, baton_error *err);

/* Take the next batch: wait for it, until deadline_ns on CLOCK_MONOTONIC
 * (baton_now_ns()); 0 polls, UINT64_MAX waits for ever.
 * Ownership: on OK *b holds the batch until baton_release() or baton_detach().
 *            Several may be held, and given back in any order
 * Inline:    the fill runs inside the call, and is not cut short by a deadline (with
 *            spares or work_conserving too, where the trainer fills)
 * Returns:   OK, END, CANCELED, TIMEOUT; < 0 the source's error at its place (END
 *            and errors are sticky: asked again, they answer the same);
 *            MISUSE_HELD: the caller itself holds the memory that the next batch
 *            needs, and nothing else is left to take: release or detach first (an
 *            old batch may be kept while at most blocks - 1 later blocks are taken);
 *            MISUSE_OCCUPIED: *b still holds a batch; MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_next(baton_pipeline *feed, baton_batch *b) BATON_ACQUIRES(*b);
BATON_API BATON_MUST_CHECK int baton_next_until(baton_pipeline *feed, baton_batch *b,
                                                uint64_t deadline_ns) BATON_ACQUIRES(*b);

/* Give a batch back: it has been used, its memory may be refilled. Any order; legal
 * after cancel, END and errors too. *b becomes empty.
 * Returns: OK; MISUSE_NULL, _EMPTY, _STALE, _FOREIGN, _DETACHED */
BATON_API int baton_release(baton_pipeline *feed, baton_batch *b) BATON_RELEASES(*b);

/* Keep a batch for good: the same handle holds it until baton_free(), also after
 * close, and its place in the pool is free again. Without a copy where blocks are
 * of one batch (then the pool gets a fresh block), else with one. Copies of the handle are
 * not watched over any more: after baton_free() they dangle.
 * Returns: OK; -ENOMEM: *b is held as before, to be released; MISUSE as for release */
BATON_API BATON_MUST_CHECK int baton_detach(baton_pipeline *feed, baton_batch *b)
	BATON_REQUIRES(*b);

/* The right to fill one batch, for callers with threads of their own: between
 * begin and exactly one of submit, discard and finish. Only for a source without
 * fill. A value like baton_batch; initialise it with BATON_CLAIM_INIT. */
typedef struct BATON_CAPABILITY("claim") baton_claim {
	baton_writable w_;
} baton_claim;
#define BATON_CLAIM_INIT           \
	{                          \
		{                  \
			0, 0, 0, 0 \
		}                  \
	}

/* Claim the next batch to be filled: which k it is, baton_writable_k() says. Waits
 * while the pool is empty, until deadline_ns as above.
 * Returns: OK; END (past the known length, or after a finish or discard);
 *          CANCELED, TIMEOUT; MISUSE_FILLED, MISUSE_OCCUPIED, MISUSE_NULL; -ENOMEM only
 *          under BATON_GUARD (guard.h): batch k then ends the run with it */
BATON_API BATON_MUST_CHECK int baton_begin(baton_pipeline *feed, baton_claim *c) BATON_ACQUIRES(*c);
BATON_API BATON_MUST_CHECK int baton_begin_until(baton_pipeline *feed, baton_claim *c,
                                                 uint64_t deadline_ns) BATON_ACQUIRES(*c);

/* The claimed batch, to be written; dead once the claim is given away. NULL for an
 * empty claim. */
BATON_API baton_writable *baton_claimed(baton_claim *c) BATON_REQUIRES(*c);

/* Give the claim away; *c becomes empty. Legal after cancel.
 * submit:  the batch is filled
 * discard: it could not be: the trainer gets every batch before it, then code (< 0)
 *          and text (cut to what baton_error holds; may be NULL)
 * finish:  there is no batch k: END at this k
 * Returns: OK; MISUSE_NULL, _EMPTY, _STALE, _FOREIGN */
BATON_API int baton_submit(baton_pipeline *feed, baton_claim *c) BATON_RELEASES(*c);
BATON_API int baton_discard(baton_pipeline *feed, baton_claim *c, int code, const char *text)
	BATON_RELEASES(*c);
BATON_API int baton_finish(baton_pipeline *feed, baton_claim *c) BATON_RELEASES(*c);

/* Stop: next (unless it has said END or an error) and begin answer CANCELED from now on
 * and whoever waits in them wakes;
 * batches that were not taken are dropped. Sticky, idempotent, async-signal-safe,
 * errno is kept. What is held stays valid and is given back as ever. */
BATON_API void baton_cancel(baton_pipeline *feed);

/* Why the run ended, as next() saw it: OK while it goes on, END, CANCELED, the source's
 * error, or the misuse that the last next() answered (after which the run can go on); err
 * (may be NULL) gets the code, the text and the batch at which it ended. */
BATON_API int baton_status(const baton_pipeline *feed, baton_error *err);

/* Cancel, join the producers, free everything; *feed becomes NULL. A NULL *feed is
 * fine. A handle used after it is undefined behaviour.
 * Returns: OK; MISUSE_LENT: batches or claims are out, or a thread of the caller's
 *          is inside begin: nothing has changed, baton_stats_get() says how many (with
 *          own threads: cancel, join yours, close). MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_close(baton_pipeline **feed);

/* What a run has done so far, and what it holds. Counters of a running pipeline
 * are each exact, but not all of one instant. */
typedef struct baton_stats {
	size_t size;             /* set by BATON_STATS_INIT */
	uint64_t batches;        /* handed to the trainer */
	uint64_t wait_fill_ns;   /* trainer waited for a batch that was being filled; without
	                          * what it filled itself meanwhile */
	uint64_t wait_claim_ns;  /* trainer waited for one that nobody had begun */
	uint64_t parks;          /* times the trainer slept in the kernel */
	uint64_t producer_parks; /* the same of all producers */
	uint64_t bytes;          /* memory held by the pipeline */
	uint32_t blocks;         /* pool size in force, a power of two */
	uint32_t block_batches;
	uint32_t producers; /* 0: inline, or own threads */
	uint32_t held;      /* batches that the trainer has not given back; to another thread,
	                     * which looks while some come back, perhaps fewer */
	uint32_t claims;    /* claims that own threads have not given away, and
	                     * threads inside begin */
	uint32_t spares;    /* blocks beside the pool's */
	uint64_t replaced;  /* late blocks that the trainer made in their producers' place */
} baton_stats;
#define BATON_STATS_INIT                                                   \
	{                                                                  \
		sizeof(baton_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

/* Returns OK or MISUSE_NULL; stats->size says how much of it is wanted. */
BATON_API int baton_stats_get(const baton_pipeline *feed, baton_stats *stats);

/* How many batches each producer has filled: writes the first n of them to filled
 * [n], returns how many producers there are (1 for inline and own threads; with spares or
 * work_conserving, also where that is the default, the trainer is one more, the last). With
 * spares those count, too, that were made twice. */
BATON_API size_t baton_stats_filled(const baton_pipeline *feed, uint64_t *filled, size_t n);

/* The fields of this pipeline's batches, lent until close; *n says how many, *rows
 * how many rows a full batch has (either may be NULL). NULL, 0 and 0 if feed is NULL. */
BATON_API const baton_field *baton_layout(const baton_pipeline *feed, size_t *n, size_t *rows);

/* CLOCK_MONOTONIC in nanoseconds: what deadlines count in. */
BATON_API uint64_t baton_now_ns(void);

BATON_END_DECLS

#endif
