/* SPDX-License-Identifier: MIT */
/* The reclaimer: between "no reader finds it any more" and "no reader is still about to
 * take it" lies a grace period, which somebody has to wait for.
 *
 * How does it learn of its work, when the trainer may make no system call? It looks. The
 * trainer sets a bit; the thread naps on a futex with a timeout, 1 ms while there is work,
 * doubling to 64 ms while there is none. That is soon enough, because nobody waits for it:
 * the set has several snapshots, and one that comes back late only means that a reader
 * who asks a thousand times a second is shown the same one twice. A wake by the trainer,
 * needed only when the thread sleeps, would still be a system call in a step of 100 ns;
 * a spinning reclaimer would take a core from the producers. And in a model that nobody
 * has ever watched it does not even look: the first watcher wakes it, on its own time.
 *
 * label  order    partner  without it
 * R1     release  A1       a grace period that begins too early, a snapshot refilled while a
 *                          reader is about to take it (as in the mutant "snapshot freed
 *                          without a grace period")
 * A1     acquire  R1       the same */

#include "reclaimer.h"
#include "error.h"
#include "rcu.h"
#include "thread.h"
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <urcu/futex.h>

#define NAP_NS 1000000L
#define LONG_NAP_NS 64000000L

char baton_rcu_tag;

enum mode { UNWATCHED, WATCHED, STOPPED };

/* Reclaim what is retired by now. Returns whether there was anything. */
static bool sweep(struct baton_reclaimer *r)
{
	/* A1 acquire: pairs with R1 in baton_reclaimer_retire(). */
	uint32_t which = atomic_exchange_explicit(&r->retired, 0, memory_order_acquire);

	if (which == 0)
		return false;
	baton_rcu_synchronize();
	r->reclaim(r->state, which);
	return true;
}

/* Sleep until mode changes; once watched, at most nap_ns. Early returns do no harm. */
static void nap(struct baton_reclaimer *r, int32_t mode, long nap_ns)
{
	struct timespec timeout = {0, nap_ns};

	futex_async((int32_t *)&r->mode, FUTEX_WAIT_PRIVATE, mode,
	            mode == UNWATCHED ? NULL : &timeout, NULL, 0);
}

static void *run(void *arg)
{
	struct baton_reclaimer *r = arg;
	long nap_ns = NAP_NS;
	int32_t mode;

	prctl(PR_SET_NAME, "baton-reclaim", 0, 0, 0);
	/* relaxed: mode orders nothing, and stop() joins */
	while ((mode = atomic_load_explicit(&r->mode, memory_order_relaxed)) != STOPPED) {
		if (sweep(r))
			nap_ns = NAP_NS;
		else if (nap_ns < LONG_NAP_NS)
			nap_ns *= 2;
		nap(r, mode, nap_ns);
	}
	sweep(r);
	return NULL;
}

int baton_reclaimer_start(struct baton_reclaimer *r, void (*reclaim)(void *, uint32_t), void *state,
                          baton_error *err)
{
	int rc;

	atomic_init(&r->retired, 0);
	atomic_init(&r->mode, UNWATCHED);
	r->reclaim = reclaim;
	r->state = state;
	rc = baton_thread_start(&r->thread, run, r);
	if (rc < 0)
		return baton_error_set(err, rc, "can't start the reclaimer's thread: %s",
		                       baton_strerror(rc));
	return BATON_OK;
}

void baton_reclaimer_watch(struct baton_reclaimer *r)
{
	int32_t mode = atomic_load_explicit(&r->mode, memory_order_relaxed);

	/* relaxed: the word carries nothing but itself, and the kernel compares it again
	 * under its own lock before it lets the thread sleep */
	if (mode == UNWATCHED &&
	    atomic_compare_exchange_strong_explicit(&r->mode, &mode, WATCHED, memory_order_relaxed,
	                                            memory_order_relaxed))
		futex_async((int32_t *)&r->mode, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool baton_reclaimer_watched(const struct baton_reclaimer *r)
{
	/* relaxed: a hint */
	return atomic_load_explicit(&r->mode, memory_order_relaxed) == WATCHED;
}

void baton_reclaimer_stop(struct baton_reclaimer *r)
{
	/* relaxed: as in watch(); the join orders everything else */
	atomic_store_explicit(&r->mode, STOPPED, memory_order_relaxed);
	futex_async((int32_t *)&r->mode, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	pthread_join(r->thread, NULL);
}
