/* SPDX-License-Identifier: MIT */
/* Proof that Criterion swallows no sanitizer's report: built once for each crime, and
 * each of those programs must fail; built with none, it must pass, so that the others do
 * not fail for a reason of their own. */
#include <criterion/criterion.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(CRIME_RACE)

/* Relaxed: the second write comes after the first for certain, but nothing orders them. */
static _Atomic int written;
static volatile int shared; /* or the compiler drops what nobody reads */

static void *write_first(void *unused)
{
	(void)unused;
	shared = 1;
	atomic_store_explicit(&written, 1, memory_order_relaxed);
	return NULL;
}

static void *write_second(void *unused)
{
	(void)unused;
	while (!atomic_load_explicit(&written, memory_order_relaxed))
		sched_yield();
	shared = 2;
	return NULL;
}

static void commit(void)
{
	pthread_t a, b;

	cr_assert_eq(pthread_create(&a, NULL, write_first, NULL), 0);
	cr_assert_eq(pthread_create(&b, NULL, write_second, NULL), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

#elif defined(CRIME_LEAK)

static void *volatile lost;

static void commit(void)
{
	for (int i = 0; i < 100; i++)
		lost = malloc(1000);
	lost = NULL;
}

#elif defined(CRIME_OVERFLOW)

static volatile int most = INT_MAX;

static void commit(void)
{
	most = most + 1;
}

#elif defined(CRIME_HEAP)

static volatile size_t past = 100;

static void commit(void)
{
	volatile char *bytes = malloc(100);

	bytes[past] = 1;
	free((void *)bytes);
}

#else

static void commit(void)
{
}

#endif

Test(swallowed, is_no_report)
{
	commit();
}
