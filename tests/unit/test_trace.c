/* SPDX-License-Identifier: MIT */
/* Observers are told of each block, in order; and what a trace makes of it. (That its JSON
 * keeps the format's rules: tests/cli/trace.py.) */

#include "feed_source.h"
#include <baton/trace.h>
#include <stdlib.h>

static baton_trace *trace;
static baton_pipeline *feed;

static void open_traced(const baton_source *source, int producers, uint32_t m, uint32_t blocks,
                        size_t n_events)
{
	baton_options o = options_of(producers, m, blocks);
	baton_error err;

	o.first_batch = 1000;
	o.observe = baton_trace_observe;
	cr_assert_eq(baton_trace_create(&trace, n_events, &err), BATON_OK, "%s", err.text);
	o.observe_state = trace;
	feed = open_with(source, &o);
}

/* What is kept of a thread: *n of them. */
static baton_event *events_of(int thread, size_t *n)
{
	baton_event *events;

	*n = baton_trace_events(trace, thread, NULL, 0);
	events = calloc(*n + 1, sizeof(*events));
	cr_assert_eq(baton_trace_events(trace, thread, events, *n / 2), *n);
	cr_assert_eq(baton_trace_events(trace, thread, events, *n + 1), *n);
	return events;
}

BATON_NO_ANALYSIS static void train_all(void)
{
	baton_batch b = BATON_BATCH_INIT;

	while (baton_next(feed, &b) == BATON_OK)
		give(feed, &b);
}

Unit(observer, inline_the_trainer_claims_publishes_takes_and_releases)
{
	static const int order[] = {BATON_EVENT_CLAIM, BATON_EVENT_PUBLISH, BATON_EVENT_TAKE,
	                            BATON_EVENT_RELEASE};
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_event *events;
	size_t n;

	source.n_batches = 1007;
	open_traced(&source, BATON_INLINE, 3, 2, 100);
	train_all();
	close_feed(feed);
	events = events_of(BATON_THREAD_TRAINER, &n);
	cr_assert_eq(n, 3 * 4);
	for (size_t i = 0; i < n; i++) {
		bool filled =
			events[i].what == BATON_EVENT_PUBLISH || events[i].what == BATON_EVENT_TAKE;

		cr_assert_eq(events[i].what, order[i % 4]);
		cr_assert_eq(events[i].thread, BATON_THREAD_TRAINER);
		cr_assert_eq(events[i].ticket, i / 4);
		cr_assert_eq(events[i].k, 1000 + i / 4 * 3);
		cr_assert_eq(events[i].n, !filled ? 0 : i / 4 < 2 ? 3 : 1);
		cr_assert(i == 0 || events[i].ns >= events[i - 1].ns);
	}
	free(events);
	cr_assert_eq(baton_trace_events(trace, 0, NULL, 0), 0);
	baton_trace_destroy(&trace);
	cr_assert_null(trace);
}

/* Each block's events are one after the other, whoever tells them. */
Unit(observer, a_blocks_events_come_in_order)
{
	enum { N = 500 };
	static uint64_t at[BATON_EVENTS][N];
	static int by[N];
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);

	source.n_batches = 1000 + N;
	open_traced(&source, 3, 1, 4, 100000);
	train_all();
	close_feed(feed);
	for (int thread = BATON_THREAD_TRAINER; thread < 3; thread++) {
		int asleep = 0;
		size_t n;
		baton_event *events = events_of(thread, &n);

		for (size_t i = 0; i < n; i++) {
			cr_assert(i == 0 || events[i].ns >= events[i - 1].ns);
			cr_assert_eq(events[i].thread, thread);
			if (events[i].what == BATON_EVENT_PARK ||
			    events[i].what == BATON_EVENT_WAKE) {
				asleep += events[i].what == BATON_EVENT_PARK ? 1 : -1;
				cr_assert(asleep == 0 || asleep == 1);
				cr_assert_eq(events[i].k, 0);
				continue;
			}
			cr_assert_eq(asleep, 0);
			cr_assert_eq(events[i].k, 1000 + events[i].ticket);
			cr_assert_eq(at[events[i].what][events[i].ticket], 0, "twice");
			at[events[i].what][events[i].ticket] = events[i].ns;
			if (events[i].what == BATON_EVENT_CLAIM)
				by[events[i].ticket] = thread;
			if (events[i].what == BATON_EVENT_PUBLISH)
				cr_assert_eq(by[events[i].ticket], thread);
		}
		free(events);
	}
	for (uint64_t t = 0; t < N; t++) {
		cr_assert_gt(at[BATON_EVENT_CLAIM][t], 0);
		for (int what = BATON_EVENT_PUBLISH; what <= BATON_EVENT_RELEASE; what++)
			cr_assert_geq(at[what][t], at[what - 1][t]);
	}
	baton_trace_destroy(&trace);
}

