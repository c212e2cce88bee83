/* SPDX-License-Identifier: MIT */
#ifndef BATON_LEDGER_H
#define BATON_LEDGER_H

#include <baton/pipeline.h>

BATON_BEGIN_DECLS

/* The stall ledger: what the time of a pipeline's threads went to. Each nanosecond of the
 * trainer is put down to one of the following, and each of a producer to one of three, so
 * that they add up to the thread's time: exactly, at any moment, seen from any thread.
 *
 * The trainer's time begins with its first baton_next() and ends when that says END,
 * CANCELED or an error, else it goes on. A wait is divided when it is over, by what the
 * producer of the batch knows of it: that nobody had begun the batch; then, that it was
 * being filled. As much of the latter as the same producer had had to wait for a free block
 * before is put down to the pool: with one more block the batch would have been there so
 * much sooner. (Of a wait that ends without a batch, and of one that is going on, only
 * what the trainer can see: has somebody begun the batch?)
 *
 * The clock is read where somebody waits, and for each block where batches are filled
 * inline; a batch that is there costs nothing. */
#define BATON_TIME_TRAIN 0 /* the caller's own: whatever is none of the others */
#define BATON_TIME_FILL 1  /* waits for a batch that a producer was filling */
#define BATON_TIME_POOL 2  /* the same; but its producer had lacked a free block */
#define BATON_TIME_WAKE                                                                    \
	3                       /* waits for a batch that nobody had begun: producers were \
	                         * asleep, or on their way */
#define BATON_TIME_INLINE 4     /* fills batches itself: inline, or rather than wait */
#define BATON_TIME_SNAPSHOT 5   /* the rest as the trainer says itself: */
#define BATON_TIME_CHECKPOINT 6 /* baton_ledger_charge(); baton_fit() does */
#define BATON_TIME_LOG 7        /* callbacks */
#define BATON_TIME_VALIDATE 8
#define BATON_TIMES 9

/* One producer, or all together. Its time begins after its start hook and ends when there
 * is nothing more to fill. The callers' own threads: only no_block_ns and parked_ns, as far
 * as they were inside begin. */
typedef struct baton_producer_time {
	uint64_t wall_ns;     /* the sum of the next three */
	uint64_t fill_ns;     /* filled, and passed on */
	uint64_t no_block_ns; /* waited, awake, for a free block */
	uint64_t parked_ns;   /* slept for one; and woke up */
	uint64_t blamed_ns;   /* of the trainer's BATON_TIME_FILL: it waited for this one */
} baton_producer_time;

typedef struct baton_ledger {
	size_t size;                 /* set by BATON_LEDGER_INIT */
	uint32_t producers;          /* threads of ours; 0: inline, or own threads */
	uint32_t cpus;               /* that baton_open() could run on */
	uint64_t wall_ns;            /* of the trainer: the sum of ns */
	uint64_t ns[16];             /* [BATON_TIMES], the rest 0 */
	baton_producer_time filling; /* all producers together */
} baton_ledger;
#define BATON_LEDGER_INIT                           \
	{                                           \
		sizeof(baton_ledger), 0, 0, 0, {0}, \
		{                                   \
			0, 0, 0, 0, 0               \
		}                                   \
	}

/* Threads: any. Returns OK or MISUSE_NULL; ledger->size says how much of it is wanted. */
BATON_API int baton_ledger_get(const baton_pipeline *feed, baton_ledger *ledger);

/* Each producer's: writes the first n of them to times [n], returns how many producers
 * there are (1 for inline and own threads). A trainer that fills beside producers is the last;
 * its filling is the trainer's BATON_TIME_INLINE, and it is blamed for waits that ended
 * because it did. Threads: any */
BATON_API size_t baton_ledger_producers(const baton_pipeline *feed, baton_producer_time *times,
                                        size_t n);

/* The trainer says what it does from now on: TRAIN, SNAPSHOT, CHECKPOINT, LOG or VALIDATE;
 * else nothing changes. Reads the clock. Waits inside next() are put down as ever.
 *      int before = baton_ledger_charge(feed, BATON_TIME_LOG);
 *      ...
 *      baton_ledger_charge(feed, before);
 * Returns: what it did before; feed NULL, the trainer's time not begun or over: TRAIN
 * Threads: the trainer's */
BATON_API int baton_ledger_charge(baton_pipeline *feed, int time);

/* What of a ledger came after an earlier one of the same pipeline. */
BATON_API void baton_ledger_subtract(baton_ledger *ledger, const baton_ledger *earlier);

/* A word or some for BATON_TIME_*: "training". NULL: there is no such. */
BATON_API const char *baton_time_name(int time);

/* What limits the run, and what would help: one plain sentence without a full stop, such as
 * "the source is the limit: at 5 producers it would not be". It goes by averages; how well
 * a machine with fewer CPUs than threads does, nobody can know from a ledger.
 * Writes it to line [bytes], cut to fit. Returns its length, as strlen() would */
BATON_API size_t baton_ledger_advice(const baton_ledger *ledger, char *line, size_t bytes);

BATON_END_DECLS

#endif
