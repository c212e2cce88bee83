/* SPDX-License-Identifier: MIT */
#ifndef EX_SHADOW_PTHREAD_H
#define EX_SHADOW_PTHREAD_H

/* Found before the system's: a thread is one of the explorer's fibers. */

#include "explorer.h"

#include <sys/types.h> /* has the real one */

#define pthread_t int
#define pthread_create(thread, attr, function, arg) ex_create(thread, function, arg, #function)
#define pthread_join(thread, result) ex_join(thread)

#endif
