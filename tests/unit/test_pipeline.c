/* SPDX-License-Identifier: MIT */
#include "feed_source.h"
#include <baton/version.h>
#include <signal.h>
#include <stdlib.h>

static struct known endless = KNOWN_INIT;

/* --- refusals ------------------------------------------------------------------------ */

static int not_a_pipeline;

/* Asserts that open fails so, says the word, and leaves nothing behind. */
static void refuse(const baton_source *source, const baton_options *options, int code,
                   const char *word)
{
	baton_pipeline *feed = (baton_pipeline *)&not_a_pipeline;
	baton_error err = {.code = 99, .batch = 99, .text = "old"};

	cr_assert_eq(baton_open(&feed, source, options, &err), code, "%s", word);
	cr_assert_null(feed, "%s", word);
	cr_assert_eq(err.code, code, "%s: %d", word, err.code);
	cr_assert_not_null(strstr(err.text, word), "\"%s\" lacks \"%s\"", err.text, word);
	cr_assert_null(strchr(err.text, '\n'));
	feed = (baton_pipeline *)&not_a_pipeline;
	cr_assert_eq(baton_open(&feed, source, options, NULL), code);
	cr_assert_null(feed);
}

static void refuse_options(baton_options options, const char *word)
{
	baton_source source = known_source(&endless);

	refuse(&source, &options, -EINVAL, word);
}

static void refuse_source(baton_source source, const char *word)
{
	refuse(&source, NULL, -EINVAL, word);
}

Unit(open, a_number_of_producers_out_of_range_is_refused)
{
	refuse_options(options_of(-2, 0, 0), "producers is -2");
	refuse_options(options_of(BATON_MAX_PRODUCERS + 1, 0, 0), "producers is 1025");
}

Unit(open, a_number_of_blocks_out_of_range_is_refused)
{
	refuse_options(options_of(1, 0, BATON_MAX_BLOCKS + 1), "blocks is 1048577");
	refuse_options(options_of(1, 0, UINT32_MAX), "blocks is 4294967295");
}

Unit(open, a_block_of_too_many_batches_is_refused)
{
	refuse_options(options_of(1, BATON_MAX_BLOCK_BATCHES + 1, 0), "block_batches is 65537");
}

Unit(open, an_unknown_order_is_refused)
{
	baton_options o = BATON_OPTIONS_INIT;

	o.order = 2;
	refuse_options(o, "order is 2");
	o.order = -1;
	refuse_options(o, "order is -1");
}

Unit(open, options_and_sources_without_their_init_macro_are_refused)
{
	baton_options o = BATON_OPTIONS_INIT;
	baton_source s = known_source(&endless);

	o.size = 0;
	refuse_options(o, "options.size is 0");
	o.size = SIZE_MAX;
	refuse_options(o, "options.size");
	s.size = 0;
	refuse_source(s, "source.size is 0");
}

/* What a later baton's struct looks like to this one. */
struct later_options {
	baton_options now;
	uint64_t later[2];
};

Unit(open, a_longer_struct_is_accepted_if_the_rest_is_zero)
{
	struct later_options o = {.now = options_of(BATON_INLINE, 2, 3)};
	baton_source source = known_source(&endless);
	baton_pipeline *feed;

	o.now.size = sizeof(o);
	feed = open_with(&source, &o.now);
	cr_assert_eq(stats_of(feed).blocks, 4);
	cr_assert_eq(stats_of(feed).block_batches, 2);
	close_feed(feed);
}

Unit(open, a_longer_struct_that_asks_for_something_unknown_is_refused)
{
	struct later_options o = {.now = options_of(BATON_INLINE, 2, 3), .later = {0, 1}};
	baton_source source = known_source(&endless);

	o.now.size = sizeof(o);
	refuse(&source, &o.now, -EINVAL, "options");
}

Unit(open, what_a_shorter_struct_lacks_is_default)
{
	baton_options o = options_of(BATON_INLINE, 0, 3);
	baton_source source = known_source(&endless);
	baton_pipeline *feed;
	baton_batch b;

	o.size = offsetof(baton_options, first_batch);
	o.first_batch = 1000; /* past what size says */
	feed = open_with(&source, &o);
	b = take(feed);
	cr_assert_eq(baton_k(&b), 0);
	give(feed, &b);
	close_feed(feed);
}

Unit(open, no_options_at_all_means_all_defaults)
{
	baton_source source = known_source(&endless);
	baton_pipeline *feed = open_with(&source, NULL);
	baton_batch b = take(feed);

	cr_assert(is_known(&b, 0, 0));
	give(feed, &b);
	close_feed(feed);
}

Unit(open, a_bad_field_is_refused_by_its_name)
{
	static const baton_field bad = {.name = "pixels", .dtype = 12345};
	baton_source s = known_source(&endless);

	s.fields = &bad;
	s.n_fields = 1;
	refuse_source(s, "\"pixels\"");
}

Unit(open, a_source_without_fields_or_rows_is_refused)
{
	baton_source s = known_source(&endless);

	s.rows = 0;
	refuse_source(s, "0 rows");
	s = known_source(&endless);
	s.fields = NULL;
	refuse_source(s, "fields");
	s = known_source(&endless);
	s.n_fields = 0;
	refuse_source(s, "0 fields");
}

