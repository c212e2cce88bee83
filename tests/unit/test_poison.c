/* SPDX-License-Identifier: MIT */
/* What debug builds and ASan builds do to memory that nobody owns. In a release build
 * there is nothing to test here.
 *
 * A limit, by design: a write that comes while the trainer holds the batch is not
 * reported, for the memory has an owner then. */
#include "feed_source.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

#if defined(ASAN) || defined(BATON_DEBUG)

static struct known endless = KNOWN_INIT;
static const uint32_t all_m[] = {1, 4};

static baton_pipeline *open_inline(uint32_t block_batches)
{
	baton_source source = known_source(&endless);

	return open_feed(&source, BATON_INLINE, block_batches, 2);
}

#endif

#ifdef BATON_DEBUG

__attribute__((no_sanitize_address)) static bool all_ff(const void *at, size_t n)
{
	const volatile unsigned char *bytes = at;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0xff)
			return false;
	return true;
}

Unit(poison, released_bytes_are_0xff_in_every_field)
{
	for (size_t i = 0; i < LENGTH(all_m); i++) {
		baton_pipeline *feed = open_inline(all_m[i]);
		baton_batch b = take(feed);
		const void *x = baton_data(&b, 0), *id = baton_data(&b, 1);

		cr_assert_not(all_ff(id, 8));
		give(feed, &b);
		cr_assert(all_ff(x, sizeof(float) * KNOWN_ROWS * KNOWN_COLUMNS));
		cr_assert(all_ff(id, sizeof(uint64_t) * KNOWN_ROWS));
		close_feed(feed);
	}
}

Unit(poison, the_rest_of_a_block_is_left_alone_when_one_batch_is_released)
{
	baton_pipeline *feed = open_inline(4);
	baton_batch a = take(feed), b = take(feed), c;

	give(feed, &a);
	cr_assert(is_known(&b, 42, 1));
	c = take(feed);
	cr_assert(is_known(&c, 42, 2));
	give(feed, &b);
	give(feed, &c);
	close_feed(feed);
}

Unit(poison, the_original_of_a_detached_copy_is_0xff_and_the_copy_is_not)
{
	baton_pipeline *feed = open_inline(4);
	baton_batch a = take(feed);
	const void *id = baton_data(&a, 1);

	cr_assert_eq(baton_detach(feed, &a), BATON_OK);
	cr_assert(all_ff(id, sizeof(uint64_t) * KNOWN_ROWS));
	cr_assert(is_known(&a, 42, 0));
	cr_assert_eq(baton_free(&a), BATON_OK);
	close_feed(feed);
}

#endif

#ifdef ASAN

