/* SPDX-License-Identifier: MIT */
/* Faults: the nth allocation or thread creation fails, for every n until a scenario meets
 * none. Each time an error must come back, the same call on the same objects must then work,
 * and in the end everything must be freed, joined and closed.
 *
 * Every public function is called here, within CALL(), which notes what failed inside it;
 * functions.py holds the list that this prints against the headers.
 *
 * Linked with -Wl,--wrap for each call below, so that it is the library's own calls that
 * fail, and only those: see meson.build.
 *
 *   functions [block|thread|file]   a seeded leak of that, which must be reported
 *
 * Exit 0; 1 and a line at the first mistake. */

#include "dlpack_abi.h"
#include <baton/baton.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
int __real_pthread_join(pthread_t thread, void **result);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);

static atomic_long calls, fail_at; /* fail_at 0: never */
static atomic_long blocks, threads;

/* Public functions that were called, and how many faults each met. */
static struct {
	char name[40];
	atomic_long faults;
} functions[128] = {{"", 0}}; /* the first: outside them, on a producer's own thread */
static _Thread_local size_t inside;

static int fails(void)
{
	if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&fail_at))
		return 0;
	atomic_fetch_add(&functions[inside].faults, 1);
	return 1;
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

/* --- calls --------------------------------------------------------------------------- */

static int refused; /* the error that a fault came back as; 0: none yet */

static void broken(const char *what, int rc)
{
	fprintf(stderr, "fault: call %ld: %s: %d (%s)\n", atomic_load(&fail_at), what, rc,
	        baton_strerror(rc));
	exit(1);
}

/* The row of a public function; the main thread adds it. */
static size_t row_of(const char *name, size_t n)
{
	size_t i;

	for (i = 1; functions[i].name[0]; i++)
		if (strlen(functions[i].name) == n && strncmp(functions[i].name, name, n) == 0)
			return i;
	if (i + 1 >= sizeof(functions) / sizeof(functions[0]) || n >= sizeof(functions[0].name))
		broken("no room for its name", 0);
	memcpy(functions[i].name, name, n);
	return i;
}

/* Note that this thread calls what text calls, the last first. */
static void enter(const char *text)
{
	while ((text = strstr(text, "baton_")) != NULL) {
		size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (text[n] == '(')
			inside = row_of(text, n);
		text += n;
	}
}