Unit(open, fields_that_do_not_fit_together_are_refused_with_a_text)
{
	static const baton_field big[] = {
	        {.name = "a", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}},
	        {.name = "b", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}},
	        {.name = "c", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}},
	        {.name = "d", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}},
	        {.name = "e", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}},
	};
	baton_source s = known_source(&endless);

	s.fields = big;
	s.n_fields = LENGTH(big);
	s.rows = 1;
	refuse_source(s, "fit");
}

Unit(open, a_pool_that_does_not_fit_in_memory_is_refused)
{
	static const baton_field big = {.name = "a", .dtype = BATON_U8, .rank = 1,
	                                .shape = {SIZE_MAX / 8}};
	baton_source s = known_source(&endless);

	s.fields = &big;
	s.n_fields = 1;
	s.rows = 1;
	refuse_source(s, "pool");
	for (uint32_t m = 2; m <= 64; m *= 2) { /* at 8 the sum of a block's batches is 2^64 */
		baton_options o = options_of(BATON_INLINE, m, 1);
		baton_pipeline *feed = NULL;
		baton_error err;
		int rc = baton_open(&feed, &s, &o, &err);

		cr_assert(rc == -EINVAL || rc == -ENOMEM, "%d", rc);
		cr_assert(strstr(err.text, "pool"), "%s", err.text);
	}
}

Unit(open, a_missing_argument_is_misuse_and_feed_is_null)
{
	baton_source source = known_source(&endless);

	refuse(NULL, NULL, BATON_MISUSE_NULL, "NULL");
	cr_assert_eq(baton_open(NULL, &source, NULL, NULL), BATON_MISUSE_NULL);
}

/* --- start and stop ------------------------------------------------------------------ */

enum { N_HOOKED = 5 };

static struct {
	int fail_at; /* this producer's start fails */
	const char *text;
	_Atomic int started[N_HOOKED], stopped[N_HOOKED];
	_Atomic bool wrong_thread;
	_Atomic uintptr_t thread[N_HOOKED];
} hooks;

static int hooked_start(int i, void **state, baton_error *err)
{
	if (i == hooks.fail_at) {
		if (hooks.text)
			snprintf(err->text, sizeof(err->text), "%s", hooks.text);
		return -EIO;
	}
	hooks.started[i]++;
	hooks.thread[i] = (uintptr_t)pthread_self();
	*state = (void *)&hooks.started[i];
	return BATON_OK;
}

static void hooked_stop(int i, void *state)
{
	hooks.stopped[i]++;
	if (state != (void *)&hooks.started[i] || hooks.thread[i] != (uintptr_t)pthread_self())
		hooks.wrong_thread = true;
}

/* Knows the producer by the state that its start made. */
static int hooked_fill(void *state, baton_writable *b, baton_rng *rng)
{
	ptrdiff_t i = (_Atomic int *)state - hooks.started;

	if (i < 0 || i >= N_HOOKED || hooks.thread[i] != (uintptr_t)pthread_self())
		return baton_fail(b, -EIO, "not the state of this producer");
	known_write(b, rng);
	return BATON_OK;
}

static baton_source hooked_source(int fail_at, const char *text)
{
	baton_source s = known_source(&endless);

	hooks.fail_at = fail_at;
	hooks.text = text;
	s.fill = hooked_fill;
	s.start = hooked_start;
	s.stop = hooked_stop;
	return s;
}

static void start_fails_at(int i, int producers)
{
	baton_source s = hooked_source(i, "no such camera");
	baton_options o = options_of(producers, 1, 2);
	baton_pipeline *feed = (baton_pipeline *)&not_a_pipeline;
	baton_error err;
	int n_started = 0;

	cr_assert_eq(baton_open(&feed, &s, &o, &err), -EIO);
	cr_assert_null(feed);
	cr_assert_eq(err.code, -EIO);
	cr_assert_str_eq(err.text, "no such camera");
	for (int j = 0; j < N_HOOKED; j++) {
		cr_assert_eq(hooks.started[j], hooks.stopped[j], "producer %d", j);
		n_started += hooks.started[j];
	}
	cr_assert_eq(hooks.started[i], 0);
	cr_assert_eq(n_started, producers > 0 ? producers - 1 : 0);
	cr_assert_not(hooks.wrong_thread);
}

Unit(start, that_fails_in_the_first_producer_fails_open_and_stops_the_others)
{
	start_fails_at(0, N_HOOKED);
}

Unit(start, that_fails_in_a_middle_producer_fails_open_and_stops_the_others)
{
	start_fails_at(2, N_HOOKED);
}

Unit(start, that_fails_in_the_last_producer_fails_open_and_stops_the_others)
{
	start_fails_at(N_HOOKED - 1, N_HOOKED);
}

Unit(start, that_fails_in_the_only_producer_fails_open)
{
	start_fails_at(0, 1);
}

