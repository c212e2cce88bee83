/* SPDX-License-Identifier: MIT */
/* The model of many cores, where arithmetic says what it must give. */

#include "sim.h"
#include "spread.h"
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

/* Would scale's check see a wrong cost? What was measured, made up: two threads that claim, as
 * the model says, and 5 % more or less. */
static bool meets(const struct sim *true_costs, const struct sim *taken)
{
	double rate = sim_rate(true_costs) / sim_rate(taken);
	const struct spread seen = {rate, 0.95 * rate, 1.05 * rate};

	return spread_is_near(&seen, 1, 1.5);
}

static void seeded(void)
{
	struct sim right = one, wrong;

	right.producers = 2;
	right.slots = 256;
	right.keeps = 0.6;
	right.fill = 50;
	claim(meets(&right, &right), "right costs are met");
	wrong = right;
	wrong.line *= 3;
	claim(!meets(&right, &wrong), "reported: a line three times too dear");
	wrong = right;
	wrong.line /= 10;
	claim(!meets(&right, &wrong), "reported: a line ten times too cheap");
	wrong = right;
	wrong.cas *= 10;
	claim(!meets(&right, &wrong), "reported: a CAS ten times too dear");
	wrong = right;
	wrong.fill *= 6;
	claim(!meets(&right, &wrong), "reported: a fill six times too long");
}

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
	t.keeps = 1;
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
	s = one;
	s.producers = 2;
	s.keeps = 1;
	t = s;
	t.slots = 256;
	claim(sim_rate(&t) < 0.9 * sim_rate(&s), "slots that come from another core cost");
	seeded();
	printf("1..%d\n", number);
	return failed > 0;
}
