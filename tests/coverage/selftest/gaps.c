/* SPDX-License-Identifier: MIT */
/* A program whose gaps are known: selftest.sh. */
#include <math.h>

#define TWICE(x)                  \
	{                         \
		(x) * 2, -2 * (x) \
	}

static int never_called(int n)
{
	int twice[] = TWICE(n);

	return n > 0 ? twice[0] : twice[1];
}

static int loop(int n)
{
	int sum = 0;

	for (int i = 0; i < 2; i++)
		sum += i;
	while (n-- > 3)
		;
	return sum;
}

static int half(int n, double x)
{
	if (n < 0 || isnan(x))
		return never_called(n);
	return n == 1 && x > 0;
}

__attribute__((unused)) static int last(void)
{
	return 7;
}

int main(void)
{
	int n = loop(1) + half(1, 1) + half(2, 1);

#ifdef WHOLE
	n += loop(5) + half(1, 0) + half(-1, 1) + half(1, (double)NAN);
#endif
#ifndef ALMOST
	n += last();
#endif
	return n == 99;
}
