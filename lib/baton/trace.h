/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRACE_H
#define BATON_TRACE_H

#include <baton/error.h>
#include <baton/observer.h>

BATON_BEGIN_DECLS

/* The last events of each thread, to be looked at when the run is over:
 *      baton_trace_create(&trace, 65536, &err);
 *      options.observe = baton_trace_observe;
 *      options.observe_state = trace;
 *      ... open, train, close ...
 *      text = baton_trace_json(trace, &bytes);
 * Threads: observe, any; the others when nobody observes any more, as after baton_close() */
typedef struct baton_trace baton_trace;

/* n_events: of each thread, at least 1 (48 bytes each, allocated at the thread's first event; if
 * there is no memory then, its events are dropped); all own threads are one. Returns: OK, -EINVAL,
 * -ENOMEM, MISUSE_NULL; then *trace is NULL */
BATON_API BATON_MUST_CHECK int baton_trace_create(baton_trace **trace, size_t n_events,
                                                  baton_error *err);
BATON_API void baton_trace_destroy(baton_trace **trace);

/* A baton_observe_fn. */
BATON_API void baton_trace_observe(void *trace, const baton_event *event);

/* What is kept of a thread, oldest first: writes the first n of them to events [n], returns
 * how many there are. thread: a producer's number or BATON_THREAD_* */
BATON_API size_t baton_trace_events(const baton_trace *trace, int thread, baton_event *events,
                                    size_t n);

/* As Chrome's trace events in JSON, which Perfetto and chrome://tracing show: a track for
 * each thread; on it when it filled, trained and slept; an arrow from each block's filling
 * to its training, if both are kept. (A block that is held while a later one is taken is
 * drawn as trained until then. What own threads fill is not drawn: one may fill several. A
 * filling that came too late is called so, and has no arrow.)
 * Returns: *bytes of text that end with a 0, for free(); NULL: out of memory
 * Source: "Trace Event Format", the Catapult project */
BATON_API char *baton_trace_json(const baton_trace *trace, size_t *bytes);

BATON_END_DECLS

#endif
