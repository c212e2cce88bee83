/* SPDX-License-Identifier: MIT */
#include "sim.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define BLOCKS_EACH 40u /* of a producer, simulated */
#define MOST_RINGS 16u
#define UNKNOWN (-1.0)
#define NOBODY UINT32_MAX

/* What a core does next; each is one moment. READ and CAS ask for the ticket's line, GOT and
 * DONE are when the instruction has run. */
enum step { READ, GOT, CAS, DONE, FILL };

struct core {
	enum step step;
	bool asked;     /* for the ticket's line, half a transfer ago */
	bool keeps;     /* the line that it has read, until its CAS */
	uint64_t seen;  /* the ticket that it read */
	uint64_t first; /* of those that it has claimed, */
	uint32_t left;  /* and how many it has not filled */
};

struct ring {
	uint64_t ticket;
	double line_free; /* from when on the ticket's line serves the next */
	uint32_t holder;
	double *published; /* [blocks], UNKNOWN yet */
	uint32_t *by;      /* [blocks]: who has published */
	double *done;      /* [blocks] */
	uint32_t *waits;   /* [blocks]: who waits for it to be done, or NOBODY */
};

struct event {
	double at;
	uint64_t serial; /* first come, first served */
	uint32_t core;
};

struct world {
	const struct sim *sim;
	struct core *cores;
	struct ring rings[MOST_RINGS];
	uint64_t blocks; /* of each ring */
	struct event *heap;
	size_t n;
	uint64_t serial;
	uint64_t random;
	uint64_t turn; /* the trainer's next block, over all rings */
	double trainer;
	double last_publish;
};

/* --- events ---------------------------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->serial < b->serial);
}

static void swap(struct event *a, struct event *b)
{
	struct event e = *a;

	*a = *b;
	*b = e;
}

static void schedule(struct world *w, double at, uint32_t core)
{
	size_t i = w->n++;

	w->heap[i] = (struct event){at, w->serial++, core};
	for (; i > 0 && earlier(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

static struct event next_event(struct world *w)
{
	struct event first = w->heap[0];

	w->heap[0] = w->heap[--w->n];
	for (size_t i = 0, child; (child = 2 * i + 1) < w->n; i = child) {
		if (child + 1 < w->n && earlier(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!earlier(&w->heap[child], &w->heap[i]))
			break;
		swap(&w->heap[child], &w->heap[i]);
	}
	return first;
}

/* --- lines ------------------------------------------------------------------------ */

static uint32_t socket_of(const struct sim *s, uint32_t core)
{
	return (uint32_t)((uint64_t)core * s->sockets / s->producers);
}

/* A slot's lines, between the trainer, on socket 0, and a producer. */
static double hand(const struct sim *s, uint32_t core)
{
	return s->pool == 0 ? 0 : socket_of(s, core) == 0 ? s->hand : s->hand * s->far / s->line;
}

static double transfer(const struct sim *s, uint32_t from, uint32_t to)
{
	if (from == to)
		return 0;
	return from == NOBODY || socket_of(s, from) == socket_of(s, to) ? s->line : s->far;
}

static struct ring *ring_of(struct world *w, uint32_t core)
{
	return &w->rings[socket_of(w->sim, core) % w->sim->rings];
}

/* What core waits for the line of ticket t's slot. */
static double slot_line(struct world *w, uint32_t core, uint64_t t)
{
	const struct sim *s = w->sim;

	if (s->pool || !s->slots || t < s->slots)
		return hand(s, core);
	return transfer(s, ring_of(w, core)->by[t - s->slots], core);
}

/* Does core, which reads the ticket now, keep its line? Nobody can who has to wait for the
 * slot's line from another CPU. The same answers in each run. */
static bool draw_keeps(struct world *w, uint32_t core)
{
	if (slot_line(w, core, ring_of(w, core)->ticket) > 0)
		return false;
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(w->random >> 11) / 9007199254740992.0 < w->sim->keeps;
}

/* Core uses the ticket's line. UNKNOWN: it does not have it, has asked for it, and will be back
 * when the question has arrived; who has it goes on until then. Else until when. */
static double serve(struct world *w, uint32_t core, double at)
{
	struct ring *r = ring_of(w, core);
	struct core *c = &w->cores[core];
	double half = transfer(w->sim, r->holder, core) / 2;

	if (half > 0 && !c->asked) {
		c->asked = true;
		schedule(w, at + half, core);
		return UNKNOWN;
	}
	c->asked = false;
	at = at > r->line_free ? at : r->line_free;
	r->line_free = at + half + w->sim->cas;
	r->holder = core;
	return r->line_free;
}

/* --- the trainer ------------------------------------------------------------------ */

static double take(const struct world *w, const struct ring *r, uint64_t t, double at)
{
	const struct sim *s = w->sim;
	at = at > r->published[t] ? at : r->published[t];
	return at + hand(s, r->by[t]) + s->block_batches * s->train;
}

