/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_RECLAIMER_H
#define BATON_TRAIN_RECLAIMER_H

#include <baton/error.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A thread that waits for grace periods, so that the trainer never has to. */
struct baton_reclaimer {
	_Atomic(uint32_t) retired; /* bit i: thing i was replaced and awaits its grace period */
	_Atomic(int32_t) mode;     /* what the thread is to do; the futex word it sleeps on */
	pthread_t thread;
	void (*reclaim)(void *state, uint32_t which);
	void *state;
};

/* Start the thread, asleep. reclaim(state, which) is called on it, one grace period after
 * the things in which, bit by bit, were retired. Returns OK, -EAGAIN with err filled. */
int baton_reclaimer_start(struct baton_reclaimer *r, void (*reclaim)(void *, uint32_t), void *state,
                          baton_error *err);

/* From now on look for work: nobody has cared so far. Any thread, any number of times;
 * wait-free, and a system call only the first time. */
void baton_reclaimer_watch(struct baton_reclaimer *r);

/* Whether anybody has cared. */
bool baton_reclaimer_watched(const struct baton_reclaimer *r);

/* Thing i can no longer be found by a reader that begins to look now. The trainer's;
 * wait-free, never a system call. */
static inline void baton_reclaimer_retire(struct baton_reclaimer *r, unsigned i)
{
	/* R1 release: pairs with A1 in reclaimer.c. The pointer was replaced before the
	 * grace period begins; else that would miss readers of the old one. */
	atomic_fetch_or_explicit(&r->retired, 1u << i, memory_order_release);
}

/* Reclaim what is retired, end the thread and join it. */
void baton_reclaimer_stop(struct baton_reclaimer *r);

#endif
