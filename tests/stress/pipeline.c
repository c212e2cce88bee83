/* SPDX-License-Identifier: MIT */
/* Stress: pipelines of every shape, one after another, until so many batches have been
 * handed over.
 *
 * A run is a function of its seed alone, so that a failing one can be run again. The seed's
 * remainder says which cell of the matrix it is (producers, order, batches a block), the
 * rest is drawn: the pool (1 to 4P blocks), how it ends (a length, an END, an error, a
 * cancel), who fills (the library's threads or the caller's own, which begin and discard; the
 * trainer too, in place of who is late, with up to P spares, or rather than sleep),
 * and the trainer's habits (how many batches it holds, in which order it gives them back,
 * which it detaches). Runs of larger blocks are longer: their hand-offs are cheap.
 *
 * The value check is always on: the trainer recomputes what batch k must hold, when it
 * takes a batch and again just before it gives it back. The first word of a batch is its k,
 * a stamp: found again at the end, it says how often that memory was refilled while the
 * trainer looked at it. The histogram of these ages (rcutorture's idea) must be all 0.
 *
 *   pipeline [HANDOFFS [SEED [early]]]
 *
 * The environment's BATON_STRESS says HANDOFFS too, and counts. Every cell gets some, however
 * few are asked for. early seeds a bug: every batch is given back as soon as it was taken,
 * and looked at through a pointer that was kept.
 *
 * Exit 0; 1 and a line on stderr at the first mistake; 3: early, and the ages tell. */

#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS 10 /* of a batch: crosses a cache line */
#define MAX_HELD 256

enum end { BY_LENGTH, BY_END, BY_ERROR, BY_CANCEL, N_ENDS };
enum age { NOW, ONCE, TWICE, OFTEN, OVERWRITTEN, N_AGES };

static const int producers[] = {BATON_INLINE, 1, 2, 3, 8, 64};
static const uint32_t block_batches[] = {1, 4, 64};
static const uint32_t longest[] = {15000, 18000, 80000}; /* a run, by block_batches */
#define N_PRODUCERS 6
#define N_ORDERS 2
#define N_SIZES 3
#define N_CELLS (N_PRODUCERS * N_ORDERS * N_SIZES)

struct run {
	baton_pipeline *feed;
	baton_options options;
	uint64_t seed;
	uint64_t stop_at; /* how many batches there are */
	enum end end;
	int own_threads; /* 0: the source has a fill */
	uint32_t hold;   /* how many batches the trainer keeps */
	bool detaches;
	pthread_t trainer;
	uint64_t stalls; /* a producer's fill of each such k sleeps, so that it is late; 0: none */
	uint8_t *seen;   /* [stop_at] */
	uint64_t n;      /* taken, of those */
	_Atomic(baton_pipeline *) opened; /* feed, once open has returned: fill runs before */
};

/* A batch that the trainer holds; what it was when it was taken. */
struct held {
	baton_batch b;
	const uint64_t *words;
	uint64_t k;
};

/* What all runs came to, in hand-offs. */
static struct {
	uint64_t total, blocks, own_threads, detached, while_held;
	uint64_t with_spares, conserving, replaced; /* the last in blocks */
	uint64_t cell[N_PRODUCERS][N_ORDERS][N_SIZES];
	uint64_t end[N_ENDS];
	uint64_t age[N_AGES];
} did;

static bool early;

static void fail(const struct run *r, const char *what, uint64_t k)
{
	fprintf(stderr,
	        "stress: %s at batch %" PRIu64 " (seed %" PRIu64
	        ", producers %d, own %d, blocks %u, "
	        "block %u, order %d, end %d at %" PRIu64 ", hold %u)\n",
	        what, k, r->seed, r->options.producers, r->own_threads, r->options.blocks,
	        r->options.block_batches, r->options.order, (int)r->end, r->stop_at, r->hold);
	exit(1);
}

static uint64_t word(uint64_t seed, uint64_t k, uint64_t i)
{
	uint64_t v = (seed ^ (k * WORDS + i)) * UINT64_C(0x9e3779b97f4a7c15);

	return v ^ v >> 29;
}

static int make(struct run *r, baton_writable *w)
{
	uint64_t k = baton_writable_k(w), *v = baton_writable_data(w, 0);

	if (r->end == BY_ERROR && k == r->stop_at)
		return baton_fail(w, -EIO, "seeded");
	if (r->end == BY_END && k >= r->stop_at)
		return BATON_END;
	if (r->end == BY_CANCEL && k == r->stop_at) {
		while (!atomic_load(&r->opened))
			sched_yield();
		baton_cancel(atomic_load(&r->opened));
	}
	if (r->stalls && k % r->stalls == 0 && !pthread_equal(pthread_self(), r->trainer))
		nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
	v[0] = k;
	for (uint64_t i = 1; i < WORDS; i++)
		v[i] = word(r->seed, k, i);
	if (k % 3 == 0)
		baton_set_rows(w, 1);
	return BATON_OK;
}

