/* SPDX-License-Identifier: MIT */
/* The ring alone, and three who want the same ticket. */
#define N_PRODUCERS 3
#ifndef N_TICKETS
#define N_TICKETS 6
#endif
#include "cycle.h"
