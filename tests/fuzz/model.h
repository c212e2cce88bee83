/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

/* What a pipeline is, as its public headers tell it, for one thread: blocks of m batches
 * that are begun in order, filled, handed out and given back. There is no ring in it and no
 * memory; block b has a place as soon as block b - blocks was given back. Batches and blocks
 * are counted from 0 here; batch i is batch first + i of the pipeline. */

#include <baton/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_BATCHES = 1024 };
#define MODEL_NEVER UINT64_MAX

/* The source's fill: every batch below stop_at, then what it says there. */
struct model_script {
	uint64_t stop_at;
	int code;   /* what it returns */
	bool fails; /* it calls baton_fail(fail_code, text) before */
	int fail_code;
	const char *text;
	size_t (*rows)(uint64_t i, size_t most);
};

struct model_batch {
	enum { MODEL_AWAY, MODEL_HELD, MODEL_RETURNED } state;
	size_t rows;
	bool written; /* with mark, all of it; else nobody knows what it holds */
	uint32_t mark;
};

struct model_block {
	enum { MODEL_UNTOUCHED, MODEL_FILLING, MODEL_READY, MODEL_TAKEN, MODEL_BACK } state;
	uint64_t n, left; /* batches in it, and those not given back */
	int stop;         /* what comes after them; OK: more batches */
	char text[160];   /* of an error */
};

struct model {
	/* what it was opened with */
	bool own, completion;
	uint64_t first, blocks, m, length; /* length: in batches from first; NEVER: unknown */
	size_t rows;
	struct model_script script;
	/* what has happened */
	uint64_t begun;                      /* blocks */
	uint64_t head;                       /* the lowest block that was not taken */
	uint64_t hand, hand_end;             /* batches in hand, not handed out */
	uint64_t stop_block;                 /* the lowest one taken with a stop; NEVER */
	bool halted, canceled;               /* no further begins; nor batches */
	int ended, misuse;                   /* what next said for good; if it was misuse */
	uint64_t handed, held, claims, full; /* full: batches filled */
	struct model_batch batch[MODEL_BATCHES];
	struct model_block block[MODEL_BATCHES];
};

/* Room left for another call of next or begin. */
bool model_has_room(const struct model *f);

/* Trainer. next: would it give a batch, and which; TIMEOUT: it would wait. */
int model_next(struct model *f, bool occupied, uint64_t *i);
void model_return(struct model *f, uint64_t i);
int model_status(const struct model *f, baton_error *err);

/* Own threads. The block is the batch. begin: TIMEOUT: it would wait. */
int model_begin(struct model *f, bool occupied, uint64_t *i);
void model_submit(struct model *f, uint64_t i);
void model_stop(struct model *f, uint64_t i, int code, const char *text);

/* A text as it arrives: cut, on one line. to [160] */
void model_text(char *to, const char *text);

#endif
