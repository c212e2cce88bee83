/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_RIG_END_H
#define BATON_BENCH_RIG_END_H

/* For a queue whose threads need nothing of their own at its ends (rig.h). */

#include <stdbool.h>

struct queue;

struct rig_end {
	char unused;
};

static inline bool rig_end_init(struct rig_end *e, struct queue *q, bool puts)
{
	(void)e, (void)q, (void)puts;
	return true;
}

static inline void rig_end_fini(struct rig_end *e)
{
	(void)e;
}

#endif
