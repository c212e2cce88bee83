/* SPDX-License-Identifier: MIT */
/* Stress: what two threads of the caller's do to one pipeline at the same moment, where
 * nothing of the caller's orders them.
 *
 *   close     one submits the only batch; the other takes it and closes at once. The close
 *             must be refused until the submit is through with the pipeline.
 *   free      one frees a detached batch, the other closes its pipeline: whoever comes last
 *             frees the layout that both refer to.
 *   twice     both submit copies of one claim: one of them wins.
 *
 *   own [ROUNDS]     exit 0; 1 and a line on stderr at the first mistake */

#include <baton/pipeline.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* What the other thread is to do, and on what: its own between turn and done. */
static enum task { SUBMIT, FREE, QUIT } task;
static baton_pipeline *theirs;
static baton_claim claim;
static baton_batch batch;
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

BATON_NO_ANALYSIS static void *other(void *unused)
{
	for (unsigned i = 1;; i++) {
		wait_for(&turn, i);
		if (task == QUIT)
			return unused;
		outcome = task == SUBMIT ? baton_submit(theirs, &claim) : baton_free(&batch);
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
	static const baton_field field = {"v", BATON_U64, 0, {0}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed;

	source.fields = &field;
	source.n_fields = 1;
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

BATON_NO_ANALYSIS static void close_beside_a_free(void)
{
	baton_pipeline *feed = open_own();
	baton_claim c = BATON_CLAIM_INIT;

	expect("begin", baton_begin(feed, &c), BATON_OK);
	expect("submit", baton_submit(feed, &c), BATON_OK);
	expect("next", baton_next(feed, &batch), BATON_OK);
	expect("detach", baton_detach(feed, &batch), BATON_OK);
	tell(FREE, feed);
	close_own(feed);
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
		}
	}
	tell(QUIT, NULL);
	pthread_join(thread, NULL);
	close_own(feed);
	printf("%u rounds\n", rounds);
	return 0;
}
