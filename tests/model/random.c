/* SPDX-License-Identifier: MIT */
/* Random programs: what the reductions leave out must be nothing. Each program is run
 * twice, reduced and with every interleaving and every old store, and both must see the
 * same outcomes (all that was read, and the last values). With loops every interleaving is
 * too much: those programs are run reduced twice, with and without the rounds of a loop
 * that have done nothing but look.
 *
 *   random [PROGRAMS [SEED]] */

#include <pthread.h>
#include <stdatomic.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, STEPS = 3, LOCATIONS = 2, OUTCOMES = 1 << 14 };
enum what { LOAD, STORE, ADD, CAS, CLAIM };

static struct step {
	enum what what;
	int location, order, value;
} steps[THREADS][STEPS];
static int n_threads, n_steps;

static _Atomic(int) at[LOCATIONS], ticket, turn;
static bool every_round;
static int read_[THREADS][STEPS];

static uint64_t random_state;

static int below(int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (int)(random_state >> 33) % n;
}

/* --- outcomes: a set of hashes ------------------------------------------------------ */

struct outcomes {
	uint64_t hash[OUTCOMES];
	int n;
};

static struct outcomes reduced, all, *now;

static bool has(const struct outcomes *set, uint64_t h)
{
	for (unsigned i = h % OUTCOMES; set->hash[i]; i = (i + 1) % OUTCOMES)
		if (set->hash[i] == h)
			return true;
	return false;
}

static void add(struct outcomes *set, uint64_t h)
{
	unsigned i = h % OUTCOMES;

	if (has(set, h))
		return;
	if (++set->n == OUTCOMES)
		abort();
	while (set->hash[i])
		i = (i + 1) % OUTCOMES;
	set->hash[i] = h;
}

static bool within(const struct outcomes *a, const struct outcomes *b)
{
	for (int i = 0; i < OUTCOMES; i++)
		if (a->hash[i] && !has(b, a->hash[i]))
			return false;
	return true;
}

/* --- a program ---------------------------------------------------------------------- */

/* Up to n_claims of the steps take a ticket, in a loop that may go round. */
static void make_program(int n_claims)
{
	static const int loads[] = {memory_order_relaxed, memory_order_acquire,
	                            memory_order_seq_cst};
	static const int stores[] = {memory_order_relaxed, memory_order_release,
	                             memory_order_seq_cst};
	static const int updates[] = {memory_order_relaxed, memory_order_acquire,
	                              memory_order_release, memory_order_acq_rel,
	                              memory_order_seq_cst};

	n_threads = 2 + below(2);
	n_steps = n_threads == 2 ? 3 : 2;
	for (int t = 0; t < n_threads; t++)
		for (int i = 0; i < n_steps; i++) {
			struct step *s = &steps[t][i];
			int what = below(16);

			s->what = what < 6 ? LOAD : what < 11 ? STORE : what < 13 ? ADD : CAS;
			if (n_claims > 0 && below(2)) {
				s->what = CLAIM;
				n_claims--;
			}
			s->location = below(LOCATIONS);
			s->value = 1 + 16 * (t * STEPS + i);
			s->order = s->what == LOAD    ? loads[below(3)]
			           : s->what == CLAIM ? loads[below(2)]
			           : s->what == STORE ? stores[below(3)]
			                              : updates[below(5)];
		}
}

static bool take_ticket(int *t)
{
	if (every_round)
		return atomic_compare_exchange_strong_explicit(
			&ticket, t, *t + 1, memory_order_relaxed, memory_order_relaxed);
	return atomic_compare_exchange_weak_explicit(&ticket, t, *t + 1, memory_order_relaxed,
	                                             memory_order_relaxed);
}