#define CALL(call) (enter(#call), (call))
/* A call that may meet the fault: then it says so, and works when it is made again. */
#define TRY(call)                                     \
	do {                                          \
		int rc_ = CALL(call);                 \
                                                      \
		if (rc_ == -ENOMEM || rc_ == -EAGAIN) \
			refused = rc_, rc_ = (call);  \
		if (rc_ < 0)                          \
			broken(#call, rc_);           \
		inside = 0;                           \
	} while (0)
/* One that allocates nothing. */
#define HOLDS(condition)                       \
	do {                                   \
		if (!CALL(condition))          \
			broken(#condition, 0); \
	} while (0)

/* --- scenarios ----------------------------------------------------------------------- */

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

#define OWN_THREADS 0

static int try_open(baton_pipeline **feed, int producers, uint32_t block_batches)
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
	source.fill = producers == OWN_THREADS ? NULL : fill;
	source.start = producers == OWN_THREADS ? NULL : start;
	source.stop = producers == OWN_THREADS ? NULL : stop;
	options.producers = producers;
	options.blocks = 4;
	options.block_batches = block_batches;
	rc = CALL(baton_open(feed, &source, &options, &err));
	if (rc < 0 && (*feed || err.code != rc || !err.text[0]))
		broken("baton_open failed without saying so", rc);
	return rc;
}

static baton_pipeline *open_feed(int producers, uint32_t block_batches)
{
	baton_pipeline *feed = NULL;
	int rc = try_open(&feed, producers, block_batches);

	if (rc == -ENOMEM || rc == -EAGAIN) {
		refused = rc;
		rc = try_open(&feed, producers, block_batches);
	}
	if (rc < 0)
		broken("baton_open", rc);
	inside = 0;
	return feed;
}

/* Take all, keeping a few for good. */
static void take_all(baton_pipeline *feed) BATON_NO_ANALYSIS;
static void take_all(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;

	while (CALL(baton_next(feed, &b)) == BATON_OK) {
		if (baton_k(&b) % 8 == 0) {
			TRY(baton_detach(feed, &b));
			TRY(baton_free(&b));
		} else {
			TRY(baton_release(feed, &b));
		}
	}
	HOLDS(baton_status(feed, NULL) == BATON_END);
}

static void feed_scenario(int producers, uint32_t block_batches)
{
	baton_pipeline *feed = open_feed(producers, block_batches);

	take_all(feed);
	TRY(baton_close(&feed));
}

static void threads_one_by_one(void)
{
	feed_scenario(3, 1);
}

static void threads_in_blocks(void)
{
	feed_scenario(2, 4);
}

static void inline_filled(void)
{
	feed_scenario(BATON_INLINE, 4);
}

static void look_at_ledger(baton_pipeline *feed)
{
	baton_ledger ledger = BATON_LEDGER_INIT, earlier = BATON_LEDGER_INIT;
	char line[200];

	HOLDS(baton_ledger_charge(feed, BATON_TIME_LOG) == BATON_TIME_TRAIN);
	TRY(baton_ledger_get(feed, &ledger));
	HOLDS(baton_ledger_producers(feed, NULL, 0) == 1);
	enter("baton_ledger_subtract(");
	baton_ledger_subtract(&ledger, &earlier);
	HOLDS(baton_ledger_advice(&ledger, line, sizeof(line)) > 0);
	HOLDS(baton_time_name(BATON_TIME_LOG) != NULL);
}

/* An event for which there is no memory is dropped. */
static void trace_by_hand(void)
{
	const baton_event event = {.what = BATON_EVENT_CLAIM, .thread = BATON_THREAD_OWN};
	baton_trace *trace = NULL;
	baton_error err;
	size_t bytes;
	char *text;

	TRY(baton_trace_create(&trace, 4, &err));
	enter("baton_trace_observe(");
	baton_trace_observe(trace, &event);
	inside = 0;
	if (CALL(baton_trace_events(trace, BATON_THREAD_OWN, NULL, 0)) == 0) {
		refused = -ENOMEM;
		baton_trace_observe(trace, &event);
	}
	HOLDS(baton_trace_events(trace, BATON_THREAD_OWN, NULL, 0) == 1);
	text = CALL(baton_trace_json(trace, &bytes));
	if (!text) {
		refused = -ENOMEM;
		text = baton_trace_json(trace, &bytes);
	}
	if (!text)
		broken("baton_trace_json", 0);
	__real_free(text); /* the C library's own */
	enter("baton_trace_destroy(");
	baton_trace_destroy(&trace);
	inside = 0;
}

/* The way of a batch by the caller's own hand, and looks at the pipeline. */
static void by_hand(void) BATON_NO_ANALYSIS;
static void by_hand(void)
{
	baton_pipeline *feed = open_feed(OWN_THREADS, 1);
	baton_batch b = BATON_BATCH_INIT;
	baton_claim c = BATON_CLAIM_INIT;
	baton_stats stats = BATON_STATS_INIT;
	baton_writable *w;
	size_t n;

	for (int k = 0; k < 3; k++) {
		TRY(k ? baton_begin_until(feed, &c, 0) : baton_begin(feed, &c));
		HOLDS((w = baton_claimed(&c)) != NULL);
		HOLDS(baton_writable_data(w, 0) == baton_writable_f32(w, 0));
		HOLDS(baton_writable_rows(w) == 16);
		HOLDS(baton_writable_k(w) == (uint64_t)k);
		HOLDS(baton_set_rows(w, 8) == BATON_OK);
		HOLDS(baton_fail(w, -EIO, "no more") == -EIO);
		TRY(k == 2 ? baton_discard(feed, &c, -EIO, "no more") : baton_submit(feed, &c));
	}
	TRY(baton_next_until(feed, &b, 0));
	HOLDS(baton_data(&b, 0) == baton_f32(&b, 0));
	HOLDS(baton_rows(&b) == 8);
	HOLDS(baton_k(&b) == 0);
	HOLDS(baton_fields(&b, &n) != NULL);
	TRY(baton_release(feed, &b));
	HOLDS(baton_layout(feed, &n, NULL) != NULL);
	TRY(baton_stats_get(feed, &stats));
	HOLDS(baton_stats_filled(feed, NULL, 0) == 1);
	look_at_ledger(feed);
	trace_by_hand();
	enter("baton_cancel(");
	baton_cancel(feed);
	TRY(baton_close(&feed));
}

static baton_model *make_net(void)
{
	const baton_layer layers[] = {baton_input("x", 2), baton_dense(3), baton_relu(),
	                              baton_dense(1)};
	const baton_loss loss = baton_mse();
	const baton_optimizer optimizer = baton_rmsprop(1e-3);
	baton_model *net = NULL;
	baton_error err;

	TRY(baton_model_create(&net, layers, 4, 1, &err));
	TRY(baton_compile_spec(net, &loss, &optimizer, &err));
	return net;
}

static double same_rate(void *state, uint64_t epoch, double rate)
{
	(void)state;
	(void)epoch;
	return rate;
}

static int note_epoch(void *state, const baton_epoch *epoch)
{
	*(uint64_t *)state = epoch->val_steps;
	HOLDS(baton_callback_fail(NULL, -EIO, "") == -EIO);
	return 0;
}

static void fit(baton_model *net, baton_pipeline *feed, baton_pipeline *validation)
{
	baton_early_stopping stop_early = BATON_EARLY_STOPPING_INIT;
	baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
	baton_rate_schedule schedule = BATON_RATE_SCHEDULE_INIT;
	baton_callback callbacks[4] = {BATON_CALLBACK_INIT};
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_history history = BATON_HISTORY_INIT;
	uint64_t val_steps = 0;
	baton_error err;

	schedule.schedule = same_rate;
	callbacks[0].on_epoch_end = note_epoch;
	callbacks[0].state = &val_steps;
	callbacks[1] = CALL(baton_early_stopping_callback(&stop_early));
	callbacks[2] = CALL(baton_reduce_rate_callback(&reduce));
	callbacks[3] = CALL(baton_rate_schedule_callback(&schedule));
	options.callbacks = callbacks;
	options.n_callbacks = 4;
	options.steps_per_epoch = 20;
	options.validation = validation;
	options.validation_steps = 2;
	TRY(baton_fit(net, feed, &options, &history, &err));
	if (history.steps != 20 || val_steps != 2)
		broken("a fit that works makes all its steps", 0);
	enter("baton_history_free(");
	baton_history_free(&history);
}

static void watch(const baton_model *net)
{
	const baton_snapshot *s = CALL(baton_snapshot_get(net));
	float pair[2] = {60, 70}, mean;

	if (!s)
		broken("there is no snapshot", 0);
	TRY(baton_snapshot_predict(s, pair, 1, &mean));
	HOLDS(baton_snapshot_step(s) > 0);
	HOLDS(baton_snapshot_epoch(s) == 0);
	HOLDS(baton_snapshot_loss(s) >= 0);
	HOLDS(!(baton_snapshot_metric(s, BATON_METRIC_MAE) >= 0));
	HOLDS(baton_snapshot_weights(s, NULL) != NULL);
	HOLDS(baton_snapshot_state(s, NULL) != NULL);
	enter("baton_snapshot_put(");
	baton_snapshot_put(&s);
}

static void training(void)
{
	baton_model *net = make_net();
	baton_pipeline *feed = open_feed(2, 1), *validation = open_feed(BATON_INLINE, 1);
	const baton_snapshot *s = baton_snapshot_get(net); /* asks for one */
	float pair[2] = {60, 70}, mean;

	baton_snapshot_put(&s);
	fit(net, feed, validation);
	watch(net);
	TRY(baton_predict(net, pair, 1, &mean));
	TRY(baton_close(&feed));
	TRY(baton_close(&validation));
	TRY(baton_model_destroy(&net));
}

/* The same with a loop of one's own. */
static void training_by_hand(void) BATON_NO_ANALYSIS;
static void training_by_hand(void)
{
	baton_model *net = make_net();
	baton_pipeline *feed = open_feed(BATON_INLINE, 1);
	baton_layer_info info = BATON_LAYER_INFO_INIT;
	baton_batch b = BATON_BATCH_INIT;
	size_t shape[BATON_MAX_RANK + 1], n;
	const float *w;
	baton_error err;

	TRY(baton_sum_order(net, BATON_SUM_IN_ORDER));
	TRY(baton_bind(net, feed, &err));
	TRY(baton_next(feed, &b));
	TRY(baton_step(net, &b, NULL));
	TRY(baton_release(feed, &b));
	TRY(baton_learning_rate_set(net, 0.5));
	HOLDS(baton_learning_rate(net) == 0.5);
	HOLDS(baton_predict_shape(net, 7, shape) == 2);
	TRY(baton_layer_get(net, 1, &info));
	HOLDS((w = baton_weights(net, &n)) != NULL);
	TRY(baton_weights_set(net, w, n));
	TRY(baton_close(&feed));
	TRY(baton_model_destroy(&net));
}

/* A batch as tensors. If they can't be made it is freed, and so not asked again. */
static void give_away(baton_pipeline *feed) BATON_NO_ANALYSIS;
static void give_away(baton_pipeline *feed)
{
	struct DLManagedTensor *tensors[2];
	baton_claim c = BATON_CLAIM_INIT;
	baton_batch b = BATON_BATCH_INIT;
	int rc;

	TRY(baton_begin(feed, &c));
	TRY(baton_submit(feed, &c));
	TRY(baton_next(feed, &b));
	TRY(baton_detach(feed, &b));
	rc = CALL(baton_dlpack(&b, tensors, 2));
	inside = 0;
	if (rc == -ENOMEM && !tensors[0] && !tensors[1])
		refused = rc;
	else if (rc != BATON_OK)
		broken("baton_dlpack", rc);
	for (int i = 0; rc == BATON_OK && i < 2; i++)
		tensors[i]->deleter(tensors[i]);
	HOLDS(baton_free(&b) == BATON_MISUSE_EMPTY);
}

/* What knows no pipeline, and an END by a claim. */
static void the_rest(void) BATON_NO_ANALYSIS;
static void the_rest(void)
{
	const uint32_t counter[4] = {0}, key[2] = {0};
	baton_pipeline *feed = open_feed(OWN_THREADS, 1);
	baton_claim c = BATON_CLAIM_INIT;
	baton_bar bar = BATON_BAR_INIT;
	uint32_t out[4];
	char line[80];
	baton_permutation order;
	baton_rng rng;

	give_away(feed);
	TRY(baton_begin(feed, &c));
	TRY(baton_finish(feed, &c));
	TRY(baton_close(&feed));
	enter("baton_rng_init(");
	baton_rng_init(&rng, 1, 1);
	enter("baton_rng_u32(");
	baton_rng_u32(&rng);
	HOLDS(baton_rng_below(&rng, 2) < 2);
	HOLDS(baton_rng_uniform(&rng) < 1);
	enter("baton_rng_fill_below(");
	baton_rng_fill_below(&rng, 3, out, 4);
	enter("baton_permutation_init(");
	baton_permutation_init(&order, 10, 1, 1);
	HOLDS(baton_permutation_at(&order, 9) < 10);
	enter("baton_philox4x32(");
	baton_philox4x32(counter, key, out);
	HOLDS(baton_bar_format(line, sizeof(line), &bar) > 0);
	HOLDS(baton_now_ns() > 0);
	HOLDS(baton_version() != NULL);
	HOLDS(baton_version_number() > 0);
	HOLDS(!baton_guard_explain(line, line, sizeof(line)));
	HOLDS(baton_strerror(0) != NULL);
	inside = 0;
}

/* --- all faults of a scenario ---------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"producers", threads_one_by_one},
	{"producers, blocks of four", threads_in_blocks},
	{"inline", inline_filled},
	{"claims by hand", by_hand},
	{"training", training},
	{"training by hand", training_by_hand},
	{"the rest", the_rest},
};

/* How many entries a folder of /proc has; itself among them, always. */
static long entries(const char *path)
{
	DIR *dir = opendir(path);
	long n = 0;

	if (!dir)
		broken(path, -errno);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* A thread that was joined may be on its way out of the kernel yet. TSan has one of its own,
 * and reports what is not joined. */
static bool threads_come_to(long n)
{
	struct timespec ms = {0, 1000000};
	int tries = 2000;

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
	return true;
#endif
	while (entries("/proc/self/task") != n && tries-- > 0)
		nanosleep(&ms, NULL);
	return tries > 0;
}

static const char *leak = "";
static void *volatile leaked; /* or a compiler leaves it out */
static long own_threads;      /* with . and .. */

static void *stay(void *unused)
{
	pause();
	return unused;
}

static void leak_something(void)
{
	pthread_t thread;

	if (strcmp(leak, "block") == 0 && !(leaked = malloc(1)))
		broken("malloc", -ENOMEM);
	if (strcmp(leak, "file") == 0 && open("/dev/null", O_RDONLY) < 0)
		broken("/dev/null", -errno);
	if (strcmp(leak, "thread") == 0 && __real_pthread_create(&thread, NULL, stay, NULL))
		broken("pthread_create", -EAGAIN);
}

static void check_nothing_left(const char *name, long files)
{
	if (atomic_load(&blocks) || atomic_load(&threads) || atomic_load(&started) ||
	    entries("/proc/self/fd") != files || !threads_come_to(own_threads)) {
		fprintf(stderr,
		        "fault: %s, call %ld: %ld blocks, %ld threads (the kernel: %ld), %d "
		        "states, %ld files "
		        "are left\n",
		        name, atomic_load(&fail_at), atomic_load(&blocks), atomic_load(&threads),
		        entries("/proc/self/task") - own_threads, atomic_load(&started),
		        entries("/proc/self/fd") - files);
		exit(1);
	}
}

/* Run with the nth call failing; returns whether there was an nth call. */
static bool run_with_fault(const char *name, void (*run)(void), long n)
{
	long files = entries("/proc/self/fd");

	refused = 0;
	atomic_store(&calls, 0);
	atomic_store(&fail_at, n);
	run();
	leak_something();
	check_nothing_left(name, files);
	atomic_store(&fail_at, 0);
	if (atomic_load(&calls) >= n && !refused)
		broken("no error came back", n > INT_MAX ? 0 : (int)n);
	if (atomic_load(&calls) < n && refused)
		broken("fails by itself", refused);
	return atomic_load(&calls) >= n;
}

int main(int argc, char **argv)
{
	leak = argc > 1 ? argv[1] : "";
	own_threads = entries("/proc/self/task");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		long n = 1;

		while (run_with_fault(scenarios[i].name, scenarios[i].run, n))
			n++;
		printf("%s: %ld faults\n", scenarios[i].name, n - 1);
	}
	for (size_t i = 0; i == 0 || functions[i].name[0]; i++)
		printf("%-32s %ld\n", i ? functions[i].name : "-",
		       atomic_load(&functions[i].faults));
	return 0;
}
