/* SPDX-License-Identifier: MIT */
/* Memory, and who asks for it.
 *
 * "No allocation" is easily said. The linker sends every call of malloc() and its kin, from
 * this program and from the baton in it, through here (--wrap=malloc: __wrap_malloc() is
 * called, __real_malloc() is the real one), and they are counted. The count costs an atomic
 * addition, so it is off while something is timed.
 *
 * libc's own calls, such as those for a thread's stack, don't come this way. */

#include "memory.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **p, size_t alignment, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);

/* relaxed, both: a number, read when the threads that count are done */
static atomic_int counting;
static _Atomic uint64_t counted;

static void count(void)
{
	if (atomic_load_explicit(&counting, memory_order_relaxed))
		atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
}

void *__wrap_malloc(size_t size)
{
	count();
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count();
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	count();
	return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	count();
	return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
	count();
	return __real_posix_memalign(p, alignment, size);
}

void count_allocations(int on)
{
	atomic_store_explicit(&counting, on, memory_order_relaxed);
}

uint64_t allocations(void)
{
	return atomic_load_explicit(&counted, memory_order_relaxed);
}

void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "pitfalls: out of memory\n");
		exit(1);
	}
	return p;
}
