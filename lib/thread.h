/* SPDX-License-Identifier: MIT */
#ifndef BATON_INSIDE_THREAD_H
#define BATON_INSIDE_THREAD_H

#include <pthread.h>

/* Start a thread of the library's own. It takes no signal that is meant for the program,
 * but its own faults (SIGSEGV and the like): with those blocked, the kernel would end the
 * process without asking a handler, and without a sanitizer's report.
 * Returns 0 or -errno. */
int baton_thread_start(pthread_t *thread, void *(*body)(void *), void *arg);

#endif
