/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_STALE_H
#define BATON_APPS_STALE_H

/* Under BATON_GUARD=1 (baton/guard.h), have SIGSEGV and SIGBUS say on stderr which thread
 * touched whose batch, and from where, before they end the program as they always do.
 * Without BATON_GUARD this does nothing. */
void catch_stale_access(const char *program);

#endif
