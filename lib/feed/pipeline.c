/* SPDX-License-Identifier: MIT */
/* Pipeline: opens, starts threads, stops them, frees. The only file that starts threads
 * for the feed, and the only one that allocates for it besides detach. */

#include "error.h"
#include "feed.h"
#include "look.h"
#include "thread.h"
#include <baton/version.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *baton_version(void)
{
	return BATON_VERSION;
}

int baton_version_number(void)
{
	return BATON_VERSION_NUMBER;
}

uint64_t baton_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- stopping ------------------------------------------------------------------ */

/* Raise the state, never lower it. seq_cst: pairs with the recheck of a sleeper
 * (wait.h, S3), who is woken after this. */
static void raise_state(struct baton_pipeline *feed, int to)
{
	int now = atomic_load_explicit(&feed->state, memory_order_relaxed);

	while (now < to &&
	       !atomic_compare_exchange_weak_explicit(&feed->state, &now, to, memory_order_seq_cst,
	                                              memory_order_relaxed))
		;
}

void baton_halt(struct baton_pipeline *feed)
{
	raise_state(feed, BATON_HALTED);
	baton_wait_wake_producers(&feed->wait);
}

void baton_cancel(baton_pipeline *feed)
{
	int saved = errno;

	if (!feed)
		return;
	raise_state(feed, BATON_STOPPED);
	baton_wait_wake_all(&feed->wait);
	errno = saved;
}

/* --- opening ------------------------------------------------------------------- */

/* Copy a versioned struct of the caller's, which may be older (shorter: the rest is
 * default) or newer (longer: what we don't know must be default). */
static int copy_sized(void *to, size_t to_size, const void *from, const char *what,
                      baton_error *err)
{
	const unsigned char *bytes = from;
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size) || size > 4096)
		return baton_error_set(err, -EINVAL,
		                       "%s.size is %zu: initialise it with its _INIT "
		                       "macro",
		                       what, size);
	for (size_t i = to_size; i < size; i++)
		if (bytes[i])
			return baton_error_set(err, -EINVAL,
			                       "%s asks for something that baton %s "
			                       "does not know",
			                       what, BATON_VERSION);
	memset(to, 0, to_size);
	memcpy(to, from, size < to_size ? size : to_size);
	return BATON_OK;
}

static int check_helping(const baton_options *o, const baton_source *source, baton_error *err)
{
	bool threads = source->fill && o->producers != BATON_INLINE;

	if (o->spares > 0 && !threads)
		return baton_error_set(err, -EINVAL,
		                       "spares is %u: the trainer makes batches in place of late "
		                       "producer threads, and here is none; leave it 0",
		                       o->spares);
	if (o->spares > 0 && !source->pure)
		return baton_error_set(err, -EINVAL,
		                       "spares is %u: a batch may be made twice, so only of a "
		                       "source that says it is pure; leave it 0",
		                       o->spares);
	if (o->work_conserving < BATON_SLEEPS || o->work_conserving > 1 ||
	    (o->work_conserving == 1 && !threads))
		return baton_error_set(err, -EINVAL,
		                       "work_conserving is %d: 0, BATON_SLEEPS, or 1 for a trainer "
		                       "that fills batches beside producer threads",
		                       o->work_conserving);
	return BATON_OK;
}

static int check_options(const baton_options *o, const baton_source *source, baton_error *err)
{
	if (!source->fill && o->producers != 0)
		return baton_error_set(err, -EINVAL,
		                       "producers is %d: a source without fill is filled "
		                       "by the caller's threads; leave it 0",
		                       o->producers);
	if (!source->fill && o->block_batches > 1)
		return baton_error_set(err, -EINVAL,
		                       "block_batches is %u: with the caller's own "
		                       "threads a block is one batch; 0 or 1",
		                       o->block_batches);
	if (o->producers < BATON_INLINE || o->producers > BATON_MAX_PRODUCERS)
		return baton_error_set(err, -EINVAL,
		                       "producers is %d: 1 to %d, 0 for automatic or "
		                       "BATON_INLINE are allowed",
		                       o->producers, BATON_MAX_PRODUCERS);
	if (o->blocks > BATON_MAX_BLOCKS)
		return baton_error_set(err, -EINVAL,
		                       "blocks is %u: 1 to %u, or 0 for automatic, are "
		                       "allowed",
		                       o->blocks, BATON_MAX_BLOCKS);
	if (o->block_batches > BATON_MAX_BLOCK_BATCHES)
		return baton_error_set(err, -EINVAL,
		                       "block_batches is %u: 1 to %u, or 0 for "
		                       "automatic, are allowed",
		                       o->block_batches, BATON_MAX_BLOCK_BATCHES);
	if (o->order != BATON_ORDERED && o->order != BATON_COMPLETION)
		return baton_error_set(err, -EINVAL,
		                       "order is %d: BATON_ORDERED or "
		                       "BATON_COMPLETION",
		                       o->order);
	return check_helping(o, source, err);
}

