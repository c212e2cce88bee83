/* SPDX-License-Identifier: MIT */
/* Explorer: see explorer.h for what it does and why that is right. In this order:
 * clocks, locations and their stores, plain memory, fibers, the search, operations. */

#include "explorer.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum {
	MAX_LOCATIONS = 64,
	MAX_STORES = 128,      /* to one location */
	MAX_OPERATIONS = 4096, /* in one execution */
	BUCKETS = 4096,        /* of the table of addresses */
	STACK = 128 * 1024,
};

static const char *const order_names[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};

/* --- clocks ------------------------------------------------------------------------ */

/* One component for each thread. Two kinds: happens-before (hb), in which a thread's own
 * counts its operations, and the order of dependence (trace), in which an operation
 * comes after all that it depends on. */
struct clock {
	uint32_t at[EX_THREADS];
};

static void join(struct clock *a, const struct clock *b)
{
	for (int i = 0; i < EX_THREADS; i++)
		if (a->at[i] < b->at[i])
			a->at[i] = b->at[i];
}

/* --- state of one execution -------------------------------------------------------- */

enum kind { START, LOAD, STORE, FUTEX_WAIT, FUTEX_WAKE, WOKEN, JOIN };

/* An operation about to be run. Two depend on each other if they are on one location
 * and one writes. */
struct operation {
	enum kind kind;
	int location; /* -1: none */
	bool writes;  /* may write */
};

struct store {
	uint64_t value;
	int thread;
	uint32_t trace_at;  /* its number among the thread's operations */
	struct clock trace; /* what it comes after, in the order of dependence */
	bool seq_cst;
	bool updates;      /* of a read-modify-write: nothing gets between it and what it read */
	struct clock sync; /* what an acquire load takes over */
	uint32_t seen_at[EX_THREADS]; /* when each thread first saw it (hb); 0: never */
};

struct location {
	const void *address;
	size_t size;
	char name[32];
	int n_stores;
	struct store stores[MAX_STORES];  /* in modification order */
	struct clock writes, accesses;    /* trace: joined over all so far */
	int last_event;                   /* -1: none */
	int stale_times[EX_THREADS];      /* how often in a row the thread read ... */
	uint64_t stale_value[EX_THREADS]; /* ... this, which is old */
};

enum status { UNUSED, READY, WAITING, ASLEEP, FINISHED };

struct thread {
	enum status status;
	struct operation next;
	struct clock hb, trace;
	bool probing;      /* looks once more, see ex_yield */
	uint64_t looks_at; /* at these locations: a bit each ... */
	bool look_again;   /* ... and they have changed */
	int rounds;        /* of ex_again() since then */
	int joins;         /* JOIN: whom */
	const void *asleep_on;
	void *(*function)(void *);
	void *arg;
	char name[32];
	jmp_buf home, here;
	bool made, started;
	char *stack;
};

/* What was run: an event for each operation. */
struct event {
	int thread, location;
	bool writes;
	uint32_t number; /* among its thread's operations */
	struct clock trace;
	int before; /* the last event on the same location; -1: none */
};

/* A place where the search chose. Threads are bits. */
struct node {
	int thread;            /* who runs here now */
	int choice, n_choices; /* which of the operation's outcomes */
	unsigned sleep;        /* whose turn here would only repeat */
	unsigned done;         /* whose turn here was explored */
	unsigned backtrack;    /* whose turn here must be */
};

enum outcome { RUNNING, COMPLETE, DROPPED, FAILED };

static struct location locations[MAX_LOCATIONS];
static struct thread threads[EX_THREADS];
static struct event events[MAX_OPERATIONS];
static struct node nodes[MAX_OPERATIONS];
static int n_locations, n_threads, n_events, depth, n_fixed;
static int me;        /* the thread that runs */
static int new_store; /* the one just put, as an index */
static bool printing, running;
static jmp_buf out;
static void (*the_program)(void);
static bool unreduced, everything;
static int max_preemptions, preemptions;
static char failure[256];

static _Noreturn void end(enum outcome outcome)
{
	longjmp(out, outcome);
}

_Noreturn void ex_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	end(FAILED);
}

/* --- printing ---------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void print_step(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void print_step(const char *format, ...)
{
	va_list args;

	if (!printing)
		return;
	printf("%4d  %*s%-12s ", n_events, 3 * me, "", threads[me].name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static const char *named_order(int order, const struct ex_site *at)
{
	static char text[2][96];
	static int i;

	i = !i;
	if (strncmp(at->label, "memory_order_", 13) == 0)
		snprintf(text[i], sizeof(text[i]), "%s", order_names[order]);
	else
		snprintf(text[i], sizeof(text[i]), "%s = %s", at->label, order_names[order]);
	return text[i];
}

/* --- locations --------------------------------------------------------------------- */