static int fill(void *state, baton_writable *w, baton_rng *rng)
{
	(void)rng;
	return make(state, w);
}

/* A thread of the caller's own. */
static void *own_thread(void *arg)
{
	struct run *r = arg;
	baton_claim c = BATON_CLAIM_INIT;

	while (baton_begin(r->feed, &c) == BATON_OK) {
		int rc = make(r, baton_claimed(&c));

		if (rc == BATON_OK)
			rc = baton_submit(r->feed, &c);
		else if (rc == BATON_END)
			rc = baton_finish(r->feed, &c);
		else
			rc = baton_discard(r->feed, &c, rc, "seeded");
		if (rc != BATON_OK)
			fail(r, baton_strerror(rc), 0);
	}
	return NULL;
}

/* How often the memory of batch k was refilled before stamp was found in it. */
static enum age age_of(const struct run *r, uint64_t k, uint64_t stamp)
{
	uint64_t pool = (uint64_t)r->options.blocks * r->options.block_batches;
	uint64_t later = stamp - k;

	if (later > UINT32_MAX)
		return OVERWRITTEN; /* by somebody else */
	later = (later + pool - 1) / pool;
	return later < OFTEN ? (enum age)later : OFTEN;
}

/* Is what it holds still the batch that was taken? */
static void note_age(const struct run *r, const struct held *h)
{
	enum age age = age_of(r, h->k, h->words[0]);

	did.age[age]++;
	if (age != NOW && !early)
		fail(r, "somebody refilled what was held", h->k);
}

/* Does it hold what batch k must? */
static void check(const struct run *r, const struct held *h) BATON_NO_ANALYSIS;
static void check(const struct run *r, const struct held *h)
{
	const uint64_t *v = baton_data(&h->b, 0);

	if (!v)
		fail(r, "a held batch can't be read", h->k);
	if (v[0] != h->k)
		fail(r, "another batch", h->k);
	for (uint64_t i = 1; i < WORDS; i++)
		if (v[i] != word(r->seed, h->k, i))
			fail(r, "wrong content", h->k);
	if (baton_rows(&h->b) != (h->k % 3 == 0 ? 1 : 2))
		fail(r, "wrong row count", h->k);
}

static void count_cell(const struct run *r, uint64_t k)
{
	uint64_t cell = r->seed % N_CELLS;

	did.total++;
	did.blocks += k % r->options.block_batches == 0; /* its first batch */
	did.own_threads += r->own_threads > 0;
	did.with_spares += r->options.spares > 0;
	did.conserving += r->options.work_conserving;
	did.cell[cell / N_SIZES / N_ORDERS][cell / N_SIZES % N_ORDERS][cell % N_SIZES]++;
	did.end[r->end]++;
}

static void count(struct run *r, uint64_t k)
{
	count_cell(r, k);
	if (k >= r->stop_at) {
		/* in completion order what was ready before the error was known may come */
		bool may = r->end == BY_CANCEL ||
		           (r->end == BY_ERROR && r->options.order == BATON_COMPLETION);

		if (!may)
			fail(r, "a batch past the end", k);
		return;
	}
	if (r->options.order == BATON_ORDERED && k != r->n)
		fail(r, "out of order", k);
	if (r->seen[k]++)
		fail(r, "twice", k);
	r->n++;
}

/* Keep it for good, and free it. */
static int detach(const struct run *r, struct held *h) BATON_NO_ANALYSIS;
static int detach(const struct run *r, struct held *h)
{
	int rc = baton_detach(r->feed, &h->b);

	if (rc != BATON_OK)
		fail(r, baton_strerror(rc), h->k);
	check(r, h);
	did.detached++;
	return baton_free(&h->b);
}

static void give_back(const struct run *r, struct held *h, bool detaches) BATON_NO_ANALYSIS;
static void give_back(const struct run *r, struct held *h, bool detaches)
{
	int rc = BATON_OK;

	note_age(r, h);
	if (!early) {
		check(r, h);
		rc = detaches ? detach(r, h) : baton_release(r->feed, &h->b);
	}
	if (rc != BATON_OK)
		fail(r, baton_strerror(rc), h->k);
}

