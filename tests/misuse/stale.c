/* SPDX-License-Identifier: MIT */
/* Stale accesses, each injected on purpose, and each to be caught at the very access with
 * the right owner named:
 *   stale guard [N [SEED]]    by BATON_GUARD=1: SIGSEGV
 *   stale poison [N [SEED]]   by ASan, in a build with it
 *   stale off [N [SEED]]      by nothing: the control, which must see none of them
 *
 * A round opens one pipeline, whose shape is drawn from the seed, and injects a few accesses
 * of one kind into it. Nothing depends on time: who must wait for somebody waits for what
 * he does. What poison can't see (the memory has an owner at that moment, though another)
 * is left to the guard. Exit 0; 3: something was not caught, or not
 * explained (or, as the control, was); 1 if it can't run; 77 in the wrong build. */

#include <baton/baton.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#endif

enum { ROWS = 16, FIELDS = 3, MAX_BATCHES = 256, ROUND_BUDGET = 3 };

static enum { GUARD, POISON, OFF } mode;
static uint64_t draws; /* the seed, then its stream */

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t draw(uint32_t below)
{
	return (uint32_t)(mix(draws += 0x9e3779b97f4a7c15) >> 32) % below;
}

/* --- an access, and who catches it ------------------------------------------------------ */

struct trap {
	sigjmp_buf back;
	volatile sig_atomic_t armed, caught;
	const void *at;
	char said[512];
};
static _Thread_local struct trap trap;

static const baton_field fields[FIELDS] = {
	{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}, {"id", BATON_U64, 0, {0}}};
static const size_t field_bytes[FIELDS] = {ROWS * 8, ROWS * 4, ROWS * 8};

struct tally {
	atomic_int injected, caught, explained;
};
static struct tally *tally; /* of the kind in hand */

__attribute__((noinline)) static void touch_read(const volatile unsigned char *at)
{
	(void)*at;
}

__attribute__((noinline)) static void touch_write(volatile unsigned char *at)
{
	/* unseen, it must at least do no harm */
	*at = mode == OFF ? *at : 1;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	if (!trap.armed || info->si_addr != trap.at) { /* not one of ours: a bug */
		signal(signal_number, SIG_DFL);
		return;
	}
	trap.armed = 0;
	trap.caught = 1;
	baton_guard_explain(info->si_addr, trap.said, sizeof(trap.said));
	siglongjmp(trap.back, 1);
}

#ifdef ASAN
#include <sanitizer/asan_interface.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "halt_on_error=0:suppress_equal_pcs=0:symbolize=0:log_path=/dev/null";
}

static bool is_from(const void *pc, uintptr_t function)
{
	return (uintptr_t)pc - function < 256;
}

/* On the offender's thread, from inside its access. */
static void on_report(const char *report)
{
	const char *what = __asan_get_report_description();
	bool write = __asan_get_report_access_type();
	void *freer[16];
	int thread;

	if (!trap.armed || __asan_get_report_address() != trap.at ||
	    !is_from(__asan_get_report_pc(),
	             write ? (uintptr_t)touch_write : (uintptr_t)touch_read))
		return;
	trap.armed = 0;
	trap.caught = strstr(report, "#0 ") != NULL;    /* the offender's stack */
	if (strcmp(what, "heap-use-after-free") == 0) { /* ASan itself knows who freed it */
		if (__asan_get_free_stack((void *)(uintptr_t)trap.at, freer, 16, &thread) > 0)
			snprintf(trap.said, sizeof(trap.said), "%s", what);
	} else if (strcmp(what, "use-after-poison") == 0) {
		baton_guard_explain(trap.at, trap.said, sizeof(trap.said));
	}
}
#endif

static void catch_them(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigemptyset(&action.sa_mask);
	if (mode == GUARD)
		sigaction(SIGSEGV, &action, NULL);
#ifdef ASAN
	__asan_set_error_report_callback(on_report);
#endif
}

/* What is touched: a byte of batch k, by an address that its owner had. was: how he had
 * it; now: what has become of it. */
struct stale {
	unsigned char *batch[FIELDS];
	uint64_t k;
	char was[80], now[120];
	bool freed;
};

