/* SPDX-License-Identifier: MIT */
/* E9: the same task with baton's ownership. Any number of producers fill batches in place;
 * a batch's memory is nobody else's until the trainer has given it back. */

#include "../mean_source.h"
#include "scenario.h"
#include <stdio.h>

static int train(const struct setup *s, struct result *r, unsigned producers, baton_error *err)
{
	baton_source source = mean_source(ROWS, 0);
	struct training_options options = scenario_training(s, (int)producers);
	int rc = training_run(&r->training, &source, &options, err);

	result_judge_learning(r);
	return rc;
}

/* The claim that goes beyond the closed form: the same bits whoever fills. */
static void judge_digest(struct result *r, uint64_t expected)
{
	uint64_t digest = r->training.history.digest;

	if (digest != expected) {
		r->verdict = VERDICT_FAILED;
		result_note(r, "another digest than with 1 producer");
	}
}

int scenario_baton(const struct setup *s, struct results *all, baton_error *err)
{
	static const unsigned producers[] = {1, 4, 16};
	uint64_t digest = 0;
	int rc = 0;

	for (size_t i = 0; i < sizeof(producers) / sizeof(producers[0]) && rc == 0; i++) {
		struct result *r = result_add(all, "E9", "", "learns");

		snprintf(r->what, sizeof(r->what), "baton, %u producer%s", producers[i],
		         producers[i] == 1 ? "" : "s");
		rc = train(s, r, producers[i], err);
		digest = i == 0 ? r->training.history.digest : digest;
		judge_digest(r, digest);
		if (i == 0)
			result_note(r, "no copy, no allocation; every loss and weight has the same "
			               "bits at 1, 4 and 16 producers");
	}
	return rc;
}
