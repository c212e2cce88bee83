/* SPDX-License-Identifier: MIT */
/* Threads: a new one inherits its creator's signal mask, so that is where it is set. */

#include "thread.h"
#include <signal.h>

int baton_thread_start(pthread_t *thread, void *(*body)(void *), void *arg)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigset_t most, before;
	int rc;

	sigfillset(&most);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&most, faults[i]);
	pthread_sigmask(SIG_SETMASK, &most, &before);
	rc = pthread_create(thread, NULL, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}