/* Runs it in a child; copies what it writes to stderr; returns how it ended. */
static int run_child(void (*body)(void), char *report, size_t size)
{
	int ends[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		body();
		_exit(0);
	}
	close(ends[1]);
	while (n + 1 < size && (got = read(ends[0], report + n, size - 1 - n)) > 0)
		n += (size_t)got;
	report[n] = '\0';
	close(ends[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

static void expect_report(void (*crime)(void), const char *access)
{
	static char report[1 << 16];
	int status = run_child(crime, report, sizeof(report));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%d: %s", status, report);
	cr_assert_not_null(strstr(report, "use-after-poison"), "%s", report);
	cr_assert_not_null(strstr(report, access), "%s", report);
}

static void read_it(const void *at)
{
	(void)*(const volatile char *)at;
}

static void write_it(void *at)
{
	*(volatile char *)at = 1;
}

BATON_NO_ANALYSIS static void write_after_submit(void)
{
	baton_source source = own_source();
	baton_pipeline *feed = open_feed(&source, 0, 0, 2);
	baton_claim c = begin(feed);
	void *at = baton_writable_data(baton_claimed(&c), 1);

	write_it(at);
	baton_submit(feed, &c);
	write_it(at);
}

static void *kept;

static int fill_and_keep(void *unused, baton_writable *b, baton_rng *rng)
{
	(void)unused;
	known_write(b, rng);
	kept = baton_writable_data(b, 0);
	return BATON_OK;
}

/* kept is of the last batch of the block: published, and not handed out yet. */
BATON_NO_ANALYSIS static void write_after_fill(void)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;
	baton_batch b;

	source.fill = fill_and_keep;
	feed = open_feed(&source, BATON_INLINE, 4, 2);
	b = take(feed);
	read_it(baton_data(&b, 0));
	write_it(kept);
}

BATON_NO_ANALYSIS static void write_after_release(void)
{
	baton_source source = known_source(NULL);
	baton_pipeline *feed;
	baton_batch b;

	source.fill = fill_and_keep;
	feed = open_feed(&source, BATON_INLINE, 1, 2);
	b = take(feed);
	give(feed, &b);
	write_it(kept);
}

BATON_NO_ANALYSIS static void read_after_release_of(uint32_t block_batches)
{
	baton_pipeline *feed = open_inline(block_batches);
	baton_batch b = take(feed);
	const void *at = baton_data(&b, 0);

	read_it(at);
	give(feed, &b);
	read_it(at);
}

BATON_NO_ANALYSIS static void read_after_release(void)
{
	read_after_release_of(1);
}

BATON_NO_ANALYSIS static void read_after_release_in_block(void)
{
	read_after_release_of(4);
}

BATON_NO_ANALYSIS static void read_original_after_detach(void)
{
	baton_pipeline *feed = open_inline(4);
	baton_batch b = take(feed);
	const void *at = baton_data(&b, 0);

	if (baton_detach(feed, &b) == BATON_OK)
		read_it(at);
}

/* Two fields of just 64 bytes: without a red zone the one begins where the other ends. */
static baton_pipeline *open_tight(void)
{
	static const baton_field tight[] = {{"a", BATON_F32, 1, {16}}, {"b", BATON_F32, 1, {16}}};
	baton_source source = own_source();

	source.fields = tight;
	source.rows = 1;
	return open_feed(&source, 0, 1, 1);
}

BATON_NO_ANALYSIS static void write_behind_a_field(void)
{
	baton_pipeline *feed = open_tight();
	baton_claim c = begin(feed);

	write_it((char *)baton_writable_data(baton_claimed(&c), 0) + 63);
	write_it((char *)baton_writable_data(baton_claimed(&c), 0) + 64);
}

BATON_NO_ANALYSIS static void write_behind_the_last_field(void)
{
	baton_pipeline *feed = open_tight();
	baton_claim c = begin(feed);

	write_it((char *)baton_writable_data(baton_claimed(&c), 1) + 64);
}

BATON_NO_ANALYSIS static void write_before_the_first_field(void)
{
	baton_pipeline *feed = open_tight();
	baton_claim c = begin(feed);

	write_it((char *)baton_writable_data(baton_claimed(&c), 0) - 1);
}

/* x is 60 bytes, padded to 64. */
BATON_NO_ANALYSIS static void read_the_padding(void)
{
	baton_pipeline *feed = open_inline(1);
	baton_batch b = take(feed);

	read_it((const char *)baton_data(&b, 0) + 59);
	read_it((const char *)baton_data(&b, 0) + 60);
}

BATON_NO_ANALYSIS static void commit_nothing(void)
{
	baton_pipeline *feed = open_inline(4);

	for (uint64_t k = 0; k < 20; k++) {
		baton_batch b = take(feed);

		if (!is_known(&b, 42, k))
			_exit(1);
		give(feed, &b);
	}
	close_feed(feed);
}

Unit(poison, reports_nothing_of_who_keeps_to_his_batch)
{
	static char report[1 << 12];

	cr_assert_eq(run_child(commit_nothing, report, sizeof(report)), 0, "%s", report);
}

Unit(poison, reports_a_write_after_submit)
{
	expect_report(write_after_submit, "WRITE of size 1");
}

Unit(poison, reports_a_write_after_the_fill_returned)
{
	expect_report(write_after_fill, "WRITE of size 1");
}

Unit(poison, reports_a_write_after_the_trainers_release)
{
	expect_report(write_after_release, "WRITE of size 1");
}

Unit(poison, reports_a_read_after_release)
{
	expect_report(read_after_release, "READ of size 1");
	expect_report(read_after_release_in_block, "READ of size 1");
}

Unit(poison, reports_who_leaves_his_field)
{
	expect_report(write_behind_a_field, "WRITE of size 1");
	expect_report(write_behind_the_last_field, "WRITE of size 1");
	expect_report(write_before_the_first_field, "WRITE of size 1");
	expect_report(read_the_padding, "READ of size 1");
}

Unit(poison, reports_a_read_of_the_original_of_a_detached_copy)
{
	expect_report(read_original_after_detach, "READ of size 1");
}

#endif
