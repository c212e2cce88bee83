/* SPDX-License-Identifier: MIT */
/* quiet [PRODUCERS [CRIME]]: the path of a batch while both sides are busy, and nothing else,
 * between two marks that strace shows (a write of "begin" and one of "end" to no file).
 *
 * Both sides are busy whatever the machine does: the pool is so large that producers never
 * find it full, a part of it is filled before the trainer begins, and the fills past what
 * it takes go on, without a call, until it is done. Printed is how often anybody asked for
 * memory between the marks. CRIME: "malloc", "getppid", "sleep": fill does that too, so that
 * whoever looks can be seen to find it. Exit status 1: something waited. */

#include <baton/baton.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <urcu/arch.h>

enum { POOL = 4096, READY = 1024, TAKEN = 1000, OPEN = 2048 };

/* --- who asks for memory (-Wl,--wrap) ---------------------------------------------- */

static _Atomic(uint64_t) asked;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
	atomic_fetch_add(&asked, 1);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	atomic_fetch_add(&asked, 1);
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	atomic_fetch_add(&asked, 1);
	return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	atomic_fetch_add(&asked, 1);
	return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size)
{
	atomic_fetch_add(&asked, 1);
	return __real_posix_memalign(memory, alignment, size);
}

/* --- the work ------------------------------------------------------------------------ */

static _Atomic(uint64_t) open_until = READY; /* fills from this batch on wait, busy */
static _Atomic(uint64_t) at_gate;            /* producers that have come so far */
static const char *crime = "";

static void commit(void)
{
	const struct timespec moment = {0, 1};

	if (strcmp(crime, "malloc") == 0) {
		void *volatile memory = malloc(1);

		free(memory);
	} else if (strcmp(crime, "getppid") == 0) {
		getppid();
	} else if (strcmp(crime, "sleep") == 0) {
		nanosleep(&moment, NULL);
	}
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0);

	(void)state;
	if (baton_writable_k(b) >= READY)
		atomic_fetch_add(&at_gate, 1);
	while (baton_writable_k(b) >= atomic_load(&open_until))
		caa_cpu_relax();
	commit();
	for (size_t i = 0; i < baton_writable_rows(b); i++)
		x[i] = baton_rng_uniform(rng);
	return BATON_OK;
}

static void mark(const char *word)
{
	if (write(-1, word, strlen(word)) >= 0)
		abort();
}

static uint64_t filled(const baton_pipeline *feed)
{
	uint64_t by[BATON_MAX_PRODUCERS], sum = 0;
	size_t n = baton_stats_filled(feed, by, BATON_MAX_PRODUCERS);

	for (size_t i = 0; i < n; i++)
		sum += by[i];
	return sum;
}

/* Wait, without a call, until so many are filled. */
static void await(const baton_pipeline *feed, uint64_t n)
{
	while (filled(feed) < n)
		caa_cpu_relax();
}

static bool take(baton_pipeline *feed, double *sum)
{
	baton_batch b = BATON_BATCH_INIT;

	for (int i = 0; i < TAKEN; i++) {
		if (baton_next(feed, &b) != BATON_OK)
			return false;
		*sum += (double)baton_f32(&b, 0)[0];
		baton_release(feed, &b);
	}
	return true;
}

/* Returns how often memory was asked for; UINT64_MAX: a batch is missing. */
static uint64_t between_marks(baton_pipeline *feed, uint64_t producers)
{
	double sum = 0;
	uint64_t before;
	bool good;

	await(feed, READY);
	while (atomic_load(&at_gate) < producers) /* none is still starting */
		caa_cpu_relax();
	before = atomic_load(&asked);
	mark("begin");
	atomic_store(&open_until, OPEN);
	await(feed, READY + 10); /* they are at it */
	good = take(feed, &sum);
	await(feed, OPEN);
	mark("end");
	before = atomic_load(&asked) - before;
	atomic_store(&open_until, UINT64_MAX);
	return good && sum > 0 ? before : UINT64_MAX;
}

int main(int argc, char **argv)
{
	baton_field field = {"x", BATON_F32, 0, {0}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_stats stats = BATON_STATS_INIT;
	baton_pipeline *feed;
	uint64_t times;

	source.fields = &field;
	source.n_fields = 1;
	source.rows = 16;
	source.fill = fill;
	options.producers = argc > 1 ? atoi(argv[1]) : 1;
	options.blocks = POOL;
	options.block_batches = 1;
	crime = argc > 2 ? argv[2] : "";
	if (baton_open(&feed, &source, &options, NULL) < 0)
		return 2;
	times = between_marks(feed, (uint64_t)options.producers);
	baton_stats_get(feed, &stats);
	printf("memory asked for: %" PRIu64 ", trainer slept: %" PRIu64 "\n", times, stats.parks);
	if (baton_close(&feed) != BATON_OK)
		return 2;
	return times == UINT64_MAX || stats.parks > 0;
}
