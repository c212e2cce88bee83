/* SPDX-License-Identifier: MIT */
/* Advice: what a ledger comes to, as one plain sentence. A pure function of it. */

#include <baton/ledger.h>
#include <inttypes.h>
#include <stdio.h>

#define LITTLE 0.05 /* of the trainer's time: to wait less is not worth a change */
#define MUCH 0.25

static uint64_t waits(const baton_ledger *l)
{
	return l->ns[BATON_TIME_FILL] + l->ns[BATON_TIME_POOL] + l->ns[BATON_TIME_WAKE] +
	       l->ns[BATON_TIME_INLINE];
}

static int longest(const baton_ledger *l, int from, int to)
{
	int longest = from;

	for (int i = from; i <= to; i++)
		if (l->ns[i] > l->ns[longest])
			longest = i;
	return longest;
}

/* How many producers fill as fast as the trainer trains, going by what both have done in
 * the same time; 0: nobody knows. */
static uint64_t enough(const baton_ledger *l)
{
	uint64_t filling = l->filling.fill_ns + l->ns[BATON_TIME_INLINE];
	uint64_t training = l->wall_ns - waits(l);

	return training ? filling / training + (filling % training != 0) : 0;
}

static int say_source(const baton_ledger *l, char *line, size_t bytes)
{
	uint64_t n = enough(l);
	const char *many = n == 1 ? "" : "s";

	if (n == 0) /* for want of one of the two */
		return snprintf(line, bytes, "the source is the limit");
	if (n <= l->producers)
		return snprintf(line, bytes,
		                "%" PRIu32 " producer%s would do if each batch took as long: a "
		                "larger pool evens them out",
		                l->producers, l->producers == 1 ? "" : "s");
	if (n >= l->cpus)
		return snprintf(line, bytes,
		                "the source is the limit: at %" PRIu64
		                " producer%s it would not be, with a CPU for each or if it waits "
		                "more than it computes",
		                n, many);
	return snprintf(line, bytes,
	                "the source is the limit: at %" PRIu64 " producer%s it would not be", n,
	                many);
}

static int say_trainer(const baton_ledger *l, char *line, size_t bytes)
{
	int other = longest(l, BATON_TIME_SNAPSHOT, BATON_TIME_VALIDATE);
	double share = (double)l->ns[other] / (double)l->wall_ns;

	if (share < MUCH)
		return snprintf(line, bytes, "the trainer is the limit: more producers won't help");
	return snprintf(line, bytes,
	                "the trainer is the limit: more producers won't help, but %.0f %% of its "
	                "time is %s",
	                100 * share, baton_time_name(other));
}

static int say(const baton_ledger *l, char *line, size_t bytes)
{
	if (l->wall_ns == 0)
		return snprintf(line, bytes, "nobody has asked for a batch yet");
	if ((double)waits(l) < LITTLE * (double)l->wall_ns)
		return say_trainer(l, line, bytes);
	switch (longest(l, BATON_TIME_FILL, BATON_TIME_INLINE)) {
	case BATON_TIME_POOL:
		return snprintf(line, bytes,
		                "the pool is the limit: more blocks would help, or batches given "
		                "back sooner");
	case BATON_TIME_WAKE:
		return snprintf(line, bytes,
		                l->producers
		                        ? "producers are slow to begin: larger blocks or a larger "
		                          "pool would keep them awake"
		                        : "nobody begins the batches in time: more threads in "
		                          "baton_begin() would");
	default:
		return say_source(l, line, bytes);
	}
}

size_t baton_ledger_advice(const baton_ledger *ledger, char *line, size_t bytes)
{
	size_t n = (size_t)say(ledger, line, bytes);

	return bytes == 0 ? 0 : n < bytes ? n : bytes - 1;
}