Unit(observer, sleep_has_a_beginning_and_an_end)
{
	baton_source source = own_source();
	baton_event *events;
	baton_batch b = BATON_BATCH_INIT;
	size_t n;

	open_traced(&source, 0, 0, 2, 100);
	do /* on a busy machine a wait may be over before it sleeps */
		cr_assert_eq(baton_next_until(feed, &b, baton_now_ns() + 3000000), BATON_TIMEOUT);
	while (stats_of(feed).parks == 0);
	close_feed(feed);
	events = events_of(BATON_THREAD_TRAINER, &n);
	cr_assert(n >= 2 && n % 2 == 0);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(events[i].what, i % 2 ? BATON_EVENT_WAKE : BATON_EVENT_PARK);
	free(events);
	baton_trace_destroy(&trace);
}

Unit(observer, the_callers_threads_are_one)
{
	baton_source source = own_source();
	baton_event *events;
	char *text;
	size_t n, bytes;

	open_traced(&source, 0, 0, 2, 100);
	for (uint64_t k = 0; k < 5; k++) {
		baton_claim c = begin(feed);
		baton_batch b;

		known_write(baton_claimed(&c), &(baton_rng){0});
		cr_assert_eq(baton_submit(feed, &c), BATON_OK);
		b = take(feed);
		give(feed, &b);
	}
	close_feed(feed);
	events = events_of(BATON_THREAD_OWN, &n);
	cr_assert_eq(n, 10);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(events[i].what, i % 2 ? BATON_EVENT_PUBLISH : BATON_EVENT_CLAIM);
		cr_assert_eq(events[i].k, 1000 + i / 2);
	}
	free(events);
	text = baton_trace_json(trace, &bytes);
	cr_assert_eq(strlen(text), bytes);
	cr_assert_not_null(strstr(text, "\"train\""));
	cr_assert_null(strstr(text, "\"fill\""));
	free(text);
	baton_trace_destroy(&trace);
}

/* --- the ring -------------------------------------------------------------------------- */

static void tell(int what, int thread, uint64_t ticket, uint64_t ns)
{
	baton_event e = {
		.ns = ns, .ticket = ticket, .k = ticket, .n = 1, .what = what, .thread = thread};

	baton_trace_observe(trace, &e);
}

Unit(trace, the_last_events_are_kept)
{
	cr_assert_eq(baton_trace_create(&trace, 3, NULL), BATON_OK);
	for (uint64_t i = 0; i < 10; i++) {
		baton_event *events;
		size_t n;

		tell(BATON_EVENT_CLAIM, BATON_MAX_PRODUCERS - 1, i, i);
		events = events_of(BATON_MAX_PRODUCERS - 1, &n);
		cr_assert_eq(n, i < 3 ? i + 1 : 3);
		for (size_t j = 0; j < n; j++)
			cr_assert_eq(events[j].ticket, i + 1 - n + j);
		free(events);
	}
	baton_trace_destroy(&trace);
}

/* How often a text is in the JSON. */
static size_t count(const char *what)
{
	size_t bytes, n = 0;
	char *text = baton_trace_json(trace, &bytes);

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	free(text);
	return n;
}

Unit(trace, what_has_no_end_or_no_beginning_is_not_drawn)
{
	cr_assert_eq(baton_trace_create(&trace, 100, NULL), BATON_OK);
	cr_assert_eq(count("\"ph\""), 0);
	tell(BATON_EVENT_PUBLISH, 0, 0, 10); /* its claim is lost */
	tell(BATON_EVENT_WAKE, 0, 0, 20);
	tell(BATON_EVENT_CLAIM, 0, 1, 30);
	tell(BATON_EVENT_PUBLISH, 0, 1, 40);
	tell(BATON_EVENT_CLAIM, 0, 2, 50);
	tell(BATON_EVENT_PARK, 0, 0, 51);
	cr_assert_eq(count("\"ph\":\"X\""), 1);
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 1, 60);
	cr_assert_eq(count("\"ph\":\"X\""), 1);
	cr_assert_eq(count("\"block\""), 1);                    /* no arrow to nowhere */
	tell(BATON_EVENT_RELEASE, BATON_THREAD_TRAINER, 0, 70); /* another's */
	tell(BATON_EVENT_RELEASE, BATON_THREAD_TRAINER, 1, 80);
	cr_assert_eq(count("\"ph\":\"X\""), 2);
	cr_assert_eq(count("\"ts\":0.050,\"dur\":0.020"), 1); /* to its own release */
	cr_assert_eq(count("\"ph\":\"s\""), 1);
	cr_assert_eq(count("\"ph\":\"f\""), 1);
	/* inside the filling, which ends where another may begin */
	cr_assert_eq(count("\"ph\":\"s\",\"name\":\"block\",\"pid\":1,\"tid\":1,\"ts\":0.029"), 1);
	tell(BATON_EVENT_PARK, BATON_THREAD_TRAINER, 0, 82);
	cr_assert_eq(count("\"asleep\""), 0);
	tell(BATON_EVENT_WAKE, BATON_THREAD_TRAINER, 0, 84);
	cr_assert_eq(count("\"asleep\""), 1);
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 0, 90); /* its filling is lost */
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 3, 95); /* and this one trained until now */
	cr_assert_eq(count("\"ph\":\"X\""), 4);
	cr_assert_eq(count("\"ph\":\"s\""), 1);
	baton_trace_destroy(&trace);
}