static void expect(char *text, size_t size, const struct stale *s, size_t f, const void *at)
{
	if (mode == POISON && s->freed)
		snprintf(text, size, "heap-use-after-free");
	else
		snprintf(text, size,
		         "address 0x%" PRIxPTR " is in field %zu \"%s\" of batch %" PRIu64
		         "%s%s; now %s",
		         (uintptr_t)at, f, fields[f].name, s->k, mode == GUARD ? ", as " : "",
		         mode == GUARD ? s->was : "", s->now);
}

/* The access. chance: what else it depends on. */
static void commit(const struct stale *s, bool write, uint64_t chance)
{
	size_t f = chance % FIELDS;
	unsigned char *at = s->batch[f] + mix(chance) % field_bytes[f];
	char expected[512];

	expect(expected, sizeof(expected), s, f, at);
	trap.at = at;
	trap.caught = 0;
	trap.said[0] = '\0';
	atomic_fetch_add(&tally->injected, 1);
	if (sigsetjmp(trap.back, 0) == 0) {
		trap.armed = 1;
		if (write)
			touch_write(at);
		else
			touch_read(at);
	}
	trap.armed = 0;
	if (!trap.caught)
		return;
	atomic_fetch_add(&tally->caught, 1);
	if (strcmp(trap.said, expected) == 0)
		atomic_fetch_add(&tally->explained, 1);
	else
		fprintf(stderr, "expected: %s\nsaid:     %s\n", expected, trap.said);
}

/* --- a round's pipeline -------------------------------------------------------------------- */

/* Who made batch k, and where it lay for him. Written by him, before it is published. */
struct made {
	unsigned char *batch[FIELDS];
	int producer, thread;
};
static struct made made[MAX_BATCHES];

static struct round {
	int producers; /* 0: inline */
	uint32_t blocks, m, tickets;
	uint64_t chance;
	int trainer;
	atomic_int filled;
	atomic_uint_fast64_t gate; /* fills of this k and on wait */
	/* what the fill that finds it commits, and which one: any, if ANY_FILL */
	_Atomic(const struct stale *) errand;
	uint64_t errand_at;
	atomic_bool errand_done;
	atomic_bool own_last; /* each fill touches the batch of the one before */
	atomic_int budget;
} r;
#define ANY_FILL UINT64_MAX

static void wait_for(bool (*done)(void))
{
	while (!done())
		sched_yield();
}

/* "producer 3 (thread 1240)": who made batch k */
static void name_maker(char *text, size_t size, uint64_t k)
{
	if (made[k].producer < 0)
		snprintf(text, size, "thread %d", made[k].thread);
	else
		snprintf(text, size, "producer %d (thread %d)", made[k].producer, made[k].thread);
}

static struct stale stale_of_maker(uint64_t k)
{
	struct stale s = {.k = k};
	char maker[60];

	name_maker(maker, sizeof(maker), k);
	memcpy(s.batch, made[k].batch, sizeof(s.batch));
	snprintf(s.was, sizeof(s.was), "%s filled it", maker);
	snprintf(s.now, sizeof(s.now), "batch %" PRIu64 " waits for the trainer, filled by %s", k,
	         maker);
	return s;
}

static void enter(baton_writable *b, uint64_t k, int producer)
{
	for (size_t f = 0; f < FIELDS; f++) {
		made[k].batch[f] = baton_writable_data(b, f);
		memset(made[k].batch[f], (int)k + 2, field_bytes[f]);
	}
	made[k].producer = producer;
	made[k].thread = gettid();
}

static void run_errand(uint64_t k)
{
	const struct stale *s = atomic_load(&r.errand);

	if (!s || (r.errand_at != ANY_FILL && r.errand_at != k))
		return;
	if (atomic_compare_exchange_strong(&r.errand, &s, NULL)) {
		struct stale mine = *s;
		char maker[60];

		if (r.errand_at == k) {
			name_maker(maker, sizeof(maker), k);
			snprintf(mine.now, sizeof(mine.now),
			         "batch %" PRIu64 " is being filled by %s", k, maker);
		}
		commit(&mine, r.chance % 2, r.chance ^ k);
		atomic_store(&r.errand_done, true);
	}
}

