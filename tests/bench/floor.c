/* SPDX-License-Identifier: MIT */
#include "floor.h"
#include <futex.h>
#include <pthread.h>
#include <ring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wait.h>

static size_t buffer_bytes(const struct bench_setup *s)
{
	return (s->words * sizeof(uint64_t) + BATON_LINE - 1) / BATON_LINE * BATON_LINE;
}

static pthread_t start_thread(void *(*main)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, main, arg) != 0)
		abort();
	return thread;
}

/* --- one thread ------------------------------------------------------------------- */

/* n buffers in turn through each part that is wanted. */
static bool alone(const struct bench_setup *s, uint64_t n, bool makes, bool uses)
{
	unsigned char *memory = bench_memory(buffer_bytes(s) * s->pool);
	uint32_t slot = 0;

	for (uint64_t i = 0; memory && i < n; i++) {
		uint64_t *words = (uint64_t *)(void *)(memory + slot * buffer_bytes(s));

		if (makes)
			bench_make(s, words, BENCH_TAG(0, i));
		if (uses && !bench_use(s, words, "one thread"))
			return false;
		slot = slot + 1 < s->pool ? slot + 1 : 0;
	}
	return memory;
}

static bool time_alone(const struct bench_setup *s, struct bench_result *result, bool makes,
                       bool uses)
{
	struct bench_setup words_only = *s;
	bool good;

	words_only.work = (struct bench_work){0};
	good = alone(&words_only, s->pool, true, true);
	bench_begin(result);
	good = good && alone(s, s->n, makes, uses);
	bench_end(result, s->n);
	return good;
}

static bool run_fused(const struct bench_setup *s, struct bench_result *result)
{
	return time_alone(s, result, true, true);
}

static bool run_source(const struct bench_setup *s, struct bench_result *result)
{
	return time_alone(s, result, true, false);
}

static bool run_trainer(const struct bench_setup *s, struct bench_result *result)
{
	return time_alone(s, result, false, true);
}

static bool run_copy(const struct bench_setup *s, struct bench_result *result)
{
	unsigned char *memory = bench_memory(2 * buffer_bytes(s) * s->pool), *to;
	uint32_t slot = 0;

	if (!memory)
		return false;
	to = memory + buffer_bytes(s) * s->pool;
	memset(memory, 1, 2 * buffer_bytes(s) * s->pool);
	bench_begin(result);
	for (uint64_t i = 0; i < s->n; i++) {
		memcpy(to + slot * buffer_bytes(s), memory + slot * buffer_bytes(s),
		       s->words * sizeof(uint64_t));
		__asm__ volatile("" : : "r"(to) : "memory");
		slot = slot + 1 < s->pool ? slot + 1 : 0;
	}
	bench_end(result, s->n);
	return true;
}

/* --- at once, nothing handed over --------------------------------------------------- */

struct apart {
	const struct bench_setup *setup;
	uint64_t chunk; /* buffers that a source begins together */
	_Alignas(BATON_LINE) _Atomic(uint64_t) begun;
	struct bench_gate start;
};

static void *apart_source(void *arg)
{
	struct apart *a = arg;
	uint64_t *words = aligned_alloc(BATON_LINE, buffer_bytes(a->setup)), from;

	if (!words)
		abort();
	memset(words, 0, buffer_bytes(a->setup));
	bench_gate_wait(&a->start);
	bench_gate_wait(&a->start);
	while ((from = atomic_fetch_add(&a->begun, a->chunk)) < a->setup->n)
		for (uint64_t k = from; k < a->setup->n && k - from < a->chunk; k++)
			bench_make(a->setup, words, BENCH_TAG(0, k));
	free(words);
	return NULL;
}

static uint32_t at_work(const struct bench_setup *s)
{
	uint32_t cpus = bench_cpus();

	return s->work.wait_ns || s->producers < cpus ? s->producers : cpus;
}

