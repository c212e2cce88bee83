/* SPDX-License-Identifier: MIT */
#include "here.h"
#include "busy.h"
#include "peer.h"
#include "window.h"
#include <ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256u
#define POOL 64u
#define WORDS 8u
#define LEAST_ROUNDS 3u
#define STEADY 1.4 /* times a line's cost, within a round */
#define TRIES 4u   /* for each round that is wanted */
#define WRONG 5.0  /* times a cost, for what must be reported */

static const double distance_ns[] = {0, 50, 100, 300, 1000};
enum { DISTANCES = 5, PAIRS = 4, FIRST_FILL = 2, MOST = 16 };
static const uint32_t others[PAIRS] = {1, 3, 7, 15}; /* the CPU that shares a line with the first */
static const uint32_t crowds[HERE_CROWDS] = {2, 4, 8, 16};

/* --- what threads do in a window ---------------------------------------------------- */

static struct {
	uint64_t turns; /* of busy(), between */
	uint32_t steps; /* at once, so that looking at a clock costs little */
	struct baton_ring ring;
	struct baton_slot slots[SLOTS];
	uint64_t next; /* the trainer's */
	struct bench_setup setup;
	unsigned char *memory;
	_Alignas(BATON_LINE) _Atomic(uint64_t) line;
	struct {
		_Alignas(BATON_LINE) uint64_t tries, won;
	} part[WINDOW_MOST_THREADS];
} rig;

static uint64_t ping_pong(void *state, uint32_t thread)
{
	uint64_t done = 0;

	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t v = atomic_load_explicit(&rig.line, memory_order_acquire);

		if (v % 2 != thread)
			continue;
		atomic_store_explicit(&rig.line, v + 1, memory_order_release);
		done++;
	}
	return done;
}

static uint64_t swap_only(void *state, uint32_t thread)
{
	uint64_t tries = 0;

	(void)state;
	for (uint32_t i = 0; i < rig.steps; i++) {
		uint64_t v = atomic_load_explicit(&rig.line, memory_order_relaxed);

		do
			tries++;
		while (!atomic_compare_exchange_weak_explicit(
			&rig.line, &v, v + 1, memory_order_release, memory_order_relaxed));
		busy(rig.turns);
	}
	rig.part[thread].tries += tries;
	rig.part[thread].won += rig.steps;
	return rig.steps;
}

/* With nobody to take it, its own producer frees it; it is full only if somebody is put off. */
static uint64_t claim_only(void *state, uint32_t thread)
{
	struct baton_block *block;
	uint64_t done = 0, t;

	(void)state;
	(void)thread;
	for (uint32_t i = 0; i < rig.steps; i++) {
		if (baton_ring_claim(&rig.ring, INT64_MAX, &t, &block) != BATON_CLAIM_WON)
			continue;
		busy(rig.turns);
		baton_ring_publish(&rig.ring, t);
		baton_ring_release(&rig.ring, t);
		done++;
	}
	return done;
}

static uint64_t produce(void)
{
	struct baton_block *block;
	uint64_t t;

	for (uint32_t i = 0; i < rig.steps; i++) {
		if (baton_ring_claim(&rig.ring, INT64_MAX, &t, &block) != BATON_CLAIM_WON)
			return 0;
		bench_make(&rig.setup, (uint64_t *)(void *)block, t);
		baton_ring_publish(&rig.ring, t);
	}
	return 0;
}

/* Thread 0 is the trainer, and counts. */
static uint64_t hand_over(void *state, uint32_t thread)
{
	uint64_t done = 0;

	(void)state;
	if (thread > 0)
		return produce();
	for (; done < rig.steps && baton_ring_ready(&rig.ring, rig.next); done++) {
		struct baton_slot *s = baton_ring_slot(&rig.ring, rig.next);

		if (!bench_use(&rig.setup,
		               (void *)atomic_load_explicit(&s->block, memory_order_relaxed),
		               "scale"))
			abort();
		baton_ring_release(&rig.ring, rig.next++);
	}
	return done;
}