Unit(start, that_fails_inline_fails_open)
{
	start_fails_at(0, BATON_INLINE);
}

Unit(start, that_fails_without_a_text_gets_one_that_names_the_producer)
{
	baton_source s = hooked_source(1, NULL);
	baton_options o = options_of(2, 1, 2);

	refuse(&s, &o, -EIO, "producer 1");
}

static int start_returns_7(int i, void **state, baton_error *err)
{
	(void)i;
	(void)state;
	(void)err;
	return 7;
}

Unit(start, that_returns_neither_ok_nor_an_error_fails_open)
{
	baton_source s = known_source(&endless);

	s.start = start_returns_7;
	refuse_source(s, "start");
}

static void each_starts_and_stops_once(int producers, int expected)
{
	baton_source s = hooked_source(-1, NULL);
	baton_pipeline *feed = open_feed(&s, producers, 2, 4);

	for (int i = 0; i < N_HOOKED; i++) {
		cr_assert_eq(hooks.started[i], i < expected);
		cr_assert_eq(hooks.stopped[i], 0);
	}
	for (uint64_t k = 0; k < 100; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	close_feed(feed);
	for (int i = 0; i < N_HOOKED; i++)
		cr_assert_eq(hooks.stopped[i], i < expected);
	cr_assert_not(hooks.wrong_thread);
}

Unit(start, and_stop_run_once_on_each_producers_own_thread_with_its_own_state)
{
	each_starts_and_stops_once(N_HOOKED, N_HOOKED);
}

Unit(start, and_stop_run_on_the_callers_thread_when_inline)
{
	each_starts_and_stops_once(BATON_INLINE, 1);
}

/* --- threads ------------------------------------------------------------------------- */

static struct {
	pthread_barrier_t opened; /* by open's caller and three producers, each in a fill */
	_Atomic bool seen[3];
	_Atomic int bad_mask;
	_Atomic int bad_name;
} threads;

static int producer_number(void)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	for (int i = 0; i < 3; i++) {
		char expected[16];

		snprintf(expected, sizeof(expected), "baton-%d", i);
		if (strcmp(name, expected) == 0)
			return i;
	}
	return -1;
}

/* Every signal that a thread can block. */
static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
	       sig == SIGTRAP || sig == SIGSYS;
}

/* Every signal that is meant for the program, and no fault of the thread's own. */
static bool blocks_the_right_signals(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < SIGRTMAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig >= SIGRTMIN) &&
		    sigismember(&mask, sig) != !is_fault(sig))
			return false;
	return true;
}

static int look_at_thread(void *unused, baton_writable *b, baton_rng *rng)
{
	int i;

	(void)unused;
	if (baton_writable_k(b) < 3)
		pthread_barrier_wait(&threads.opened);
	i = producer_number();
	if (i < 0)
		threads.bad_name++;
	else
		threads.seen[i] = true;
	threads.bad_mask += !blocks_the_right_signals();
	known_write(b, rng);
	return BATON_OK;
}

Unit(threads, are_named_baton_and_their_number_and_block_every_signal_but_faults)
{
	baton_source s = known_source(NULL);
	baton_pipeline *feed;
	sigset_t before, after;

	pthread_barrier_init(&threads.opened, NULL, 4);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	s.fill = look_at_thread;
	feed = open_feed(&s, 3, 1, 4);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int sig = 1; sig < 32; sig++)
		cr_assert_eq(sigismember(&before, sig), sigismember(&after, sig));
	pthread_barrier_wait(&threads.opened);
	for (int i = 0; i < 100; i++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
	close_feed(feed);
	cr_assert_eq(threads.bad_name, 0);
	cr_assert_eq(threads.bad_mask, 0);
	for (int i = 0; i < 3; i++)
		cr_assert(threads.seen[i], "baton-%d", i);
}

static int start_looks_at_its_name(int i, void **state, baton_error *err)
{
	char name[16] = "", expected[16];

	(void)state;
	snprintf(expected, sizeof(expected), "baton-%d", i);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (strcmp(name, expected) == 0)
		return BATON_OK;
	snprintf(err->text, sizeof(err->text), "producer %d is named %s", i, name);
	return -EINVAL;
}

/* Else whatever start makes, a log or a thread of its own, has another name in it. */
Unit(threads, have_their_name_when_their_start_hook_runs)
{
	baton_source s = known_source(&endless);

	s.start = start_looks_at_its_name;
	for (int i = 0; i < 20; i++)
		close_feed(open_feed(&s, 8, 1, 8));
}

Unit(open, zero_producers_means_at_least_one_thread)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed = open_with(&s, NULL);

	cr_assert_geq(stats_of(feed).producers, 1);
	cr_assert_geq(stats_of(feed).blocks, 8);
	cr_assert_geq(stats_of(feed).blocks, 2 * stats_of(feed).producers);
	cr_assert_eq(stats_of(feed).block_batches, 1);
	close_feed(feed);
}

