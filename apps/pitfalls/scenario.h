/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_SCENARIO_H
#define BATON_PITFALLS_SCENARIO_H

#include "cost.h"
#include "loader.h"
#include "result.h"

/* The article's experiments, one function each. */

struct setup {
	uint64_t seed, epochs, queue;
	enum form form;
	double speed; /* as in loader_config */
};

#define SCENARIOS 9

/* Add lines to the table. Returns 0, or an error with its text in err. */
typedef int scenario_fn(const struct setup *s, struct results *all, baton_error *err);

scenario_fn scenario_x_reused;    /* E1 */
scenario_fn scenario_both_reused; /* E2 */
scenario_fn scenario_next_next;   /* E3 */
scenario_fn scenario_fresh;       /* E4 */
scenario_fn scenario_copied;      /* E5 */
scenario_fn scenario_flat_target; /* E6 */
scenario_fn scenario_lambda;      /* E7 */
scenario_fn scenario_flat_lambda; /* E8 */
scenario_fn scenario_baton;       /* E9 */

/* How its training, and its loader, is set up. */
struct training_options scenario_training(const struct setup *s, int producers);
struct loader_config scenario_loader(const struct setup *s, enum arrays arrays);

#endif
