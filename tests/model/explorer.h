/* SPDX-License-Identifier: MIT */
#ifndef EX_EXPLORER_H
#define EX_EXPLORER_H

/* Explorer: runs a small concurrent program in every way that the memory model allows.
 *
 * The program is ordinary C11: atomics, pthreads. Compiled with tests/model/shadow first
 * on its include path, each atomic operation, each thread and each sleep on a futex
 * becomes a call of this; compiled with -fsanitize=thread, each access to plain memory
 * does, too, since the explorer stands in for that sanitizer's run time. So nobody has
 * to mark anything, and what is explored is the text that ships.
 *
 * Why one of our own: relacy has the model, but no reduction. On the same ring.h (g++ 12,
 * -O2) its full search of one producer, one slot and 2 tickets was not done after 6
 * million executions, of 5 tickets after 2.5 million; ours runs one, and drops nine, since
 * who waits in vain is not followed. Bounded to 3 preemptions it needs 231 thousand for
 * those 5 tickets, 264 thousand for two producers and 2, and was not done with 4 after 3
 * million. It has no stores below others, no futex, and wants C++ and marks on all that is
 * plain. GenMC is the better tool, and not in Debian; where it is on PATH it runs the same
 * harnesses.
 *
 * 1. The model: RC11, as far as it can be run forward.
 *  - Each atomic location has its stores in modification order. A load may read any that
 *    coherence leaves it: none older than one that was seen, by itself or by anybody
 *    whose seeing happens before it. A store takes any place in the order that coherence
 *    leaves it, not only the last. A read-modify-write reads a store and comes directly
 *    after it; nothing gets between.
 *  - A release store carries its writer's clock, an acquire load that reads it takes the
 *    clock over; a read-modify-write passes on the clock of what it read (C++20's
 *    release sequences, which are the shorter ones).
 *  - seq_cst: to each other, in the order in which they are run: a seq_cst load reads
 *    nothing older than the last seq_cst store to that location, and a seq_cst store
 *    comes after it.
 *  - Plain memory: two accesses, one a write, that are not ordered by happens-before,
 *    are a data race, and end the search.
 *  - What it can't show: load buffering (RC11 forbids it; C11 and ARM do not), and the
 *    few executions in which seq_cst order runs against the order of reads-from
 *    elsewhere (Z6.U). It is never weaker than RC11: what it shows is real. Fences, and
 *    weak compare-exchanges that fail for no reason, are left out: we have none of the
 *    first, and the second only go round their loop again.
 *  - "In a finite time" a store becomes visible: nobody reads the same old store of one
 *    location more than EX_STALE times in a row.
 *
 * 2. The search: depth first, without state; each execution is run from the start.
 *  - Two operations depend on each other if they are on one location and one of them
 *    writes. Executions that differ only in the order of independent ones are the same,
 *    and one of them is enough: source sets (Abdulla, Aronsson, Jonsson, Sagonas 2014)
 *    find where another order matters, from the races of the execution just run; sleep
 *    sets keep the rest from being run twice.
 *  - An old store is offered to a load only if all that is newer comes before the load in
 *    the order of dependence as well. If it does not, the same is found by running the
 *    load first; the like for a store's place. So a correct program, whose turns are
 *    ordered by what it reads, has hardly any.
 *  - Waiting loops: at ex_yield() a loop that has done nothing but look, and found
 *    nothing, may look once more, at the newest of everything. If it would now go on, the
 *    execution is dropped: there is another in which the thread came here later. If not,
 *    it waits for ever; when somebody changes what it looked at the execution is dropped,
 *    for the same reason, and if nobody does, it is a deadlock.
 *  - A weak compare-exchange that fails drops the execution too: who uses it goes round
 *    its loop again, having done nothing but look, and there is another execution in
 *    which this thread began the round later, or read at once what it read last. (So each
 *    loop around a weak one must do nothing but look; ours do: baton_ring_claim,
 *    raise_state.) The same at ex_again(), in a loop that must not wait: if one more look
 *    at the newest came here again, it would go round for ever, and that is a failure.
 *  - Where that is too much: at most so many preemptions, that is, turns taken from a
 *    thread that could have gone on. Then every interleaving within the bound is run, and
 *    a waiting loop goes on when what it looked at has changed. Without a bound, and with
 *    every old store besides, this checks the reductions: both ways must find the same
 *    outcomes (random.c).
 *  - A futex is a primitive: wait compares and falls asleep in one step, wake wakes at
 *    most n, whichever. It orders nothing. Who sleeps when nobody can run any more has
 *    lost a wake-up.
 *
 * 3. The answer: the number of complete executions, or the first that fails, run again
 *    and printed step by step, with a list of its choices that replays it.
 *
 * How far it goes (seconds of one core of a small machine): the cycle of one producer, any
 * number of tickets, at once; two producers and 12 tickets 4096 executions, as many as there
 * are ways to deal them out, and 89 thousand dropped, 2 s; three and 6 tickets 729, 1 s; 8
 * tickets 6561, 6 s. Parking and one producer, 2 tickets, one slot: 157 thousand in 3 s;
 * three, 2 tickets, two slots: 134 thousand in 3 s; two, 2 tickets, one slot was not done
 * after 1.6 million, 23 s.
 *
 * Not thread-safe: everything runs on the caller's thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EX_THREADS 8
#define EX_STALE 3

enum ex_order { EX_RELAXED, EX_ACQUIRE, EX_RELEASE, EX_ACQ_REL, EX_SEQ_CST };

struct ex_site {
	const char *what, *label, *file;
	int line;
};

/* --- for the program under test, through shadow/ ------------------------------------ */

void ex_init(const void *p, size_t size, uint64_t v, const char *name);
uint64_t ex_load(const void *p, int order, const struct ex_site *at);
void ex_store(void *p, uint64_t v, int order, const struct ex_site *at);
uint64_t ex_exchange(void *p, uint64_t v, int order, const struct ex_site *at);
uint64_t ex_fetch_add(void *p, uint64_t v, int order, const struct ex_site *at);
bool ex_cas(void *p, void *expected, uint64_t v, int order, int failure, const struct ex_site *at);
bool ex_cas_weak(void *p, void *expected, uint64_t v, int order, int failure,
                 const struct ex_site *at);
int ex_create(int *thread, void *(*function)(void *), void *arg, const char *name);
int ex_join(int thread);
int ex_yield(void);
void ex_again(void);
void ex_futex_wait(void *word, int32_t seen);
void ex_futex_wake(void *word, int n);
_Noreturn void ex_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define MODEL_YIELD ex_yield

/* --- for who explores --------------------------------------------------------------- */

enum ex_end {
	EX_ALL,    /* every execution was run */
	EX_FAILED, /* one failed: see text */
	EX_LIMIT,  /* time or number ran out first */
};

struct ex_result {
	enum ex_end end;
	uint64_t complete; /* executions that ran to their end */
	uint64_t dropped;  /* of those begun: waiting in vain, or the same as another */
	uint64_t operations;
	int longest; /* operations in one execution */
	double seconds;
	char text[256]; /* what failed */
};

struct ex_options {
	double max_seconds;    /* 0: no limit */
	uint64_t max_complete; /* 0: no limit */
	bool unreduced;        /* every interleaving, every old store: to check the reductions */
	int preemptions;       /* with unreduced: at most so many; < 0: no limit */
	const char *replay;    /* choices of an execution to run and print; NULL: search */
	bool print;            /* the failing execution */
};

/* Run program in every way. */
void ex_explore(void (*program)(void), const struct ex_options *options, struct ex_result *result);

#endif
