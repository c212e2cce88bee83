/* SPDX-License-Identifier: MIT */
#include "cell.h"
#include "busy.h"
#include "floor.h"
#include "peers.h"
#include <string.h>

#define FIRST_TRY 16u
#define LATE 10 /* times what was planned */

struct entry *cell_add(struct cell *c, const struct bench_peer *peer,
                       const struct bench_setup *setup)
{
	struct entry *e = &c->entries[c->n];

	if (c->n == CELL_MAX || !bench_peer_fits(peer, setup->producers, setup->pool))
		return NULL;
	c->n++;
	e->peer = peer;
	e->setup = *setup;
	return e;
}

/* A pool that has gone round twice is warm; but no longer than the run itself. */
static void set_n(struct bench_setup *s, uint64_t n)
{
	s->n = n;
	s->first = 2 * (uint64_t)s->pool;
	if (s->first > n / 2 + FIRST_TRY)
		s->first = n / 2 + FIRST_TRY;
}

/* How many round trips take ms: more and more, until a run is long enough to tell. */
static bool calibrate(struct entry *e, double ms)
{
	double wanted = ms * 1e6, n;
	struct bench_result r = {0};

	for (uint64_t tried = FIRST_TRY;; tried *= 4) {
		set_n(&e->setup, tried);
		bench_limit((uint64_t)(LATE * wanted));
		if (!e->peer->run(&e->setup, &r))
			return false;
		if ((double)r.ns >= wanted / 8)
			break;
	}
	n = (double)r.n * wanted / (double)r.ns;
	set_n(&e->setup, (uint64_t)n + 1);
	return true;
}

static bool run_entry(struct entry *e, double ms, size_t round)
{
	struct bench_result r;

	bench_limit((uint64_t)(LATE * ms * 1e6));
	if (!e->peer->run(&e->setup, &r))
		return false;
	e->rate[round] = (double)r.n * 1e9 / (double)r.ns;
	e->cpus[round] = (double)r.cpu_ns / (double)r.ns;
	return true;
}

bool cell_run(struct cell *c, double ms)
{
	for (size_t i = 0; i < c->n; i++)
		if (!calibrate(&c->entries[i], ms))
			return false;
	/* every other round the other way round: nobody always follows the same one */
	for (size_t round = 0; round < c->rounds; round++)
		for (size_t i = 0; i < c->n; i++)
			if (!run_entry(&c->entries[round % 2 ? c->n - 1 - i : i], ms, round))
				return false;
	return true;
}

const struct entry *cell_find(const struct cell *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->entries[i].peer->name, name) == 0)
			return &c->entries[i];
	return NULL;
}

struct spread cell_rate(const struct cell *c, const struct entry *e)
{
	return spread_of(e->rate, c->rounds);
}

struct spread cell_cpus(const struct cell *c, const struct entry *e)
{
	return spread_of(e->cpus, c->rounds);
}

struct spread cell_ratio(const struct cell *c, const struct entry *a, const struct entry *b)
{
	return spread_of_ratios(a->rate, b->rate, c->rounds);
}

struct spread cell_cpu_ratio(const struct cell *c, const struct entry *a, const struct entry *b)
{
	return spread_of_ratios(a->cpus, b->cpus, c->rounds);
}

bool cell_two_copies(struct spread *copies, size_t rounds, double ms)
{
	static struct cell c;
	struct bench_setup s = {.producers = 1, .pool = 1, .words = 8};
	const struct entry *one, *two;

	memset(&c, 0, sizeof(c));
	c.rounds = rounds;
	s.work.source_turns = (uint64_t)(10 * busy_turns_per_us());
	one = cell_add(&c, &floor_one_waits, &s);
	s.producers = 2;
	two = cell_add(&c, &floor_sources, &s);
	if (!cell_run(&c, ms))
		return false;
	*copies = cell_ratio(&c, two, one);
	return true;
}