static uint16_t bucket_of[BUCKETS]; /* location + 1; 0: empty */

static unsigned hash(const void *address)
{
	return (unsigned)(((uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15)) >> 40);
}

static int find(const void *address)
{
	for (unsigned i = hash(address) % BUCKETS;; i = (i + 1) % BUCKETS) {
		if (bucket_of[i] == 0)
			ex_fail("an atomic is used that was never initialised");
		if (locations[bucket_of[i] - 1].address == address)
			return bucket_of[i] - 1;
	}
}

/* "&s->turn" is turn[i], if it is the ith of that name. */
static void name_location(struct location *l, const char *expression)
{
	const char *last = expression, *end_of_name;
	char name[24];
	int n = 0;

	for (const char *c = expression; *c; c++)
		if (strchr("&>.", *c))
			last = c + 1;
	end_of_name = last + strcspn(last, "[");
	snprintf(name, sizeof(name), "%.*s", (int)(end_of_name - last), last);
	for (const struct location *k = locations; k < l; k++) {
		size_t length = strlen(name);

		n += strncmp(k->name, name, length) == 0 &&
		     (k->name[length] == '\0' || k->name[length] == '[');
	}
	snprintf(l->name, sizeof(l->name), "%s[%d]", name, n);
}

static uint64_t cut(const struct location *l, uint64_t v)
{
	return l->size == 8 ? v : v & ((UINT64_C(1) << 8 * l->size) - 1);
}

static int add_location(const void *p, size_t size, const char *name)
{
	struct location *l = &locations[n_locations];
	unsigned i = hash(p) % BUCKETS;

	if (n_locations == MAX_LOCATIONS)
		ex_fail("more than %d atomics", MAX_LOCATIONS);
	while (bucket_of[i])
		i = (i + 1) % BUCKETS;
	bucket_of[i] = (uint16_t)++n_locations;
	l->address = p;
	l->size = size;
	l->name[0] = '\0';
	if (printing)
		name_location(l, name);
	l->n_stores = 0;
	l->last_event = -1;
	memset(&l->writes, 0, sizeof(l->writes));
	memset(&l->accesses, 0, sizeof(l->accesses));
	memset(l->stale_times, 0, sizeof(l->stale_times));
	return n_locations - 1;
}

/* --- what a load may read, and where a store may go -------------------------------- */

/* The oldest store that coherence leaves to this thread. */
static int oldest_visible(const struct location *l)
{
	const struct clock *hb = &threads[me].hb;

	for (int i = l->n_stores - 1; i > 0; i--)
		for (int t = 0; t < n_threads; t++)
			if (l->stores[i].seen_at[t] && l->stores[i].seen_at[t] <= hb->at[t])
				return i;
	return 0;
}

static int last_seq_cst(const struct location *l)
{
	for (int i = l->n_stores - 1; i >= 0; i--)
		if (l->stores[i].seq_cst)
			return i;
	return 0;
}

/* Must store k come before store i, or before this thread's point, in whatever order
 * independent operations are run? If not, who skips k is found where k was not yet. */
static bool must_be_there(const struct location *l, int k, int i)
{
	const struct store *s = &l->stores[k];

	return s->trace_at <= threads[me].trace.at[s->thread] ||
	       s->trace_at <= l->stores[i].trace.at[s->thread];
}

/* The stores that this thread may read or come after, newest first. */
static int candidates(const struct location *l, bool seq_cst, int *found)
{
	int oldest = oldest_visible(l), newest = l->n_stores - 1, n = 0;
	int ordered = seq_cst ? last_seq_cst(l) : 0;

	oldest = oldest > ordered ? oldest : ordered;
	for (int i = newest; i >= oldest; i--) {
		bool worth = true;

		for (int k = newest; k > i && worth && !everything; k--)
			worth = must_be_there(l, k, i);
		if (worth)
			found[n++] = i;
	}
	return n;
}

/* Which of n outcomes is to be tried now; the first is 0. */
static int choose(int n)
{
	struct node *node = &nodes[depth - 1];

	node->n_choices = n;
	return node->choice;
}

static bool is_updated(const struct location *l, int i)
{
	return i + 1 < l->n_stores && l->stores[i + 1].updates;
}

