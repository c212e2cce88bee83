/* SPDX-License-Identifier: MIT */
/* The queue replayed: generator and trainer take turns on one thread as two clocks say.
 * Nothing depends on the machine; a seed gives the same bits every time.
 *
 * A step of the trainer takes STEP ticks on average, a batch of the generator STEP / speed,
 * its rows evenly spaced; each duration is uniform from 0 to twice its average. With
 * SPEED_ALWAYS_AHEAD a batch takes no time, and the trainer always finds the queue full and
 * one more batch in the generator's hand: as in the article, whose trainer needs 2 ms.
 *
 * Invariant: the generator's clock is never past the trainer's, but for the time of the
 * batch that is being made. So what the cells hold when the trainer reads them is what was
 * written by then. */

#include "loader_forms.h"

#define STEP (UINT32_C(1) << 20)
#define STREAM (UINT64_C(1) << 63) /* of durations: no batch's */

static uint64_t duration(struct replay_clock *c, double mean)
{
	return baton_rng_below(&c->rng, (uint32_t)(2 * mean) + 1);
}

static void start(struct loader *l)
{
	baton_rng_init(&l->clock.rng, l->config.seed, STREAM);
}

static void stop(struct loader *l)
{
	(void)l;
}

static void begin(struct loader *l)
{
	struct replay_clock *c = &l->clock;
	double speed = l->config.speed;

	generator_begin(&l->generator, c->put);
	c->takes = speed > 0 ? duration(c, STEP / speed) : 0;
	c->making = true;
}

/* Write what is written of the batch by then. False: it is not ready by then. */
static bool make(struct loader *l, uint64_t by)
{
	struct replay_clock *c = &l->clock;

	if (c->generator + c->takes > by) {
		uint64_t spent = by - c->generator;

		generator_write(&l->generator, (size_t)(spent * l->config.rows / c->takes));
		return false;
	}
	generator_write(&l->generator, l->config.rows);
	l->in_hand = generator_yield(&l->generator);
	c->generator += c->takes;
	c->making = false;
	c->holding = true;
	return true;
}

/* False: there is no place. */
static bool put(struct loader *l)
{
	struct replay_clock *c = &l->clock;

	if (c->put - l->taken == l->config.depth)
		return false;
	*loader_place(l, c->put++) = l->in_hand;
	l->in_hand = (struct yielded){0};
	c->holding = false;
	/* it went on when there was a place, which may have been later */
	c->generator = c->generator > c->freed ? c->generator : c->freed;
	return true;
}

/* Whatever the generator does until a certain time. */
static void generate(struct loader *l, uint64_t until)
{
	struct replay_clock *c = &l->clock;

	for (;;) {
		if (c->holding && !put(l))
			return;
		if (!c->making && c->put == l->config.limit)
			return;
		if (!c->making)
			begin(l);
		if (!make(l, until))
			return;
	}
}

static uint64_t await(struct loader *l)
{
	struct replay_clock *c = &l->clock;

	generate(l, c->trainer);
	if (c->put == l->taken) { /* empty: wait for what is being made */
		c->trainer = c->generator + c->takes;
		generate(l, c->trainer);
	}
	return c->put - l->taken;
}

static void popped(struct loader *l)
{
	struct replay_clock *c = &l->clock;

	c->freed = c->trainer;
	c->trainer += duration(c, STEP);
}

const struct loader_form loader_replay = {start, stop, await, popped};
