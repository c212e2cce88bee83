/* SPDX-License-Identifier: MIT */
/* The freeze adversary: producers are stopped at random instructions, and what does the
 * trainer do meanwhile?
 *
 * A window: some of the P producers, one to all of them, get a signal whose handler sleeps
 * until the window is over, FREEZE_NS after the last of them came to a stop. The trainer's
 * steps are counted in it. With baton a frozen producer may have claimed the ticket that comes
 * next; with queues it may be inside one, perhaps with the lock. Each system is printed with
 * two shares of windows: those in which the trainer made no step at all, and those in which it
 * made none in the second half, when what had been ready before is used up.
 *
 * With a spare for each producer both must be 0. A clock can't prove that on a machine where
 * the trainer, too, may be off its CPU for long: so there a window in which it made no step
 * goes on until it has made one, and fails only after MOST_NS, as a hang does. And a window
 * without a step in which the trainer waited for a CPU for half of it, as the kernel counts
 * that (schedstat), says nothing of anybody: it is counted apart.
 *
 * The value check is always on: the trainer recomputes every batch, and (baton) its order.
 *
 *   freeze [WINDOWS [SEED]]
 * windows of each system and P; the environment's BATON_FREEZES says WINDOWS too, and counts.
 *
 * Exit 0; 1 and a line on stderr at the first mistake. */

#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <urcu/wfcqueue.h>
#ifdef HAVE_CK
#include <ck_ring.h>
#endif

#define FREEZE_NS 20000000u
#define MOST_NS UINT64_C(30000000000)
#define WORDS 12
#define BUFFERS 16 /* the pool; half of it is a producer's share at most */
#define MOST_P 16
#define SOURCE_TURNS 10000 /* some ten microseconds */

/* --- who is frozen --------------------------------------------------------------------- */

static struct {
	pthread_t producers[MOST_P];
	atomic_int n_producers; /* that have begun */
	atomic_int frozen;
	atomic_bool window; /* open: who gets the signal stays */
	_Atomic(uint64_t) steps;
	atomic_bool done; /* the peers' producers go home */
} now;