static void see(struct location *l, int i)
{
	uint32_t *seen = &l->stores[i].seen_at[me];

	if (*seen == 0)
		*seen = threads[me].hb.at[me];
}

static void read_store(struct location *l, int i, int order)
{
	see(l, i);
	if (order == EX_ACQUIRE || order == EX_ACQ_REL || order == EX_SEQ_CST)
		join(&threads[me].hb, &l->stores[i].sync);
}

/* Where a store may go: after which others. */
static int places(const struct location *l, bool seq_cst, int *after)
{
	int n = candidates(l, seq_cst, after), m = 0;

	for (int k = 0; k < n; k++)
		if (!is_updated(l, after[k]))
			after[m++] = after[k];
	return m;
}

/* Put a store after the ith. */
static void put(struct location *l, int i, uint64_t v, int order, bool updates)
{
	struct store *s = &l->stores[i + 1];
	struct clock passed_on = {{0}};

	if (l->n_stores == MAX_STORES)
		ex_fail("more than %d stores to one location", MAX_STORES);
	if (updates)
		passed_on = l->stores[i].sync;
	memmove(s + 1, s, (size_t)(l->n_stores - i - 1) * sizeof(*s));
	l->n_stores++;
	*s = (struct store){.value = cut(l, v), .thread = me, .updates = updates};
	new_store = i + 1; /* record() gives it its place in the order of dependence */
	s->seq_cst = order == EX_SEQ_CST;
	s->sync = passed_on;
	if (order == EX_RELEASE || order == EX_ACQ_REL || order == EX_SEQ_CST)
		join(&s->sync, &threads[me].hb);
	see(l, i + 1);
}

/* The same old store again, and again? Then no more. */
static bool too_stale(struct location *l, int i)
{
	bool old = i + 1 < l->n_stores,
	     again = old && l->stale_times[me] > 0 && l->stale_value[me] == l->stores[i].value;

	l->stale_times[me] = old ? (again ? l->stale_times[me] + 1 : 1) : 0;
	l->stale_value[me] = l->stores[i].value;
	return l->stale_times[me] > EX_STALE;
}

/* --- plain memory ------------------------------------------------------------------ */

struct cell {
	uintptr_t address;
	uint64_t execution; /* of another: empty */
	int writer;
	uint32_t written_at, read_at[EX_THREADS]; /* hb; 0: never */
	int write_step, read_step[EX_THREADS];
};

static struct cell cells[BUCKETS];
static uint64_t execution;

static struct cell *cell_of(uintptr_t address)
{
	for (unsigned i = hash((void *)address) % BUCKETS;; i = (i + 1) % BUCKETS) {
		struct cell *c = &cells[i];

		if (c->execution != execution) {
			*c = (struct cell){.address = address, .execution = execution};
			return c;
		}
		if (c->address == address)
			return c;
	}
}

static bool on_own_stack(uintptr_t address)
{
	uintptr_t stack = (uintptr_t)threads[me].stack;

	return address >= stack && address < stack + STACK;
}

static _Noreturn void race(const char *mine, const char *theirs, int t, int step)
{
	ex_fail("data race: %s %s plain memory that %s %s after step %d", threads[me].name, mine,
	        threads[t].name, theirs, step);
}

static void plain(const void *p, bool write)
{
	const struct clock *hb = &threads[me].hb;
	struct cell *c;

	if (!running || threads[me].probing || on_own_stack((uintptr_t)p))
		return;
	c = cell_of((uintptr_t)p);
	if (c->written_at > hb->at[c->writer])
		race(write ? "writes" : "reads", "wrote", c->writer, c->write_step);
	if (!write) {
		c->read_at[me] = hb->at[me];
		c->read_step[me] = n_events;
		return;
	}
	for (int t = 0; t < n_threads; t++)
		if (c->read_at[t] > hb->at[t])
			race("writes", "read", t, c->read_step[t]);
	c->writer = me;
	c->written_at = hb->at[me];
	c->write_step = n_events;
}

