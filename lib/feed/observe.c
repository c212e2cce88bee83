/* SPDX-License-Identifier: MIT */
/* Observe: tell the caller's observer what happens. */

#include "observe.h"

void baton_observed(const struct baton_pipeline *feed, int what, int thread, uint64_t ticket,
                    const struct baton_block *block)
{
	bool sleep = what == BATON_EVENT_PARK || what == BATON_EVENT_WAKE;
	const baton_event event = {
		.ns = baton_now_ns(),
		.ticket = ticket,
		.k = sleep ? 0 : feed->options.first_batch + ticket * feed->options.block_batches,
		.n = block ? block->n : 0,
		.what = what,
		.thread = thread,
	};

	feed->options.observe(feed->options.observe_state, &event);
}
