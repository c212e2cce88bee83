/* SPDX-License-Identifier: MIT */
#ifndef BATON_CHECKPOINT_H
#define BATON_CHECKPOINT_H

#include <baton/snapshot.h>

BATON_BEGIN_DECLS

/* Checkpoints: a training's whole state in one file, from which it goes on to the same bits
 * as if it had never stopped, with any number of producers.
 *
 * The file is in safetensors format: each dense layer's kernel [inputs, units] and bias
 * [units] as "dense_1.kernel", "dense_1.bias" (Keras' orientation: PyTorch's weight is the
 * transpose), the optimizer's state as "optimizer.velocity.dense_1.kernel" and so on, and
 * what else a run accumulates as strings in its metadata.
 *
 * It is written beside (PATH.tmp), synced and renamed: at any moment PATH is a whole
 * checkpoint or none at all. One run writes to a path at a time. */

/* A line of the caller's in a checkpoint, such as {"seed", "1"}: what a run was made with
 * and the library can't know. Printable ASCII. A load refuses a file whose value for a key is
 * another. */
typedef struct baton_note {
	const char *key, *value;
} baton_note;

/* Where a loaded checkpoint was. */
typedef struct baton_resume {
	size_t size;         /* set by BATON_RESUME_INIT */
	uint64_t step;       /* steps made, over all fits */
	uint64_t next_batch; /* the pipeline's first_batch, to go on in order */
	uint64_t epoch;      /* where the next step is, 0.. */
	uint64_t epoch_step; /* steps made in it */
} baton_resume;
#define BATON_RESUME_INIT                        \
	{                                        \
		sizeof(baton_resume), 0, 0, 0, 0 \
	}

/* Write a snapshot's state to path. Any thread; takes as long as the disk.
 * notes: [n_notes], read during the call
 * Returns: OK; -errno of what failed, with err filled: path is what it was before (or, if
 *          only the folder's sync failed, the new file); MISUSE_NULL; -EINVAL for a note
 *          that is no text, or one of two with one key; ERR_NAN: the epoch's losses are
 *          not finite, so that no training could go on from there */
BATON_API BATON_MUST_CHECK int baton_snapshot_save(const baton_snapshot *s, const char *path,
                                                   const baton_note *notes, size_t n_notes,
                                                   baton_error *err);

/* The same of a compiled model as it is now. The trainer's. */
BATON_API BATON_MUST_CHECK int baton_model_save(const baton_model *net, const char *path,
                                                const baton_note *notes, size_t n_notes,
                                                baton_error *err);

/* Put a model, compiled as the one that was saved, where that was. The next baton_fit() goes
 * on from there: its options must be those of the run that was saved, and its pipeline
 * must begin at at->next_batch; where it can tell that they do not, it fails with -EINVAL,
 * and another one may go on. Not for baton_step() loops of the caller's own, which know
 * best how far they are; they read *at.
 *   notes: each must be in the file with the same value
 *   at:    may be NULL
 * Returns: OK; -EINVAL, ERR_SHAPE: not a checkpoint, or of another run: err's text says what
 *          differs; -errno; MISUSE_NULL. On failure nothing has changed */
BATON_API BATON_MUST_CHECK int baton_model_load(baton_model *net, const char *path,
                                                const baton_note *notes, size_t n_notes,
                                                baton_resume *at, baton_error *err);

/* Only the weights, from any safetensors file that has tensors of their names and shapes;
 * the model needs not be compiled. Returns as baton_model_load(). */
BATON_API BATON_MUST_CHECK int baton_weights_load(baton_model *net, const char *path,
                                                  baton_error *err);

/* Who saves a model while it is trained, in a thread of its own, and at the end. Training
 * never waits for it: if the disk is slower than the steps, fewer are saved. */
typedef struct baton_checkpointer baton_checkpointer;

typedef struct baton_checkpoint_options {
	size_t size; /* set by BATON_CHECKPOINT_OPTIONS_INIT */
	const char *path;
	uint64_t every; /* save when at least so many steps were made since the last one;
	                 * 0: only at the end, without a thread */
	unsigned keep;  /* files: PATH and the keep - 1 before it, as PATH.1 (newer) and on;
	                 * 0: 1; at most 1000 */
	const baton_note *notes; /* [n_notes] */
	size_t n_notes;
} baton_checkpoint_options;
#define BATON_CHECKPOINT_OPTIONS_INIT                           \
	{                                                       \
		sizeof(baton_checkpoint_options), 0, 0, 0, 0, 0 \
	}

/* Start saving net, which must be compiled, outlive it, and not be in a fit yet. options are
 * read during the call but for path and notes, which must live until stop. A path where no
 * file could be written now is refused: an empty PATH.tmp is made and taken away again.
 * Returns OK; -EINVAL, -ENOMEM, -EAGAIN, -errno of that file with err filled; MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_checkpointer_start(baton_checkpointer **c,
                                                        const baton_model *net,
                                                        const baton_checkpoint_options *options,
                                                        baton_error *err);

/* Save the state that the fit ended with, unless no step was ever made, and end the thread.
 * The trainer's. A save that fails while it
 * trains does not stop the training: the next one is tried, and the last one counts.
 * *saved (may be NULL): the step that PATH now holds, 0: none of this run's.
 * Returns OK, also of NULL; what the last save failed with, err filled. *c becomes NULL */
BATON_API BATON_MUST_CHECK int baton_checkpointer_stop(baton_checkpointer **c, uint64_t *saved,
                                                       baton_error *err);

BATON_END_DECLS

#endif