/* Take every block whose turn it is. */
static void train(struct world *w)
{
	for (;; w->turn++) {
		struct ring *r = &w->rings[w->turn % w->sim->rings];
		uint64_t t = w->turn / w->sim->rings;

		if (t == w->blocks || r->published[t] < 0)
			return;
		w->trainer = r->done[t] = take(w, r, t, w->trainer);
		if (r->waits[t] != NOBODY)
			schedule(w, r->done[t], r->waits[t]);
	}
}

/* --- a producer ------------------------------------------------------------------- */

/* Fill ticket t, if its slot is free; else wait until it is. */
static void fill(struct world *w, uint32_t core, double at)
{
	const struct sim *s = w->sim;
	struct ring *r = ring_of(w, core);
	struct core *c = &w->cores[core];
	uint64_t t = c->first;

	if (s->pool && t >= s->pool) {
		if (r->done[t - s->pool] < 0) {
			r->waits[t - s->pool] = core;
			return;
		}
		at = at > r->done[t - s->pool] ? at : r->done[t - s->pool];
	}
	/* the block's lines come back from the trainer while it is filled */
	r->published[t] = w->last_publish =
		at + s->block_batches * s->fill + s->cas + hand(s, core);
	r->by[t] = core;
	c->first++;
	c->step = --c->left ? FILL : READ;
	schedule(w, r->published[t], core);
	if (s->pool)
		train(w);
}

/* Have the ticket's line, then go on with step. */
static void ask(struct world *w, uint32_t core, double at, enum step step)
{
	double end = serve(w, core, at);

	if (end < 0)
		return; /* will be asked again */
	w->cores[core].step = step;
	if (step == GOT) {
		struct ring *r = ring_of(w, core);

		w->cores[core].keeps = draw_keeps(w, core);
		if (w->cores[core].keeps) /* nobody else's before the CAS has run */
			r->line_free = end + slot_line(w, core, r->ticket) + w->sim->cas;
	}
	schedule(w, end, core);
}

/* The core has seen the ticket: to its slot, and then to the CAS. */
static void got(struct world *w, uint32_t core, double at)
{
	struct core *c = &w->cores[core];

	c->seen = ring_of(w, core)->ticket;
	at += slot_line(w, core, c->seen);
	c->step = c->keeps ? DONE : CAS;
	schedule(w, c->keeps ? at + w->sim->cas : at, core);
}

static void done(struct world *w, uint32_t core, double at)
{
	struct ring *r = ring_of(w, core);
	struct core *c = &w->cores[core];

	if (r->ticket != c->seen) { /* too late; and has seen the one that it is now */
		c->keeps = r->holder == core && r->line_free <= at && draw_keeps(w, core);
		if (c->keeps)
			r->line_free = at + slot_line(w, core, r->ticket) + w->sim->cas;
		got(w, core, at);
		return;
	}
	c->first = r->ticket;
	c->left = w->sim->tickets;
	if (c->first + c->left > w->blocks)
		return; /* the end: this core is done */
	r->ticket += c->left;
	c->step = FILL;
	schedule(w, at, core);
}

static void go_on(struct world *w, const struct event *e)
{
	switch (w->cores[e->core].step) {
	case READ:
		ask(w, e->core, e->at, GOT);
		break;
	case GOT:
		got(w, e->core, e->at);
		break;
	case CAS:
		ask(w, e->core, e->at, DONE);
		break;
	case DONE:
		done(w, e->core, e->at);
		break;
	case FILL:
		fill(w, e->core, e->at);
		break;
	}
}

/* --- the whole ---------------------------------------------------------------------- */

static void *allocate(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		abort();
	return memory;
}

static void ring_init(struct ring *r, uint64_t blocks)
{
	*r = (struct ring){.holder = NOBODY,
	                   .published = allocate(blocks, sizeof(double)),
	                   .by = allocate(blocks, sizeof(uint32_t)),
	                   .done = allocate(blocks, sizeof(double)),
	                   .waits = allocate(blocks, sizeof(uint32_t))};
	for (uint64_t i = 0; i < blocks; i++) {
		r->published[i] = r->done[i] = UNKNOWN;
		r->waits[i] = NOBODY;
	}
}

static void ring_fini(struct ring *r)
{
	free(r->published);
	free(r->by);
	free(r->done);
	free(r->waits);
}

double sim_rate(const struct sim *s)
{
	struct world w = {.sim = s};
	uint64_t total;
	double ns;

	w.blocks = (BLOCKS_EACH * s->producers + 2 * s->pool + 1000) / s->rings;
	w.blocks -= w.blocks % s->tickets;
	w.cores = allocate(s->producers, sizeof(*w.cores));
	w.heap = allocate(2 * (size_t)s->producers + 1, sizeof(*w.heap));
	for (uint32_t i = 0; i < s->rings; i++)
		ring_init(&w.rings[i], w.blocks);
	for (uint32_t i = 0; i < s->producers; i++)
		schedule(&w, 0, i);
	while (w.n > 0) {
		struct event e = next_event(&w);

		go_on(&w, &e);
	}
	total = w.blocks * s->rings * s->block_batches;
	ns = s->pool ? w.trainer : w.last_publish;
	for (uint32_t i = 0; i < s->rings; i++)
		ring_fini(&w.rings[i]);
	free(w.cores);
	free(w.heap);
	return (double)total * 1e9 / ns;
}
