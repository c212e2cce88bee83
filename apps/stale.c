/* SPDX-License-Identifier: MIT */
/* What a program does about a batch that was touched by somebody who has it no more. The
 * library finds it out and knows whose it is; only a program may catch signals. */

#include "stale.h"
#include <baton/guard.h>
#include <execinfo.h>
#include <signal.h>
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

/* SA_RESETHAND: to return is to fault again, the usual way. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	char owner[512];
	void *frames[64];

	(void)signal;
	(void)context;
	if (!baton_guard_explain(info->si_addr, owner, sizeof(owner)))
		return;
	say(program_name);
	say(": thread ");
	say_thread();
	say(" touched a batch that is not its own: ");
	say(owner);
	say("\n");
	backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
}

void catch_stale_access(const char *program)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
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
