/* SPDX-License-Identifier: MIT */
#ifndef BATON_VERSION_H
#define BATON_VERSION_H

#include <baton/attributes.h>

BATON_BEGIN_DECLS

#define BATON_VERSION "0.1.0"

/* The version of the library that runs: compare it with BATON_VERSION, that of the
 * headers. Static memory. */
BATON_API const char *baton_version(void);

BATON_END_DECLS

#endif
