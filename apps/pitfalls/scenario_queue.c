/* SPDX-License-Identifier: MIT */
/* E1 to E5: the article's generators behind the queue of fit_generator(). The trainer is
 * baton's; its source shows what the queue would have shown (loader.h). */

#include "scenario.h"
#include <stdio.h>

struct training_options scenario_training(const struct setup *s, int producers)
{
	return (struct training_options){producers, s->seed, s->epochs};
}

struct loader_config scenario_loader(const struct setup *s, enum arrays arrays)
{
	return (struct loader_config){
		.form = s->form,
		.arrays = arrays,
		.rows = ROWS,
		.seed = s->seed,
		.depth = (uint32_t)s->queue,
		.speed = s->speed,
		.ahead = AHEAD_ALL,
	};
}

static int train(const struct setup *s, enum arrays arrays, struct result *r,
                 struct loader_counts *counts, baton_error *err)
{
	struct loader_config config = scenario_loader(s, arrays);
	struct training_options options = scenario_training(s, BATON_INLINE);
	struct loader *loader = NULL;
	baton_source source;
	int rc;

	loader_open(&loader, &config);
	source = loader_source(loader);
	rc = training_run(&r->training, &source, &options, err);
	*counts = loader_counts(loader);
	loader_close(&loader);
	return rc;
}

static void note_strangers(struct result *r, const struct loader_counts *c)
{
	result_note(r,
	            "%.1f %% of the rows hold other numbers than their label was made from; "
	            "%.1f entries in the queue",
	            100 * (double)c->strangers / (double)c->rows,
	            (double)c->queued / (double)c->batches);
}

int scenario_x_reused(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E1", "x reused, labels fresh", "never learns");
	struct loader_counts counts;
	int rc = train(s, ARRAYS_X_REUSED, r, &counts, err);

	result_judge_plateau(r, VARIANCE);
	note_strangers(r, &counts);
	result_note(r, "all that is left to learn is the best constant, 49.5, at the variance of "
	               "the mean");
	return rc;
}

int scenario_both_reused(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E2", "x and labels reused", "learns, by luck");
	struct loader_counts counts;
	int rc = train(s, ARRAYS_BOTH_REUSED, r, &counts, err);

	result_judge_learning(r);
	note_strangers(r, &counts);
	result_note(r, "luck: every queued entry is the newest batch, numbers and labels alike, as "
	               "long as the\ntrainer is the slow side; --speed 1 makes it as quick as the "
	               "generator, and this fails");
	return rc;
}

int scenario_fresh(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E4", "new arrays for each batch", "learns");
	struct loader_counts counts;
	int rc = train(s, ARRAYS_FRESH, r, &counts, err);

	result_judge_learning(r);
	return rc;
}

int scenario_copied(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E5", "a copy for each batch", "learns");
	struct loader_counts counts;
	int rc = train(s, ARRAYS_COPIED, r, &counts, err);

	result_judge_learning(r);
	return rc;
}

/* --- E3: print(next(it), next(it)) ------------------------------------------------ */

/* What one of the two references shows when both are printed. */
struct shown {
	float x[2], y;
};

static void next_next(const struct setup *s, uint64_t seed, struct shown shown[2])
{
	struct loader_config config = scenario_loader(s, ARRAYS_X_REUSED);
	struct loader *loader = NULL;
	struct yielded held[2];

	config.seed = seed;
	config.rows = 1;
	config.depth = 2;
	config.limit = 2;
	config.speed = SPEED_ALWAYS_AHEAD;
	loader_open(&loader, &config);
	for (int i = 0; i < 2; i++) {
		loader_head(loader);
		held[i] = loader_pop(loader);
	}
	for (int i = 0; i < 2; i++) {
		yielded_read(&held[i], 1, shown[i].x, &shown[i].y);
		yielded_drop(&held[i]);
	}
	loader_close(&loader);
}

int scenario_next_next(const struct setup *s, struct results *all, baton_error *err)
{
	struct result *r = result_add(all, "E3", "print(next, next)", "one x, two labels");
	uint64_t seed = s->seed;
	struct shown at[2];
	bool one_x, second_fits;

	(void)err;
	do { /* two labels that are the same by chance, 2 in 300, would show nothing */
		next_next(s, seed++, at);
	} while (at[0].y == at[1].y);
	one_x = at[0].x[0] == at[1].x[0] && at[0].x[1] == at[1].x[1];
	second_fits = (at[1].x[0] + at[1].x[1]) / 2 == at[1].y;
	r->verdict = one_x && second_fits ? VERDICT_OK : VERDICT_FAILED;
	for (int i = 0; i < 2; i++)
		result_note(r, "([[%g. %g.]], [%g])%s", (double)at[i].x[0], (double)at[i].x[1],
		            (double)at[i].y, i == 0 ? "   its numbers are overwritten" : "");
	return 0;
}