/* What -fsanitize=thread makes the compiler call. An access of 16 bytes is two of 8. */
#define PLAIN(size)                                        \
	void __tsan_read##size(const void *p);             \
	void __tsan_write##size(const void *p);            \
	void __tsan_read##size(const void *p)              \
	{                                                  \
		for (int i = 0; i < size; i += 8)          \
			plain((const char *)p + i, false); \
	}                                                  \
	void __tsan_write##size(const void *p)             \
	{                                                  \
		for (int i = 0; i < size; i += 8)          \
			plain((const char *)p + i, true);  \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(const void *p, size_t size);
void __tsan_write_range(const void *p, size_t size);
void __tsan_read_range(const void *p, size_t size)
{
	for (size_t i = 0; i < size; i += 8)
		plain((const char *)p + i, false);
}
void __tsan_write_range(const void *p, size_t size)
{
	for (size_t i = 0; i < size; i += 8)
		plain((const char *)p + i, true);
}

void *__tsan_memset(void *p, int v, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *p, int v, size_t size)
{
	__tsan_write_range(p, size);
	return memset(p, v, size);
}
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	__tsan_read_range(from, size);
	__tsan_write_range(to, size);
	return memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, size_t size)
{
	__tsan_read_range(from, size);
	__tsan_write_range(to, size);
	return memmove(to, from, size);
}

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *caller)
{
	(void)caller;
}
void __tsan_func_exit(void)
{
}

/* --- fibers ------------------------------------------------------------------------ */

static ucontext_t maker;

static void record(int location, bool writes);

/* A thread's life, again in each execution: longjmp(home) starts it anew. makecontext is
 * used once only, to get a stack; switching by setjmp makes no system call. */
static void fiber_main(int t)
{
	static ucontext_t never;

	if (_setjmp(threads[t].home) == 0)
		swapcontext(&never, &maker);
	record(-1, false); /* its START */
	threads[t].function(threads[t].arg);
	ex_join(-1);
}

static void make_fiber(int t)
{
	ucontext_t context;

	getcontext(&context);
	threads[t].stack = malloc(STACK);
	if (!threads[t].stack)
		abort();
	context.uc_stack.ss_sp = threads[t].stack;
	context.uc_stack.ss_size = STACK;
	context.uc_link = NULL;
	makecontext(&context, (void (*)(void))fiber_main, 1, t);
	swapcontext(&maker, &context);
	threads[t].made = true;
}

static void enter(int t)
{
	me = t;
	if (threads[t].started)
		_longjmp(threads[t].here, 1);
	threads[t].started = true;
	_longjmp(threads[t].home, 1);
}

static int new_thread(void *(*function)(void *), void *arg, const char *name)
{
	int t = n_threads++;
	struct thread *thread = &threads[t];

	if (n_threads > EX_THREADS)
		ex_fail("more than %d threads", EX_THREADS);
	if (!thread->made)
		make_fiber(t);
	thread->status = READY;
	thread->next = (struct operation){START, -1, false};
	thread->started = thread->probing = thread->look_again = false;
	thread->looks_at = 0;
	thread->rounds = 0;
	thread->function = function;
	thread->arg = arg;
	memset(&thread->hb, 0, sizeof(thread->hb));
	memset(&thread->trace, 0, sizeof(thread->trace));
	snprintf(thread->name, sizeof(thread->name), "%s/%d", name, t);
	return t;
}

/* --- the search -------------------------------------------------------------------- */

static bool can_run(const struct thread *t)
{
	return t->status == READY && (t->next.kind != JOIN || threads[t->joins].status == FINISHED);
}

static unsigned enabled(void)
{
	unsigned set = 0;

	for (int t = 0; t < n_threads; t++)
		if (can_run(&threads[t]))
			set |= 1u << t;
	return set;
}

/* Nobody can run: is everybody home? */
static _Noreturn void quiet(void)
{
	for (int t = 0; t < n_threads; t++)
		if (threads[t].status == ASLEEP)
			ex_fail("deadlock: %s sleeps and nobody is left to wake it",
			        threads[t].name);
	for (int t = 0; t < n_threads; t++)
		if (threads[t].status == WAITING)
			ex_fail("deadlock: %s waits for what nobody is left to do",
			        threads[t].name);
	end(COMPLETE);
}

/* Of those that sleep in the last node, who sleeps on after the last event? */
static unsigned asleep_now(void)
{
	const struct event *e;
	unsigned set = 0;

	if (depth == 0 || unreduced)
		return 0;
	e = &events[n_events - 1];
	for (int t = 0; t < n_threads; t++) {
		const struct operation *next = &threads[t].next;
		bool depends =
			t == e->thread || (e->location >= 0 && next->location == e->location &&
		                           (e->writes || next->writes));

		if (((nodes[depth - 1].sleep | nodes[depth - 1].done) & 1u << t) && !depends)
			set |= 1u << t;
	}
	return set;
}