Unit(trace, a_filling_that_was_too_late_is_called_so_and_has_no_arrow)
{
	cr_assert_eq(baton_trace_create(&trace, 100, NULL), BATON_OK);
	tell(BATON_EVENT_CLAIM, 0, 0, 10);
	tell(BATON_EVENT_CLAIM, BATON_THREAD_TRAINER, 0, 20);
	tell(BATON_EVENT_PUBLISH, BATON_THREAD_TRAINER, 0, 30);
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 0, 40);
	tell(BATON_EVENT_RELEASE, BATON_THREAD_TRAINER, 0, 50);
	tell(BATON_EVENT_PUBLISH, 0, 0, 60);
	tell(BATON_EVENT_LATE, 0, 0, 61);
	tell(BATON_EVENT_CLAIM, 0, 1, 70);
	tell(BATON_EVENT_CLAIM, BATON_THREAD_TRAINER, 1, 75);
	tell(BATON_EVENT_PUBLISH, 0, 1, 80);
	tell(BATON_EVENT_LATE, BATON_THREAD_TRAINER, 1, 85); /* it was not faster */
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 1, 90);
	tell(BATON_EVENT_RELEASE, BATON_THREAD_TRAINER, 1, 95);
	cr_assert_eq(count("\"fill, too late\""), 2);
	cr_assert_eq(count("\"fill\""), 2);
	cr_assert_eq(count("\"ph\":\"s\""), 2);
	/* from the trainer's filling of the first, and from the producer's of the second */
	cr_assert_eq(count("\"ph\":\"s\",\"name\":\"block\",\"pid\":1,\"tid\":0,\"ts\":0.019"), 1);
	cr_assert_eq(count("\"ph\":\"s\",\"name\":\"block\",\"pid\":1,\"tid\":1,\"ts\":0.069"), 1);
	baton_trace_destroy(&trace);
}

Unit(trace, a_filling_of_no_time_has_an_arrow_too)
{
	cr_assert_eq(baton_trace_create(&trace, 100, NULL), BATON_OK);
	tell(BATON_EVENT_CLAIM, 0, 0, 1000);
	tell(BATON_EVENT_PUBLISH, 0, 0, 1000);
	tell(BATON_EVENT_TAKE, BATON_THREAD_TRAINER, 0, 1000);
	tell(BATON_EVENT_RELEASE, BATON_THREAD_TRAINER, 0, 1000);
	cr_assert_eq(count("\"ph\":\"s\""), 1);
	cr_assert_eq(count("\"ts\":0.000"), 4);
	baton_trace_destroy(&trace);
}

Unit(trace, what_is_not_there_is_misuse_or_nothing)
{
	baton_error err;
	baton_trace *none = NULL;

	cr_assert_eq(baton_trace_create(NULL, 1, &err), BATON_MISUSE_NULL);
	cr_assert_eq(baton_trace_create(&trace, 0, &err), -EINVAL);
	cr_assert_null(trace);
	cr_assert_eq(baton_trace_create(&trace, SIZE_MAX, &err), -EINVAL);
	cr_assert_eq(baton_trace_create(&trace, 1, &err), BATON_OK);
	cr_assert_eq(baton_trace_events(trace, BATON_THREAD_OWN - 1, NULL, 0), 0);
	cr_assert_eq(baton_trace_events(trace, BATON_MAX_PRODUCERS, NULL, 0), 0);
	cr_assert_eq(baton_trace_events(NULL, 0, NULL, 0), 0);
	baton_trace_destroy(&trace);
	baton_trace_destroy(&none);
	baton_trace_destroy(NULL);
}