static void set_up(uint64_t n_slots, double ns, double turns_per_us)
{
	rig.turns = (uint64_t)(ns * turns_per_us / 1e3);
	rig.steps = ns > 150 ? 2 : 16;
	rig.next = 0;
	rig.setup = (struct bench_setup){.words = WORDS, .work = {.source_turns = rig.turns}};
	memset(rig.part, 0, sizeof(rig.part));
	atomic_store(&rig.line, 0);
	baton_ring_init(&rig.ring, rig.slots, n_slots, 0);
	for (uint64_t i = 0; i < n_slots; i++)
		atomic_init(&rig.slots[i].block, (void *)(rig.memory + i * BATON_LINE));
}

/* --- one round ------------------------------------------------------------------------ */

/* All in ns; 0: no window counted. */
struct round {
	double line[PAIRS], cas, contended[HERE_CROWDS], kept[HERE_CROWDS];
	double claim[DISTANCES], hand;
	double rate[HERE_CHECKS]; /* a second */
};

struct measuring {
	struct here *here;
	uint32_t cpus[WINDOW_MOST_THREADS];
	uint32_t windows;
	double turns_per_us;
	struct sim foretold[HERE_CHECKS]; /* the round's costs are filled in */
	uint32_t index[HERE_CHECKS];      /* of its distance, which is its fill, too */
};

typedef uint64_t steps_fn(void *state, uint32_t thread);

static double rate(const struct measuring *m, uint32_t n, steps_fn *steps)
{
	if (n > 2)
		rig.steps = 1; /* in a crowd each takes long */
	return window_rate(&(struct window_work){n, m->cpus, steps, NULL}, m->windows);
}

static double pair_rate(const struct measuring *m, uint32_t other, steps_fn *steps)
{
	const uint32_t cpus[] = {m->cpus[0], m->cpus[other]};

	return window_rate(&(struct window_work){2, cpus, steps, NULL}, m->windows);
}

static double ns_of(double per_second)
{
	return per_second > 0 ? 1e9 / per_second : 0;
}

static void measure_lines(const struct measuring *m, struct round *r)
{
	for (uint32_t i = 0; i < PAIRS && others[i] < m->here->cpus; i++) {
		set_up(SLOTS, 0, m->turns_per_us);
		r->line[i] = ns_of(pair_rate(m, others[i], ping_pong));
	}
	set_up(SLOTS, 0, m->turns_per_us);
	r->cas = ns_of(rate(m, 1, swap_only));
	for (uint32_t i = 0; i < HERE_CROWDS && crowds[i] <= m->here->cpus; i++) {
		uint64_t won = 0, tries = 0;

		set_up(SLOTS, 0, m->turns_per_us);
		r->contended[i] = ns_of(rate(m, crowds[i], swap_only));
		for (uint32_t t = 0; t < crowds[i]; t++) {
			won += rig.part[t].won;
			tries += rig.part[t].tries;
		}
		r->kept[i] = tries > 0 ? (double)won / (double)tries : 0;
	}
}

static void measure_rest(const struct measuring *m, struct round *r)
{
	for (uint32_t i = 0; i < DISTANCES; i++) {
		set_up(SLOTS, distance_ns[i], m->turns_per_us);
		r->claim[i] = ns_of(rate(m, 1, claim_only));
	}
	set_up(POOL, distance_ns[FIRST_FILL], m->turns_per_us);
	r->hand = ns_of(rate(m, 2, hand_over));
	for (size_t i = 0; i < m->here->n; i++) {
		const struct sim *s = &m->foretold[i];

		set_up(s->trains ? POOL : SLOTS, distance_ns[m->index[i]], m->turns_per_us);
		r->rate[i] = s->trains ? rate(m, s->producers + 1, hand_over)
		                       : rate(m, s->producers, claim_only);
	}
}

/* --- what was to be expected ----------------------------------------------------------- */

/* Of n CPUs, over the pairs that were tried; 0: one of them is missing. */
static double mean_line(const struct round *r, uint32_t n)
{
	double sum = 0;
	uint32_t of = 0;

	for (uint32_t i = 0; i < PAIRS && others[i] < n; i++) {
		if (r->line[i] <= 0)
			return 0;
		sum += r->line[i];
		of++;
	}
	return of ? sum / of : 0;
}

/* With one producer a block takes a claim, its fill, and the slot's line twice. Without a fill
 * it takes less, since several blocks' lines are then on their way at once. */
