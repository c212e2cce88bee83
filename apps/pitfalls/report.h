/* SPDX-License-Identifier: MIT */
#ifndef BATON_PITFALLS_REPORT_H
#define BATON_PITFALLS_REPORT_H

#include "../json.h"
#include "scenario.h"

/* What was found, as text on stdout and as JSON. costs: NULL if they were not measured. */
void report_print(const struct setup *s, const struct results *all, const struct cost costs[CURES]);
/* Members of the object that is open. */
void report_json(struct json *j, const struct setup *s, const struct results *all,
                 const struct cost costs[CURES]);

/* The worst verdict of all. */
enum verdict report_verdict(const struct results *all, const struct cost costs[CURES]);

#endif
