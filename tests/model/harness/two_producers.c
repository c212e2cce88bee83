/* SPDX-License-Identifier: MIT */
/* The ring alone, and two who want the same ticket. */
#define N_PRODUCERS 2
#include "cycle.h"
