/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_SIM_H
#define BATON_BENCH_SIM_H

/* A model of the ring on more cores than there are: every producer has a core, and so has
 * the trainer. What it knows of a machine is what a cache line costs.
 *
 * The line of the ticket counter serves one core at a time, in the order in which they come; to
 * whom does not have it, it comes at the cost of a transfer. A claim is what ring.h does: read
 * the ticket, read that ticket's slot, CAS; a CAS that comes too late fails, has taken the
 * line all the same, and goes back to the slot. The trainer takes tickets in order. What waiting
 * costs (wait.h) is not in it: cores that wait for a slot spin at no cost to others. */

#include <stdint.h>

struct sim {
	/* the machine, in ns */
	double line; /* a line from one core to another of its socket */
	double far;  /* to one of another socket */
	double cas;  /* on a line that is there */
	/* the work, in ns */
	double fill, train; /* of a batch */
	double hand;        /* of a block, to the trainer: what it takes beside the lines */
	/* the design */
	uint32_t producers, sockets;
	uint32_t pool;          /* slots of a ring; 0: no trainer, and never full */
	uint32_t block_batches; /* m */
	uint32_t tickets;       /* claimed at once */
	uint32_t rings;         /* 1, or one for each socket, taken from in turns */
};

/* Batches a second in the steady state. */
double sim_rate(const struct sim *sim);

#endif