Unit(open, a_pool_is_rounded_up_to_a_power_of_two_and_says_so)
{
	static const uint32_t asked[] = {1, 2, 3, 5, 8, 9, 100};
	static const uint32_t got[] = {1, 2, 4, 8, 8, 16, 128};
	baton_source s = known_source(&endless);

	for (size_t i = 0; i < LENGTH(asked); i++) {
		baton_pipeline *feed = open_feed(&s, BATON_INLINE, 1, asked[i]);

		cr_assert_eq(stats_of(feed).blocks, got[i]);
		close_feed(feed);
	}
}

static int fill_nothing(void *state, baton_writable *b, baton_rng *rng)
{
	(void)state, (void)b, (void)rng;
	return BATON_OK;
}

/* As many blocks as fit 512 KiB, up to 512; but two a producer, and at least 8. Without threads of
 * ours 256 KiB and 32. */
Unit(open, a_pool_by_default_is_deep_where_blocks_are_small)
{
	static const struct {
		size_t columns;
		int producers;
		uint32_t blocks;
	} cases[] = {{16, 1, 512},  {256, 1, 512}, {257, 1, 256},   {16384, 1, 8},
	             {65536, 1, 8}, {65536, 9, 32}, {16, 300, 1024},
	             {16, BATON_INLINE, 32}, {4096, BATON_INLINE, 16}, {8192, BATON_INLINE, 8}};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		baton_field f = {.name = "x", .dtype = BATON_F32, .rank = 1,
		                 .shape = {cases[i].columns}};
		baton_source s = known_source(&endless);
		baton_pipeline *feed;

		s.fields = &f;
		s.n_fields = s.rows = 1;
		s.fill = fill_nothing;
		feed = open_feed(&s, cases[i].producers, 0, 0);
		cr_assert_eq(stats_of(feed).blocks, cases[i].blocks, "%zu columns",
		             cases[i].columns);
		close_feed(feed);
	}
}

Unit(open, batches_of_a_cheap_source_travel_in_blocks_of_up_to_48_KiB)
{
	static const struct {
		size_t columns;
		uint32_t m;
	} cases[] = {{16, 64}, {1024, 12}, {12288, 1}, {20000, 1}};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		baton_field f = {.name = "x", .dtype = BATON_F32, .rank = 1,
		                 .shape = {cases[i].columns}};
		baton_source s = known_source(&endless);
		baton_pipeline *feed;

		s.fields = &f;
		s.n_fields = 1;
		s.rows = 1;
		s.cheap = true;
		feed = open_feed(&s, BATON_INLINE, 0, 2);
		cr_assert_eq(stats_of(feed).block_batches, cases[i].m, "%zu columns",
		             cases[i].columns);
		close_feed(feed);
	}
}

Unit(open, an_inline_pipeline_has_no_thread)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed = open_feed(&s, BATON_INLINE, 1, 2);

	cr_assert_eq(stats_of(feed).producers, 0);
	cr_assert_eq(baton_stats_filled(feed, NULL, 0), 1);
	close_feed(feed);
}

/* --- looking ------------------------------------------------------------------------- */

Unit(looking, the_layout_is_what_the_source_said)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed = open_feed(&s, BATON_INLINE, 1, 2);
	size_t n = 0, rows = 0;
	const baton_field *fields = baton_layout(feed, &n, &rows);

	cr_assert_eq(n, LENGTH(known_fields));
	cr_assert_eq(rows, KNOWN_ROWS);
	for (size_t i = 0; i < n; i++) {
		cr_assert_str_eq(fields[i].name, known_fields[i].name);
		cr_assert_eq(fields[i].dtype, known_fields[i].dtype);
	}
	cr_assert_eq(baton_layout(feed, NULL, NULL), fields);
	cr_assert_null(baton_layout(NULL, &n, &rows));
	cr_assert(n == 0 && rows == 0);
	close_feed(feed);
}

Unit(looking, stats_writes_no_more_than_its_size_asks_for)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed = open_feed(&s, BATON_INLINE, 1, 2);
	baton_batch b = take(feed);
	baton_stats stats;

	memset(&stats, 0x5a, sizeof(stats));
	stats.size = offsetof(baton_stats, wait_fill_ns);
	cr_assert_eq(baton_stats_get(feed, &stats), BATON_OK);
	cr_assert_eq(stats.batches, 1);
	cr_assert_eq(stats.size, offsetof(baton_stats, wait_fill_ns));
	cr_assert_eq(stats.wait_fill_ns, UINT64_C(0x5a5a5a5a5a5a5a5a));
	give(feed, &b);
	close_feed(feed);
}

Unit(looking, at_nothing_is_misuse)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed = open_feed(&s, BATON_INLINE, 1, 2);
	baton_stats stats = BATON_STATS_INIT;

	cr_assert_eq(baton_stats_get(NULL, &stats), BATON_MISUSE_NULL);
	cr_assert_eq(baton_stats_get(feed, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_status(NULL, NULL), BATON_MISUSE_NULL);
	cr_assert_eq(baton_stats_filled(NULL, NULL, 0), 0);
	close_feed(feed);
}