static bool may_preempt(void)
{
	return max_preemptions < 0 || preemptions < max_preemptions || !can_run(&threads[me]);
}

/* Who runs next: as the search has fixed it, or the first that is worth it. */
static int next_thread(void)
{
	unsigned ready = enabled(), sleep;
	struct node *node = &nodes[depth];

	if (!ready)
		quiet();
	if (depth == MAX_OPERATIONS - 1)
		ex_fail("more than %d operations: does somebody run in circles?", MAX_OPERATIONS);
	if (depth >= n_fixed) {
		sleep = asleep_now();
		ready &= ~sleep;
		if (!ready)
			end(DROPPED);
		*node = (struct node){.sleep = sleep, .n_choices = 1};
		node->thread = ready & 1u << me ? me : __builtin_ctz(ready);
		node->backtrack = 1u << node->thread;
		if (unreduced)
			node->backtrack |= may_preempt() ? ready : 0;
	}
	preemptions += node->thread != me && can_run(&threads[me]);
	depth++;
	return node->thread;
}

/* Let whoever is next run; return when it is this thread's turn again. */
static void pass(void)
{
	int next = next_thread();

	if (next != me && (threads[me].status == FINISHED || _setjmp(threads[me].here) == 0))
		enter(next);
}

/* Before each operation: it is run when this returns. */
static void visible(enum kind kind, int location, bool writes)
{
	threads[me].next = (struct operation){kind, location, writes};
	pass();
}

/* Event e raced with what is about to be recorded by this thread, which comes after mine
 * besides: see to it that the
 * other order is run too. What does not depend on e, and then this operation, could
 * come in e's place; one of the threads that could begin that is enough. */
static void reverse(int e, const struct clock *mine)
{
	uint32_t first[EX_THREADS] = {0}; /* of each thread, in what does not depend on e */
	unsigned starters = 0, seen = 0;
	struct node *node = &nodes[e]; /* one event, one node */

	for (int i = e + 1; i <= n_events; i++) {
		const struct clock *clock = i < n_events ? &events[i].trace : mine;
		int thread = i < n_events ? events[i].thread : me;
		bool begins = !(seen & 1u << thread);

		if (i < n_events && clock->at[events[e].thread] >= events[e].number)
			continue;
		for (int t = 0; begins && t < n_threads; t++)
			if (t != thread && (seen & 1u << t) && clock->at[t] >= first[t])
				begins = false;
		if (begins)
			starters |= 1u << thread;
		if (!(seen & 1u << thread)) {
			seen |= 1u << thread;
			first[thread] = i < n_events ? events[i].number : UINT32_MAX;
		}
	}
	if (!(node->backtrack & starters))
		node->backtrack |= starters & 1u << me ? 1u << me : starters & -starters;
}

/* The operation of this thread has been run. */
static void record(int location, bool writes)
{
	struct event *e = &events[n_events];
	struct clock trace = threads[me].trace;

	if (location >= 0) {
		struct location *l = &locations[location];

		for (int i = l->last_event; i >= 0; i = events[i].before) {
			if (!writes && !events[i].writes)
				continue;
			if (trace.at[events[i].thread] >= events[i].number)
				continue;
			if (!unreduced)
				reverse(i, &trace);
			join(&trace, &events[i].trace);
		}
		join(&trace, writes ? &l->accesses : &l->writes);
		e->before = l->last_event;
		l->last_event = n_events;
	}
	trace.at[me]++;
	threads[me].trace = trace;
	e->thread = me;
	e->location = location;
	e->writes = writes;
	e->number = trace.at[me];
	e->trace = trace;
	n_events++;
	if (location >= 0) {
		join(&locations[location].accesses, &trace);
		if (writes)
			join(&locations[location].writes, &trace);
		if (new_store >= 0) {
			locations[location].stores[new_store].trace = trace;
			locations[location].stores[new_store].trace_at = trace.at[me];
			new_store = -1;
		}
	}
	threads[me].hb.at[me]++;
}

/* Somebody who waits in vain looked here: it would have gone on. */
static void changed(int location)
{
	for (int t = 0; t < n_threads; t++) {
		if (!(threads[t].looks_at & UINT64_C(1) << location))
			continue;
		threads[t].look_again = true; /* unreduced */
		if (threads[t].status == WAITING && !unreduced)
			end(DROPPED);
		if (threads[t].status == WAITING)
			threads[t].status = READY;
	}
}

/* --- operations -------------------------------------------------------------------- */

