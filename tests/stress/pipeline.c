/* SPDX-License-Identifier: MIT */
/* Stress: pipelines of every shape, one after another, until so many batches have been
 * handed over. Each run draws its shape, its end (a length, an END, an error, a cancel)
 * and its trainer's habits (how many batches it holds, in which order it gives them
 * back, which it detaches) from one seed, so that a failing run can be run again.
 *
 * The value check is always on: the trainer recomputes what batch k must hold, when it
 * takes a batch and again just before it gives it back.
 *
 *   pipeline [HANDOFFS [SEED]]     exit 0; 1 and a line on stderr at the first mistake */

#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 12 /* of a batch: crosses a cache line */
#define MAX_HELD 256

enum end { BY_LENGTH, BY_END, BY_ERROR, BY_CANCEL, N_ENDS };

struct run {
	baton_pipeline *feed;
	baton_options options;
	uint64_t seed;
	uint64_t stop_at; /* how many batches there are */
	enum end end;
	int own_threads; /* 0: the source has a fill */
	uint32_t hold;   /* how many batches the trainer keeps */
	bool detaches;
	uint8_t *seen;                    /* [stop_at] */
	uint64_t n;                       /* taken, of those */
	_Atomic(baton_pipeline *) opened; /* feed, once open has returned: fill runs before */
};

static uint64_t total; /* handed over in all runs */

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
	for (uint64_t i = 0; i < WORDS; i++)
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

/* Does b hold what batch k must? */
static void check(const struct run *r, const baton_batch *b) BATON_NO_ANALYSIS;
static void check(const struct run *r, const baton_batch *b)
{
	uint64_t k = baton_k(b);
	const uint64_t *v = baton_data(b, 0);

	if (!v)
		fail(r, "a held batch can't be read", k);
	for (uint64_t i = 0; i < WORDS; i++)
		if (v[i] != word(r->seed, k, i))
			fail(r, "wrong content", k);
	if (baton_rows(b) != (k % 3 == 0 ? 1 : 2))
		fail(r, "wrong row count", k);
}

static void count(struct run *r, uint64_t k)
{
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

/* Give back one of the held batches, or detach it and free it. */
static void give_back(struct run *r, baton_batch *b, bool detach) BATON_NO_ANALYSIS;
static void give_back(struct run *r, baton_batch *b, bool detach)
{
	int rc;

	check(r, b);
	if (detach) {
		rc = baton_detach(r->feed, b);
		if (rc != BATON_OK)
			fail(r, baton_strerror(rc), 0);
		check(r, b);
		rc = baton_free(b);
	} else {
		rc = baton_release(r->feed, b);
	}
	if (rc != BATON_OK)
		fail(r, baton_strerror(rc), 0);
}

/* Take every batch, holding some; returns what ended it. */
static int train(struct run *r, baton_rng *rng) BATON_NO_ANALYSIS;
static int train(struct run *r, baton_rng *rng)
{
	baton_batch held[MAX_HELD] = {BATON_BATCH_INIT};
	uint32_t n = 0;
	int rc;

	for (;;) {
		rc = baton_next(r->feed, &held[n]);
		if (rc == BATON_MISUSE_HELD && n > 0) {
			give_back(r, &held[0], false); /* the oldest may be the one in the way */
			held[0] = held[--n];
			held[n] = (baton_batch)BATON_BATCH_INIT;
			continue;
		}
		if (rc != BATON_OK)
			break;
		check(r, &held[n]);
		count(r, baton_k(&held[n]));
		if (++n > r->hold || n == MAX_HELD) {
			uint32_t i = baton_rng_below(rng, n);

			give_back(r, &held[i], r->detaches && baton_rng_below(rng, 16) == 0);
			held[i] = held[--n];
			held[n] = (baton_batch)BATON_BATCH_INIT;
		}
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

static void draw(struct run *r, baton_rng *rng)
{
	static const int producers[] = {BATON_INLINE, 1, 1, 2, 3, 8, 64};
	static const uint32_t blocks[] = {1, 2, 4, 8, 16, 64, 256};
	static const uint32_t m[] = {1, 1, 2, 4, 64};
	int p = producers[baton_rng_below(rng, 7)];

	r->options = (baton_options)BATON_OPTIONS_INIT;
	r->own_threads = p > 0 && baton_rng_below(rng, 4) == 0 ? p : 0;
	r->options.producers = r->own_threads ? 0 : p;
	r->options.blocks = blocks[baton_rng_below(rng, 7)];
	r->options.block_batches = r->own_threads ? 1 : m[baton_rng_below(rng, 5)];
	r->options.order = baton_rng_below(rng, 2) ? BATON_ORDERED : BATON_COMPLETION;
	r->end = (enum end)baton_rng_below(rng, N_ENDS);
	r->stop_at = 1 + baton_rng_below(rng, 6000);
	r->hold = baton_rng_below(rng, 2) ? 0 : baton_rng_below(rng, r->options.blocks);
	r->detaches = baton_rng_below(rng, 2);
}

static void run_threads(struct run *r, baton_rng *rng)
{
	pthread_t threads[64];
	int rc;

	for (int i = 0; i < r->own_threads; i++)
		if (pthread_create(&threads[i], NULL, own_thread, r))
			fail(r, "no thread", 0);
	rc = train(r, rng);
	check_end(r, rc);
	baton_cancel(r->feed);
	for (int i = 0; i < r->own_threads; i++)
		pthread_join(threads[i], NULL);
}

static void run(uint64_t seed)
{
	static const baton_field field = {"v", BATON_U64, 1, {WORDS / 2}};
	struct run r = {.seed = seed};
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
	source.n_batches = r.end == BY_LENGTH ? r.stop_at : 0;
	if (!r.seen || baton_open(&r.feed, &source, &r.options, &err) < 0)
		fail(&r, r.seen ? err.text : "out of memory", 0);
	atomic_store(&r.opened, r.feed);
	run_threads(&r, &rng);
	if (baton_close(&r.feed) != BATON_OK)
		fail(&r, "close", r.n);
	total += r.n;
	free(r.seen);
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, runs = 0;

	for (; total < wanted; runs++)
		run(seed + runs);
	printf("%" PRIu64 " batches handed over in %" PRIu64 " runs\n", total, runs);
	return 0;
}