static bool run_at_once(const struct bench_setup *s, struct bench_result *result, bool trains)
{
	uint32_t n = at_work(s);
	bool is_short = !s->work.wait_ns && !s->work.source_turns && s->words < 1000;
	struct apart a = {.setup = s, .chunk = is_short ? 64 : 1};
	pthread_t *threads = calloc(n, sizeof(*threads));
	bool good;

	if (!threads)
		return false;
	bench_gate_init(&a.start, n + 1);
	for (uint32_t i = 0; i < n; i++)
		threads[i] = start_thread(apart_source, &a);
	good = alone(&(struct bench_setup){.pool = s->pool, .words = s->words}, s->pool, true,
	             false);
	bench_gate_wait(&a.start); /* all are there */
	bench_begin(result);
	bench_gate_wait(&a.start);
	good = good && (!trains || alone(s, s->n, false, true));
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	bench_end(result, s->n);
	free(threads);
	return good;
}

static bool run_apart(const struct bench_setup *s, struct bench_result *result)
{
	return run_at_once(s, result, true);
}

static bool run_sources(const struct bench_setup *s, struct bench_result *result)
{
	return run_at_once(s, result, false);
}

/* --- lines there and back ----------------------------------------------------------- */

/* The lines that move for one buffer. What the two threads do to them is what the ring and
 * the pipeline do (ring.h, producer.c, delivery.c), and nothing else. */
struct lines {
	_Alignas(BATON_LINE) _Atomic(uint64_t) turn; /* even: the source's */
	_Alignas(BATON_LINE) uint64_t header[4];     /* k, n, left, stop; and */
	uint32_t cell[2];                            /* rows, state */
	_Alignas(BATON_LINE) uint64_t *words;
	const struct bench_setup *setup;
	struct bench_gate start;
};

enum moved { LINE, RING, PIPELINE };

static inline __attribute__((always_inline)) bool await(const struct lines *l, uint64_t turn)
{
	/* a yield now and then: the other may have no CPU but ours */
	for (unsigned i = 0; atomic_load_explicit(&l->turn, memory_order_acquire) != turn; i++) {
		if (bench_is_late())
			return false; /* the other may have left */
		bench_wait(i < 4000 ? 0 : 4000);
	}
	return true;
}

static inline __attribute__((always_inline)) bool there(struct lines *l, uint64_t i, enum moved m)
{
	uint64_t turn = 2 * i;

	if (!await(l, turn))
		return false;
	if (m == PIPELINE) {
		l->header[0] = l->header[2] = i;
		l->cell[0] = (uint32_t)i;
	}
	if (m != LINE)
		bench_make(l->setup, l->words, i);
	if (m == LINE)
		atomic_store_explicit(&l->turn, turn + 1, memory_order_release);
	else
		atomic_compare_exchange_strong_explicit(&l->turn, &turn, turn + 1,
		                                        memory_order_seq_cst, memory_order_relaxed);
	return true;
}

static inline __attribute__((always_inline)) bool back(struct lines *l, uint64_t i, enum moved m)
{
	if (!await(l, 2 * i + 1))
		return false;
	if (m == PIPELINE) {
		l->cell[1] = l->cell[0];
		l->header[2]--;
	}
	if (m != LINE && !bench_use(l->setup, l->words, "ping-pong"))
		return false;
	atomic_store_explicit(&l->turn, 2 * i + 2,
	                      m == LINE ? memory_order_release : memory_order_seq_cst);
	return true;
}