void ex_init(const void *p, size_t size, uint64_t v, const char *name)
{
	struct location *l = &locations[add_location(p, size, name)];

	l->stores[0] = (struct store){.value = cut(l, v), .thread = me};
	l->stores[0].sync = threads[me].hb;
	l->stores[0].seen_at[me] = threads[me].hb.at[me];
	l->n_stores = 1;
}

/* A thread that looks once more looks at the newest. */
static uint64_t probe(int location)
{
	struct location *l = &locations[location];

	threads[me].looks_at |= UINT64_C(1) << location;
	return l->stores[l->n_stores - 1].value;
}

static void print_read(const struct location *l, int i, int order, const struct ex_site *at)
{
	const struct store *s = &l->stores[i], *newest = &l->stores[l->n_stores - 1];

	if (!printing)
		return;
	if (s == newest)
		print_step("%s.load(%s) == %" PRIu64 "    %s:%d", l->name, named_order(order, at),
		           s->value, base_name(at->file), at->line);
	else
		print_step("%s.load(%s) == %" PRIu64 ", old: it is %" PRIu64 " by %s    %s:%d",
		           l->name, named_order(order, at), s->value, newest->value,
		           threads[newest->thread].name, base_name(at->file), at->line);
}

uint64_t ex_load(const void *p, int order, const struct ex_site *at)
{
	int location = find(p), found[MAX_STORES], i;
	struct location *l = &locations[location];

	if (threads[me].probing)
		return probe(location);
	visible(LOAD, location, false);
	i = found[choose(candidates(l, order == EX_SEQ_CST, found))];
	if (too_stale(l, i))
		end(DROPPED);
	threads[me].looks_at |= UINT64_C(1) << location;
	threads[me].look_again |= i + 1 < l->n_stores;
	read_store(l, i, order);
	print_read(l, i, order, at);
	record(location, false);
	return l->stores[i].value;
}

void ex_store(void *p, uint64_t v, int order, const struct ex_site *at)
{
	int location = find(p), after[MAX_STORES], i;
	struct location *l = &locations[location];

	if (threads[me].probing)
		end(DROPPED);
	visible(STORE, location, true);
	i = after[choose(places(l, order == EX_SEQ_CST, after))];
	print_step("%s.store(%" PRIu64 ", %s)%s    %s:%d", l->name, cut(l, v),
	           named_order(order, at), i + 1 < l->n_stores ? ", below what is there" : "",
	           base_name(at->file), at->line);
	put(l, i, v, order, false);
	record(location, true);
	changed(location);
}

/* Read one of the stores and come directly after it. */
static uint64_t update(void *p, uint64_t v, bool add, int order, const struct ex_site *at)
{
	int location = find(p), after[MAX_STORES], i;
	struct location *l = &locations[location];
	uint64_t old;

	if (threads[me].probing)
		end(DROPPED);
	visible(STORE, location, true);
	i = after[choose(places(l, order == EX_SEQ_CST, after))];
	old = l->stores[i].value;
	read_store(l, i, order);
	v = cut(l, add ? old + v : v);
	print_step("%s.%s(%s) %" PRIu64 " -> %" PRIu64 "    %s:%d", l->name, at->what,
	           named_order(order, at), old, v, base_name(at->file), at->line);
	put(l, i, v, order, true);
	record(location, true);
	changed(location);
	return old;
}

uint64_t ex_exchange(void *p, uint64_t v, int order, const struct ex_site *at)
{
	return update(p, v, false, order, at);
}

uint64_t ex_fetch_add(void *p, uint64_t v, int order, const struct ex_site *at)
{
	return update(p, v, true, order, at);
}

static uint64_t load_bytes(const void *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size); /* little-endian */
	return v;
}