Unit(looking, filled_adds_up_to_every_batch)
{
	struct known state = {.end = 101, .fail_at = NEVER};
	baton_source s = known_source(&state);
	baton_pipeline *feed;
	uint64_t filled[4] = {0, 0, 0, 77}, sum = 0;

	s.n_batches = 101;
	feed = open_feed(&s, 3, 4, 4);
	for (int i = 0; i < 101; i++) {
		baton_batch b = take(feed);

		give(feed, &b);
	}
	cr_assert_eq(refused(feed), BATON_END);
	cr_assert_eq(baton_stats_filled(feed, filled, 4), 3);
	for (int i = 0; i < 3; i++)
		sum += filled[i];
	cr_assert_eq(sum, 101);
	cr_assert_eq(filled[3], 77);
	close_feed(feed);
}

/* --- the same batches, however they are made ----------------------------------------- */

static const int all_p[] = {BATON_INLINE, 1, 2, 8};
static const uint32_t all_m[] = {1, 3, 4, 64};
static const uint32_t all_c[] = {1, 2, 8};

#define FOR_ALL_SHAPES(P, m, C)                                                               \
	for (size_t p_ = 0; p_ < LENGTH(all_p); p_++)                                         \
		for (size_t m_ = 0; m_ < LENGTH(all_m); m_++)                                 \
			for (size_t c_ = 0; c_ < LENGTH(all_c); c_++)                         \
				for (int P = all_p[p_], once_ = 1; once_;)                    \
					for (uint32_t m = all_m[m_], C = all_c[c_]; once_; once_ = 0)

/* Batches [first, end) in order, then rc, again and again. */
static void expect_run(baton_pipeline *feed, uint64_t first, uint64_t end, int rc)
{
	for (uint64_t k = first; k < end; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k), "batch %" PRIu64, k);
		give(feed, &b);
	}
	for (int again = 0; again < 3; again++)
		cr_assert_eq(refused(feed), rc);
	cr_assert_eq(stats_of(feed).batches, end - first);
}

enum { N = 131 }; /* no multiple of any block */

Unit(sameness, batch_k_is_f_of_seed_and_k_and_comes_in_order_at_any_P_m_and_C)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		struct known state = KNOWN_INIT;
		baton_source s = known_source(&state);
		baton_pipeline *feed;

		s.n_batches = N;
		feed = open_feed(&s, P, m, C);
		expect_run(feed, 0, N, BATON_END);
		close_feed(feed);
	}
}

Unit(sameness, n_batches_ends_a_run_at_the_same_place_at_any_P_and_m)
{
	static const uint64_t lengths[] = {1, 3, 4, 63, 64, 65};

	for (size_t n = 0; n < LENGTH(lengths); n++)
		FOR_ALL_SHAPES(P, m, C)
		{
			struct known state = KNOWN_INIT;
			baton_source s = known_source(&state);
			baton_pipeline *feed;
			baton_error err;

			if (C == 8)
				continue;
			s.n_batches = lengths[n];
			feed = open_feed(&s, P, m, C);
			expect_run(feed, 0, lengths[n], BATON_END);
			cr_assert_eq(baton_status(feed, &err), BATON_END);
			cr_assert_eq(err.code, BATON_END);
			cr_assert_eq(err.batch, lengths[n]);
			close_feed(feed);
		}
}

Unit(sameness, an_END_from_fill_ends_a_run_at_the_same_place_at_any_P_and_m)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		struct known state = {.end = 66, .fail_at = NEVER};
		baton_source s = known_source(&state);
		baton_pipeline *feed = open_feed(&s, P, m, C);
		baton_error err;

		expect_run(feed, 0, 66, BATON_END);
		cr_assert_eq(baton_status(feed, &err), BATON_END);
		cr_assert_eq(err.batch, 66);
		close_feed(feed);
	}
}

Unit(sameness, an_END_from_fill_before_the_known_length_counts)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		struct known state = {.end = 30, .fail_at = NEVER};
		baton_source s = known_source(&state);
		baton_pipeline *feed;

		s.n_batches = 50;
		feed = open_feed(&s, P, m, C);
		expect_run(feed, 0, 30, BATON_END);
		close_feed(feed);
	}
}

Unit(sameness, a_source_without_a_batch_ends_at_once)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		struct known state = {.end = 0, .fail_at = NEVER};
		baton_source s = known_source(&state);
		baton_pipeline *feed = open_feed(&s, P, m, C);

		expect_run(feed, 0, 0, BATON_END);
		close_feed(feed);
	}
}

Unit(sameness, a_run_may_start_at_any_batch)
{
	static const uint64_t firsts[] = {1, 2, 50, N - 1};

	for (size_t i = 0; i < LENGTH(firsts); i++)
		FOR_ALL_SHAPES(P, m, C)
		{
			struct known state = KNOWN_INIT;
			baton_source s = known_source(&state);
			baton_options o = options_of(P, m, C);
			baton_pipeline *feed;
			baton_error err;

			if (C != 2)
				continue;
			s.n_batches = N;
			o.first_batch = firsts[i];
			feed = open_with(&s, &o);
			expect_run(feed, firsts[i], N, BATON_END);
			baton_status(feed, &err);
			cr_assert_eq(err.batch, N);
			close_feed(feed);
		}
}

