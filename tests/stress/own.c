/* SPDX-License-Identifier: MIT */
/* Stress: what two threads of the caller's do to one pipeline at the same moment, where
 * nothing of the caller's orders them.
 *
 *   close     one submits the only batch; the other takes it and closes at once. The close
 *             must be refused until the submit is through with the pipeline.
 *   free      one frees a detached batch, the other closes its pipeline: whoever comes last
 *             frees the layout that both refer to.
 *   twice     both submit copies of one claim: one of them wins.
 *   delete    each deletes one of a batch's two DLPack tensors: whoever comes last frees it.
 *   files     one closes the pipeline, the other the files that it reads, as soon as it may.
 *
 *   own [ROUNDS]     exit 0; 1 and a line on stderr at the first mistake */

#include <baton/dlpack.h>
#include <baton/npy.h>
#include <baton/pipeline.h>
#include <feed/dlpack_abi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the other thread is to do, and on what: its own between turn and done. */
static enum task { SUBMIT, FREE, DELETE, CLOSE, QUIT } task;
static baton_pipeline *theirs;
static baton_claim claim;
static baton_batch batch;
static struct DLManagedTensor *tensor;
static int outcome;
static _Atomic unsigned turn, done;

/* Look without rest for a while, so that both are there at the same moment. */
static void pause_or_yield(unsigned i)
{
	if (i % 256 == 255)
		sched_yield();
}

static void wait_for(_Atomic unsigned *counter, unsigned n)
{
	for (unsigned i = 0; atomic_load_explicit(counter, memory_order_acquire) != n; i++)
		pause_or_yield(i);
}

