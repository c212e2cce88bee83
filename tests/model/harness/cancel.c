/* SPDX-License-Identifier: MIT */
/* Canceled at any moment: everybody comes home, and what was claimed is published. Then
 * close is two joins. */
#define CANCEL
#ifndef N_SLOTS
#define N_SLOTS 1
#endif
#ifndef N_TICKETS
#define N_TICKETS 3
#endif
#include "sleepers.h"
