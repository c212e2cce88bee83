/* SPDX-License-Identifier: MIT */
/* Trace: what an observer has seen, thread by thread, in rings that keep the last events;
 * and as trace events in JSON.
 *
 * Invariant: a ring has one writer at a time: its thread, or own threads under the lock. It is
 * read when nobody writes. So on a track time does not go back. */

#include "error.h"
#include <baton/pipeline.h>
#include <baton/trace.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Rings: own threads, the trainer, the producers. */
#define FIRST_THREAD BATON_THREAD_OWN
#define N_RINGS (BATON_MAX_PRODUCERS - FIRST_THREAD)

struct ring {
	uint64_t n;          /* seen */
	baton_event *events; /* [n_events]; NULL: none yet */
};

struct baton_trace {
	size_t n_events;
	pthread_mutex_t lock; /* of the ring of own threads */
	struct ring rings[N_RINGS];
};

int baton_trace_create(baton_trace **trace, size_t n_events, baton_error *err)
{
	baton_trace *t;

	if (!trace)
		return baton_error_set(err, BATON_MISUSE_NULL, "trace is NULL");
	*trace = NULL;
	if (n_events == 0 || n_events > SIZE_MAX / sizeof(baton_event))
		return baton_error_set(err, -EINVAL, "trace: n_events is %zu, not 1 to %zu",
		                       n_events, SIZE_MAX / sizeof(baton_event));
	t = calloc(1, sizeof(*t));
	if (!t)
		return baton_error_set(err, -ENOMEM, "out of memory for a trace");
	t->n_events = n_events;
	pthread_mutex_init(&t->lock, NULL);
	*trace = t;
	return baton_error_set(err, BATON_OK, "%s", "");
}

