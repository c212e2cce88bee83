/* SPDX-License-Identifier: MIT */
/* Readers of snapshots beside a trainer that never waits for them.
 *
 *      snapshot [gets: 20000] [readers: 3] [steps: 1]
 *
 * (the environment's BATON_STRESS_GETS says the first too). Each reader gets, checks and
 * puts, at least so many times, until the whole set has been seen to go round and the
 * trainer has made so many steps: the end is gated on progress, not on time. It checks
 *   - that what it holds existed: a callback of the trainer writes down a checksum of the
 *     weights after every step;
 *   - that it stays so while it is held, now and then for several milliseconds, during which
 *     the trainer goes through the whole set;
 *   - that what it is shown never goes back in time.
 * Where the build defines BATON_TEST_GAP, readers also sleep now and then between seeing a
 * snapshot and holding it: that is where a missing grace period shows.
 *
 * Exit status: 0, or 1 with a line that says what was wrong. Runs under TSan, and is built
 * once more with each mutant of snapshot.c and reclaimer.c, when it must fail. */

#include <baton/fit.h>
#include <baton/snapshot.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 16, UNITS = 24, RING = 1 << 16, MOST_READERS = 64, ENOUGH_NEWS = 3 * BATON_SNAPSHOTS };

static baton_model *net;
static unsigned long gets = 20000;
static uint64_t enough_steps = 1;
static atomic_int readers_left;
static _Atomic(const char *) wrong;      /* what was wrong first; NULL: nothing */
static _Atomic uint64_t fresh;           /* snapshots that were news to their reader */
static _Atomic uint64_t steps;           /* whose checksum is written down */
static _Atomic uint32_t checksums[RING]; /* of the weights after step i, at i % RING */

void baton_test_gap(void);

static void fail(const char *what)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&wrong, &none, what);
}

static void sleep_ms(long ms)
{
	struct timespec t = {0, ms * 1000000};

	nanosleep(&t, NULL);
}

void baton_test_gap(void)
{
	static _Thread_local unsigned turn;

	if (++turn % 256 == 0)
		sleep_ms(8);
}

static uint32_t checksum(const float *numbers, size_t n)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &numbers[i], sizeof(bits));
		sum = (sum ^ bits) * 16777619u;
	}
	return sum;
}

static uint32_t snapshot_checksum(const baton_snapshot *s)
{
	size_t n;
	const float *w = baton_snapshot_weights(s, &n);

	return checksum(w, n);
}

/* Whether this was the state after this step. A snapshot is published just before its
 * checksum is written down; one of long ago may have been overwritten in the ring. */
static void check_existed(uint64_t step, uint32_t sum)
{
	uint32_t noted;

	while (atomic_load(&steps) < step && !atomic_load(&wrong))
		sleep_ms(0);
	noted = atomic_load(&checksums[step % RING]);
	if (atomic_load(&steps) - step < RING - 1 && noted != sum)
		fail("a snapshot is of no step that was made");
}

/* One snapshot, looked at once or for a while. Returns its step. */
static uint64_t look(const baton_snapshot *s, unsigned long turn)
{
	uint64_t step = baton_snapshot_step(s);
	uint32_t sum = snapshot_checksum(s);

	check_existed(step, sum);
	if (turn % 512 == 0)
		sleep_ms(10);
	if (snapshot_checksum(s) != sum || baton_snapshot_step(s) != step)
		fail("a snapshot changed while it was held");
	return step;
}

static void *reader(void *unused)
{
	uint64_t last = 0;

	for (unsigned long turn = 0;
	     (turn < gets || atomic_load(&fresh) < ENOUGH_NEWS ||
	      atomic_load(&steps) < enough_steps) &&
	     !atomic_load(&wrong);) {
		const baton_snapshot *s = baton_snapshot_get(net);
		uint64_t step;

		if (!s)
			continue;
		step = look(s, turn++);
		if (step < last)
			fail("a later snapshot is of an earlier step");
		atomic_fetch_add(&fresh, step > last);
		last = step;
		baton_snapshot_put(&s);
	}
	atomic_fetch_sub(&readers_left, 1);
	return unused;
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		x[2 * i] = (float)baton_rng_below(rng, 100);
		x[2 * i + 1] = (float)baton_rng_below(rng, 100);
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	}
	return BATON_OK;
}

/* Write down what this step came to; stop when no reader is left. */
static int note_step(void *state, const baton_progress *progress)
{
	uint64_t step = progress->step + 1;
	size_t n;
	const float *w = baton_weights(net, &n);

	(void)state;
	atomic_store(&checksums[step % RING], checksum(w, n));
	atomic_store(&steps, step);
	return atomic_load(&readers_left) == 0;
}

static int train(baton_pipeline *feed)
{
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_callback callback = BATON_CALLBACK_INIT;
	baton_error err;
	int rc;

	callback.on_step = note_step;
	options.callbacks = &callback;
	options.n_callbacks = 1;
	rc = baton_fit(net, feed, &options, NULL, &err);
	if (rc != BATON_OK)
		fail("baton_fit() failed");
	return rc;
}

static int set_up(baton_pipeline **feed)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_error err = {0, 0, ""};

	source.fill = fill;
	source.fields = fields;
	source.n_fields = 2;
	source.rows = ROWS;
	options.producers = BATON_INLINE;
	if (baton_open(feed, &source, &options, &err) < 0 ||
	    baton_model_create(&net,
	                       BATON_LAYERS(baton_input("x", 2), baton_dense(UNITS), baton_relu(),
	                                    baton_dense(1)),
	                       1, &err) < 0 ||
	    baton_compile(net, baton_mse(), baton_rmsprop(1e-4), &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *from_environment = getenv("BATON_STRESS_GETS");
	pthread_t threads[MOST_READERS];
	int n = argc > 2 ? atoi(argv[2]) : 3;
	baton_pipeline *feed = NULL;

	if (argc > 1 || from_environment)
		gets = strtoul(argc > 1 ? argv[1] : from_environment, NULL, 10);
	if (argc > 3)
		enough_steps = strtoull(argv[3], NULL, 10);
	if (n < 1 || n > MOST_READERS || set_up(&feed) < 0)
		return 1;
	atomic_store(&readers_left, n);
	for (int i = 0; i < n; i++) {
		if (pthread_create(&threads[i], NULL, reader, NULL) != 0)
			return 1;
	}
	train(feed);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("%d readers x %lu gets, %llu of them news, beside %llu steps: %s\n", n, gets,
	       (unsigned long long)atomic_load(&fresh), (unsigned long long)atomic_load(&steps),
	       wrong ? wrong : "ok");
	return baton_close(&feed) < 0 || baton_model_destroy(&net) < 0 || wrong != NULL;
}
