/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_SIM_H
#define BATON_BENCH_SIM_H

/* A model of the ring on more cores than there are: every producer has a core, and so has
 * the trainer. What it knows of a machine is what a cache line costs.
 *
 * The line of the ticket counter is one core's at a time. Who wants it asks, which takes half a
 * transfer, while its holder may go on with it; questions are answered in the order in which
 * they arrive, and the line takes the other half to come. A claim is what ring.h does: read the
 * ticket, read that ticket's slot, CAS; a CAS that comes too late fails, has moved the line all
 * the same, and goes back to the slot. Between the read and the CAS a real machine may or may
 * not take the line away: how often is an input (keeps), and can be measured where two threads
 * fight for a line. Who has to wait for the slot's line never keeps the ticket's.
 * The trainer takes tickets in order. What waiting costs (wait.h) is not in it: cores that wait
 * for a slot spin at no cost to others. */

#include <stdint.h>

struct sim {
	/* the machine, in ns */
	double line;  /* a line from one core to another of its socket */
	double far;   /* to one of another socket */
	double cas;   /* on a line that is there */
	double keeps; /* 0 to 1: how often who has read the ticket keeps its line until the CAS;
	               * else whoever has asked gets it first */
	/* the work, in ns */
	double fill, train; /* of a batch */
	double hand;        /* a slot's lines, from the trainer to a producer of its socket or back:
	                     * less than a line, since the next ones are fetched ahead */
	/* the design */
	uint32_t producers, sockets;
	uint32_t pool;          /* slots of a ring; 0: no trainer, and never full */
	uint32_t slots;         /* without a trainer: after so many a slot comes again, from whoever
	                         * had it; 0: slots cost nothing */
	uint32_t block_batches; /* m */
	uint32_t tickets;       /* claimed at once */
	uint32_t rings;         /* 1, or one for each socket, taken from in turns */
};

/* Batches a second in the steady state. */
double sim_rate(const struct sim *sim);

#endif
