/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_TRAINING_H
#define BATON_PITFALLS_TRAINING_H

#include <baton/baton.h>

#define STEPS 1000 /* an epoch, as in the article */
#define ROWS 64

/* One training of one model on one source, with mse and rmsprop as the article has them. */
struct training {
	baton_history history;
	float weights[3];   /* of a, of b, bias; 0 for a model without */
	float predicted;    /* for (73, 57) */
	float predicted_46; /* for (44, 48), whose mean is 46 */
	int rank;           /* of the shape of one prediction */
	size_t shape[BATON_MAX_RANK + 1];
	char note[160]; /* what baton had to say about the shapes; "": nothing */
	uint64_t taken; /* batches, however it ended */
};
#define TRAINING_INIT                         \
	{                                     \
		.history = BATON_HISTORY_INIT \
	}

/* How the source is run, and for how long. */
struct training_options {
	int producers; /* as in baton_options */
	uint64_t seed, epochs;
};

/* Train Dense(1) upon x, or layers [n] of your own.
 * Returns 0, or an error with its text in err; *t is to be freed in any case */
int training_run(struct training *t, const baton_source *source,
                 const struct training_options *options, baton_error *err);
int training_run_layers(struct training *t, const baton_layer *layers, size_t n,
                        const baton_source *source, const struct training_options *options,
                        baton_error *err);
void training_free(struct training *t);

/* The mean of the losses of epochs from..to, counted from 1; NaN if they were not run. */
double training_mean(const struct training *t, uint64_t from, uint64_t to);
/* The same range's least and largest. */
void training_range(const struct training *t, uint64_t from, uint64_t to, double range[2]);

#endif
