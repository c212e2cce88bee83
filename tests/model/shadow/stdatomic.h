/* SPDX-License-Identifier: MIT */
#ifndef EX_SHADOW_STDATOMIC_H
#define EX_SHADOW_STDATOMIC_H

/* Found before the compiler's own <stdatomic.h>, so that the shipped text, unchanged,
 * asks the explorer for each atomic operation. An atomic object is a plain one here,
 * known to the explorer by its address; the text of its order (ORDER_CLAIM) goes along
 * as the label. Only what baton uses; fences are not, by its own rules. */

#include "explorer.h"

typedef enum {
	memory_order_relaxed = EX_RELAXED,
	memory_order_acquire = EX_ACQUIRE,
	memory_order_release = EX_RELEASE,
	memory_order_acq_rel = EX_ACQ_REL,
	memory_order_seq_cst = EX_SEQ_CST,
} memory_order;

#define _Atomic(T) T
typedef unsigned atomic_uint;

#define EX_SITE(what, label)                                                                       \
	__extension__({                                                                            \
		static const struct ex_site site = {what, label, __FILE__, __LINE__};              \
		&site;                                                                             \
	})

/* The answer, as what p points to; nobody has to use it. */
#define EX_AS(p, answer) __extension__({ (__typeof__(*(p)))(answer); })

#define atomic_init(p, v) ex_init(p, sizeof(*(p)), (uint64_t)(v), #p)
#define atomic_load_explicit(p, order)                                                             \
	EX_AS(p, ex_load(p, order, EX_SITE("load", #order)))
#define atomic_store_explicit(p, v, order)                                                         \
	ex_store(p, (uint64_t)(v), order, EX_SITE("store", #order))
#define atomic_exchange_explicit(p, v, order)                                                      \
	EX_AS(p, ex_exchange(p, (uint64_t)(v), order, EX_SITE("exchange", #order)))
#define atomic_fetch_add_explicit(p, v, order)                                                     \
	EX_AS(p, ex_fetch_add(p, (uint64_t)(v), order, EX_SITE("fetch_add", #order)))
#define atomic_fetch_sub_explicit(p, v, order)                                                     \
	EX_AS(p, ex_fetch_add(p, -(uint64_t)(v), order, EX_SITE("fetch_sub", #order)))
#define atomic_compare_exchange_strong_explicit(p, expected, v, order, failure)                    \
	ex_cas(p, expected, (uint64_t)(v), order, failure, EX_SITE("cas", #order))
/* The weak one says that its caller goes round again, and looks afresh. */
#define atomic_compare_exchange_weak_explicit(p, expected, v, order, failure)                      \
	ex_cas_weak(p, expected, (uint64_t)(v), order, failure, EX_SITE("cas", #order))

#endif