static int take(struct run *r, struct held *h) BATON_NO_ANALYSIS;
static int take(struct run *r, struct held *h)
{
	int rc;

	h->b = (baton_batch)BATON_BATCH_INIT;
	rc = baton_next(r->feed, &h->b);
	if (rc != BATON_OK)
		return rc;
	h->k = baton_k(&h->b);
	h->words = baton_data(&h->b, 0);
	check(r, h);
	count(r, h->k);
	if (early)
		rc = baton_release(r->feed, &h->b);
	return rc;
}

/* Take every batch, holding some; returns what ended it. */
static int train(struct run *r)
{
	struct held held[MAX_HELD];
	uint32_t n = 0, i;
	uint64_t random = word(r->seed, 0, 0); /* baton_rng is slow under TSan */
	int rc;

	for (;;) {
		rc = take(r, &held[n]);
		if (rc == BATON_OK) {
			did.while_held += n > 0;
			if (++n <= r->hold && n < MAX_HELD)
				continue;
			random = random * UINT64_C(6364136223846793005) + 1;
			i = (uint32_t)(random >> 40) % n;
			give_back(r, &held[i], r->detaches && random >> 60 == 0);
		} else if (rc == BATON_MISUSE_HELD && n > 0) {
			i = 0; /* the oldest may be the one in the way */
			give_back(r, &held[i], false);
		} else {
			break;
		}
		held[i] = held[--n];
	}
	while (n > 0)
		give_back(r, &held[--n], false);
	return rc;
}

static void check_end(const struct run *r, int rc)
{
	static const int wanted[N_ENDS] = {BATON_END, BATON_END, -EIO, BATON_CANCELED};
	baton_error err;

	if (rc != wanted[r->end])
		fail(r, baton_strerror(rc), r->n);
	if (r->end == BY_CANCEL)
		return;
	if (r->n != r->stop_at)
		fail(r, "ended early", r->n);
	if (baton_status(r->feed, &err) != rc || err.batch != r->stop_at)
		fail(r, "wrong status", err.batch);
}

/* A power of two from 1 to 4P. */
static uint32_t draw_blocks(baton_rng *rng, int p)
{
	uint32_t n = 1;

	while (n < 4 * (uint32_t)(p > 0 ? p : 1))
		n *= 2;
	return n >> baton_rng_below(rng, (uint32_t)__builtin_ctz(n) + 1);
}

static void draw(struct run *r, baton_rng *rng)
{
	uint64_t cell = r->seed % N_CELLS;
	int p = producers[cell / N_SIZES / N_ORDERS];

	r->options = (baton_options)BATON_OPTIONS_INIT;
	r->options.block_batches = block_batches[cell % N_SIZES];
	r->options.order = cell / N_SIZES % N_ORDERS ? BATON_COMPLETION : BATON_ORDERED;
	r->own_threads = p > 0 && cell % N_SIZES == 0 && baton_rng_below(rng, 2) ? p : 0;
	r->options.producers = r->own_threads ? 0 : p;
	r->options.blocks = draw_blocks(rng, p);
	if (r->options.producers > 0) {
		r->options.spares =
			baton_rng_below(rng, 2) ? 0 : baton_rng_below(rng, 1 + (uint32_t)p);
		r->options.work_conserving = baton_rng_below(rng, 4) == 0;
		r->stalls = r->options.spares ? 5000 : 0;
	}
	r->trainer = pthread_self();
	r->end = (enum end)baton_rng_below(rng, N_ENDS);
	r->stop_at = 1 + baton_rng_below(rng, longest[cell % N_SIZES]);
	r->hold = baton_rng_below(rng, 2) ? 0 : baton_rng_below(rng, 1 + r->options.blocks);
	r->detaches = baton_rng_below(rng, 2);
}

static void run_threads(struct run *r)
{
	pthread_t threads[64];
	int rc;

	for (int i = 0; i < r->own_threads; i++)
		if (pthread_create(&threads[i], NULL, own_thread, r))
			fail(r, "no thread", 0);
	rc = train(r);
	check_end(r, rc);
	baton_cancel(r->feed);
	for (int i = 0; i < r->own_threads; i++)
		pthread_join(threads[i], NULL);
}

