/* SPDX-License-Identifier: MIT */
/* Faults: the nth allocation, mapping or thread creation fails, for every n until a scenario meets
 * none. Each time an error must come back, everything must be freed and joined, and the
 * same scenario must work right afterwards.
 *
 * Linked with -Wl,--wrap for each call below, so that it is the library's own calls that
 * fail, and only those: see meson.build. Exit 0; 1 and a line at the first mistake. */

#include <baton/baton.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
int __real_pthread_join(pthread_t thread, void **result);

void *__real_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t size, int access);
int __real_memfd_create(const char *name, unsigned flags);
int __real_fallocate64(int fd, int how, off_t offset, off_t size);
int __real_close(int fd);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
void *__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_mprotect(void *at, size_t size, int access);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_fallocate64(int fd, int how, off_t offset, off_t size);
int __wrap_close(int fd);

static atomic_long calls, fail_at; /* fail_at 0: never */
static atomic_long blocks, threads, files;
static atomic_int survivable; /* the call that failed has something to fall back on */

static int fails(void)
{
	return atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fail_at);
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&blocks, 1);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	void *q = fails() ? NULL : __real_realloc(p, size);

	return p ? q : counted(q);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : counted(__real_aligned_alloc(align, size));
}

void __wrap_free(void *p)
{
	if (p)
		atomic_fetch_sub(&blocks, 1);
	__real_free(p);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg)
{
	int rc = fails() ? EAGAIN : __real_pthread_create(thread, attr, main, arg);

	if (rc == 0)
		atomic_fetch_add(&threads, 1);
	return rc;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	atomic_fetch_sub(&threads, 1);
	return __real_pthread_join(thread, result);
}

/* BATON_GUARD's. To take access away there are two calls; one may fail, and to free memory
 * early is a kindness. What it reserves is kept for the process's life, and not counted. */
void *__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	if (!fails())
		return __real_mmap64(at, size, access, flags, fd, offset);
	if (access == PROT_NONE && flags & MAP_FIXED)
		atomic_store(&survivable, 1);
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_mprotect(void *at, size_t size, int access)
{
	errno = ENOMEM;
	return fails() ? -1 : __real_mprotect(at, size, access);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	int fd = fails() ? -1 : __real_memfd_create(name, flags);

	errno = EMFILE;
	if (fd >= 0)
		atomic_fetch_add(&files, 1);
	return fd;
}

int __wrap_fallocate64(int fd, int how, off_t offset, off_t size)
{
	errno = ENOSPC;
	if (!fails())
		return __real_fallocate64(fd, how, offset, size);
	if (how)
		atomic_store(&survivable, 1);
	return -1;
}

int __wrap_close(int fd)
{
	atomic_fetch_sub(&files, 1);
	return __real_close(fd);
}

/* --- scenarios: 0, or the error that came back --------------------------------------- */

static atomic_int started;

static int start(int i, void **state, baton_error *err)
{
	(void)i;
	(void)err;
	*state = malloc(1);
	if (!*state)
		return -ENOMEM;
	atomic_fetch_add(&started, 1);
	return BATON_OK;
}

static void stop(int i, void *state)
{
	(void)i;
	free(state);
	atomic_fetch_sub(&started, 1);
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < baton_writable_rows(b); i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK;
}

static int open_feed(baton_pipeline **feed, int producers, uint32_t block_batches)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err;
	int rc;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = 16;
	source.n_batches = 40;
	source.fill = fill;
	source.start = start;
	source.stop = stop;
	source.pure = true;
	options.producers = producers;
	options.blocks = 4;
	options.block_batches = block_batches;
	if (producers > 0 && block_batches > 1)
		options.spares = (uint32_t)producers;
	rc = baton_open(feed, &source, &options, &err);
	if (rc < 0 && (*feed || err.code != rc || !err.text[0])) {
		fprintf(stderr, "fault: open failed without saying so\n");
		exit(1);
	}
	return rc;
}

/* Take all, keeping a few for good; a batch that can't be detached is still held. */
static int take_all(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	int worst = BATON_OK, rc;
	baton_error err;

	while (baton_next(feed, &b) == BATON_OK) {
		if (baton_k(&b) % 8 == 0) {
			rc = baton_detach(feed, &b);
			if (rc == BATON_OK) {
				baton_free(&b);
				continue;
			}
			worst = rc;
		}
		if (baton_release(feed, &b) != BATON_OK)
			return -EPROTO;
	}
	rc = baton_status(feed, &err);
	if (rc == -ENOMEM && strstr(err.text, "BATON_GUARD") && err.batch < 40)
		return rc; /* in its place, and named */
	return rc == BATON_END ? worst : -EPROTO;
}

