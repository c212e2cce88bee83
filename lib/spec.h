/* SPDX-License-Identifier: MIT */
#ifndef BATON_INSIDE_SPEC_H
#define BATON_INSIDE_SPEC_H

/* Structs that grow. A caller compiled with older headers has shorter ones, whose size_t
 * size says how long; what it does not know of is zero, the default. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copy a caller's struct into ours [n bytes]. False if its size was never set. */
static inline bool baton_spec_read(void *ours, size_t n, const void *theirs)
{
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	if (size < sizeof(size))
		return false;
	memset(ours, 0, n);
	memcpy(ours, theirs, size < n ? size : n);
	return true;
}

/* Copy our struct [n bytes] into a caller's, as much of it as it knows. */
static inline bool baton_spec_write(void *theirs, const void *ours, size_t n)
{
	size_t size;

	memcpy(&size, theirs, sizeof(size));
	if (size < sizeof(size))
		return false;
	memcpy((char *)theirs + sizeof(size), (const char *)ours + sizeof(size),
	       (size < n ? size : n) - sizeof(size));
	return true;
}

#endif
