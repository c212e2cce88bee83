/* SPDX-License-Identifier: MIT */
#include "model.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool model_has_room(const struct model *f)
{
	return (f->begun + 1) * f->m < MODEL_BATCHES;
}

static uint64_t all_blocks(const struct model *f)
{
	return f->length == MODEL_NEVER ? MODEL_NEVER : (f->length + f->m - 1) / f->m;
}

static bool has_place(const struct model *f, uint64_t b)
{
	return b < f->blocks || f->block[b - f->blocks].state == MODEL_BACK;
}

void model_text(char *to, const char *text)
{
	snprintf(to, 160, "%s", text);
	for (; *to; to++)
		*to = (unsigned char)*to < ' ' ? ' ' : *to;
}

/* --- filling -------------------------------------------------------------------------- */

static void ready(struct model *f, uint64_t b, uint64_t n, int stop, const char *text)
{
	f->block[b].state = MODEL_READY;
	f->block[b].n = f->block[b].left = n;
	f->block[b].stop = stop;
	model_text(f->block[b].text, text);
	f->full += n;
	f->halted = f->halted || stop != BATON_OK;
}

/* A source can't say that it has succeeded, nor that the trainer misused something. */
static int as_error(int code)
{
	return code >= 0 || baton_is_misuse(code) ? -EINVAL : code;
}

/* The error that comes of what the script says. */
static void fail_by_script(struct model *f, uint64_t b, uint64_t n)
{
	const struct model_script *s = &f->script;
	char text[160] = "";

	if (s->code > 0)
		snprintf(text, sizeof(text), "fill returned %d: not BATON_OK, BATON_END or < 0",
		         s->code);
	else if (s->fails)
		model_text(text, s->text ? s->text : baton_strerror(s->fail_code));
	ready(f, b, n, as_error(s->code), text[0] ? text : baton_strerror(s->code));
}

static void fill_by_script(struct model *f, uint64_t b)
{
	const struct model_script *s = &f->script;
	uint64_t i = b * f->m, end = i + f->m;

	f->begun = b + 1;
	end = end < f->length ? end : f->length;
	for (; i < end && (i != s->stop_at || s->code == BATON_OK); i++) {
		f->batch[i].rows = s->rows(i, f->rows);
		f->batch[i].written = true;
		f->batch[i].mark = 0;
	}
	if (i == end)
		ready(f, b, end - b * f->m, BATON_OK, "");
	else if (s->code == BATON_END)
		ready(f, b, i - b * f->m, BATON_END, "");
	else
		fail_by_script(f, b, i - b * f->m);
}

int model_begin(struct model *f, bool occupied, uint64_t *i)
{
	if (!f->own)
		return BATON_MISUSE_FILLED;
	if (occupied)
		return BATON_MISUSE_OCCUPIED;
	if (f->canceled)
		return BATON_CANCELED;
	if (f->halted || f->begun == all_blocks(f))
		return BATON_END;
	if (!has_place(f, f->begun))
		return BATON_TIMEOUT;
	*i = f->begun++;
	f->block[*i].state = MODEL_FILLING;
	f->batch[*i].rows = f->rows;
	f->claims++;
	return BATON_OK;
}

void model_submit(struct model *f, uint64_t i)
{
	ready(f, i, 1, BATON_OK, "");
	f->claims--;
}

void model_stop(struct model *f, uint64_t i, int code, const char *text)
{
	if (code == BATON_END)
		ready(f, i, 0, BATON_END, "");
	else
		ready(f, i, 0, as_error(code), text ? text : baton_strerror(code));
	f->claims--;
}

/* --- the trainer ---------------------------------------------------------------------- */

/* The lowest block that may be taken. */
static bool find_ready(const struct model *f, uint64_t *b)
{
	uint64_t end = f->completion ? f->begun : f->head + 1;

	for (*b = f->head; *b < end && *b < f->stop_block; ++*b)
		if (f->block[*b].state == MODEL_READY)
			return true;
	return false;
}

static void take(struct model *f, uint64_t b)
{
	struct model_block *block = &f->block[b];

	block->state = block->n ? MODEL_TAKEN : MODEL_BACK;
	f->hand = b * f->m;
	f->hand_end = f->hand + block->n;
	if (block->stop != BATON_OK && b < f->stop_block)
		f->stop_block = b;
	while (f->block[f->head].state >= MODEL_TAKEN)
		f->head++;
}

static int next_block(struct model *f)
{
	uint64_t b;

	if (f->stop_block < f->head)
		return f->block[f->stop_block].stop;
	if (f->head == all_blocks(f))
		return BATON_END;
	if (!has_place(f, f->head))
		return BATON_MISUSE_HELD;
	if (!f->own && f->head == f->begun)
		fill_by_script(f, f->head);
	if (!find_ready(f, &b))
		return BATON_TIMEOUT;
	take(f, b);
	return BATON_OK;
}

static int next_batch(struct model *f, uint64_t *i)
{
	int rc;

	if (f->ended != BATON_OK)
		return f->ended;
	if (f->canceled)
		return BATON_CANCELED;
	while (f->hand == f->hand_end) {
		rc = next_block(f);
		if (rc != BATON_OK)
			return rc;
	}
	*i = f->hand++;
	f->batch[*i].state = MODEL_HELD;
	f->handed++;
	f->held++;
	return BATON_OK;
}

int model_next(struct model *f, bool occupied, uint64_t *i)
{
	int rc = occupied ? BATON_MISUSE_OCCUPIED : next_batch(f, i);

	f->misuse = baton_is_misuse(rc) ? rc : BATON_OK;
	if (rc != BATON_OK && rc != BATON_TIMEOUT && !f->misuse)
		f->ended = rc;
	return rc;
}

void model_return(struct model *f, uint64_t i)
{
	struct model_block *block = &f->block[i / f->m];

	f->batch[i].state = MODEL_RETURNED;
	f->held--;
	if (--block->left == 0)
		block->state = MODEL_BACK;
}

int model_status(const struct model *f, baton_error *err)
{
	const struct model_block *stop = &f->block[f->stop_block % MODEL_BATCHES];
	int rc = f->misuse ? f->misuse : f->ended;
	bool stopped = !f->misuse && f->stop_block != MODEL_NEVER && f->ended != BATON_OK &&
	               f->ended != BATON_CANCELED;

	*err = (baton_error){rc, f->first + f->handed, ""};
	if (stopped)
		err->batch = f->first + f->stop_block * f->m + stop->n;
	if (f->misuse)
		err->batch = 0;
	if (rc != BATON_OK)
		snprintf(err->text, sizeof(err->text), "%s",
		         stopped && rc < 0 ? stop->text : baton_strerror(rc));
	return rc;
}