Unit(sameness, a_run_that_starts_at_or_past_the_end_has_no_batch)
{
	static const uint64_t firsts[] = {N, N + 1, UINT64_MAX};

	for (size_t i = 0; i < LENGTH(firsts); i++)
		for (size_t p = 0; p < LENGTH(all_p); p++) {
			baton_source s = known_source(&endless);
			baton_options o = options_of(all_p[p], 4, 2);
			baton_pipeline *feed;

			s.n_batches = N;
			o.first_batch = firsts[i];
			feed = open_with(&s, &o);
			cr_assert_eq(refused(feed), BATON_END);
			close_feed(feed);
		}
}

Unit(sameness, a_run_may_start_far_out)
{
	baton_source s = known_source(&endless);
	baton_options o = options_of(2, 3, 4);
	baton_pipeline *feed;

	o.first_batch = UINT64_C(1) << 63;
	feed = open_with(&s, &o);
	for (uint64_t k = 0; k < 20; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, o.first_batch + k));
		give(feed, &b);
	}
	close_feed(feed);
}

/* --- errors at their place ----------------------------------------------------------- */

static const int error_p[] = {BATON_INLINE, 1, 3, 16};
static const uint32_t error_m[] = {1, 4, 64};
static const uint64_t error_at[] = {0, 1, 5, 64, 70};

static void expect_error(baton_pipeline *feed, uint64_t k, int code, const char *text)
{
	baton_error err;

	cr_assert_eq(baton_status(feed, &err), code);
	cr_assert_eq(err.code, code);
	cr_assert_eq(err.batch, k, "%" PRIu64 " for %" PRIu64, err.batch, k);
	cr_assert_str_eq(err.text, text);
	cr_assert_eq(baton_status(feed, NULL), code);
}

static void errors_come_at_their_place(int code, const char *text, int seen_code,
                                       const char *seen_text)
{
	for (size_t p = 0; p < LENGTH(error_p); p++)
		for (size_t m = 0; m < LENGTH(error_m); m++)
			for (size_t c = 0; c < LENGTH(all_c); c++)
				for (size_t e = 0; e < LENGTH(error_at); e++) {
					struct known state = {NEVER, error_at[e], code, text};
					baton_source s = known_source(&state);
					baton_pipeline *feed = open_feed(&s, error_p[p],
					                                 error_m[m], all_c[c]);

					expect_run(feed, 0, error_at[e], seen_code);
					expect_error(feed, error_at[e], seen_code, seen_text);
					close_feed(feed);
				}
}

Unit(failing, an_error_at_k_comes_after_every_batch_before_it_at_any_P_m_and_C)
{
	errors_come_at_their_place(-EIO, "frame: bad header", -EIO, "frame: bad header");
}

Unit(failing, a_fill_that_returns_7_fails_and_the_text_says_so)
{
	errors_come_at_their_place(7, NULL, -EINVAL,
	                           "fill returned 7: not BATON_OK, BATON_END or < 0");
}

Unit(failing, a_fill_may_not_say_CANCELED_or_TIMEOUT)
{
	for (int code = BATON_CANCELED; code <= BATON_TIMEOUT; code++) {
		struct known state = {NEVER, 3, code, NULL};
		baton_source s = known_source(&state);
		baton_pipeline *feed = open_feed(&s, 1, 2, 2);

		expect_run(feed, 0, 3, -EINVAL);
		close_feed(feed);
	}
}

/* A source that is fed by another pipeline passes on what that one said. */
Unit(failing, an_error_that_looks_like_misuse_ends_the_run_like_any_other)
{
	for (int code = BATON_MISUSE_NULL; code >= BATON_MISUSE_DETACHED; code--) {
		struct known state = {NEVER, 3, code, "from within"};
		baton_source s = known_source(&state);
		baton_pipeline *feed = open_feed(&s, 1, 1, 2);
		baton_error err;

		for (uint64_t k = 0; k < 3; k++) {
			baton_batch b = take(feed);

			give(feed, &b);
		}
		cr_assert_neq(refused(feed), BATON_END);
		cr_assert_lt(baton_status(feed, &err), 0, "%d", code);
		cr_assert_eq(err.batch, 3);
		cr_assert_str_eq(err.text, "from within");
		close_feed(feed);
	}
}

Unit(failing, the_batch_of_an_error_counts_from_0_wherever_the_run_started)
{
	struct known state = {NEVER, 57, -EIO, "bad"};
	baton_source s = known_source(&state);
	baton_options o = options_of(2, 4, 4);
	baton_pipeline *feed;

	o.first_batch = 50;
	feed = open_with(&s, &o);
	expect_run(feed, 50, 57, -EIO);
	expect_error(feed, 57, -EIO, "bad");
	close_feed(feed);
}