static double hand_of(const struct round *r)
{
	double hand = (r->hand - r->claim[FIRST_FILL]) / 2;

	return r->hand <= 0 ? 0 : hand > 1 ? hand : 1;
}

/* A try, in the largest crowd measured that n threads are. */
static double swap_of(uint32_t n, const double *contended, const double *kept)
{
	double swap = 0;

	for (uint32_t i = 0; i < HERE_CROWDS && crowds[i] <= n; i++)
		swap = contended[i] > 0 ? contended[i] * kept[i] : swap;
	return swap;
}

enum cost { NO_COST, LINE, CLAIM, HAND, SWAP };

/* What the model says of check i in this round; 0: a cost is missing. */
static double foretell(const struct measuring *m, size_t i, const struct round *r, enum cost wrong)
{
	struct sim s = m->foretold[i];

	s.line = s.far = mean_line(r, s.producers + s.trains) * (wrong == LINE ? WRONG : 1);
	s.cas = r->claim[0] / 3 * (wrong == CLAIM ? WRONG : 1);
	s.swap = swap_of(s.producers, r->contended, r->kept) * (wrong == SWAP ? WRONG : 1);
	s.hand = hand_of(r) * (wrong == HAND ? WRONG : 1);
	s.fill = r->claim[m->index[i]] - r->claim[0]; /* what its turns took, of busy() */
	if (s.fill < 0)
		s.fill = 0;
	if (s.line <= 0 || s.cas <= 0 || s.hand <= 0 || (s.producers > 1 && s.swap <= 0))
		return 0;
	return sim_rate(&s);
}

static void judge(const struct measuring *m, size_t i, const struct round *rounds, size_t n_rounds,
                  enum cost wrong, struct check *c)
{
	double seen[SPREAD_MAX], off[SPREAD_MAX];

	c->n = 0;
	for (size_t k = 0; k < n_rounds; k++) {
		double says = foretell(m, i, &rounds[k], wrong);

		if (says <= 0 || rounds[k].rate[i] <= 0)
			continue;
		seen[c->n] = rounds[k].rate[i];
		off[c->n++] = rounds[k].rate[i] / says;
	}
	if (c->n == 0)
		return;
	c->seen = spread_of(seen, c->n);
	c->off = spread_of(off, c->n);
	c->half = spread_of_middle(off, c->n);
}

bool here_judged(const struct check *c)
{
	return c->n >= LEAST_ROUNDS;
}

bool here_meets(const struct check *c)
{
	return !here_judged(c) || spread_is_near(&c->half, 1, HERE_TOLERANCE);
}

size_t here_off(const struct check *checks, size_t n)
{
	size_t off = 0;

	for (size_t i = 0; i < n; i++)
		off += !here_meets(&checks[i]);
	return off;
}

/* --- the whole ------------------------------------------------------------------------- */

static void expect(struct measuring *m, uint32_t producers, uint32_t index, bool trains)
{
	struct here *h = m->here;
	size_t i = h->n;

	if (i == HERE_CHECKS || producers + trains > h->cpus)
		return;
	h->n++;
	m->index[i] = index;
	m->foretold[i] = (struct sim){.producers = producers,
	                              .sockets = 1,
	                              .trains = trains,
	                              .block_batches = 1,
	                              .tickets = 1,
	                              .rings = 1};
	snprintf(h->checks[i].what, sizeof(h->checks[i].what),
	         trains ? "a trainer, P=%u, fills of %.0f ns" : "%u threads claim, %.0f ns between",
	         (unsigned)producers, distance_ns[index]);
}

static void expect_all(struct measuring *m)
{
	uint32_t most = m->here->cpus < MOST ? m->here->cpus : MOST;

	for (size_t k = 0; k < HERE_CROWDS; k++)
		for (uint32_t i = 0; i < DISTANCES; i++)
			expect(m, crowds[k], i, false);
	for (uint32_t p = 1; p < most; p *= 2)
		for (uint32_t i = FIRST_FILL + (p == 1); i < DISTANCES;
		     i++) /* P=1, the first: hand */
			expect(m, p, i, true);
	for (uint32_t i = FIRST_FILL; most > 4 && i < DISTANCES; i++)
		expect(m, most - 1, i, true);
}

