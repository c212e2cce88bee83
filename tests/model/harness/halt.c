/* SPDX-License-Identifier: MIT */
/* An END that only the source knows (an error goes the same way): who sleeps must hear
 * of it, and no ticket below it is lost. */
#ifndef N_PRODUCERS
#define N_PRODUCERS 2
#endif
#ifndef STOP_AT
#define STOP_AT 0
#endif
#ifndef N_SLOTS
#define N_SLOTS 1
#endif
#include "sleepers.h"