static void nap(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static void freeze(int sig)
{
	int saved = errno;

	(void)sig;
	atomic_fetch_add(&now.frozen, 1);
	while (atomic_load(&now.window))
		nap(200000);
	atomic_fetch_sub(&now.frozen, 1);
	errno = saved;
}

/* By each producer, before it does anything else. */
static void be_victim(int i)
{
	sigset_t freezing;

	sigemptyset(&freezing);
	sigaddset(&freezing, SIGRTMIN);
	now.producers[i] = pthread_self();
	pthread_sigmask(SIG_UNBLOCK, &freezing, NULL);
	atomic_fetch_add(&now.n_producers, 1);
}

/* --- the work -------------------------------------------------------------------------- */

static void die(const char *what, uint64_t k)
{
	fprintf(stderr, "freeze: %s at batch %" PRIu64 "\n", what, k);
	exit(1);
}

static uint64_t word(uint64_t k, uint64_t i)
{
	uint64_t v = (k * WORDS + i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return v ^ v >> 29;
}

static void make(uint64_t k, uint64_t *v)
{
	uint64_t x = k;

	for (int i = 0; i < SOURCE_TURNS; i++) {
		x = x * UINT64_C(6364136223846793005) + 1;
		__asm__ volatile("" : "+r"(x));
	}
	v[0] = k;
	for (uint64_t i = 1; i < WORDS; i++)
		v[i] = word(k, i);
}

static void check(const uint64_t *v)
{
	for (uint64_t i = 1; i < WORDS; i++)
		if (v[i] != word(v[0], i))
			die("wrong content", v[0]);
	/* relaxed: one writer, and a count is all it is */
	atomic_store_explicit(&now.steps,
	                      atomic_load_explicit(&now.steps, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

/* --- systems: each runs its producers and trains until it is told to stop ---------------- */

enum spares { NONE, ONE, EACH };

struct system {
	const char *name;
	void (*open)(int p, enum spares spares);
	void (*train)(void); /* until stop() */
	void (*stop)(void);  /* by another thread */
	void (*close)(void);
	enum spares spares;
};

static baton_pipeline *feed;
static int n_threads;

static int start(int i, void **state, baton_error *err)
{
	(void)state;
	(void)err;
	if (i < n_threads) /* the trainer is no victim */
		be_victim(i);
	return BATON_OK;
}

static int fill(void *state, baton_writable *w, baton_rng *rng)
{
	(void)state;
	(void)rng;
	make(baton_writable_k(w), baton_writable_data(w, 0));
	return BATON_OK;
}

static void baton_begin_run(int p, enum spares spares)
{
	static const baton_field field = {"v", BATON_U64, 1, {WORDS}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err;

	source.fields = &field;
	source.n_fields = 1;
	source.rows = 1;
	source.start = start;
	source.fill = fill;
	source.pure = true;
	options.producers = n_threads = p;
	options.blocks = BUFFERS;
	options.spares = spares == EACH ? (uint32_t)p : (uint32_t)spares;
	if (baton_open(&feed, &source, &options, &err) != BATON_OK)
		die(err.text, 0);
}

static void baton_train(void)
{
	baton_batch b = BATON_BATCH_INIT;
	uint64_t k = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		if (baton_k(&b) != k++)
			die("out of order", k - 1);
		check(baton_data(&b, 0));
		baton_release(feed, &b);
	}
	if (baton_status(feed, NULL) != BATON_CANCELED)
		die("ended by itself", k);
}

static void baton_stop(void)
{
	baton_cancel(feed);
}

static void baton_end_run(void)
{
	if (baton_close(&feed) != BATON_OK)
		die("close", 0);
}

/* What all the peers have: buffers, threads, and the two ends of a queue. get() waits, and
 * answers NULL only when all is done. */
struct buffer {
	struct cds_wfcq_node node;
	uint64_t words[WORDS];
};

struct ends {
	void (*init)(void);
	struct buffer *(*get_free)(void);
	void (*put_ready)(struct buffer *b);
	struct buffer *(*get_ready)(void);
	void (*put_free)(struct buffer *b);
	void (*wake)(void);
};

static struct buffer buffers[BUFFERS];
static const struct ends *ends;
static _Atomic(uint64_t) next_k;

static void *peer_producer(void *arg)
{
	struct buffer *b;

	be_victim((int)(intptr_t)arg);
	while ((b = ends->get_free())) {
		make(atomic_fetch_add(&next_k, 1), b->words);
		ends->put_ready(b);
	}
	return NULL;
}

static void peer_open(const struct ends *these, int p)
{
	ends = these;
	ends->init();
	for (int i = 0; i < BUFFERS; i++)
		ends->put_free(&buffers[i]);
	n_threads = p;
	for (int i = 0; i < p; i++) {
		pthread_t thread; /* joined by what be_victim() keeps */

		if (pthread_create(&thread, NULL, peer_producer, (void *)(intptr_t)i))
			die("no thread", 0);
	}
}

static void peer_train(void)
{
	struct buffer *b;

	while ((b = ends->get_ready())) {
		check(b->words);
		ends->put_free(b);
	}
}

static void peer_stop(void)
{
	atomic_store(&now.done, true);
	ends->wake();
}

static void peer_close(void)
{
	for (int i = 0; i < n_threads; i++)
		pthread_join(now.producers[i], NULL);
}

/* mutex and condition variable, twice */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct buffer *items[BUFFERS];
	int head, n;
};

static struct queue queues[2];

static void queue_put(struct queue *q, struct buffer *b)
{
	pthread_mutex_lock(&q->lock);
	q->items[(q->head + q->n++) % BUFFERS] = b;
	pthread_mutex_unlock(&q->lock);
	pthread_cond_signal(&q->filled);
}

static struct buffer *queue_get(struct queue *q)
{
	struct buffer *b = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->n == 0 && !atomic_load(&now.done))
		pthread_cond_wait(&q->filled, &q->lock);
	if (!atomic_load(&now.done)) {
		b = q->items[q->head];
		q->head = (q->head + 1) % BUFFERS;
		q->n--;
	}
	pthread_mutex_unlock(&q->lock);
	return b;
}

static void mutex_init(void)
{
	for (int i = 0; i < 2; i++) {
		memset(&queues[i], 0, sizeof(queues[i]));
		pthread_mutex_init(&queues[i].lock, NULL);
		pthread_cond_init(&queues[i].filled, NULL);
	}
}

static struct buffer *mutex_get_free(void)
{
	return queue_get(&queues[0]);
}

static void mutex_put_free(struct buffer *b)
{
	queue_put(&queues[0], b);
}

static struct buffer *mutex_get_ready(void)
{
	return queue_get(&queues[1]);
}

static void mutex_put_ready(struct buffer *b)
{
	queue_put(&queues[1], b);
}

static void mutex_wake(void)
{
	for (int i = 0; i < 2; i++) {
		pthread_mutex_lock(&queues[i].lock);
		pthread_cond_broadcast(&queues[i].filled);
		pthread_mutex_unlock(&queues[i].lock);
	}
}

static void mutex_open(int p, enum spares spares)
{
	static const struct ends these = {mutex_init,      mutex_get_free, mutex_put_ready,
	                                  mutex_get_ready, mutex_put_free, mutex_wake};

	(void)spares;
	peer_open(&these, p);
}

/* Queues without a wait of their own: yield, then nap. */
static bool keep_waiting(int *turn)
{
	if ((*turn)++ < 50)
		sched_yield();
	else
		nap(50000);
	return !atomic_load(&now.done);
}

static void wake_nobody(void)
{
}

/* liburcu's wfcqueue, twice: many put, one takes; those who take free buffers have its lock */
static struct cds_wfcq_head heads[2];
static struct cds_wfcq_tail tails[2];

static void wfcq_init(void)
{
	for (int i = 0; i < 2; i++)
		cds_wfcq_init(&heads[i], &tails[i]);
}

static void wfcq_put(int i, struct buffer *b)
{
	cds_wfcq_node_init(&b->node);
	cds_wfcq_enqueue(&heads[i], &tails[i], &b->node);
}

static struct buffer *wfcq_get(int i)
{
	struct cds_wfcq_node *node = NULL;
	int turn = 0;

	do {
		if (i == 0)
			cds_wfcq_dequeue_lock(&heads[i], &tails[i]);
		node = __cds_wfcq_dequeue_nonblocking(&heads[i], &tails[i]);
		if (i == 0)
			cds_wfcq_dequeue_unlock(&heads[i], &tails[i]);
		if (node == CDS_WFCQ_WOULDBLOCK)
			node = NULL;
	} while (!node && keep_waiting(&turn));
	return node ? caa_container_of(node, struct buffer, node) : NULL;
}

static struct buffer *wfcq_get_free(void)
{
	return atomic_load(&now.done) ? NULL : wfcq_get(0);
}

static void wfcq_put_free(struct buffer *b)
{
	wfcq_put(0, b);
}

static struct buffer *wfcq_get_ready(void)
{
	return atomic_load(&now.done) ? NULL : wfcq_get(1);
}

static void wfcq_put_ready(struct buffer *b)
{
	wfcq_put(1, b);
}

static void wfcq_open(int p, enum spares spares)
{
	static const struct ends these = {wfcq_init,      wfcq_get_free, wfcq_put_ready,
	                                  wfcq_get_ready, wfcq_put_free, wake_nobody};

	(void)spares;
	peer_open(&these, p);
}

#ifdef HAVE_CK
/* ConcurrencyKit's ring, twice, many producers and many consumers */
static ck_ring_t rings[2];
static ck_ring_buffer_t cells[2][2 * BUFFERS];

static void ck_init(void)
{
	for (int i = 0; i < 2; i++)
		ck_ring_init(&rings[i], 2 * BUFFERS);
}

static void ck_put(int i, struct buffer *b)
{
	if (!ck_ring_enqueue_mpmc(&rings[i], cells[i], b))
		die("a ring of twice the buffers is full", b->words[0]);
}

static struct buffer *ck_get(int i)
{
	struct buffer *b = NULL;
	int turn = 0;

	while (!atomic_load(&now.done) && !ck_ring_dequeue_mpmc(&rings[i], cells[i], &b) &&
	       keep_waiting(&turn))
		;
	return b;
}

static struct buffer *ck_get_free(void)
{
	return ck_get(0);
}

static void ck_put_free(struct buffer *b)
{
	ck_put(0, b);
}

static struct buffer *ck_get_ready(void)
{
	return ck_get(1);
}

static void ck_put_ready(struct buffer *b)
{
	ck_put(1, b);
}

static void ck_open(int p, enum spares spares)
{
	static const struct ends these = {ck_init,      ck_get_free, ck_put_ready,
	                                  ck_get_ready, ck_put_free, wake_nobody};

	(void)spares;
	peer_open(&these, p);
}
#endif

static const struct system systems[] = {
	{"baton, a spare for each", baton_begin_run, baton_train, baton_stop, baton_end_run, EACH},
	{"baton, one spare", baton_begin_run, baton_train, baton_stop, baton_end_run, ONE},
	{"baton, no helping", baton_begin_run, baton_train, baton_stop, baton_end_run, NONE},
	{"mutex + condvar", mutex_open, peer_train, peer_stop, peer_close, NONE},
	{"wfcqueue (liburcu)", wfcq_open, peer_train, peer_stop, peer_close, NONE},
#ifdef HAVE_CK
	{"ck_ring MPMC", ck_open, peer_train, peer_stop, peer_close, NONE},
#endif
};

/* --- the adversary ----------------------------------------------------------------------- */

struct tally {
	int windows, none, none_late, no_cpu;
	uint64_t steps; /* in windows */
};

static struct {
	const struct system *system;
	int wanted;
	baton_rng rng;
	struct tally tally;
} adversary;

static uint64_t steps(void)
{
	return atomic_load_explicit(&now.steps, memory_order_relaxed);
}

/* How long the trainer, which is the main thread, could have run and did not. 0: unknown. */
static uint64_t waited_for_cpu(void)
{
	uint64_t ran, waited = 0;
	FILE *f = fopen("/proc/self/schedstat", "r");

	if (f && fscanf(f, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited;
}

/* k producers, from a random one on, are stopped. */
static void stop_some(int k)
{
	int first = (int)baton_rng_below(&adversary.rng, (uint32_t)n_threads);

	atomic_store(&now.window, true);
	for (int i = 0; i < k; i++)
		pthread_kill(now.producers[(first + i) % n_threads], SIGRTMIN);
	while (atomic_load(&now.frozen) < k)
		nap(100000);
}

static void wait_for_step(uint64_t before)
{
	uint64_t begun = baton_now_ns();

	while (steps() == before) {
		if (baton_now_ns() - begun > MOST_NS)
			die("the trainer makes no step any more", before);
		nap(100000);
	}
}

static void one_window(void)
{
	struct tally *t = &adversary.tally;
	uint64_t before, half, after, waited = waited_for_cpu();

	stop_some(1 + (int)baton_rng_below(&adversary.rng, (uint32_t)n_threads));
	before = steps();
	nap(FREEZE_NS / 2);
	half = steps();
	nap(FREEZE_NS / 2);
	after = steps();
	if (adversary.system->spares == EACH && after == half)
		wait_for_step(after);
	atomic_store(&now.window, false);
	while (atomic_load(&now.frozen) > 0)
		nap(100000);
	t->steps += after - before;
	wait_for_step(after); /* it got over it, and has had a CPU */
	t->windows++;
	if (after == half && waited_for_cpu() - waited > FREEZE_NS / 2) {
		t->no_cpu++;
		return;
	}
	t->none += after == before;
	t->none_late += after == half;
}

static void *attack(void *arg)
{
	while (atomic_load(&now.n_producers) < n_threads)
		nap(100000);
	for (int i = 0; i < adversary.wanted; i++) {
		wait_for_step(steps());
		nap(baton_rng_below(&adversary.rng, 2000000));
		one_window();
	}
	adversary.system->stop();
	return arg;
}

static struct tally run(const struct system *system, int p, int windows, uint64_t seed)
{
	pthread_t thread;

	now.n_producers = 0;
	now.frozen = 0;
	now.window = false;
	now.done = false;
	now.steps = 0;
	next_k = 0;
	adversary.system = system;
	adversary.wanted = windows;
	adversary.tally = (struct tally){0, 0, 0, 0, 0};
	baton_rng_init(&adversary.rng, seed, (uint64_t)p);
	system->open(p, system->spares);
	if (pthread_create(&thread, NULL, attack, NULL))
		die("no thread", 0);
	system->train();
	pthread_join(thread, NULL);
	system->close();
	return adversary.tally;
}

static void print_tally(const char *name, int p, const struct tally *t)
{
	double n = t->windows > t->no_cpu ? t->windows - t->no_cpu : 1;

	printf("%-24s P %2d  %5.1f %%  %5.1f %%  %7.1f  %4d\n", name, p, 100 * t->none / n,
	       100 * t->none_late / n, (double)t->steps / t->windows, t->no_cpu);
}

int main(int argc, char **argv)
{
	static const int producers[] = {1, 3, MOST_P};
	const char *wish = getenv("BATON_FREEZES");
	int windows = atoi(wish ? wish : argc > 1 ? argv[1] : "8");
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct sigaction action = {.sa_handler = freeze, .sa_flags = SA_RESTART};
	sigset_t freezing;

	if (windows < 1) {
		fprintf(stderr, "freeze: %s windows: at least 1\n", wish ? wish : argv[1]);
		return 2;
	}
	sigemptyset(&action.sa_mask);
	sigaction(SIGRTMIN, &action, NULL);
	sigemptyset(&freezing);
	sigaddset(&freezing, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &freezing, NULL); /* for the producers to unblock */
	printf("%d windows of %d ms each: no step at all, none in the second half, steps a "
	       "window;\nand windows without a step for want of a CPU, which do not count\n",
	       windows, FREEZE_NS / 1000000);
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		for (int p = 0; p < 3; p++) {
			struct tally t = run(&systems[i], producers[p], windows, seed + i);

			print_tally(systems[i].name, producers[p], &t);
			fflush(stdout);
		}
#ifndef HAVE_CK
	printf("ck_ring: skipped, there was no libck-dev\n");
#endif
	return 0;
}
