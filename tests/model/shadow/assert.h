/* SPDX-License-Identifier: MIT */
/* Found before the system's: a failed assertion ends the execution, and is shown. */
#include "explorer.h"
#undef assert
#define assert(what) ((what) ? (void)0 : ex_fail("assertion failed: %s", #what))