static void dally(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

static int do_task(void) BATON_NO_ANALYSIS;
static int do_task(void)
{
	switch (task) {
	case SUBMIT:
		return baton_submit(theirs, &claim);
	case FREE:
		return baton_free(&batch);
	case CLOSE:
		return baton_close(&theirs);
	default:
		tensor->deleter(tensor);
		return BATON_OK;
	}
}

static void *other(void *unused)
{
	for (unsigned i = 1;; i++) {
		wait_for(&turn, i);
		if (task == QUIT)
			return unused;
		outcome = do_task();
		atomic_store_explicit(&done, i, memory_order_release);
	}
}

static void tell(enum task what, baton_pipeline *feed)
{
	task = what;
	theirs = feed;
	atomic_fetch_add_explicit(&turn, 1, memory_order_release);
}

static void fail(const char *what, int code)
{
	fprintf(stderr, "own: %s: %s\n", what, baton_strerror(code));
	exit(1);
}

static void expect(const char *what, int code, int wanted)
{
	if (code != wanted)
		fail(what, code);
}

static void wait_until_done(int wanted)
{
	wait_for(&done, atomic_load_explicit(&turn, memory_order_relaxed));
	expect("the other", outcome, wanted);
}

static baton_pipeline *open_own(void)
{
	static const baton_field fields[] = {{"v", BATON_U64, 0, {0}}, {"w", BATON_U64, 0, {0}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = 1;
	options.blocks = 1;
	expect("open", baton_open(&feed, &source, &options, NULL), BATON_OK);
	return feed;
}

static void close_own(baton_pipeline *feed)
{
	int rc;

	for (unsigned i = 0; (rc = baton_close(&feed)) == BATON_MISUSE_LENT; i++)
		pause_or_yield(i);
	expect("close", rc, BATON_OK);
}

BATON_NO_ANALYSIS static void close_beside_a_submit(void)
{
	baton_pipeline *feed = open_own();
	baton_batch b = BATON_BATCH_INIT;

	expect("begin", baton_begin(feed, &claim), BATON_OK);
	tell(SUBMIT, feed);
	for (unsigned i = 0; baton_next_until(feed, &b, 0) != BATON_OK; i++)
		pause_or_yield(i);
	expect("release", baton_release(feed, &b), BATON_OK);
	close_own(feed);
	wait_until_done(BATON_OK);
}

/* Keep one batch of feed for good. */
BATON_NO_ANALYSIS static void detach_one(baton_pipeline *feed)
{
	baton_claim c = BATON_CLAIM_INIT;

	expect("begin", baton_begin(feed, &c), BATON_OK);
	expect("submit", baton_submit(feed, &c), BATON_OK);
	expect("next", baton_next(feed, &batch), BATON_OK);
	expect("detach", baton_detach(feed, &batch), BATON_OK);
}

static void close_beside_a_free(void)
{
	baton_pipeline *feed = open_own();

	detach_one(feed);
	tell(FREE, feed);
	close_own(feed);
	wait_until_done(BATON_OK);
}

BATON_NO_ANALYSIS static void delete_beside_a_delete(baton_pipeline *feed)
{
	struct DLManagedTensor *both[2];

	detach_one(feed);
	expect("dlpack", baton_dlpack(&batch, both, 2), BATON_OK);
	tensor = both[1];
	tell(DELETE, feed);
	both[0]->deleter(both[0]);
	wait_until_done(BATON_OK);
}

/* A file of 8 samples, which is gone with its descriptor. */
static int write_samples(void)
{
	const float samples[8] = {0};
	char text[128];
	int fd = memfd_create("samples", MFD_CLOEXEC), n;

	n = snprintf(text, sizeof(text), "\x93NUMPY\1%c\x46%c%-69s\n", 0, 0,
	             "{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }");
	if (write(fd, text, (size_t)n) != n || write(fd, samples, sizeof(samples)) < 0)
		fail("samples", BATON_OK);
	return fd;
}

static void close_beside_a_close(void)
{
	int fd = write_samples();
	char path[32];
	const baton_npy_file file = {"x", path, true};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed;
	baton_npy *data;
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	options.rows = 1;
	options.in_memory = true;
	expect("open files", baton_npy_open(&data, &file, 1, &options, NULL), BATON_OK);
	close(fd);
	expect("source", baton_npy_source(data, &source), BATON_OK);
	expect("open", baton_open(&feed, &source, NULL, NULL), BATON_OK);
	tell(CLOSE, feed);
	for (unsigned i = 0; (rc = baton_npy_close(&data)) == BATON_MISUSE_LENT; i++)
		pause_or_yield(i);
	expect("close files", rc, BATON_OK);
	wait_until_done(BATON_OK);
}

BATON_NO_ANALYSIS static void submit_twice(baton_pipeline *feed, unsigned round)
{
	baton_claim c = BATON_CLAIM_INIT;
	baton_batch b = BATON_BATCH_INIT;
	int rc;

	expect("begin", baton_begin(feed, &c), BATON_OK);
	claim = c;
	tell(SUBMIT, feed);
	dally(round % 128); /* so that they meet */
	rc = baton_submit(feed, &c);
	wait_for(&done, atomic_load_explicit(&turn, memory_order_relaxed));
	if ((rc == BATON_OK) == (outcome == BATON_OK))
		fail("a claim that two submit", rc);
	expect("the loser", rc == BATON_OK ? outcome : rc, BATON_MISUSE_STALE);
	claim = (baton_claim)BATON_CLAIM_INIT;
	expect("next", baton_next(feed, &b), BATON_OK);
	expect("release", baton_release(feed, &b), BATON_OK);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20000;
	baton_pipeline *feed = open_own();
	pthread_t thread;

	if (pthread_create(&thread, NULL, other, NULL))
		return 1;
	for (unsigned i = 0; i < rounds; i++) {
		submit_twice(feed, i);
		if (i % 8 == 0) {
			close_beside_a_submit();
			close_beside_a_free();
			delete_beside_a_delete(feed);
		}
		if (i % 64 == 0)
			close_beside_a_close();
	}
	tell(QUIT, NULL);
	pthread_join(thread, NULL);
	close_own(feed);
	printf("%u rounds\n", rounds);
	return 0;
}
