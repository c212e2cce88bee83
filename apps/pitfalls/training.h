/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_TRAINING_H
#define BATON_PITFALLS_TRAINING_H

#include <baton/baton.h>

#define STEPS 1000 /* an epoch, as in the article */
#define ROWS 64

/* The article's model, Dense(1), mse and rmsprop, trained on some source. */
struct training {
	baton_history history;
	float weights[3]; /* of a, of b, bias */
	float predicted;  /* for (73, 57) */
	char note[160];   /* what baton had to say about the shapes; "": nothing */
};
#define TRAINING_INIT                         \
	{                                     \
		.history = BATON_HISTORY_INIT \
	}

/* Train.
 * producers: as in baton_options
 * Returns 0, or an error with its text in err; *t is to be freed in any case */
int training_run(struct training *t, const baton_source *source, int producers, uint64_t seed,
                 uint64_t epochs, baton_error *err);
void training_free(struct training *t);

/* The mean of the losses of epochs from..to, counted from 1; NaN if they were not run. */
double training_mean(const struct training *t, uint64_t from, uint64_t to);
/* The same range's least and largest. */
void training_range(const struct training *t, uint64_t from, uint64_t to, double range[2]);

#endif