static double far_line(const struct round *r)
{
	double far = 0;

	for (uint32_t i = 0; i < PAIRS; i++)
		far = r->line[i] > far ? r->line[i] : far;
	return far;
}

enum { FIGURES = 5 + 2 * HERE_CROWDS };

/* Each round's figures and where their spreads go; the first 7 must be there. */
static void figures_of(const struct round *r, double *f)
{
	const double all[] = {r->line[0], far_line(r), r->cas, r->claim[0], hand_of(r)};

	memcpy(f, all, sizeof(all));
	for (int i = 0; i < HERE_CROWDS; i++) {
		f[5 + 2 * i] = r->contended[i];
		f[6 + 2 * i] = r->kept[i];
	}
}

static bool collect(struct costs *c, const struct round *rounds, size_t n)
{
	struct spread *to[FIGURES] = {&c->line, &c->far, &c->cas, &c->claim, &c->hand};
	double f[FIGURES], value[SPREAD_MAX];

	for (int i = 0; i < HERE_CROWDS; i++) {
		to[5 + 2 * i] = &c->contended[i];
		to[6 + 2 * i] = &c->kept[i];
	}
	for (size_t i = 0; i < FIGURES; i++) {
		size_t have = 0;

		for (size_t k = 0; k < n; k++) {
			figures_of(&rounds[k], f);
			value[have] = f[i];
			have += f[i] > 0;
		}
		if (have >= LEAST_ROUNDS)
			*to[i] = spread_of(value, have);
		else if (i < 7)
			return false;
	}
	return true;
}

/* Is the line what it was when the round began? A virtual CPU is moved now and then, and then
 * what was measured before says nothing of what came after. */
static bool is_steady(const struct measuring *m, const struct round *r)
{
	double line;

	set_up(SLOTS, 0, m->turns_per_us);
	line = ns_of(pair_rate(m, 1, ping_pong));
	return line > 0 && line < STEADY * r->line[0] && r->line[0] < STEADY * line;
}

bool here_measure(struct here *here, size_t rounds, uint32_t windows)
{
	static struct measuring m;
	static struct round round[SPREAD_MAX];
	static const char *const names[] = {"a line", "a claim", "a hand-off", "a contended CAS"};
	size_t n = 0;

	*here = (struct here){0};
	m = (struct measuring){.here = here, .windows = windows};
	here->cpus = window_cpus(m.cpus);
	rig.memory = bench_memory((size_t)SLOTS * BATON_LINE);
	if (here->cpus < 2 || !rig.memory)
		return false;
	m.turns_per_us = busy_turns_per_us();
	expect_all(&m);
	for (size_t tries = 0, k = 0; k < rounds && tries < TRIES * rounds; tries++) {
		round[k] = (struct round){0};
		measure_lines(&m, &round[k]);
		measure_rest(&m, &round[k]);
		k += is_steady(&m, &round[k]);
		n = k;
	}
	here->rounds = n;
	for (size_t i = 0; i < here->n; i++)
		judge(&m, i, round, n, NO_COST, &here->checks[i]);
	for (int w = 0; w < HERE_COSTS; w++) {
		here->seeded[w].what = names[w];
		for (size_t i = 0; i < here->n; i++) {
			struct check c = {0};

			judge(&m, i, round, n, (enum cost)(LINE + w), &c);
			here->seeded[w].off += !here_meets(&c);
		}
	}
	return collect(&here->costs, round, n);
}

struct sim here_machine(const struct costs *costs, uint32_t producers)
{
	double contended[HERE_CROWDS], kept[HERE_CROWDS];

	for (int i = 0; i < HERE_CROWDS; i++) {
		contended[i] = costs->contended[i].median;
		kept[i] = costs->kept[i].median;
	}
	return (struct sim){.line = costs->line.median,
	                    .far = costs->line.median,
	                    .cas = costs->claim.median / 3, /* claim, publish, release */
	                    .swap = swap_of(producers, contended, kept),
	                    .hand = costs->hand.median,
	                    .producers = producers,
	                    .sockets = 1,
	                    .block_batches = 1,
	                    .tickets = 1,
	                    .rings = 1};
}
