/* SPDX-License-Identifier: MIT */
#include "sim.h"

/* Of n cores on so many sockets: times what it would be on one that a line costs from any of the
 * others, on average. */
static double away(const struct sim *s, double n, double sockets)
{
	double near = n > 1 ? (n / sockets - 1) / (n - 1) : 1;

	near = near > 0 ? near : 0;
	return near + (1 - near) * s->far / s->line;
}

/* Claims a second of a ring with n producers on so many sockets. A closed queue with one server,
 * by mean values: who comes finds what is there without it. */
static double claims(const struct sim *s, uint32_t n, double sockets, double hand)
{
	double a = away(s, n, sockets), queue = 0, rate = 0;
	double filling = s->tickets * (s->block_batches * s->fill + 2 * s->cas + hand);
	double slot = s->trains ? hand : s->line * a * (n - 1) / n;
	double ticket = n > 1 ? 2 * s->swap * a : 0;

	for (uint32_t i = 1; i <= n; i++) {
		double one = slot + ticket + s->cas * a * (1 + queue);
		double here = one * (1 + queue);

		rate = i / (filling + here);
		queue = rate * here;
	}
	return rate;
}

double sim_rate(const struct sim *s)
{
	/* the trainer, and all producers */
	double a = away(s, s->producers + 1.0, s->sockets);
	double hand = s->trains ? s->hand * a : 0;
	double taking = s->block_batches * s->train + s->cas + 2 * hand +
	                (s->producers > 1 ? 2 * s->line * a : 0);
	double blocks = s->rings * s->tickets *
	                claims(s, s->producers / s->rings, (double)s->sockets / s->rings, hand);

	if (s->trains && blocks > 1 / taking)
		blocks = 1 / taking;
	return blocks * s->block_batches * 1e9;
}
