/* SPDX-License-Identifier: MIT */
/* Park and wake, up to a known end. */
#include "sleepers.h"