static int feed_scenario(int producers, uint32_t block_batches)
{
	baton_pipeline *feed = NULL;
	int rc = open_feed(&feed, producers, block_batches);

	if (rc == BATON_OK)
		rc = take_all(feed);
	if (baton_close(&feed) < 0)
		return -EPROTO;
	return rc;
}

static int threads_one_by_one(void)
{
	return feed_scenario(3, 1);
}

static int threads_in_blocks(void)
{
	return feed_scenario(2, 4);
}

static int inline_filled(void)
{
	return feed_scenario(BATON_INLINE, 4);
}

static int guarded(int producers, uint32_t block_batches)
{
	int rc;

	setenv("BATON_GUARD", "1", 1);
	rc = feed_scenario(producers, block_batches);
	unsetenv("BATON_GUARD");
	return rc;
}

static int guarded_threads(void)
{
	return guarded(2, 1);
}

static int guarded_inline(void)
{
	return guarded(BATON_INLINE, 4);
}

static int fit_and_watch(baton_model *net, baton_pipeline *feed)
{
	baton_history history = BATON_HISTORY_INIT;
	const baton_snapshot *s = baton_snapshot_get(net);
	float pair[2] = {60, 70}, mean;
	baton_error err;
	int rc = baton_fit(net, feed, NULL, &history, &err);

	baton_snapshot_put(&s);
	s = baton_snapshot_get(net);
	if (rc >= 0 && (history.steps != 40 || !s))
		rc = -EPROTO;
	if (s && rc >= 0)
		rc = baton_snapshot_predict(s, pair, 1, &mean);
	baton_snapshot_put(&s);
	if (rc >= 0)
		rc = baton_predict(net, pair, 1, &mean);
	baton_history_free(&history);
	return rc < 0 ? rc : BATON_OK;
}

static int training(void)
{
	baton_pipeline *feed = NULL;
	baton_model *net = NULL;
	baton_error err;
	int rc = baton_model_create(
		&net,
		BATON_LAYERS(baton_input("x", 2), baton_dense(3), baton_relu(), baton_dense(1)), 1,
		&err);

	if (rc == BATON_OK)
		rc = baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err);
	if (rc == BATON_OK)
		rc = open_feed(&feed, 2, 1);
	if (rc == BATON_OK)
		rc = fit_and_watch(net, feed);
	if (baton_close(&feed) < 0 || baton_model_destroy(&net) < 0)
		return -EPROTO;
	return rc;
}

/* --- all faults of a scenario ---------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(void);
	long least; /* faults: else something is not wrapped, and can't fail */
} scenarios[] = {
	{"producers", threads_one_by_one, 8},
	{"producers, blocks of four, and spares", threads_in_blocks, 8},
	{"inline", inline_filled, 8},
	{"training", training, 8},
	{"producers, guarded", guarded_threads, 150},
	{"inline, guarded", guarded_inline, 150},
};

/* Run with the nth call failing; returns whether there was an nth call. */
static int run_with_fault(const char *name, int (*run)(void), long n)
{
	int rc;

	atomic_store(&calls, 0);
	atomic_store(&survivable, 0);
	atomic_store(&fail_at, n);
	rc = run();
	atomic_store(&fail_at, 0);
	if (atomic_load(&blocks) || atomic_load(&threads) || atomic_load(&started) ||
	    atomic_load(&files)) {
		fprintf(stderr,
		        "fault: %s, call %ld: %ld blocks, %ld threads, %d states, %ld files are "
		        "left\n",
		        name, n, atomic_load(&blocks), atomic_load(&threads), atomic_load(&started),
		        atomic_load(&files));
		exit(1);
	}
	if (atomic_load(&calls) < n && rc != BATON_OK) {
		fprintf(stderr, "fault: %s fails by itself: %s\n", name, baton_strerror(rc));
		exit(1);
	}
	if (atomic_load(&calls) >= n && rc != -ENOMEM && rc != -EAGAIN &&
	    !(rc == BATON_OK && atomic_load(&survivable))) {
		fprintf(stderr, "fault: %s, call %ld: returned %d (%s)\n", name, n, rc,
		        baton_strerror(rc));
		exit(1);
	}
	return atomic_load(&calls) >= n;
}

int main(void)
{
	size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);

#ifdef NO_GUARD
	n_scenarios -= 2;
#endif
	for (size_t i = 0; i < n_scenarios; i++) {
		long n = 1;

		while (run_with_fault(scenarios[i].name, scenarios[i].run, n)) {
			run_with_fault(scenarios[i].name, scenarios[i].run,
			               LONG_MAX); /* still works */
			n++;
		}
		printf("%s: %ld faults answered\n", scenarios[i].name, n - 1);
		if (n < scenarios[i].least)
			return 1;
	}
	return 0;
}
