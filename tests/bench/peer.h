/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_PEER_H
#define BATON_BENCH_PEER_H

/* What rival compares: ways to pass buffers from producer threads to one trainer and back.
 *
 * Each peer has a pool of buffers. A producer gets a free one, makes its content
 * (bench_make: every word is written), and passes it on; the trainer, which is the
 * caller's thread, takes it, uses it (bench_use: every word is read and checked), and
 * gives it back. C and C++. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In which order buffers arrive. */
enum bench_order {
	BENCH_CLAIMED, /* in the one in which they were claimed, whoever is done first */
	BENCH_PASSED,  /* in the one in which they were passed on: another in each run */
	BENCH_OWN,     /* each producer's among themselves; and nothing said between two */
	BENCH_NONE
};

/* What a buffer costs beside its words. */
struct bench_work {
	uint64_t source_turns, trainer_turns; /* of busy() */
	uint64_t wait_ns;                     /* the source is asleep */
	uint32_t slow_every, slow_times;      /* one buffer in slow_every costs the source
	                                       * slow_times as much; 0: none */
};

struct bench_setup {
	uint32_t producers;
	uint32_t pool;  /* buffers */
	size_t words;   /* uint64 in each */
	uint64_t n;     /* round trips to time, */
	uint64_t first; /* after so many that are not */
	bool pinned;    /* one producer and the trainer, each on a CPU of its own */
	struct bench_work work;
	/* NULL, or is shown the tag of every buffer that arrives; false: it is wrong. */
	bool (*seen)(void *state, uint64_t tag);
	void *state;
};

struct bench_result {
	uint64_t n;      /* round trips made; fewer than were wanted: it was late */
	uint64_t ns;     /* of the n */
	uint64_t cpu_ns; /* of the process meanwhile */
};

struct bench_peer {
	const char *name;
	const char *note; /* how it is used, and how it waits */
	enum bench_order order;
	bool lanes; /* has queues for each producer: the pool must have a buffer for each */
	/* False: it failed, and has said why on stderr. */
	bool (*run)(const struct bench_setup *setup, struct bench_result *result);
};

/* What a producer's nth buffer says first. */
#define BENCH_TAG(producer, nth) ((uint64_t)(producer) << 40 | (nth))
#define BENCH_PRODUCER(tag) ((tag) >> 40)
#define BENCH_NTH(tag) ((tag) & ((UINT64_C(1) << 40) - 1))

/* The source's part: words [setup->words]. */
void bench_make(const struct bench_setup *setup, uint64_t *words, uint64_t tag);
/* The trainer's part. False, and a line on stderr: not what one bench_make() made. */
bool bench_use(const struct bench_setup *setup, const uint64_t *words, const char *peer);

/* The one clock: begin before the first timed round trip, end after the last of n. */
void bench_begin(struct bench_result *result);
void bench_end(struct bench_result *result, uint64_t n);

/* What is late is cut short: on a busy machine some peers make a round trip in each slice of
 * the scheduler, when a moment ago they made a million. bench_limit(): how long the next
 * timed part may take; 0: as it likes. Whoever makes round trips looks at bench_is_late(). */
void bench_limit(uint64_t ns);
extern int bench_late;

static inline bool bench_is_late(void)
{
	return __atomic_load_n(&bench_late, __ATOMIC_RELAXED);
}

/* Memory for the pool of the peer that runs, aligned to a page; the next one's may be the
 * same. Kept: page faults are no peer's cost. NULL: out of memory, said on stderr. */
void *bench_memory(size_t bytes);

/* One turn of waiting for a peer that has no way to wait of its own: a pause, and from some
 * turns on a yield. */
void bench_wait(unsigned turn);

/* CPUs that this process may use. */
uint32_t bench_cpus(void);
/* If the setup asks for it: keep the calling thread, the trainer or else a producer, on a CPU of
 * its own. bench_unpin(): the calling thread may run anywhere again. */
void bench_pin(const struct bench_setup *setup, bool trainer);
void bench_unpin(const struct bench_setup *setup);

/* Where threads wait for each other, awake: one that slept would be woken on the CPU of whoever
 * wakes it, and stay there for longer than a short run takes. May be passed again and again. */
struct bench_gate {
	uint32_t threads;
	uint32_t here, passed;
};

void bench_gate_init(struct bench_gate *gate, uint32_t threads);
void bench_gate_wait(struct bench_gate *gate);

#ifdef __cplusplus
}
#endif

#endif