static uint32_t count_cpus(void)
{
	_Static_assert(CPU_SETSIZE - 1 <= BATON_MAX_PRODUCERS, "they are never too many");
	cpu_set_t cpus;
	int n = 2;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		n = CPU_COUNT(&cpus);
	return (uint32_t)n;
}

static uint32_t power_of_two(uint32_t n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/* How many batches of a cheap source travel together: as many as stay well inside a
 * first-level cache with what they are turned into, since telling another core about a
 * block costs more than making a small batch. */
static uint32_t cheap_block(const struct baton_layout *layout)
{
	size_t n = 48 * 1024 / baton_layout_data_bytes(layout);

	return n < 1 ? 1 : n > 64 ? 64 : (uint32_t)n;
}

/* Room for each producer to fill one block while another waits; and, where that costs
 * little memory, for either side to live through the other's wake-up, or its waiting for a CPU:
 * milliseconds, where there are more threads than CPUs. */
static uint32_t automatic_blocks(uint32_t producers, size_t block_bytes)
{
	uint32_t n = producers > 4 ? power_of_two(2 * producers) : 8;
	/* inline nobody waits; and how far threads of the caller's run ahead is theirs to say */
	uint32_t most = producers > 0 ? 512 : 32;
	size_t bytes = producers > 0 ? 512 * 1024 : 256 * 1024;

	while (n < most && 2 * n * block_bytes <= bytes)
		n *= 2;
	return n;
}

/* Inline, or beside the producers. */
static bool trainer_fills(const struct baton_pipeline *feed)
{
	return feed->source.fill &&
	       (feed->n_threads == 0 || feed->options.spares > 0 || feed->options.work_conserving);
}

/* A trainer that fills is one more thread beside the producers, which a pure source allows, and
 * would need a state of its own from a source with hooks. */
static bool may_fill_unasked(const baton_source *source)
{
	return source->cheap && source->pure && !source->start && !source->stop;
}

/* Replace every "automatic" by a number. */
static void settle(struct baton_pipeline *feed, const struct baton_layout *layout)
{
	baton_options *o = &feed->options;
	uint32_t threads = (uint32_t)o->producers;

	feed->n_cpus = count_cpus();
	if (o->producers <= 0)
		threads = feed->n_cpus > 1 ? feed->n_cpus - 1 : 1;
	feed->n_threads = feed->source.fill && o->producers != BATON_INLINE ? threads : 0;
	if (o->work_conserving == 0)
		o->work_conserving = feed->n_threads > 0 && may_fill_unasked(&feed->source);
	o->work_conserving = o->work_conserving == 1;
	if (o->spares > feed->n_threads) /* each has no more than one block of ours */
		o->spares = feed->n_threads;
	feed->n_producers = feed->n_threads + (trainer_fills(feed) || !feed->source.fill);
	if (o->block_batches == 0)
		o->block_batches =
			feed->source.fill && feed->source.cheap ? cheap_block(layout) : 1;
	if (o->blocks == 0)
		o->blocks = automatic_blocks(feed->n_threads,
		                             o->block_batches * baton_layout_data_bytes(layout));
	o->blocks = power_of_two(o->blocks);
	feed->wait.crowd = baton_wait_crowd(feed->n_threads, feed->n_cpus, o->blocks);
}

/* Tickets and batches past the end, if it is known. A limit of 2^61 blocks, thousands of
 * years of them, keeps comparisons by difference valid. */
static void set_limit(struct baton_pipeline *feed)
{
	uint64_t first = feed->options.first_batch, m = feed->options.block_batches, n;

	feed->end_k = feed->source.n_batches ? feed->source.n_batches : UINT64_MAX;
	n = feed->end_k > first ? feed->end_k - first : 0;
	n = n / m + (n % m != 0);
	feed->limit = n < UINT64_C(1) << 61 ? n : UINT64_C(1) << 61;
}

static int configure(struct baton_pipeline *feed, const baton_source *source,
                     const baton_options *options, struct baton_layout **layout, baton_error *err)
{
	static const baton_options defaults = BATON_OPTIONS_INIT;
	int rc = copy_sized(&feed->source, sizeof(feed->source), source, "source", err);

	if (rc == BATON_OK)
		rc = copy_sized(&feed->options, sizeof(feed->options),
		                options ? options : &defaults, "options", err);
	if (rc == BATON_OK)
		rc = check_options(&feed->options, &feed->source, err);
	if (rc == BATON_OK)
		rc = baton_layout_create(layout, feed->source.fields, feed->source.n_fields,
		                         feed->source.rows, err);
	if (rc == BATON_OK)
		rc = baton_guard_setup(*layout, err);
	if (rc != BATON_OK)
		return rc;
	settle(feed, *layout);
	set_limit(feed);
	return BATON_OK;
}

static int create_producers(struct baton_pipeline *feed, baton_error *err)
{
	size_t bytes = feed->n_producers * sizeof(*feed->producers);
	size_t hands = feed->n_producers * sizeof(*feed->hands);

	feed->producers = aligned_alloc(BATON_LINE, bytes);
	feed->hands = aligned_alloc(BATON_LINE, hands);
	if (!feed->producers || !feed->hands)
		return baton_error_set(err, -ENOMEM, "out of memory for %u producers",
		                       feed->n_producers);
	memset(feed->producers, 0, bytes);
	memset(feed->hands, 0, hands);
	for (uint32_t i = 0; i < feed->n_producers; i++) {
		feed->producers[i].feed = feed;
		feed->producers[i].index = (int)i;
		feed->producers[i].hand = &feed->hands[i];
	}
	if (trainer_fills(feed))
		feed->inner = &feed->producers[feed->n_producers - 1];
	return BATON_OK;
}

/* Only a source with a start hook makes open wait: it can fail, and then so must open. */
static int wait_started(struct baton_pipeline *feed, baton_error *err)
{
	if (!feed->source.start)
		return BATON_OK;
	for (uint32_t i = 0; i < feed->n_threads; i++)
		while (sem_wait(&feed->started) < 0) /* a signal */
			;
	for (uint32_t i = 0; i < feed->n_threads; i++) {
		const baton_error *e = &feed->producers[i].start_error;

		if (e->code < 0)
			return baton_error_set(err, e->code, "%s", e->text);
	}
	return BATON_OK;
}

static int start_threads(struct baton_pipeline *feed, baton_error *err)
{
	uint32_t wanted = feed->n_threads;

	for (feed->n_threads = 0; feed->n_threads < wanted; feed->n_threads++) {
		struct baton_producer *p = &feed->producers[feed->n_threads];
		int rc = baton_thread_start(&p->thread, baton_producer_main, p);

		if (rc != BATON_OK)
			return baton_error_set(err, rc,
			                       "producer %u of %u: the system can't start "
			                       "another thread",
			                       feed->n_threads + 1, wanted);
	}
	return wait_started(feed, err);
}

/* Where the trainer fills, the caller's thread is a producer too. */
static int start_inner(struct baton_pipeline *feed, baton_error *err)
{
	int rc = baton_producer_start(feed->inner);

	if (rc == BATON_OK)
		feed->started_inner = true;
	else
		baton_error_set(err, rc, "%s", feed->inner->start_error.text);
	return rc;
}

static int start_producers(struct baton_pipeline *feed, baton_error *err)
{
	int rc = feed->inner ? start_inner(feed, err) : BATON_OK;

	if (rc != BATON_OK)
		feed->n_threads = 0; /* none is running yet */
	return feed->n_threads > 0 ? start_threads(feed, err) : rc;
}

/* Takes a half-built pipeline too. */
static void destroy(struct baton_pipeline *feed)
{
	baton_cancel(feed);
	for (uint32_t i = 0; i < feed->n_threads; i++)
		pthread_join(feed->producers[i].thread, NULL);
	if (feed->started_inner)
		baton_producer_stop(feed->inner);
	sem_destroy(&feed->started);
	baton_pool_fini(&feed->pool);
	free(feed->producers);
	free(feed->hands);
	free(feed);
}

static int build(struct baton_pipeline *feed, const baton_source *source,
                 const baton_options *options, baton_error *err)
{
	struct baton_layout *layout = NULL;
	int rc = configure(feed, source, options, &layout, err);

	if (rc == BATON_OK)
		rc = baton_pool_init(&feed->pool, &feed->ring, layout, feed->options.blocks,
		                     feed->options.spares, feed->options.block_batches, err);
	if (rc != BATON_OK) {
		feed->n_threads = 0; /* none is running yet */
		baton_layout_unref(&layout);
		return rc;
	}
	rc = create_producers(feed, err);
	if (rc != BATON_OK)
		feed->n_threads = 0;
	return rc == BATON_OK ? start_producers(feed, err) : rc;
}

int baton_open(baton_pipeline **feed, const baton_source *source, const baton_options *options,
               baton_error *err)
{
	struct baton_pipeline *f;
	int rc;

	if (err)
		*err = (baton_error){0};
	if (feed)
		*feed = NULL;
	if (!feed || !source)
		return baton_error_set(err, BATON_MISUSE_NULL, "%s",
		                       baton_strerror(BATON_MISUSE_NULL));
	f = aligned_alloc(BATON_LINE, sizeof(*f));
	if (!f)
		return baton_error_set(err, -ENOMEM, "out of memory for a pipeline");
	memset(f, 0, sizeof(*f));
	baton_wait_init(&f->wait);
	sem_init(&f->started, 0, 0);
	rc = build(f, source, options, err);
	if (rc != BATON_OK) {
		destroy(f);
		return rc;
	}
	*feed = f;
	return BATON_OK;
}

int baton_close(baton_pipeline **feed)
{
	if (!feed)
		return BATON_MISUSE_NULL;
	if (!*feed)
		return BATON_OK;
	if (baton_held(*feed) > 0 ||
	    /* acquire: pairs with the release in claim.c; whoever was inside is done */
	    atomic_load_explicit(&(*feed)->lent, memory_order_acquire) > 0)
		return BATON_MISUSE_LENT;
	destroy(*feed);
	*feed = NULL;
	return BATON_OK;
}

/* --- looking ------------------------------------------------------------------- */

static uint64_t pipeline_bytes(const struct baton_pipeline *feed)
{
	return sizeof(*feed) +
	       feed->n_producers * (sizeof(*feed->producers) + sizeof(*feed->hands)) +
	       baton_pool_bytes(&feed->pool);
}

int baton_stats_get(const baton_pipeline *feed, baton_stats *stats)
{
	baton_stats now = BATON_STATS_INIT;
	const struct baton_delivery *d;

	if (!feed || !stats)
		return BATON_MISUSE_NULL;
	d = &feed->delivery;
	now.batches = baton_counter_read(&d->batches);
	now.wait_fill_ns = baton_counter_read(&d->time.account.ns[BATON_TIME_FILL]) +
	                   baton_counter_read(&d->time.account.ns[BATON_TIME_POOL]);
	now.wait_claim_ns = baton_counter_read(&d->time.account.ns[BATON_TIME_WAKE]);
	now.parks = baton_counter_read(&d->parks);
	for (uint32_t i = 0; i < feed->n_producers; i++)
		now.producer_parks += baton_counter_read(&feed->producers[i].parks);
	now.bytes = pipeline_bytes(feed);
	now.blocks = feed->pool.n_slots;
	now.block_batches = feed->pool.block_batches;
	now.producers = feed->n_threads;
	now.held = (uint32_t)baton_held(feed);
	now.claims = atomic_load_explicit(&feed->lent, memory_order_relaxed);
	now.spares = feed->pool.n_spares;
	now.replaced = baton_counter_read(&d->replaced);
	now.size = stats->size < sizeof(now) ? stats->size : sizeof(now);
	memcpy(stats, &now, now.size);
	return BATON_OK;
}

size_t baton_stats_filled(const baton_pipeline *feed, uint64_t *filled, size_t n)
{
	if (!feed)
		return 0;
	for (size_t i = 0; filled && i < n && i < feed->n_producers; i++)
		filled[i] = baton_counter_read(&feed->producers[i].filled);
	return feed->n_producers;
}

const baton_field *baton_layout(const baton_pipeline *feed, size_t *n, size_t *rows)
{
	const struct baton_layout *layout = feed ? feed->pool.layout : NULL;

	if (n)
		*n = layout ? layout->n_fields : 0;
	if (rows)
		*rows = layout ? layout->rows : 0;
	return layout ? layout->fields : NULL;
}

uint64_t baton_layout_number(const baton_pipeline *feed)
{
	return feed->pool.layout->number;
}