bool ex_cas(void *p, void *expected, uint64_t v, int order, int failure_order,
            const struct ex_site *at)
{
	int location = find(p), found[MAX_STORES], n_found, n = 0, i;
	struct location *l = &locations[location];
	uint64_t old, wanted = load_bytes(expected, l->size);

	if (threads[me].probing) {
		old = probe(location);
		if (old == wanted)
			end(DROPPED);
		memcpy(expected, &old, l->size);
		return false;
	}
	visible(STORE, location, true);
	n_found = candidates(l, false, found);
	for (int k = 0; k < n_found; k++) {
		bool wins = l->stores[found[k]].value == wanted;
		bool ordered = (wins ? order : failure_order) == EX_SEQ_CST;

		if ((!ordered || found[k] >= last_seq_cst(l)) && !(wins && is_updated(l, found[k])))
			found[n++] = found[k];
	}
	i = found[choose(n)];
	old = l->stores[i].value;
	if (old != wanted) {
		if (too_stale(l, i))
			end(DROPPED);
		threads[me].looks_at |= UINT64_C(1) << location;
		threads[me].look_again |= i + 1 < l->n_stores;
		read_store(l, i, failure_order);
		print_step("%s.cas(%s) %" PRIu64 " -> %" PRIu64 " fails: it is %" PRIu64
		           "    %s:%d",
		           l->name, named_order(order, at), wanted, cut(l, v), old,
		           base_name(at->file), at->line);
		record(location, false);
		memcpy(expected, &old, l->size);
		return false;
	}
	read_store(l, i, order);
	print_step("%s.cas(%s) %" PRIu64 " -> %" PRIu64 "    %s:%d", l->name,
	           named_order(order, at), wanted, cut(l, v), base_name(at->file), at->line);
	put(l, i, v, order, true);
	record(location, true);
	changed(location);
	return true;
}

bool ex_cas_weak(void *p, void *expected, uint64_t v, int order, int failure_order,
                 const struct ex_site *at)
{
	bool probing = threads[me].probing;

	if (ex_cas(p, expected, v, order, failure_order, at))
		return true;
	if (!unreduced && !probing)
		end(DROPPED);
	return false;
}

int ex_create(int *thread, void *(*function)(void *), void *arg, const char *name)
{
	int t = new_thread(function, arg, name);

	join(&threads[t].hb, &threads[me].hb);
	join(&threads[t].trace, &threads[me].trace);
	threads[t].hb.at[t] = 1;
	threads[me].hb.at[me]++;
	*thread = t;
	print_step("starts %s", threads[t].name);
	return 0;
}

/* -1: this thread is done. */
int ex_join(int thread)
{
	if (threads[me].probing)
		end(DROPPED);
	if (thread < 0) {
		threads[me].status = FINISHED;
		pass();
	}
	threads[me].joins = thread;
	visible(JOIN, -1, false);
	join(&threads[me].hb, &threads[thread].hb);
	join(&threads[me].trace, &threads[thread].trace);
	print_step("joins %s", threads[thread].name);
	record(-1, false);
	return 0;
}

/* Without reductions: wait until something has changed where it looked since it last
 * came here, or it has seen something old there. */
static int wait_unreduced(struct thread *t)
{
	if (!t->look_again) {
		t->status = WAITING;
		t->next = (struct operation){WOKEN, -1, false};
		print_step("waits");
		pass();
		record(-1, false);
	}
	t->look_again = false;
	t->looks_at = 0;
	return 0;
}

int ex_yield(void)
{
	struct thread *t = &threads[me];

	if (unreduced)
		return wait_unreduced(t);
	if (!t->probing) {
		t->probing = true;
		t->looks_at = 0;
		return 0;
	}
	t->probing = false;
	t->status = WAITING;
	print_step("waits");
	pass();
	return 0;
}

/* A loop that must not wait goes round, and this round has done nothing but look. The next
 * may begin with something old that this one ended with; the one after that may not. */
void ex_again(void)
{
	struct thread *t = &threads[me];

	if (!t->probing && (!unreduced || t->look_again))
		t->rounds = 0;
	else if (++t->rounds > 1)
		ex_fail("%s goes round a loop though nothing has changed", t->name);
	t->probing = !unreduced;
	t->look_again = false;
	t->looks_at = 0;
}

void ex_futex_wait(void *word, int32_t seen)
{
	int location = find(word);
	struct location *l = &locations[location];
	int32_t now;

	if (threads[me].probing)
		end(DROPPED);
	visible(FUTEX_WAIT, location, true);
	now = (int32_t)l->stores[l->n_stores - 1].value;
	print_step("%s.futex_wait(%d)%s", l->name, seen,
	           now == seen ? ": sleeps" : ": it has moved on");
	record(location, true);
	if (now != seen)
		return;
	threads[me].status = ASLEEP;
	threads[me].asleep_on = word;
	threads[me].next = (struct operation){WOKEN, -1, false};
	pass();
	print_step("is awake");
	record(-1, false);
}

static void wake(int t)
{
	threads[t].status = READY;
	join(&threads[t].trace, &threads[me].trace);
	print_step("wakes %s", threads[t].name);
}