static _Thread_local uint64_t last_k;
static _Thread_local bool has_last;

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	uint64_t k = baton_writable_k(b);
	int producer = r.producers ? (int)(intptr_t)state : -1;

	(void)rng;
	while (atomic_load(&r.gate) <= k)
		sched_yield();
	enter(b, k, producer);
	if (atomic_load(&r.own_last) && has_last && atomic_fetch_sub(&r.budget, 1) > 0) {
		struct stale s = stale_of_maker(last_k);

		commit(&s, r.chance % 2, r.chance ^ k);
	}
	run_errand(k);
	last_k = k;
	has_last = true;
	atomic_fetch_add(&r.filled, 1);
	return BATON_OK;
}

static int start(int i, void **state, baton_error *err)
{
	(void)err;
	*state = (void *)(intptr_t)i;
	has_last = false;
	return BATON_OK;
}

static baton_pipeline *open_round(bool own)
{
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed;
	baton_error err;

	source.fields = fields;
	source.n_fields = FIELDS;
	source.rows = ROWS;
	source.n_batches = (uint64_t)r.tickets * r.m;
	source.fill = own ? NULL : fill;
	source.start = own ? NULL : start;
	options.producers = own ? 0 : r.producers ? r.producers : BATON_INLINE;
	options.blocks = r.blocks;
	options.block_batches = r.m;
	if (baton_open(&feed, &source, &options, &err) < 0) {
		fprintf(stderr, "stale: %s\n", err.text);
		exit(1);
	}
	return feed;
}

static void close_round(baton_pipeline *feed)
{
	atomic_store(&r.gate, UINT64_MAX);
	if (baton_close(&feed) < 0)
		exit(1);
}

BATON_NO_ANALYSIS static baton_batch take(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int rc = baton_next(feed, &b);

	if (rc != BATON_OK) {
		fprintf(stderr, "stale: next: %s\n", baton_strerror(rc));
		exit(1);
	}
	return b;
}

BATON_NO_ANALYSIS static void take_until(baton_pipeline *feed, uint64_t k)
{
	for (uint64_t i = 0; i < k; i++) {
		baton_batch b = take(feed);

		baton_release(feed, &b);
	}
}

/* The batch as the trainer has it. */
BATON_NO_ANALYSIS static struct stale stale_of_trainer(const baton_batch *b)
{
	struct stale s = {.k = baton_k(b)};

	for (size_t f = 0; f < FIELDS; f++)
		s.batch[f] = (unsigned char *)(uintptr_t)baton_data(b, f);
	snprintf(s.was, sizeof(s.was), "the trainer (thread %d) read it", r.trainer);
	return s;
}

static void set_now(struct stale *s, uint64_t k, const char *what)
{
	snprintf(s->now, sizeof(s->now), "batch %" PRIu64 " %s by the trainer (thread %d)", k, what,
	         r.trainer);
}

static void set_freed(struct stale *s)
{
	snprintf(s->now, sizeof(s->now), "its memory was freed by thread %d", r.trainer);
	s->freed = true;
}

/* --- kinds ---------------------------------------------------------------------------------- */

static bool all_filled(void)
{
	return atomic_load(&r.filled) == (int)(r.blocks * r.m);
}

/* The trainer takes nothing until the pool is full. */
BATON_NO_ANALYSIS static void after_publish(void)
{
	baton_pipeline *feed;
	baton_batch b;

	r.m = r.producers ? r.m : 4; /* inline, a block is filled when it is asked for */
	r.tickets = r.blocks;
	has_last = false;
	atomic_store(&r.own_last, true);
	feed = open_round(false);
	if (r.producers) {
		wait_for(all_filled);
	} else {
		b = take(feed);
		baton_release(feed, &b);
	}
	close_round(feed);
}

/* The article's bug: a generator goes on with what the trainer has in hand. */
BATON_NO_ANALYSIS static void while_the_trainer_reads(void)
{
	uint64_t victim = draw(2 * r.blocks * r.m);
	baton_pipeline *feed;
	baton_batch held, b;
	struct stale s;

	r.errand_at = ANY_FILL;
	atomic_store(&r.gate, r.producers ? (victim / r.m + 1) * r.m : UINT64_MAX);
	feed = open_round(false);
	take_until(feed, victim);
	held = take(feed);
	s = stale_of_maker(victim);
	set_now(&s, victim, "is held");
	atomic_store(&r.errand, &s);
	atomic_store(&r.gate, UINT64_MAX);
	while (!atomic_load(&r.errand_done)) {
		b = take(feed);
		baton_release(feed, &b);
	}
	baton_release(feed, &held);
	close_round(feed);
}

