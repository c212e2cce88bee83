/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_LOADER_FORMS_H
#define BATON_PITFALLS_LOADER_FORMS_H

/* The inside of a loader, for its two forms: how the generator's work and the trainer's
 * come to alternate. */

#include "loader.h"
#include <pthread.h>
#include <stdatomic.h>

struct loader_form {
	void (*start)(struct loader *l);
	void (*stop)(struct loader *l);
	/* Return when the trainer takes batch l->taken, which is in its place by then: how
	 * many entries are in the queue. */
	uint64_t (*await)(struct loader *l);
	/* The trainer has popped; its step begins. */
	void (*popped)(struct loader *l);
};

extern const struct loader_form loader_replay, loader_threads;

/* Replayed: time is counted in ticks that nobody waits for. */
struct replay_clock {
	baton_rng rng;      /* of durations */
	uint64_t trainer;   /* when the trainer will ask for its next batch */
	uint64_t freed;     /* when it last freed a place */
	uint64_t generator; /* when the batch being made was begun, or the one in hand made */
	uint64_t takes;     /* how long the batch being made takes */
	uint64_t put;       /* batches that are, or were, in the queue */
	bool making, holding;
};

/* Threads: who may touch what is told by two counters. */
struct handshake {
	pthread_t thread;
	_Atomic uint64_t made;  /* batches made, that in hand included; the generator's */
	_Atomic uint64_t put;   /* batches put into the queue; the generator's */
	_Atomic uint64_t freed; /* batches taken out; the trainer's */
	atomic_bool stop;
};

struct loader {
	struct loader_config config;
	const struct loader_form *form;
	struct generator generator; /* THREADS: its thread's */
	struct yielded *queue;      /* [depth] */
	struct yielded in_hand;     /* made, and there is no place; THREADS: its thread's */
	uint64_t taken;             /* the trainer's: batches that were popped */
	struct loader_counts counts;
	struct replay_clock clock;
	struct handshake hands;
};

static inline struct yielded *loader_place(struct loader *l, uint64_t k)
{
	return &l->queue[k % l->config.depth];
}

#endif
