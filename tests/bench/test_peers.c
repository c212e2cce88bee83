/* SPDX-License-Identifier: MIT */
/* Does each peer of rival hand over every buffer once, with what was written into it, in the
 * order that it says it has? A benchmark of something else would be worth nothing. And would
 * this program see it if not: peers with a seeded bug, each of which must be refused. */

#include "peers.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PRODUCERS = 16, TRIPS = 1000, FIRST = 100, ALL = TRIPS + FIRST };

/* What has arrived. */
struct seen {
	enum bench_order order;
	uint32_t pool;
	uint64_t n;
	uint64_t most[MOST_PRODUCERS];                /* 1 + the highest number */
	unsigned char times[MOST_PRODUCERS][4 * ALL]; /* each came */
};

static bool see(void *state, uint64_t tag)
{
	struct seen *seen = state;
	uint64_t p = BENCH_PRODUCER(tag), nth = BENCH_NTH(tag);
	bool next;

	if (p >= MOST_PRODUCERS || nth >= 4 * ALL || seen->times[p][nth]++)
		return false;
	next = nth == seen->most[p];
	if (nth >= seen->most[p])
		seen->most[p] = nth + 1;
	seen->n++;
	/* of one producer in its order; and, since each word says it, none left out */
	return next || seen->order == BENCH_NONE;
}

/* Of completion order: what has not come yet is no more than the pool. */
static bool none_lost(const struct seen *seen)
{
	uint64_t sent = 0;

	for (int p = 0; p < MOST_PRODUCERS; p++)
		sent += seen->most[p];
	return seen->n == ALL && sent - seen->n < seen->pool + (seen->pool == 0);
}

static bool hands_over(const struct bench_peer *peer, uint32_t producers, uint32_t pool)
{
	static struct seen seen;
	struct bench_setup s = {.producers = producers,
	                        .pool = pool,
	                        .words = 24,
	                        .n = TRIPS,
	                        .first = FIRST,
	                        .seen = see,
	                        .state = &seen};
	struct bench_result r = {0};

	memset(&seen, 0, sizeof(seen));
	seen.order = peer->order;
	seen.pool = pool;
	return peer->run(&s, &r) && none_lost(&seen) && r.ns > 0;
}

static bool hands_over_everywhere(const struct bench_peer *peer)
{
	static const uint32_t producers[] = {1, 2, MOST_PRODUCERS}, pools[] = {1, 2, 8, 64};

	for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]); i++)
		for (size_t j = 0; j < sizeof(pools) / sizeof(pools[0]); j++)
			if (bench_peer_fits(peer, producers[i], pools[j]) &&
			    !hands_over(peer, producers[i], pools[j])) {
				printf("# %s: %" PRIu32 " producers, pool of %" PRIu32 "\n",
				       peer->name, producers[i], pools[j]);
				return false;
			}
	return true;
}

/* A run without end ends when it is late, with what it has made. */
static bool ends(const struct bench_peer *peer)
{
	struct bench_setup s = {
		.producers = 2, .pool = 8, .words = 8, .n = UINT64_MAX / 2, .first = 16};
	struct bench_result r = {0};
	bool good;

	bench_limit(2000000);
	good = peer->run(&s, &r) && r.n < s.n;
	bench_limit(0);
	return good;
}

/* --- seeded bugs -------------------------------------------------------------------- */

enum bug { NONE, TWICE, LOST, SWAPPED, STALE, TORN };

/* One thread, which is enough for a mistake: buffers come as this says. */
static bool run_bug(const struct bench_setup *s, enum bug bug)
{
	uint64_t words[64];

	for (uint64_t i = 0; i < s->first + s->n; i++) {
		uint64_t nth = i;

		if (bug == SWAPPED && i / 2 == 250)
			nth = i ^ 1;
		if (bug == LOST && i >= 500)
			nth = i + 1;
		if (bug == TWICE && i == 500)
			nth = 499;
		if (bug != STALE || i != 500)
			bench_make(s, words, BENCH_TAG(0, nth));
		if (bug == TORN && i == 500)
			words[s->words - 1]--;
		if (!bench_use(s, words, "a seeded bug"))
			return false;
	}
	return true;
}

#define BUG(function, bug)                                                        \
	static bool function(const struct bench_setup *s, struct bench_result *r) \
	{                                                                         \
		r->n = r->ns = 1;                                                 \
		return run_bug(s, bug);                                           \
	}
BUG(run_none, NONE)
BUG(run_twice, TWICE)
BUG(run_lost, LOST)
BUG(run_swapped, SWAPPED)
BUG(run_stale, STALE)
BUG(run_torn, TORN)

static const struct {
	struct bench_peer peer;
	bool good;
} bugs[] = {
	{{"no bug", "", BENCH_CLAIMED, false, run_none}, true},
	{{"a buffer that comes twice", "", BENCH_NONE, false, run_twice}, false},
	{{"a buffer that is lost, in order", "", BENCH_CLAIMED, false, run_lost}, false},
	{{"two that change places, in order", "", BENCH_CLAIMED, false, run_swapped}, false},
	{{"two that change places, where no order was promised", "", BENCH_NONE, false,
          run_swapped},
         true},
	{{"a buffer handed over before it was filled", "", BENCH_NONE, false, run_stale}, false},
	{{"a word of another", "", BENCH_NONE, false, run_torn}, false},
};
#define N_BUGS (sizeof(bugs) / sizeof(bugs[0]))

static bool refused_by_count(void)
{
	struct seen seen = {.pool = 8, .n = ALL, .most = {ALL + 8}};
	bool lost = !none_lost(&seen);

	seen.most[0]--;
	return lost && none_lost(&seen);
}

static int tell(int number, bool good, const char *what, const char *name)
{
	printf("%sok %d - %s%s\n", good ? "" : "not ", number, what, name);
	fflush(stdout);
	return !good;
}

int main(void)
{
	int n_peers = 0, failed = 0, number = 0;

	while (bench_peers[n_peers])
		n_peers++;
	printf("1..%d\n", 2 * n_peers + (int)N_BUGS + 1);
	for (int i = 0; i < n_peers; i++)
		failed += tell(++number, hands_over_everywhere(bench_peers[i]),
		               "each buffer once: ", bench_peers[i]->name);
	for (int i = 0; i < n_peers; i++)
		failed += tell(++number, ends(bench_peers[i]),
		               "ends when it is late: ", bench_peers[i]->name);
	for (size_t i = 0; i < N_BUGS; i++)
		failed += tell(++number, hands_over(&bugs[i].peer, 1, 8) == bugs[i].good,
		               bugs[i].good ? "accepted: " : "refused: ", bugs[i].peer.name);
	failed += tell(++number, refused_by_count(),
	               "refused: ", "more missing than are under way, in no order");
	if (*bench_missing)
		printf("# not found when this was configured: %s\n", bench_missing);
	return failed > 0;
}
