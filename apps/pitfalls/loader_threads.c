/* SPDX-License-Identifier: MIT */
/* The queue with a real generator thread.
 *
 *      label  by         where           partner  what breaks without
 *      H1     generator  store put       H2       an entry is read before it is written
 *      H2     trainer    load put        H1
 *      H3     trainer    store freed     H4       a place is filled before its entry is out
 *      H4     generator  load freed      H3
 *      H5     generator  store made      H6       the trainer, told that k + ahead is made,
 *      H6     trainer    load made       H5       may still find older numbers in x
 *
 * They hand over the references, correctly. The cells behind the references are nobody's in
 * particular: that is the article's bug, and here a race of relaxed atomics. With
 * AHEAD_ALL the trainer reads while the generator waits with a full queue (H6), so that
 * even this race is over by then, and every row is wrong all the same: no lock and no fence
 * helps against a reference to memory that is used again. With fewer ahead it reads while
 * the generator writes.
 *
 * Waiting is a short spin, then sched_yield(): a batch takes well under a microsecond, and
 * the other side may need this very CPU. */

#include "loader_forms.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPINS 64

static void wait_a_moment(unsigned *spins)
{
	if (++*spins > SPINS)
		sched_yield();
}

/* --- the generator's thread ------------------------------------------------------- */

/* False: the trainer has gone. */
static bool await_place(struct loader *l, uint64_t k)
{
	struct handshake *h = &l->hands;
	unsigned spins = 0;

	/* H4 acquire: pairs with H3; the place is empty, and its memory may be reused */
	while (k - atomic_load_explicit(&h->freed, memory_order_acquire) >= l->config.depth) {
		if (atomic_load_explicit(&h->stop, memory_order_relaxed))
			return false; /* relaxed: says only that it is over */
		wait_a_moment(&spins);
	}
	return !atomic_load_explicit(&h->stop, memory_order_relaxed);
}

static void *generate(void *arg)
{
	struct loader *l = arg;
	struct handshake *h = &l->hands;

	for (uint64_t k = 0; k < l->config.limit; k++) {
		generator_begin(&l->generator, k);
		generator_write(&l->generator, l->config.rows);
		l->in_hand = generator_yield(&l->generator);
		/* H5 release: pairs with H6; the cells hold batch k */
		atomic_store_explicit(&h->made, k + 1, memory_order_release);
		if (!await_place(l, k))
			break;
		*loader_place(l, k) = l->in_hand;
		l->in_hand = (struct yielded){0};
		/* H1 release: pairs with H2; the entry is in its place */
		atomic_store_explicit(&h->put, k + 1, memory_order_release);
	}
	return NULL;
}

/* --- the trainer's ---------------------------------------------------------------- */

static void start(struct loader *l)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&l->hands.thread, NULL, generate, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		fprintf(stderr, "pitfalls: no thread for the generator: %s\n", strerror(rc));
		exit(1);
	}
}

static void stop(struct loader *l)
{
	atomic_store_explicit(&l->hands.stop, true, memory_order_relaxed);
	pthread_join(l->hands.thread, NULL);
}

static uint64_t await(struct loader *l)
{
	struct handshake *h = &l->hands;
	uint64_t left = l->config.limit - l->taken, ahead = l->config.ahead, put;
	unsigned spins = 0;

	ahead = ahead < left ? ahead : left - 1; /* the last ones have less before them */
	/* H6 acquire: pairs with H5; what the cells hold is at least as new as this */
	while (atomic_load_explicit(&h->made, memory_order_acquire) < l->taken + 1 + ahead)
		wait_a_moment(&spins);
	/* H2 acquire: pairs with H1; the entry can be read */
	while ((put = atomic_load_explicit(&h->put, memory_order_acquire)) <= l->taken)
		wait_a_moment(&spins);
	return put - l->taken;
}

static void popped(struct loader *l)
{
	/* H3 release: pairs with H4; we have read, the place and its arrays are free */
	atomic_store_explicit(&l->hands.freed, l->taken, memory_order_release);
}

const struct loader_form loader_threads = {start, stop, await, popped};
