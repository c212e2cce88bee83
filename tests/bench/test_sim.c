/* SPDX-License-Identifier: MIT */
/* The model of many cores, where arithmetic says what it must give. */

#include "sim.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static int number, failed;

static void claim(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	failed += !good;
}

static bool near(double a, double b)
{
	return fabs(a - b) < 0.05 * b;
}

static const struct sim one = {.line = 50,
                               .far = 150,
                               .cas = 5,
                               .producers = 1,
                               .sockets = 1,
                               .block_batches = 1,
                               .tickets = 1,
                               .rings = 1};

int main(void)
{
	struct sim s = one, t;

	s.fill = 1000;
	claim(near(sim_rate(&s), 1e9 / 1015), "one producer: its fill, and three times the CAS");
	s.producers = 4;
	s.fill = 100000;
	claim(near(sim_rate(&s), 4 * 1e9 / 100015), "slow fills: P producers do P times as much");
	s.pool = 64;
	s.train = 50000;
	claim(near(sim_rate(&s), 1e9 / 50000), "a slow trainer is the limit");
	s.pool = 1;
	s.producers = 1;
	claim(sim_rate(&s) < 1e9 / 150000 && sim_rate(&s) > 0.9e9 / 150200,
	      "a pool of one: fill and training in turns");

	s = one;
	s.producers = 64;
	claim(sim_rate(&s) < 1e9 / 50, "a ticket's line that moves is the limit of all");
	t = s;
	t.keeps = true;
	claim(sim_rate(&t) > sim_rate(&s) && sim_rate(&t) < 1e9 / 25,
	      "one that is kept moves half as often, and no less");
	t = s;
	t.tickets = 16;
	claim(sim_rate(&t) > 10 * sim_rate(&s), "16 tickets at once move it");
	t = s;
	t.block_batches = 16;
	claim(near(sim_rate(&t), 16 * sim_rate(&s)), "so do 16 batches a block, filled in no time");
	t = s;
	t.sockets = 2;
	claim(sim_rate(&t) < sim_rate(&s), "two sockets are slower than one");
	s = t;
	s.rings = 2;
	claim(sim_rate(&s) > 1.5 * sim_rate(&t), "a ring for each socket is faster");
	printf("1..%d\n", number);
	return failed > 0;
}