static void run(uint64_t seed)
{
	static const baton_field field = {"v", BATON_U64, 1, {WORDS / 2}};
	struct run r = {.seed = seed};
	baton_stats stats = BATON_STATS_INIT;
	baton_source source = BATON_SOURCE_INIT;
	baton_error err;
	baton_rng rng;

	baton_rng_init(&rng, seed, UINT64_C(1) << 63);
	draw(&r, &rng);
	r.seen = calloc(r.stop_at, 1);
	source.fields = &field;
	source.n_fields = 1;
	source.rows = 2;
	source.state = &r;
	source.fill = r.own_threads ? NULL : fill;
	source.pure = true;
	source.n_batches = r.end == BY_LENGTH ? r.stop_at : 0;
	if (!r.seen || baton_open(&r.feed, &source, &r.options, &err) < 0)
		fail(&r, r.seen ? err.text : "out of memory", 0);
	atomic_store(&r.opened, r.feed);
	run_threads(&r);
	if (baton_stats_get(r.feed, &stats) == BATON_OK)
		did.replaced += stats.replaced;
	if (baton_close(&r.feed) != BATON_OK)
		fail(&r, "close", r.n);
	free(r.seen);
}

/* --- what was done ------------------------------------------------------------------- */

/* A row for each number of producers, a column for each number of batches in a block. */
static void print_cells(void)
{
	printf("%-9s%33s%33s\n%-9s", "", "in order, blocks of", "in completion order, blocks of",
	       "producers");
	for (int i = 0; i < N_ORDERS * N_SIZES; i++)
		printf("%11" PRIu32, block_batches[i % N_SIZES]);
	for (int i = 0; i < N_CELLS; i++) {
		int p = i / N_SIZES / N_ORDERS;

		if (i % (N_ORDERS * N_SIZES) == 0 && producers[p] == BATON_INLINE)
			printf("\n%9s", "inline");
		else if (i % (N_ORDERS * N_SIZES) == 0)
			printf("\n%9d", producers[p]);
		printf("%11" PRIu64, did.cell[p][i / N_SIZES % N_ORDERS][i % N_SIZES]);
	}
	printf("\n");
}

static void print_all(uint64_t runs)
{
	printf("%" PRIu64 " hand-offs in %" PRIu64 " blocks and %" PRIu64 " runs\n", did.total,
	       did.blocks, runs);
	print_cells();
	printf("ended by a known length %" PRIu64 ", END %" PRIu64 ", an error %" PRIu64
	       ", a cancel %" PRIu64 "\n",
	       did.end[BY_LENGTH], did.end[BY_END], did.end[BY_ERROR], did.end[BY_CANCEL]);
	printf("from the caller's own threads %" PRIu64 ", taken while others were held %" PRIu64
	       ", detached %" PRIu64 "\n",
	       did.own_threads, did.while_held, did.detached);
	printf("with spares %" PRIu64 ", a work-conserving trainer %" PRIu64
	       "; late blocks that the trainer made %" PRIu64 "\n",
	       did.with_spares, did.conserving, did.replaced);
	printf("age when given back: 0: %" PRIu64 ", 1: %" PRIu64 ", 2: %" PRIu64 ", more: %" PRIu64
	       ", overwritten: %" PRIu64 "\n",
	       did.age[NOW], did.age[ONCE], did.age[TWICE], did.age[OFTEN], did.age[OVERWRITTEN]);
}

/* Was everything met, and in a run of some length the dearest hand-offs often enough? Else
 * what was said to have been tested was not. */
static bool covered(void)
{
	uint64_t single = 0;
	bool all = did.own_threads && did.while_held && did.detached && did.with_spares &&
	           did.conserving;

	for (int end = 0; end < N_ENDS; end++)
		all = all && did.end[end];
	for (int i = 0; i < N_CELLS; i++) {
		uint64_t n = did.cell[i / N_SIZES / N_ORDERS][i / N_SIZES % N_ORDERS][i % N_SIZES];

		all = all && n;
		single += i % N_SIZES == 0 ? n : 0;
	}
	return all && (did.total < 5000000 || 10 * single >= did.total);
}

static uint64_t aged(void)
{
	return did.age[ONCE] + did.age[TWICE] + did.age[OFTEN] + did.age[OVERWRITTEN];
}

int main(int argc, char **argv)
{
	const char *wish = getenv("BATON_STRESS");
	uint64_t wanted = strtoull(wish ? wish : argc > 1 ? argv[1] : "1000000", NULL, 10);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, runs = 0;

	early = argc > 3 && strcmp(argv[3], "early") == 0;
	while (did.total < wanted || runs % N_CELLS)
		run(seed + runs++);
	print_all(runs);
	if (aged())
		return 3;
	if (!covered()) {
		fprintf(stderr, "stress: part of the matrix was not met, or too seldom\n");
		return 1;
	}
	return 0;
}
