/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_RESULT_H
#define BATON_PITFALLS_RESULT_H

#include "judge.h"
#include "training.h"

/* Closed forms, for two independent whole numbers, each uniform on 0..99. */
#define VARIANCE 416.625  /* of their mean: (100^2 - 1) / 12 / 2 */
#define LEARNS_LOW 0.0026 /* a trained net's loss, by RMSprop's step: about 2.9e3 lr^2 */
#define LEARNS_HIGH 0.0032
#define LEARNS_FROM 6 /* epoch */
#define PLATEAU_FROM 91
#define PLATEAU_TO 100
#define PLATEAU_TOLERANCE 2.5

/* One line of the table. */
struct result {
	const char *name;         /* "E1" */
	char what[48];            /* is done */
	double closed_form;       /* NaN: an interval only */
	struct interval expected; /* of the loss; NaN: there is none */
	double measured[2];       /* its least and largest figure; the same: one figure */
	double predicted;         /* for (73, 57); NaN: nothing was predicted */
	struct interval predicts; /* where that should lie */
	enum verdict verdict;
	char says[48];            /* what it proves if it is good */
	char note[640];           /* lines, with \n between them; "": none */
	struct training training; /* what the figures were taken from; perhaps no epoch */
};

#define RESULTS_MAX 20
struct results {
	struct result at[RESULTS_MAX];
	size_t n;
};

/* A new line, without figures and good so far. */
struct result *result_add(struct results *all, const char *name, const char *what,
                          const char *says);
void results_free(struct results *all);
/* The first of that name; NULL: none. */
const struct result *results_find(const struct results *all, const char *name);

/* Judge r->training: does it learn from epoch 6 on, or stay on a plateau over epochs 91 to
 * 100? Not judged when it has not got so far. */
void result_judge_learning(struct result *r);
void result_judge_plateau(struct result *r, double closed_form);

void result_note(struct result *r, const char *format, ...) BATON_PRINTF(2, 3);

#endif