/* A ring of one slot, which is free again as soon as it was published. */
static int claim(int order)
{
	int t = atomic_load_explicit(&ticket, memory_order_relaxed);

	for (;;) {
		int turn_now = atomic_load_explicit(&turn, order);

		if (turn_now < t)
			return -1 - t; /* claimed, and not published */
		if (turn_now == t && take_ticket(&t))
			break;
		if (turn_now == t)
			continue;
		if (!every_round)
			ex_again();
		t = atomic_load_explicit(&ticket, memory_order_relaxed);
	}
	atomic_store_explicit(&turn, t + 1, memory_order_release);
	return t;
}

static void *thread(void *arg)
{
	int t = (int)(intptr_t)arg;

	for (int i = 0; i < n_steps; i++) {
		const struct step *s = &steps[t][i];
		_Atomic(int) *p = &at[s->location];
		int expected = 0;

		switch (s->what) {
		case LOAD:
			read_[t][i] = atomic_load_explicit(p, s->order);
			break;
		case STORE:
			atomic_store_explicit(p, s->value, s->order);
			break;
		case ADD:
			read_[t][i] = atomic_fetch_add_explicit(p, s->value, s->order);
			break;
		case CLAIM:
			read_[t][i] = claim(s->order);
			break;
		default:
			atomic_compare_exchange_strong_explicit(p, &expected, s->value, s->order,
			                                        memory_order_relaxed);
			read_[t][i] = expected;
			break;
		}
	}
	return arg;
}

static void program(void)
{
	pthread_t threads[THREADS];
	uint64_t hash = 0x9e3779b97f4a7c15;

	memset(read_, 0, sizeof(read_));
	for (int i = 0; i < LOCATIONS; i++)
		atomic_init(&at[i], 0);
	atomic_init(&ticket, 0);
	atomic_init(&turn, 0);
	for (int t = 0; t < n_threads; t++)
		pthread_create(&threads[t], NULL, thread, (void *)(intptr_t)t);
	for (int t = 0; t < n_threads; t++)
		pthread_join(threads[t], NULL);
	for (int t = 0; t < n_threads; t++)
		for (int i = 0; i < n_steps; i++)
			hash = (hash ^ (uint64_t)read_[t][i]) * 0x100000001b3 + 1;
	for (int i = 0; i < LOCATIONS; i++)
		hash = (hash ^ (uint64_t)atomic_load_explicit(&at[i], memory_order_relaxed)) *
		               0x100000001b3 +
		       1;
	add(now, hash | 1);
}

static void print_program(void)
{
	static const char *const whats[] = {"load", "store", "add", "cas", "claim"};

	for (int t = 0; t < n_threads; t++)
		for (int i = 0; i < n_steps; i++)
			printf("  thread %d: %s at[%d] order %d value %d\n", t,
			       whats[steps[t][i].what], steps[t][i].location, steps[t][i].order,
			       steps[t][i].value);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000, wrong = 0;
	uint64_t executions[2] = {0, 0};

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20181217;
	for (int i = 0; i < n; i++) {
		struct ex_options options = {.preemptions = -1};
		struct ex_result r, u;
		bool claims = i % 3 == 0;

		make_program(claims ? 3 : 0);
		memset(&reduced, 0, sizeof(reduced));
		memset(&all, 0, sizeof(all));
		now = &reduced;
		ex_explore(program, &options, &r);
		now = &all;
		every_round = claims;
		options.unreduced = !claims;
		ex_explore(program, &options, &u);
		every_round = false;
		executions[0] += r.complete + r.dropped;
		executions[1] += u.complete + u.dropped;
		if (r.end == EX_ALL && u.end == EX_ALL && within(&reduced, &all) &&
		    within(&all, &reduced))
			continue;
		wrong++;
		printf("program %d: %d outcomes reduced, %d in all %s%s\n", i, reduced.n, all.n,
		       r.text, u.text);
		print_program();
		if (wrong == 3)
			break;
	}
	printf("%d programs: %" PRIu64 " executions reduced, %" PRIu64 " in all, %d wrong\n", n,
	       executions[0], executions[1], wrong);
	return wrong != 0;
}
