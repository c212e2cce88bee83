/* SPDX-License-Identifier: MIT */
/* The work of sources and trainers, the same for all peers, and the clock. */

#include "../../apps/busy.h"
#include "peer.h"
#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <urcu/arch.h>

#define PAGE 4096u
#define PAUSES 64u

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

int bench_late;
static uint64_t limit_ns;

static void on_alarm(int sig)
{
	(void)sig;
	__atomic_store_n(&bench_late, 1, __ATOMIC_RELAXED);
}

static void set_alarm(uint64_t ns)
{
	const struct itimerval timer = {
		.it_value = {(time_t)(ns / 1000000000u), (suseconds_t)(ns % 1000000000u / 1000)}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void bench_limit(uint64_t ns)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	limit_ns = ns;
	__atomic_store_n(&bench_late, 0, __ATOMIC_RELAXED);
}

void bench_begin(struct bench_result *result)
{
	if (limit_ns)
		set_alarm(limit_ns);
	result->cpu_ns = cpu_ns();
	result->ns = baton_now_ns();
}

void bench_end(struct bench_result *result, uint64_t n)
{
	if (limit_ns)
		set_alarm(0);
	result->n = n;
	result->ns = baton_now_ns() - result->ns;
	result->cpu_ns = cpu_ns() - result->cpu_ns;
	result->ns += result->ns == 0;
}

void *bench_memory(size_t bytes)
{
	static void *memory;
	static size_t size;

	if (bytes > size) {
		free(memory);
		size = (bytes + PAGE - 1) / PAGE * PAGE;
		memory = aligned_alloc(PAGE, size);
	}
	if (!memory) {
		fprintf(stderr, "rival: out of memory for a pool of %zu bytes\n", bytes);
		size = 0;
	}
	return memory;
}

void bench_wait(unsigned turn)
{
	if (turn < PAUSES)
		caa_cpu_relax();
	else
		sched_yield();
}

static cpu_set_t all_cpus; /* when the process began to ask */

uint32_t bench_cpus(void)
{
	if (CPU_COUNT(&all_cpus) == 0 && sched_getaffinity(0, sizeof(all_cpus), &all_cpus) != 0)
		CPU_SET(0, &all_cpus);
	return (uint32_t)CPU_COUNT(&all_cpus);
}

/* Where there is but one CPU it is the only one for all. */
void bench_pin(const struct bench_setup *setup, bool trainer)
{
	cpu_set_t one;
	size_t cpu = 0;

	if (!setup->pinned || bench_cpus() < 2)
		return;
	for (size_t left = trainer ? 0 : 1; !CPU_ISSET(cpu, &all_cpus) || left-- > 0; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void bench_unpin(const struct bench_setup *setup)
{
	if (setup->pinned && bench_cpus() >= 2)
		sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

void bench_gate_init(struct bench_gate *gate, uint32_t threads)
{
	*gate = (struct bench_gate){.threads = threads};
}

void bench_gate_wait(struct bench_gate *gate)
{
	uint32_t passed = __atomic_load_n(&gate->passed, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&gate->here, 1, __ATOMIC_ACQ_REL) == gate->threads) {
		__atomic_store_n(&gate->here, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&gate->passed, passed + 1, __ATOMIC_RELEASE);
		return;
	}
	for (unsigned turn = 0; __atomic_load_n(&gate->passed, __ATOMIC_ACQUIRE) == passed; turn++)
		bench_wait(turn);
}

/* An absolute deadline: being preempted on the way to sleep does not add to it. */
static void sleep_ns(uint64_t ns)
{
	uint64_t at = baton_now_ns() + ns;
	struct timespec deadline = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
		;
}

/* Which buffers are slow: of any producer about one in slow_every, in no rhythm. */
static bool is_slow(const struct bench_work *work, uint64_t tag)
{
	uint64_t mixed = (tag + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return work->slow_every && (mixed >> 32) % work->slow_every == 0;
}

void bench_make(const struct bench_setup *setup, uint64_t *words, uint64_t tag)
{
	const struct bench_work *work = &setup->work;
	uint64_t times = is_slow(work, tag) ? work->slow_times : 1;
	size_t n = setup->words; /* apart from them, or it is read anew after each */

	if (work->wait_ns)
		sleep_ns(work->wait_ns * times);
	if (work->source_turns)
		busy(work->source_turns * times);
	for (size_t i = 0; i < n; i++)
		words[i] = tag + i;
}

bool bench_use(const struct bench_setup *setup, const uint64_t *words, const char *peer)
{
	uint64_t differs = 0, tag = words[0];

	for (size_t i = 0; i < setup->words; i++)
		differs |= words[i] ^ (tag + i);
	if (setup->work.trainer_turns)
		busy(setup->work.trainer_turns);
	if (differs == 0 && (!setup->seen || setup->seen(setup->state, tag)))
		return true;
	fprintf(stderr, "%s: the buffer of producer %" PRIu64 ", number %" PRIu64 ", %s\n", peer,
	        BENCH_PRODUCER(tag), BENCH_NTH(tag),
	        differs ? "does not hold what was written into it" : "comes at a wrong place");
	return false;
}