void ex_futex_wake(void *word, int n)
{
	int location = find(word), sleepers[EX_THREADS], n_sleepers = 0;

	if (threads[me].probing)
		end(DROPPED);
	visible(FUTEX_WAKE, location, true);
	for (int t = 0; t < n_threads; t++)
		if (threads[t].status == ASLEEP && threads[t].asleep_on == word)
			sleepers[n_sleepers++] = t;
	print_step("%s.futex_wake(%d)%s", locations[location].name, n,
	           n_sleepers ? "" : ": nobody sleeps");
	record(location, true);
	if (n_sleepers == 0)
		return;
	if (n == 1)
		wake(sleepers[choose(n_sleepers)]);
	else
		for (int i = 0; i < n_sleepers; i++)
			wake(sleepers[i]);
}

/* --- exploring --------------------------------------------------------------------- */

static void *run_program(void *arg)
{
	the_program();
	return arg;
}

static enum outcome run(void)
{
	int outcome;

	execution++;
	memset(bucket_of, 0, sizeof(bucket_of));
	n_locations = n_threads = n_events = depth = 0;
	new_store = -1;
	preemptions = 0;
	me = 0;
	outcome = setjmp(out);
	if (outcome == RUNNING) {
		new_thread(run_program, NULL, "main");
		threads[0].hb.at[0] = 1;
		running = true;
		enter(next_thread());
	}
	running = false;
	return (enum outcome)outcome;
}

/* Fix the next execution; false: that was the last. */
static bool advance(void)
{
	while (depth > 0) {
		struct node *node = &nodes[depth - 1];
		unsigned rest;

		if (node->choice + 1 < node->n_choices) {
			node->choice++;
			break;
		}
		node->done |= 1u << node->thread;
		rest = node->backtrack & ~node->done & ~node->sleep;
		if (rest) {
			node->thread = __builtin_ctz(rest);
			node->choice = 0;
			node->n_choices = 1;
			break;
		}
		depth--;
	}
	n_fixed = depth;
	return depth > 0;
}

static void fix(const char *replay)
{
	int used;

	n_fixed = 0;
	while (n_fixed < MAX_OPERATIONS && sscanf(replay, "%d.%d%n", &nodes[n_fixed].thread,
	                                          &nodes[n_fixed].choice, &used) == 2) {
		nodes[n_fixed].backtrack = 1u << nodes[n_fixed].thread;
		nodes[n_fixed].sleep = nodes[n_fixed].done = 0;
		n_fixed++;
		replay += used;
		replay += strspn(replay, " ,");
	}
}

/* Run the execution that was just run once more, and show it. */
static void show(struct ex_result *result)
{
	enum outcome outcome;

	n_fixed = depth;
	printing = true;
	outcome = run();
	printing = false;
	printf("      %s\n", outcome == FAILED ? failure : "ends without a failure");
	printf("replay:");
	for (int i = 0; i < depth; i++)
		printf("%s%d.%d", i ? "," : " ", nodes[i].thread, nodes[i].choice);
	printf("\n");
	if (outcome == FAILED)
		snprintf(result->text, sizeof(result->text), "%s", failure);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void search(const struct ex_options *options, struct ex_result *result, double begun)
{
	do {
		enum outcome outcome = run();

		result->operations += (uint64_t)n_events;
		result->longest = result->longest > n_events ? result->longest : n_events;
		if (outcome == FAILED) {
			result->end = EX_FAILED;
			snprintf(result->text, sizeof(result->text), "%s", failure);
			if (options->print)
				show(result);
			return;
		}
		result->complete += outcome == COMPLETE;
		result->dropped += outcome == DROPPED;
		if ((options->max_complete && result->complete >= options->max_complete) ||
		    (options->max_seconds > 0 && (result->complete + result->dropped) % 256 == 0 &&
		     now() - begun > options->max_seconds)) {
			result->end = EX_LIMIT;
			return;
		}
	} while (advance());
	result->end = EX_ALL;
}

void ex_explore(void (*program)(void), const struct ex_options *options, struct ex_result *result)
{
	double begun = now();

	*result = (struct ex_result){0};
	the_program = program;
	unreduced = options->unreduced;
	max_preemptions = options->unreduced ? options->preemptions : -1;
	everything = unreduced && max_preemptions < 0;
	n_fixed = 0;
	if (options->replay) {
		fix(options->replay);
		depth = n_fixed;
		result->end = EX_LIMIT;
		show(result);
		if (result->text[0])
			result->end = EX_FAILED;
	} else {
		search(options, result, begun);
	}
	result->seconds = now() - begun;
}
