/* SPDX-License-Identifier: MIT */
/* What the analyzer must see, on one path of two. */
#include <stdlib.h>

void clear(char **a, int keep);

void clear(char **a, int keep)
{
	free(*a);
	if (!keep)
		free(*a);
}
