/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_STATS_H
#define BATON_APPS_STATS_H

/* A stall ledger, for people and as JSON. */

#include "json.h"
#include <baton/ledger.h>

/* producers [n] */
void stats_print(FILE *out, const baton_ledger *ledger, const baton_producer_time *producers,
                 size_t n);
/* One member, "ledger". */
void stats_json(struct json *j, const baton_ledger *ledger, const baton_producer_time *producers,
                size_t n);

/* A copy of baton_ledger_producers() for free(), *n of them; NULL if out of memory. */
baton_producer_time *stats_producers(const baton_pipeline *feed, size_t *n);
/* Keep of the times what came after the earlier ones. */
void stats_subtract(baton_producer_time *times, const baton_producer_time *earlier, size_t n);

#endif
