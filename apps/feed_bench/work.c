/* SPDX-License-Identifier: MIT */
/* Work: what one batch costs, and what is wrong with it. */

#include "work.h"
#include <baton/pipeline.h>
#include <errno.h>
#include <time.h>

static struct work_error wrong;

/* An absolute deadline: being preempted on the way to sleep does not add to it. */
void work_wait(uint64_t ns)
{
	uint64_t at = baton_now_ns() + ns;
	struct timespec deadline = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
		;
}

bool work_blame(const struct work *w, uint64_t k, const uint64_t *words)
{
	for (size_t i = 0; i < w->words; i++)
		if (words[i] != work_tag(k) + i) {
			wrong.k = k;
			wrong.i = i;
			wrong.found = words[i];
			wrong.expected = work_tag(k) + i;
			break;
		}
	return false;
}

struct work_error work_error(void)
{
	return wrong;
}

struct work work_measure(double source_us, double source_wait_us, double trainer_us, uint64_t bytes)
{
	double turns = busy_turns_per_us(), bytes_ns = 10 + (double)bytes / 16;

	return (struct work){
		.source_turns = (uint64_t)(source_us * turns),
		.trainer_turns = (uint64_t)(trainer_us * turns),
		.wait_ns = (uint64_t)(source_wait_us * 1e3),
		.words = (size_t)((bytes + 7) / 8),
		.source_ns = source_us * 1e3 + bytes_ns,
		.trainer_ns = trainer_us * 1e3 + bytes_ns,
	};
}