/* Where each side's code is made for its kind. */
#define PING_PONG(kind, m)                                                          \
	static void *kind##_source(void *arg)                                       \
	{                                                                           \
		struct lines *l = arg;                                              \
                                                                                    \
		bench_pin(l->setup, false);                                         \
		bench_gate_wait(&l->start);                                         \
		for (uint64_t i = 0; i < l->setup->n && there(l, i, m); i++)        \
			;                                                           \
		return NULL;                                                        \
	}                                                                           \
	static uint64_t kind##_trainer(struct lines *l)                             \
	{                                                                           \
		uint64_t i = 0;                                                     \
                                                                                    \
		while (i < l->setup->n && back(l, i, m))                            \
			i++;                                                        \
		return i;                                                           \
	}                                                                           \
	static bool run_##kind(const struct bench_setup *s, struct bench_result *r) \
	{                                                                           \
		return run_lines(s, r, kind##_source, kind##_trainer);              \
	}

static bool run_lines(const struct bench_setup *s, struct bench_result *result,
                      void *(*source)(void *), uint64_t (*trainer)(struct lines *))
{
	static struct lines l;
	pthread_t thread;
	uint64_t made;

	l.setup = s;
	l.words = bench_memory(buffer_bytes(s));
	if (!l.words)
		return false;
	atomic_store(&l.turn, 0);
	bench_gate_init(&l.start, 2);
	thread = start_thread(source, &l);
	bench_pin(s, true);
	bench_gate_wait(&l.start);
	bench_begin(result);
	made = trainer(&l);
	bench_end(result, made);
	pthread_join(thread, NULL);
	bench_unpin(s);
	return made == s->n || bench_is_late();
}

PING_PONG(line, LINE)
PING_PONG(ring, RING)
PING_PONG(pipeline, PIPELINE)

/* --- many at once -------------------------------------------------------------------- */

/* The buffers' lines and next to nothing else: each quarter of the pool has one turn, which
 * changes when all of its buffers have. Who hands over each buffer moves no fewer lines. */
enum { PARTS = 4 };

struct bulk {
	const struct bench_setup *setup;
	unsigned char *memory;
	struct {
		_Alignas(BATON_LINE) _Atomic(uint64_t) turn; /* even: the source's */
	} part[PARTS];
	struct bench_gate start;
};

/* Do the nth part's turn: make all of it, or use it. False: it is late, or wrong. */
static inline __attribute__((always_inline)) bool bulk_turn(struct bulk *b, uint64_t nth, bool uses)
{
	_Atomic(uint64_t) *turn = &b->part[nth % PARTS].turn;
	uint64_t n = b->setup->pool / PARTS, wanted = nth / PARTS * 2 + uses;
	unsigned char *at = b->memory + nth % PARTS * n * buffer_bytes(b->setup);

	for (unsigned i = 0; atomic_load_explicit(turn, memory_order_acquire) != wanted; i++) {
		if (bench_is_late())
			return false;
		bench_wait(i < 4000 ? 0 : 4000);
	}
	for (uint64_t i = 0; i < n; i++, at += buffer_bytes(b->setup)) {
		uint64_t *words = (uint64_t *)(void *)at;

		if (!uses)
			bench_make(b->setup, words, BENCH_TAG(0, nth * n + i));
		else if (!bench_use(b->setup, words, "bulk"))
			return false;
	}
	atomic_store_explicit(turn, wanted + 1, memory_order_release);
	return true;
}

static uint64_t bulk_turns(const struct bench_setup *s)
{
	return s->n / (s->pool / PARTS) + 1;
}

static void *bulk_source(void *arg)
{
	struct bulk *b = arg;

	bench_gate_wait(&b->start);
	for (uint64_t i = 0; i < bulk_turns(b->setup) && bulk_turn(b, i, false); i++)
		;
	return NULL;
}

static bool run_bulk(const struct bench_setup *s, struct bench_result *result)
{
	struct bulk b = {.setup = s, .memory = bench_memory(buffer_bytes(s) * s->pool)};
	pthread_t thread;
	uint64_t i = 0;

	if (!b.memory)
		return false;
	bench_gate_init(&b.start, 2);
	thread = start_thread(bulk_source, &b);
	bench_gate_wait(&b.start);
	bench_begin(result);
	while (i < bulk_turns(s) && bulk_turn(&b, i, true))
		i++;
	bench_end(result, i * (s->pool / PARTS));
	pthread_join(thread, NULL);
	return i == bulk_turns(s) || bench_is_late();
}

/* --- futex -------------------------------------------------------------------------- */

struct bells {
	const struct bench_setup *setup;
	_Alignas(BATON_LINE) _Atomic(int32_t) ping;
	_Alignas(BATON_LINE) _Atomic(int32_t) pong;
};

static void ring_bell(_Atomic(int32_t) *bell, int32_t to)
{
	atomic_store(bell, to);
	baton_futex_wake(bell, 1);
}

/* False: it is late, and the other may have left. */
static bool hear(_Atomic(int32_t) *bell, int32_t before)
{
	while (atomic_load(bell) == before) {
		if (bench_is_late())
			return false;
		baton_futex_wait(bell, before, baton_now_ns() + BATON_TRAINER_NAP_NS);
	}
	return true;
}

static void *answer(void *arg)
{
	struct bells *b = arg;

	for (uint64_t i = 0; i < b->setup->n && hear(&b->ping, (int32_t)i); i++)
		ring_bell(&b->pong, (int32_t)i + 1);
	return NULL;
}

static bool run_futex(const struct bench_setup *s, struct bench_result *result)
{
	struct bells b = {.setup = s};
	pthread_t thread = start_thread(answer, &b);

	uint64_t made = 0;
	bool heard = true;

	bench_begin(result);
	while (made < s->n && heard) {
		ring_bell(&b.ping, (int32_t)made + 1);
		heard = hear(&b.pong, (int32_t)made);
		made += heard;
	}
	bench_end(result, made);
	pthread_join(thread, NULL);
	return true;
}

/* --- wakes -------------------------------------------------------------------------- */

/* All sources, and a trainer that sleeps until one has made a buffer: no buffer is handed over,
 * only that there is one. */
struct wakes {
	const struct bench_setup *setup;
	_Alignas(BATON_LINE) _Atomic(uint64_t) begun;
	_Alignas(BATON_LINE) _Atomic(int32_t) made;
	_Atomic(int32_t) asleep;
	struct bench_gate start;
};

static void *wakes_source(void *arg)
{
	struct wakes *w = arg;
	uint64_t *words = aligned_alloc(BATON_LINE, buffer_bytes(w->setup)), k;

	if (!words)
		abort();
	bench_gate_wait(&w->start);
	while ((k = atomic_fetch_add(&w->begun, 1)) < w->setup->n) {
		bench_make(w->setup, words, BENCH_TAG(0, k));
		atomic_fetch_add(&w->made, 1);
		if (atomic_load(&w->asleep))
			baton_futex_wake(&w->made, 1);
	}
	free(words);
	return NULL;
}

static void await_made(struct wakes *w)
{
	int32_t made;

	while ((uint64_t)(made = atomic_load(&w->made)) < w->setup->n) {
		atomic_store(&w->asleep, 1);
		baton_futex_wait(&w->made, made, baton_now_ns() + BATON_TRAINER_NAP_NS);
		atomic_store(&w->asleep, 0);
	}
}

static bool run_wakes(const struct bench_setup *s, struct bench_result *result)
{
	struct wakes w = {.setup = s};
	pthread_t *threads = calloc(s->producers, sizeof(*threads));

	if (!threads)
		return false;
	bench_gate_init(&w.start, s->producers + 1);
	for (uint32_t i = 0; i < s->producers; i++)
		threads[i] = start_thread(wakes_source, &w);
	bench_gate_wait(&w.start);
	bench_begin(result);
	await_made(&w);
	bench_end(result, s->n);
	for (uint32_t i = 0; i < s->producers; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return true;
}

#define FLOOR(id, name_, note_, run_)  \
	const struct bench_peer id = { \
		.name = (name_), .note = (note_), .order = BENCH_NONE, .run = (run_)}

FLOOR(floor_fused, "fused", "one thread, no hand-off", run_fused);
FLOOR(floor_apart, "apart", "all at once, no hand-off", run_apart);
FLOOR(floor_one_waits, "one-source", "one source, no trainer", run_source);
FLOOR(floor_sources, "sources", "all sources, no trainer", run_sources);
FLOOR(floor_trainer, "trainer", "the trainer, no source", run_trainer);
FLOOR(floor_one_line, "one-line", "there and back", run_line);
FLOOR(floor_ring, "ring-lines", "turn and words there and back", run_ring);
FLOOR(floor_pipeline, "baton-lines", "and header and cell", run_pipeline);
FLOOR(floor_bulk, "bulk", "a quarter of the pool at a time", run_bulk);
FLOOR(floor_futex, "futex", "there and back, by two wakes", run_futex);
FLOOR(floor_wakes, "wakes", "all sources wake a trainer", run_wakes);
FLOOR(floor_copy, "memcpy", "one thread copies", run_copy);

const struct bench_peer *const floors[] = {
	&floor_fused,   &floor_apart,    &floor_one_waits, &floor_sources,
	&floor_trainer, &floor_one_line, &floor_ring,      &floor_pipeline,
	&floor_bulk,    &floor_futex,    &floor_wakes,     &floor_copy,
	NULL,
};
