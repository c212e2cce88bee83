/* SPDX-License-Identifier: MIT */
#ifndef BATON_OBSERVER_H
#define BATON_OBSERVER_H

#include <baton/attributes.h>
#include <stddef.h>
#include <stdint.h>

BATON_BEGIN_DECLS

/* What happens inside a pipeline, block by block, told as it happens. */
#define BATON_EVENT_CLAIM 0   /* a producer got a block to fill */
#define BATON_EVENT_PUBLISH 1 /* it passes it on, filled */
#define BATON_EVENT_TAKE 2    /* the trainer got it */
#define BATON_EVENT_RELEASE 3 /* and gives it back */
#define BATON_EVENT_PARK 4    /* a thread goes to sleep */
#define BATON_EVENT_WAKE 5    /* and is awake again */
#define BATON_EVENT_LATE                                                            \
	6 /* what it filled, or was filling, is not wanted (baton_options.spares):  \
	   * a producer after its PUBLISH, if the trainer has made the same batches \
	   * in its place; the trainer, if it was not faster */
#define BATON_EVENTS 7

#define BATON_THREAD_TRAINER (-1) /* where it fills, it claims and publishes as well */
#define BATON_THREAD_OWN (-2)     /* some thread of the caller's that fills */

typedef struct baton_event {
	uint64_t ns;     /* baton_now_ns() */
	uint64_t ticket; /* which block: 0.. in the order of their claims; PARK, WAKE: 0 */
	uint64_t k;      /* its first batch; PARK, WAKE: 0 */
	uint32_t n;      /* batches in it: PUBLISH, TAKE, LATE; else 0 */
	int what;        /* BATON_EVENT_* */
	int thread;      /* a producer's number, or BATON_THREAD_* */
} baton_event;

/* Called on the thread concerned, before a PUBLISH or RELEASE lets others go on and after
 * all else, so that the events of a block come in order (but for what is LATE). Several
 * threads call it at once.
 * event: lent for the call. It must not call the pipeline, but for stats and ledger.
 * (baton_options.observe. Without one it costs a look at a pointer for each event; the
 * same places are static probes of provider `baton`, where the build had sys/sdt.h: claim,
 * publish, take, release, park, wake, late, with the arguments thread, ticket.) */
typedef void baton_observe_fn(void *state, const baton_event *event);

BATON_END_DECLS

#endif
