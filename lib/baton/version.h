/* SPDX-License-Identifier: MIT */
#ifndef BATON_VERSION_H
#define BATON_VERSION_H

#include <baton/attributes.h>

BATON_BEGIN_DECLS

/* What stays, and what may change.
 *
 * Before 1.0 a new minor version (0.1 -> 0.2) may change anything and has another soname
 * (libbaton.so.0.1, libbaton.so.0.2), so that both can be installed, and even loaded, side
 * by side. A new patch version (0.1.0 -> 0.1.1) changes no function, macro or result: what
 * was compiled with the older one runs with the newer one.
 * From 1.0 on the same holds for major and minor versions: the soname is libbaton.so.1, and
 * a minor version only adds.
 *
 * What counts is what these headers declare, used as they say: members that end in _ and
 * the sizes of handles are the library's own, structs begin with a size set by their _INIT
 * macro and may grow at their end. Texts of errors are for people, and may change. */

/* The version of these headers. */
#define BATON_VERSION_MAJOR 0
#define BATON_VERSION_MINOR 1
#define BATON_VERSION_PATCH 0

/* A version as one number, to be compared:
 *      #if BATON_VERSION_NUMBER >= BATON_VERSION_MAKE(0, 2, 0) */
#define BATON_VERSION_MAKE(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define BATON_VERSION_NUMBER \
	BATON_VERSION_MAKE(BATON_VERSION_MAJOR, BATON_VERSION_MINOR, BATON_VERSION_PATCH)

/* "0.1.0" */
#define BATON_VERSION \
	BATON_VERSION_TEXT_(BATON_VERSION_MAJOR, BATON_VERSION_MINOR, BATON_VERSION_PATCH)
#define BATON_VERSION_TEXT_(major, minor, patch) BATON_VERSION_JOIN_(major, minor, patch)
#define BATON_VERSION_JOIN_(major, minor, patch) #major "." #minor "." #patch

/* The version of the library that runs, as those of the headers: static memory. */
BATON_API const char *baton_version(void);
BATON_API int baton_version_number(void);

BATON_END_DECLS

#endif
