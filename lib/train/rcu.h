/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_RCU_H
#define BATON_TRAIN_RCU_H

/* liburcu (bp: no registration by the caller's threads), and what ThreadSanitizer has to
 * be told of it: 0.13 has no annotations of its own, so a grace period would not order
 * anything for TSan. What it does order: everything a reader did in its read-side section
 * comes before the return of a grace period that began after the section. Said with one
 * tag, released by readers and acquired by the waiter, and no more than that: a missing
 * grace period or a use after unlock is still reported.
 *
 * Only the function interface of liburcu: its inline one (_LGPL_SOURCE) uses assembly that
 * TSan can't see. Pointers are published through C11 atomics instead. */

#include <urcu-bp.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BATON_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define BATON_TSAN 1
#endif

#ifdef BATON_TSAN
void __tsan_acquire(void *tag);
void __tsan_release(void *tag);
extern char baton_rcu_tag; /* reclaimer.c */
#define BATON_TSAN_ACQUIRE() __tsan_acquire(&baton_rcu_tag)
#define BATON_TSAN_RELEASE() __tsan_release(&baton_rcu_tag)
#else
#define BATON_TSAN_ACQUIRE() ((void)0)
#define BATON_TSAN_RELEASE() ((void)0)
#endif

static inline void baton_rcu_lock(void)
{
	urcu_bp_read_lock();
}

static inline void baton_rcu_unlock(void)
{
	BATON_TSAN_RELEASE();
	urcu_bp_read_unlock();
}

static inline void baton_rcu_synchronize(void)
{
	urcu_bp_synchronize_rcu();
	BATON_TSAN_ACQUIRE();
}

#endif
