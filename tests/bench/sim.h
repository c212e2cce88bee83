/* SPDX-License-Identifier: MIT */
#ifndef BATON_BENCH_SIM_H
#define BATON_BENCH_SIM_H

/* A model of the ring on more cores than there are: every producer has a core, and so has
 * the trainer. What it knows of a machine is what a cache line costs.
 *
 * A claim is one's at a time. Everybody who claims has read the same ticket, and so needs the same
 * slot next: nobody gets on until its line has come to somebody. Then there is the ticket's own
 * line, twice (read, CAS), for what a try costs where many do nothing but CAS. And each who waits
 * looks, too, which takes a CAS on a line that is there.
 *
 * The trainer takes one block at a time: it gets a slot's lines and gives them back. Where more
 * than one produces somebody else has looked at the slot meanwhile, so that publish and release
 * each need its line once more.
 *
 * Between claims a producer fills, publishes, and has the slot's line back from the trainer. So
 * claims are a queue with one server and as many customers as producers, and the trainer is a
 * limit. What waiting costs (wait.h) is not in it, nor a full ring.
 *
 * Two of its terms were put there because 16 cores showed them (test_sim.c), and say nothing
 * sure of more: that each who waits costs the others a CAS, and the trainer's two lines more. */

#include <stdbool.h>
#include <stdint.h>

struct sim {
	/* the machine, in ns */
	double line; /* a line from one core to another of its socket */
	double far;  /* to one of another socket */
	double cas;  /* on a line that is there */
	double swap; /* a try where as many as these do nothing else */
	/* the work, in ns */
	double fill, train; /* of a batch */
	double hand;        /* a slot's lines, from the trainer to a producer of its socket or back:
	                     * less than its lines one by one, since some are fetched ahead */
	/* the design */
	uint32_t producers, sockets;
	bool trains;            /* else who has claimed a slot frees it, too */
	uint32_t block_batches; /* m */
	uint32_t tickets;       /* claimed at once; their slots' lines come together */
	uint32_t rings;         /* 1, or one for each socket, taken from in turns */
};

/* Batches a second in the steady state. */
double sim_rate(const struct sim *sim);

#endif