/* Of the last tickets, so that nobody claims the block again. */
BATON_NO_ANALYSIS static void read_after_release(void)
{
	uint64_t total = (uint64_t)r.tickets * r.m;
	uint64_t victim = total - 1 - draw(r.blocks * r.m);
	baton_pipeline *feed = open_round(false);
	struct stale s;
	baton_batch b;

	take_until(feed, victim);
	b = take(feed);
	s = stale_of_trainer(&b);
	set_now(&s, victim, "was released");
	baton_release(feed, &b);
	commit(&s, false, r.chance);
	close_round(feed);
}

BATON_NO_ANALYSIS static void write_into_taken(void)
{
	uint64_t victim = draw(r.tickets * r.m);
	baton_pipeline *feed = open_round(false);
	struct stale s;
	baton_batch b;

	take_until(feed, victim);
	b = take(feed);
	s = stale_of_trainer(&b);
	set_now(&s, victim, "is held");
	commit(&s, true, r.chance);
	baton_release(feed, &b);
	close_round(feed);
}

/* The trainer's old address of a block that it has again, with another batch. */
BATON_NO_ANALYSIS static void read_when_held_again(void)
{
	uint64_t victim = draw(r.blocks * r.m), trip = r.blocks * r.m;
	uint64_t trips = 1 + draw(r.tickets / r.blocks - 1);
	baton_pipeline *feed = open_round(false);
	struct stale s;
	baton_batch b;

	take_until(feed, victim);
	b = take(feed);
	s = stale_of_trainer(&b);
	set_now(&s, victim + trips * trip, "is held");
	baton_release(feed, &b);
	take_until(feed, trips * trip - 1);
	b = take(feed);
	commit(&s, false, r.chance);
	baton_release(feed, &b);
	close_round(feed);
}

/* The trainer's old address, while a producer fills the block. */
BATON_NO_ANALYSIS static void when_filled_again(void)
{
	uint64_t victim = draw(r.blocks * r.m);
	baton_pipeline *feed;
	struct stale s;
	baton_batch b;

	r.errand_at = victim + r.blocks * r.m;
	feed = open_round(false);
	take_until(feed, victim);
	b = take(feed);
	s = stale_of_trainer(&b);
	atomic_store(&r.errand, &s);
	baton_release(feed, &b);
	while (!atomic_load(&r.errand_done)) {
		b = take(feed);
		baton_release(feed, &b);
	}
	close_round(feed);
}

/* The caller's own threads, until the pool is full or somebody has ended it. */
BATON_NO_ANALYSIS static void *own_thread(void *arg)
{
	baton_pipeline *feed = arg;
	baton_claim c = BATON_CLAIM_INIT;

	while (baton_begin_until(feed, &c, 0) == BATON_OK) {
		uint64_t k = baton_writable_k(baton_claimed(&c));
		struct stale s;

		enter(baton_claimed(&c), k, -1);
		s = stale_of_maker(k);
		if ((r.chance >> 8 ^ k) % 4 == 0)
			baton_discard(feed, &c, -1, "drawn");
		else
			baton_submit(feed, &c);
		if (atomic_fetch_sub(&r.budget, 1) > 0)
			commit(&s, r.chance % 2, r.chance ^ k);
	}
	return NULL;
}

static void after_submit(void)
{
	baton_pipeline *feed;
	pthread_t threads[3];
	int n = r.producers ? r.producers : 1;

	r.m = 1;
	r.tickets = r.blocks;
	feed = open_round(true);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, own_thread, feed) != 0)
			exit(1);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	close_round(feed);
}

BATON_NO_ANALYSIS static void after_free(void)
{
	bool close_first = draw(2);
	baton_pipeline *feed = open_round(false);
	struct stale s;
	baton_batch b;

	take_until(feed, draw(r.tickets * r.m));
	b = take(feed);
	if (baton_detach(feed, &b) != BATON_OK)
		exit(1);
	s = stale_of_trainer(&b);
	if (close_first)
		close_round(feed);
	baton_free(&b);
	set_freed(&s);
	commit(&s, r.chance % 2, r.chance);
	if (!close_first)
		close_round(feed);
}

