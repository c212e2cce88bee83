/* SPDX-License-Identifier: MIT */
/* What a program does about a batch that was touched by somebody who has it no more. The
 * library finds it out and knows whose it is; only a program may catch signals. */

#include "stale.h"
#include <baton/guard.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name;

/* What is left to say by a program that is about to end: best effort. */
static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void say_thread(void)
{
	char digits[16];
	size_t n = sizeof(digits);
	int id = gettid();

	digits[--n] = '\0';
	do
		digits[--n] = (char)('0' + id % 10);
	while (id /= 10);
	say(digits + n);
}

static void report(const void *address)
{
	char owner[512];
	void *frames[64];

	if (!baton_guard_explain(address, owner, sizeof(owner)))
		return;
	say(program_name);
	say(": thread ");
	say_thread();
	say(" touched a batch that is not its own: ");
	say(owner);
	say("\n");
	backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
}

/* A bug in a source is in all its threads, and they may fault at once. The first of them
 * reports, and returns to fault again and end the program the usual way; whoever comes
 * meanwhile waits for that, lest he end it in the middle of the report. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	static atomic_flag reported = ATOMIC_FLAG_INIT;

	(void)context;
	/* relaxed: it orders nothing but who comes first */
	while (atomic_flag_test_and_set_explicit(&reported, memory_order_relaxed))
		pause();
	report(info->si_addr);
	signal(number, SIG_DFL);
}

void catch_stale_access(const char *program)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	const char *guard = getenv("BATON_GUARD");
	void *frame;

	if (!guard || strcmp(guard, "1") != 0)
		return;
	program_name = program;
	backtrace(&frame, 1); /* its first call loads a library, which no handler may do */
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
