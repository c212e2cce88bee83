/* SPDX-License-Identifier: MIT */
/* Keep: checkpoints of a training, going on from one, and files of weights. */

#include "train_mean.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What must be the same for a run to go on, beside the network and how it learns. */
struct notes {
	char text[10][56];
	baton_note all[10];
	size_t n;
};

static void note_whole(struct notes *notes, const char *key, uint64_t value)
{
	char *text = notes->text[notes->n];

	snprintf(text, sizeof(notes->text[0]), "%" PRIu64, value);
	notes->all[notes->n++] = (baton_note){key, text};
}

/* By what is in the files, not by their names. */
static void take_data_notes(struct notes *notes, const struct setup *s, const struct run *run)
{
	char *text = notes->text[notes->n];

	if (run->data)
		snprintf(text, sizeof(notes->text[0]), "%" PRIu64 " samples (%016" PRIx64 ")",
		         run->samples, run->identity);
	else
		snprintf(text, sizeof(notes->text[0]), "none");
	notes->all[notes->n++] = (baton_note){"--x and --y", text};
	if (!run->data)
		return;
	note_whole(notes, "--no-shuffle", s->no_shuffle);
	note_whole(notes, "--drop-last", s->drop_last);
}

static void take_notes(struct notes *notes, const struct setup *s, const struct run *run)
{
	notes->n = 0;
	note_whole(notes, "--seed", s->seed);
	note_whole(notes, "--batch-size", s->batch_size);
	note_whole(notes, "--steps-per-epoch", s->steps);
	note_whole(notes, "--validation-steps", s->validation_steps);
	note_whole(notes, "--patience", s->patience);
	/* more epochs may follow, unless other batches would be the validation's then */
	if (s->validation_steps)
		note_whole(notes, "--epochs", s->epochs);
	take_data_notes(notes, s, run);
	snprintf(notes->text[notes->n], sizeof(notes->text[0]), "%.17g", s->lr);
	notes->all[notes->n] = (baton_note){"--lr", notes->text[notes->n]};
	notes->n++;
}

int resume(const struct setup *s, struct run *run, baton_error *err)
{
	struct notes notes;

	if (!s->resume_path)
		return BATON_OK;
	take_notes(&notes, s, run);
	return baton_model_load(run->net, s->resume_path, notes.all, notes.n, &run->at, err);
}

/* Alive for as long as the checkpointer. */
static struct notes kept;

int keep_start(const struct setup *s, struct run *run, baton_error *err)
{
	baton_checkpoint_options options = BATON_CHECKPOINT_OPTIONS_INIT;

	if (!s->checkpoint_path)
		return BATON_OK;
	take_notes(&kept, s, run);
	options.path = s->checkpoint_path;
	options.every = s->checkpoint_every ? s->checkpoint_every : 100000;
	options.keep = (unsigned)s->keep;
	options.notes = kept.all;
	options.n_notes = kept.n;
	return baton_checkpointer_start(&run->checkpointer, run->net, &options, err);
}

int keep_stop(struct run *run)
{
	baton_error err;
	uint64_t saved = 0;
	int rc = baton_checkpointer_stop(&run->checkpointer, &saved, &err);

	if (rc == BATON_OK)
		return rc;
	fprintf(stderr, PROGRAM ": --checkpoint: %s; ", err.text);
	if (saved)
		fprintf(stderr, "the last one that was written is of step %" PRIu64 "\n", saved);
	else
		fprintf(stderr, "none was written\n");
	return rc;
}

int save_weights(const struct setup *s, const struct run *run)
{
	struct notes notes;
	baton_error err;
	int rc;

	if (!s->save_path)
		return BATON_OK;
	take_notes(&notes, s, run);
	rc = baton_model_save(run->net, s->save_path, notes.all, notes.n, &err);
	if (rc < 0)
		fprintf(stderr, PROGRAM ": --save: %s\n", err.text);
	return rc;
}
