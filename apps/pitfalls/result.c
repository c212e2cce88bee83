/* SPDX-License-Identifier: MIT */
/* What a scenario came to, and the two ways in which a training is judged: it learns, or
 * it stays where the closed form says. Both look at the loss and at one prediction, since
 * a loss alone can't tell what was learnt. */

#include "result.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NONE ((double)NAN)

struct result *result_add(struct results *all, const char *name, const char *what, const char *says)
{
	struct result *r = &all->at[all->n++];

	assert(all->n <= RESULTS_MAX);
	*r = (struct result){
		.name = name,
		.closed_form = NONE,
		.expected = {NONE, NONE},
		.measured = {NONE, NONE},
		.predicted = NONE,
		.predicts = {NONE, NONE},
		.training = TRAINING_INIT,
	};
	snprintf(r->what, sizeof(r->what), "%s", what);
	snprintf(r->says, sizeof(r->says), "%s", says);
	return r;
}

void results_free(struct results *all)
{
	for (size_t i = 0; i < all->n; i++)
		training_free(&all->at[i].training);
	all->n = 0;
}

const struct result *results_find(const struct results *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(all->at[i].name, name) == 0)
			return &all->at[i];
	}
	return NULL;
}

void result_judge_learning(struct result *r)
{
	const struct training *t = &r->training;
	uint64_t last = t->history.n_epochs;

	r->expected = (struct interval){LEARNS_LOW, LEARNS_HIGH};
	r->predicts = around(65, 0.2);
	r->predicted = (double)t->predicted;
	training_range(t, last < LEARNS_FROM ? last : LEARNS_FROM, last, r->measured);
	r->verdict = last < LEARNS_FROM
	                     ? VERDICT_NOT_JUDGED
	                     : judge_both(judge_range(r->expected, r->measured[0], r->measured[1]),
	                                  judge(r->predicts, r->predicted));
}

void result_judge_plateau(struct result *r, double closed_form)
{
	const struct training *t = &r->training;
	uint64_t last = t->history.n_epochs;

	r->closed_form = closed_form;
	r->expected = around(closed_form, PLATEAU_TOLERANCE);
	r->predicts = (struct interval){48, 51};
	r->predicted = (double)t->predicted;
	r->measured[0] = r->measured[1] = last < PLATEAU_TO
	                                          ? training_mean(t, last, last)
	                                          : training_mean(t, PLATEAU_FROM, PLATEAU_TO);
	r->verdict = last < PLATEAU_TO ? VERDICT_NOT_JUDGED
	                               : judge_both(judge(r->expected, r->measured[0]),
	                                            judge(r->predicts, r->predicted));
}

void result_note(struct result *r, const char *format, ...)
{
	size_t used = strlen(r->note);
	va_list ap;

	if (used > 0 && used + 1 < sizeof(r->note))
		r->note[used++] = '\n';
	va_start(ap, format);
	vsnprintf(r->note + used, sizeof(r->note) - used, format, ap);
	va_end(ap);
}