Unit(failing, the_status_is_OK_until_next_has_said_otherwise)
{
	struct known state = {NEVER, 1, -EIO, "bad"};
	baton_source s = known_source(&state);
	baton_pipeline *feed = open_feed(&s, BATON_INLINE, 4, 2);
	baton_batch b = take(feed);
	baton_error err;

	cr_assert_eq(baton_status(feed, &err), BATON_OK);
	cr_assert_eq(err.code, BATON_OK);
	cr_assert_str_eq(err.text, "");
	cr_assert_eq(refused(feed), -EIO);
	cr_assert_eq(baton_status(feed, NULL), -EIO);
	give(feed, &b);
	close_feed(feed);
}

Unit(failing, of_two_errors_the_earlier_one_counts)
{
	static const int orders[] = {BATON_ORDERED, BATON_COMPLETION};

	for (size_t i = 0; i < LENGTH(orders); i++) {
		baton_source s = own_source();
		baton_options o = options_of(0, 0, 4);
		baton_pipeline *feed;
		baton_claim first, second;

		o.order = orders[i];
		feed = open_with(&s, &o);
		first = begin(feed);
		second = begin(feed);
		cr_assert_eq(baton_discard(feed, &second, -EIO, "second"), BATON_OK);
		cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
		cr_assert_eq(baton_discard(feed, &first, -ENOTTY, "first"), BATON_OK);
		cr_assert_eq(refused(feed), -ENOTTY);
		expect_error(feed, 0, -ENOTTY, "first");
		close_feed(feed);
	}
}

static int fill_and_count(void *n, baton_writable *b, baton_rng *rng)
{
	++*(_Atomic int *)n;
	known_write(b, rng);
	return baton_writable_k(b) < 2 ? BATON_OK : BATON_END;
}

/* k past the end may be asked for, but not by who has been told. */
Unit(failing, a_lone_producer_fills_nothing_after_the_stop_that_it_met)
{
	_Atomic int n_fills = 0;
	baton_source s = known_source(NULL);
	baton_pipeline *feed;

	s.fill = fill_and_count;
	s.state = (void *)&n_fills;
	feed = open_feed(&s, 1, 1, 8);
	expect_run(feed, 0, 2, BATON_END);
	close_feed(feed); /* joins: who would go on has had eight slots to do it in */
	cr_assert_eq(n_fills, 3);
}

/* --- completion order ---------------------------------------------------------------- */

/* Every batch below n once, in whatever order, then rc. */
BATON_NO_ANALYSIS static void expect_each_once(baton_pipeline *feed, uint64_t n, int rc)
{
	static bool seen[4096];

	memset(seen, 0, sizeof(seen));
	for (uint64_t i = 0; i < n; i++) {
		baton_batch b = take(feed);
		uint64_t k = baton_k(&b);

		cr_assert_lt(k, n);
		cr_assert_not(seen[k], "batch %" PRIu64 " twice", k);
		cr_assert(is_known(&b, 42, k));
		seen[k] = true;
		give(feed, &b);
	}
	cr_assert_eq(refused(feed), rc);
	cr_assert_eq(refused(feed), rc);
}

Unit(completion, gives_every_batch_exactly_once_and_END_after_the_last)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		baton_source s = known_source(&endless);
		baton_options o = options_of(P, m, C);
		baton_pipeline *feed;

		s.n_batches = 300;
		o.order = BATON_COMPLETION;
		feed = open_with(&s, &o);
		expect_each_once(feed, 300, BATON_END);
		close_feed(feed);
	}
}

/* Fails at 200, and fills beyond it: those may come, but every one below must. */
Unit(completion, gives_an_error_after_every_batch_below_it)
{
	FOR_ALL_SHAPES(P, m, C)
	{
		struct known state = {NEVER, 200, -EIO, "bad"};
		baton_source s = known_source(&state);
		baton_options o = options_of(P, m, C);
		baton_pipeline *feed;
		baton_batch b = BATON_BATCH_INIT;
		bool seen[1024] = {false};
		int rc;

		o.order = BATON_COMPLETION;
		feed = open_with(&s, &o);
		while ((rc = baton_next(feed, &b)) == BATON_OK) {
			uint64_t k = baton_k(&b);

			cr_assert(k != 200 && k < 200 + (uint64_t)m * C);
			cr_assert_not(seen[k]);
			cr_assert(is_known(&b, 42, k));
			seen[k] = true;
			give(feed, &b);
		}
		cr_assert_eq(rc, -EIO);
		for (uint64_t k = 0; k < 200; k++)
			cr_assert(seen[k], "batch %" PRIu64, k);
		expect_error(feed, 200, -EIO, "bad");
		close_feed(feed);
	}
}

/* Batch 0 waits at the gate; every other goes straight through. */
static int hold_0_back(void *gate, baton_writable *b, baton_rng *rng)
{
	if (baton_writable_k(b) == 0)
		wait_for(gate);
	known_write(b, rng);
	return BATON_OK;
}

static baton_pipeline *open_held_back(sem_t *gate, int order)
{
	baton_source s = known_source(NULL);
	baton_options o = options_of(2, 1, 4);

	sem_init(gate, 0, 0);
	s.fill = hold_0_back;
	s.state = gate;
	o.order = order;
	return open_with(&s, &o);
}

