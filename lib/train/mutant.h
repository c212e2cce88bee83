/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_MUTANT_H
#define BATON_TRAIN_MUTANT_H

/* Mistakes that a trainer could make, to see that somebody would notice: tests/mutants
 * compiles the library's text once more with each, and tests/ref/replay must tell it from
 * Keras. In the library that ships every BATON_MUTANT_IS() is a constant 0. */
enum baton_mutant {
	BATON_MUTANT_NONE,
	BATON_MUTANT_EPSILON_OUTSIDE, /* beside the root, not under it */
	BATON_MUTANT_CENTER_FORGOTTEN,
	BATON_MUTANT_MOMENTUM_FORGOTTEN,
	BATON_MUTANT_NO_LOOK_AHEAD, /* nesterov is plain momentum */
	BATON_MUTANT_ADAM_BIASED,   /* no correction for moments that start at 0 */
	BATON_MUTANT_WRONG_AXIS,    /* the mean over a row's values, the sum over the rows */
	BATON_MUTANT_BIAS_FORGOTTEN,
};

#ifndef BATON_MUTANT
#define BATON_MUTANT BATON_MUTANT_NONE
#endif

#define BATON_MUTANT_IS(name) (BATON_MUTANT == BATON_MUTANT_##name)

#endif
