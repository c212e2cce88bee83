/* SPDX-License-Identifier: MIT */
#ifndef BATON_GUARD_H
#define BATON_GUARD_H

#include <baton/attributes.h>
#include <stdbool.h>
#include <stddef.h>

BATON_BEGIN_DECLS

/* A debugging mode, for programs that can't be built again: with BATON_GUARD=1 in the
 * environment when baton_open() is called (empty or 0: off; anything else is refused),
 * whoever touches a batch that is not his faults at that very instruction, by SIGSEGV:
 *   - a producer that writes or reads a batch after its fill or its submit
 *   - a trainer that writes into a batch, or reads one after its release
 *   - anybody after baton_free() or baton_close()
 * even while the memory belongs to another by rights. An environment variable and not an
 * option, so that a program that ships can be run under it as it is; ignored in set-user-ID
 * programs.
 *
 * How: each batch lies in pages of its own, and every change of owner moves them to another
 * address: read and write for who fills, read only for the trainer, no access in between.
 * An address comes round again after 64 such periods, 32 trips of its block; until then a
 * stale pointer to it faults, whatever the memory is used for by then.
 *
 * Content, order and the sizes of pool and blocks are what they are without. Time is not:
 * tens of microseconds a batch, and as much memory as full pages take. Addresses of 64 times
 * the pool's size are reserved and never given back to the process (those of later
 * pipelines with the same fields take their place). If the system can't map a batch
 * (vm.max_map_count: each batch that is held or detached takes two), baton_next() returns
 * -ENOMEM in its place and says so.
 * Builds with ThreadSanitizer refuse it: they are blind to memory that moves.
 *
 * What it does not see: an access beyond a batch's end that stays within its last page. */

/* Who owns the batch at an address, for a handler of SIGSEGV (apps/stale.c is one) or a
 * callback of __asan_set_error_report_callback(): writes one line without a
 * newline to text [size], cut if need be, such as
 *   address 0x7f2a1c043010 is in field 1 "y" of batch 37, as producer 3 (thread 1240)
 *   filled it; now batch 37 is held by the trainer (thread 1234)
 * Threads are named by their kernel's thread id, and producers by index too. Who faulted
 * is the handler's own thread.
 * Knows every batch of guarded pipelines, closed ones too, and in builds with
 * AddressSanitizer those of any open pipeline (without the part from "as" to ";").
 * Returns: false, and an empty text, for any other address
 * Threads: any, also inside a signal handler; no lock, errno is kept */
BATON_API bool baton_guard_explain(const void *address, char *text, size_t size);

BATON_END_DECLS

#endif