Unit(completion, a_batch_that_is_ready_passes_one_that_is_not_by_at_most_the_pool)
{
	sem_t gate;
	baton_pipeline *feed = open_held_back(&gate, BATON_COMPLETION);
	baton_batch b;

	for (uint64_t k = 1; k < 4; k++) {
		b = take(feed);
		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT); /* 4 has to wait for 0's slot */
	sem_post(&gate);
	b = take(feed);
	cr_assert(is_known(&b, 42, 0));
	give(feed, &b);
	b = take(feed);
	cr_assert_geq(baton_k(&b), 4);
	give(feed, &b);
	close_feed(feed);
}

static void wait_until_filled(const baton_pipeline *feed, uint64_t n)
{
	uint64_t filled[2];

	do {
		sched_yield();
		baton_stats_filled(feed, filled, 2);
	} while (filled[0] + filled[1] < n);
}

Unit(completion, in_order_a_batch_waits_for_the_one_before_it)
{
	sem_t gate;
	baton_pipeline *feed = open_held_back(&gate, BATON_ORDERED);

	wait_until_filled(feed, 3); /* 1, 2 and 3 */
	cr_assert_eq(poll_refused(feed), BATON_TIMEOUT);
	cr_assert_eq(stats_of(feed).batches, 0);
	sem_post(&gate);
	for (uint64_t k = 0; k < 12; k++) {
		baton_batch b = take(feed);

		cr_assert(is_known(&b, 42, k));
		give(feed, &b);
	}
	close_feed(feed);
}

Unit(completion, the_end_says_its_own_batch_even_if_later_ones_came_first)
{
	baton_source s = own_source();
	baton_options o = options_of(0, 0, 4);
	baton_pipeline *feed;
	baton_claim zero;
	baton_batch b;
	baton_error err;

	o.order = BATON_COMPLETION;
	feed = open_with(&s, &o);
	zero = begin(feed);
	put(feed, 1);
	b = take(feed);
	cr_assert_eq(baton_k(&b), 1);
	give(feed, &b);
	cr_assert_eq(baton_finish(feed, &zero), BATON_OK);
	cr_assert_eq(refused(feed), BATON_END);
	cr_assert_eq(baton_status(feed, &err), BATON_END);
	cr_assert_eq(err.batch, 0, "%" PRIu64, err.batch);
	close_feed(feed);
}

/* The loop as README has it, under clang's analysis: Test, not Unit. */
static uint64_t rows_of_a_run(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	uint64_t rows = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		rows += baton_rows(&b);
		baton_release(feed, &b);
	}
	return rows;
}

Test(sameness, the_documented_loop_sees_every_row)
{
	baton_source s = known_source(&endless);
	baton_pipeline *feed;

	s.n_batches = 9;
	feed = open_feed(&s, 1, 1, 4);
	cr_assert_eq(rows_of_a_run(feed), 3 * (1 + 2 + 3));
	close_feed(feed);
}

/* Refused before a page of it is touched: else the machine would swap, or kill us. */
Unit(open, a_pool_larger_than_the_machines_memory_is_refused_at_once)
{
	static const baton_field field = {"x", BATON_U64, 0, {0}};
	baton_source s = known_source(&endless);
	baton_options o = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_error err;

	s.fields = &field;
	s.n_fields = 1;
	s.rows = 1u << 28; /* 2 GiB a batch: any one of them would fit */
	o.producers = BATON_INLINE;
	o.blocks = BATON_MAX_BLOCKS;
	cr_assert_eq(baton_open(&feed, &s, &o, &err), -ENOMEM);
	cr_assert_null(feed);
	cr_assert(strstr(err.text, "more than this machine's memory"), "%s", err.text);
}

/* size: of field i of n, all of them bytes. */
static void refuse_sizes(const size_t *sizes, size_t n, uint32_t block_batches, uint32_t blocks)
{
	static const char *names[] = {"a", "b", "c", "d"};
	baton_field fields[LENGTH(names)];
	baton_source s = known_source(&endless);
	baton_options o = options_of(BATON_INLINE, block_batches, blocks);

	for (size_t i = 0; i < n; i++)
		fields[i] = (baton_field){
			.name = names[i], .dtype = BATON_U8, .rank = 1, .shape = {sizes[i]}};
	s.fields = fields;
	s.n_fields = n;
	s.rows = 1;
	refuse(&s, &o, -EINVAL, "fit in memory");
}

/* Each by another product or sum; none may come out small by a wrap. */
Unit(open, a_pool_whose_bytes_overflow_is_refused)
{
	static const size_t huge = SIZE_MAX / 4;
	static const size_t all[] = {huge, huge, huge, huge - 63};

	refuse_sizes(&huge, 1, 4, 1); /* a block's batches */
	refuse_sizes(all, 4, 1, 1);   /* and the block's header */
	refuse_sizes(&huge, 1, 1, 4); /* the pool's blocks */
	refuse_sizes(&huge, 1, 1, 2); /* no overflow, and yet more than an object can be */
}

Unit(looking, the_version_is_that_of_the_headers)
{
	cr_assert_str_eq(baton_version(), BATON_VERSION);
	cr_assert_eq(baton_version_number(), BATON_VERSION_NUMBER);
}