void baton_trace_destroy(baton_trace **trace)
{
	baton_trace *t = trace ? *trace : NULL;

	if (!t)
		return;
	*trace = NULL;
	for (size_t i = 0; i < N_RINGS; i++)
		free(t->rings[i].events);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* --- writing ----------------------------------------------------------------------- */

static void keep(const baton_trace *t, struct ring *r, const baton_event *event)
{
	if (!r->events)
		r->events = calloc(t->n_events, sizeof(*r->events));
	if (r->events)
		r->events[r->n++ % t->n_events] = *event;
}

void baton_trace_observe(void *trace, const baton_event *event)
{
	baton_trace *t = trace;

	if (event->thread == BATON_THREAD_OWN)
		pthread_mutex_lock(&t->lock);
	keep(t, &t->rings[event->thread - FIRST_THREAD], event);
	if (event->thread == BATON_THREAD_OWN)
		pthread_mutex_unlock(&t->lock);
}

/* --- reading ----------------------------------------------------------------------- */

static size_t kept(const baton_trace *t, const struct ring *r)
{
	return r->n < t->n_events ? (size_t)r->n : t->n_events;
}

/* The ith that is kept, from the oldest on. */
static const baton_event *event_at(const baton_trace *t, const struct ring *r, size_t i)
{
	return &r->events[(r->n - kept(t, r) + i) % t->n_events];
}

size_t baton_trace_events(const baton_trace *trace, int thread, baton_event *events, size_t n)
{
	const struct ring *r;

	if (!trace || thread < FIRST_THREAD || thread >= BATON_MAX_PRODUCERS)
		return 0;
	r = &trace->rings[thread - FIRST_THREAD];
	for (size_t i = 0; events && i < n && i < kept(trace, r); i++)
		events[i] = *event_at(trace, r, i);
	return kept(trace, r);
}

/* A stretch of a track: from an event to another of the same thread. */
struct slice {
	const baton_event *from, *to;
	int thread;
	bool late; /* filled in vain */
};

/* Does b end what begins with a? */
static bool ends(const baton_event *a, const baton_event *b)
{
	switch (a->what) {
	case BATON_EVENT_CLAIM:
		return b->what == BATON_EVENT_PUBLISH || b->what == BATON_EVENT_LATE;
	case BATON_EVENT_PARK:
		return b->what == BATON_EVENT_WAKE;
	default:
		return b->what != BATON_EVENT_RELEASE || b->ticket == a->ticket;
	}
}

static bool begins(const baton_event *e)
{
	return e->what == BATON_EVENT_CLAIM || e->what == BATON_EVENT_TAKE ||
	       e->what == BATON_EVENT_PARK;
}

/* Of what ends with a thread's ith event: was it in vain? */
static bool is_late(const baton_trace *t, const struct ring *r, size_t i)
{
	const baton_event *last = event_at(t, r, i);

	if (last->what == BATON_EVENT_PUBLISH && i + 1 < kept(t, r))
		last = event_at(t, r, i + 1);
	return last->what == BATON_EVENT_LATE;
}

/* The slice that begins with a thread's ith event, if one does, and its end is kept. */
static bool slice_at(const baton_trace *t, int thread, size_t i, struct slice *s)
{
	const struct ring *r = &t->rings[thread - FIRST_THREAD];

	s->from = event_at(t, r, i);
	s->thread = thread;
	if (!begins(s->from))
		return false;
	while (++i < kept(t, r)) {
		s->to = event_at(t, r, i);
		if (ends(s->from, s->to)) {
			s->late = is_late(t, r, i);
			return true;
		}
	}
	return false;
}

/* --- JSON -------------------------------------------------------------------------- */

struct writer {
	FILE *out;
	uint64_t zero_ns; /* when the trace begins */
	bool more;        /* than this event */
};

static void begin_event(struct writer *w, const char *ph, const char *name, int thread)
{
	fprintf(w->out, "%s\n{\"ph\":\"%s\",\"name\":\"%s\",\"pid\":1,\"tid\":%d",
	        w->more ? "," : "", ph, name, thread - BATON_THREAD_TRAINER);
	w->more = true;
}

/* Microseconds, to the nanosecond. */
static void write_us(struct writer *w, const char *key, uint64_t ns)
{
	fprintf(w->out, ",\"%s\":%" PRIu64 ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

static void write_name(struct writer *w, int thread)
{
	begin_event(w, "M", "thread_name", thread);
	if (thread == BATON_THREAD_TRAINER)
		fprintf(w->out, ",\"args\":{\"name\":\"trainer\"}}");
	else
		fprintf(w->out, ",\"args\":{\"name\":\"producer %d\"}}", thread);
}

static void write_slice(struct writer *w, const struct slice *s)
{
	static const char *const names[BATON_EVENTS] = {
		[BATON_EVENT_CLAIM] = "fill",
		[BATON_EVENT_TAKE] = "train",
		[BATON_EVENT_PARK] = "asleep",
	};
	/* how many are in it, those know who have them filled */
	uint32_t n = s->from->what == BATON_EVENT_CLAIM ? s->to->n : s->from->n;

	begin_event(w, "X", s->late ? "fill, too late" : names[s->from->what], s->thread);
	write_us(w, "ts", s->from->ns - w->zero_ns);
	write_us(w, "dur", s->to->ns - s->from->ns);
	if (s->from->what != BATON_EVENT_PARK)
		fprintf(w->out,
		        ",\"args\":{\"block\":%" PRIu64 ",\"batch\":%" PRIu64
		        ",\"batches\":%" PRIu32 "}",
		        s->from->ticket, s->from->k, n);
	fprintf(w->out, "}");
}

/* One end of a block's arrow. It must lie in its slice, whose last moment may be another's
 * first. */
static void write_flow(struct writer *w, const char *ph, const struct slice *s)
{
	uint64_t ns = s->from->ns;

	if (*ph == 's' && s->to->ns > ns)
		ns = s->to->ns - 1;
	begin_event(w, ph, "block", s->thread);
	write_us(w, "ts", ns - w->zero_ns);
	fprintf(w->out, ",\"cat\":\"block\",\"id\":%" PRIu64 "%s}", s->from->ticket,
	        *ph == 'f' ? ",\"bp\":\"e\"" : "");
}

/* The fillings that are kept, by ticket. */
struct fills {
	struct slice *of;
	size_t n;
};

static int by_ticket(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	return (x->from->ticket > y->from->ticket) - (x->from->ticket < y->from->ticket);
}

static bool find_fills(const baton_trace *t, struct fills *fills)
{
	size_t most = 1;

	for (int i = 1; i < N_RINGS; i++)
		most += kept(t, &t->rings[i]);
	fills->of = calloc(most, sizeof(*fills->of));
	if (!fills->of)
		return false;
	for (int thread = BATON_THREAD_TRAINER; thread < BATON_MAX_PRODUCERS; thread++)
		for (size_t i = 0; i < baton_trace_events(t, thread, NULL, 0); i++) {
			struct slice *s = &fills->of[fills->n];

			fills->n += slice_at(t, thread, i, s) &&
			            s->from->what == BATON_EVENT_CLAIM && !s->late;
		}
	qsort(fills->of, fills->n, sizeof(*fills->of), by_ticket);
	return true;
}

static void write_arrow(struct writer *w, const struct fills *fills, const struct slice *train)
{
	const struct slice *fill =
		bsearch(train, fills->of, fills->n, sizeof(*fills->of), by_ticket);

	if (!fill)
		return;
	write_flow(w, "s", fill);
	write_flow(w, "f", train);
}

static void write_track(struct writer *w, const baton_trace *t, int thread,
                        const struct fills *fills)
{
	size_t n = baton_trace_events(t, thread, NULL, 0);
	struct slice s;

	if (n > 0)
		write_name(w, thread);
	for (size_t i = 0; i < n; i++) {
		if (!slice_at(t, thread, i, &s))
			continue;
		write_slice(w, &s);
		if (s.from->what == BATON_EVENT_TAKE)
			write_arrow(w, fills, &s);
	}
}

static uint64_t first_ns(const baton_trace *t)
{
	uint64_t first = UINT64_MAX;

	for (int i = 0; i < N_RINGS; i++)
		if (kept(t, &t->rings[i]) && event_at(t, &t->rings[i], 0)->ns < first)
			first = event_at(t, &t->rings[i], 0)->ns;
	return first;
}

/* The trainer comes last: an arrow's slices are there before it. */
static void write_all(struct writer *w, const baton_trace *t, const struct fills *fills)
{
	fprintf(w->out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	for (int thread = 0; thread < BATON_MAX_PRODUCERS; thread++)
		write_track(w, t, thread, fills);
	write_track(w, t, BATON_THREAD_TRAINER, fills);
	fprintf(w->out, "\n]}\n");
}

char *baton_trace_json(const baton_trace *trace, size_t *bytes)
{
	struct writer w = {NULL, first_ns(trace), false};
	struct fills fills = {NULL, 0};
	char *text = NULL;
	bool good = false;

	if (find_fills(trace, &fills))
		w.out = open_memstream(&text, bytes);
	if (w.out) {
		write_all(&w, trace, &fills);
		good = !ferror(w.out);
		good = fclose(w.out) == 0 && good;
	}
	free(fills.of);
	if (good)
		return text;
	free(text);
	return NULL;
}
