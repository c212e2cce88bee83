/* SPDX-License-Identifier: MIT */
/* The ownership cycle of one producer and the trainer. */
#ifndef N_TICKETS
#define N_TICKETS 5
#endif
#include "cycle.h"