BATON_NO_ANALYSIS static void after_close(void)
{
	uint64_t total = (uint64_t)r.tickets * r.m;
	uint64_t victim = total - 1 - draw(r.blocks * r.m);
	baton_pipeline *feed = open_round(false);
	struct stale s;
	baton_batch b;

	take_until(feed, victim);
	b = take(feed);
	s = stale_of_trainer(&b);
	baton_release(feed, &b);
	close_round(feed);
	set_freed(&s);
	commit(&s, r.chance % 2, r.chance);
}

static struct {
	const char *name;
	void (*run)(void);
	bool guard_only;
	struct tally tally;
} kinds[] = {
	{"a producer, its batch published", after_publish, false, {0}},
	{"a producer, while the trainer reads", while_the_trainer_reads, true, {0}},
	{"the trainer reads after release", read_after_release, false, {0}},
	{"the trainer writes into a batch", write_into_taken, true, {0}},
	{"the trainer reads, its block held again", read_when_held_again, true, {0}},
	{"somebody, while a producer fills", when_filled_again, true, {0}},
	{"an own thread, after submit or discard", after_submit, false, {0}},
	{"anybody, after free of a detached batch", after_free, false, {0}},
	{"anybody, after close", after_close, false, {0}},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void run_round(size_t kind)
{
	static const int producers[] = {0, 1, 3};

	r.producers = producers[draw(3)];
	r.blocks = 2u << draw(3);
	r.m = draw(2) ? 4 : 1;
	r.tickets = 3 * r.blocks;
	r.chance = mix(draws += 0x9e3779b97f4a7c15);
	r.trainer = gettid();
	atomic_store(&r.filled, 0);
	atomic_store(&r.gate, UINT64_MAX);
	atomic_store(&r.errand, NULL);
	atomic_store(&r.errand_done, false);
	atomic_store(&r.own_last, false);
	atomic_store(&r.budget, ROUND_BUDGET);
	tally = &kinds[kind].tally;
	kinds[kind].run();
}

static int injected(void)
{
	int n = 0;

	for (size_t i = 0; i < KINDS; i++)
		n += atomic_load(&kinds[i].tally.injected);
	return n;
}

/* 0 if all that must be caught, and nothing else, was. */
static int conclude(int wanted)
{
	int total = 0, caught = 0, explained = 0;

	printf("%-42s %9s %9s %9s\n", "", "injected", "caught", "explained");
	for (size_t i = 0; i < KINDS; i++) {
		struct tally *t = &kinds[i].tally;

		printf("%-42s %9d %9d %9d\n", kinds[i].name, t->injected, t->caught, t->explained);
		total += t->injected;
		caught += t->caught;
		explained += t->explained;
		if (t->injected == 0 && !(mode == POISON && kinds[i].guard_only))
			return 3; /* a kind was forgotten */
	}
	printf("%-42s %9d %9d %9d\n", "all", total, caught, explained);
	if (total < wanted)
		return 3;
	if (mode == OFF)
		return caught ? 3 : 0;
	return caught == total && explained == total ? 0 : 3;
}

static int unable(const char *why)
{
	fprintf(stderr, "stale: %s\n", why);
	return 77;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "guard";
	int wanted = argc > 2 ? atoi(argv[2]) : 1000;

	draws = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	mode = strcmp(how, "poison") == 0 ? POISON : strcmp(how, "off") == 0 ? OFF : GUARD;
#ifdef TSAN
	return unable("a build with ThreadSanitizer has no guard");
#endif
#ifdef ASAN
	if (mode != POISON)
		return unable("a build with AddressSanitizer has poison; only that is asked for");
#else
	if (mode == POISON)
		return unable("there is no poison in a build without AddressSanitizer");
#endif
	setenv("BATON_GUARD", mode == GUARD ? "1" : "0", 1);
	catch_them();
	for (size_t i = 0; injected() < wanted; i++)
		if (mode != POISON || !kinds[i % KINDS].guard_only)
			run_round(i % KINDS);
	return conclude(wanted);
}
