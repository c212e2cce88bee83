/* SPDX-License-Identifier: MIT */
/* Stats: where the time of a pipeline's threads went. Reads, changes nothing. */

#include "stats.h"
#include <inttypes.h>
#include <stdlib.h>

#define MAX_BLAMED 8 /* named on a line */

/* The keys of BATON_TIME_* */
static const char *const keys[BATON_TIMES] = {
	"train_ns",    "wait_fill_ns",  "wait_pool_ns", "wait_wake_ns", "inline_ns",
	"snapshot_ns", "checkpoint_ns", "callbacks_ns", "validate_ns",
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100 * (double)part / (double)whole : 0;
}

/* Which producers the trainer waited for, the worst first. */
static void print_blamed(FILE *out, const baton_ledger *ledger,
                         const baton_producer_time *producers, size_t n)
{
	uint64_t last = UINT64_MAX;

	for (int shown = 0; shown < MAX_BLAMED; shown++) {
		size_t worst = n;

		for (size_t i = 0; i < n; i++)
			if (producers[i].blamed_ns < last &&
			    (worst == n || producers[i].blamed_ns > producers[worst].blamed_ns))
				worst = i;
		if (worst == n || producers[worst].blamed_ns == 0)
			break;
		last = producers[worst].blamed_ns;
		fprintf(out, "%s producer %zu %.2f %%", shown ? "," : ":", worst,
		        percent(last, ledger->wall_ns));
	}
}

static void print_trainer(FILE *out, const baton_ledger *ledger,
                          const baton_producer_time *producers, size_t n)
{
	fprintf(out, "the trainer's %.3f ms:\n", (double)ledger->wall_ns * 1e-6);
	for (int i = 0; i < BATON_TIMES; i++) {
		if (percent(ledger->ns[i], ledger->wall_ns) < 0.005)
			continue;
		fprintf(out, "  %6.2f %% %s", percent(ledger->ns[i], ledger->wall_ns),
		        baton_time_name(i));
		if (i == BATON_TIME_FILL && ledger->producers)
			print_blamed(out, ledger, producers, n);
		fprintf(out, "\n");
	}
}

void stats_print(FILE *out, const baton_ledger *ledger, const baton_producer_time *producers,
                 size_t n)
{
	const baton_producer_time *all = &ledger->filling;
	char line[200];

	print_trainer(out, ledger, producers, n);
	if (ledger->producers)
		fprintf(out,
		        "the producers' %.3f ms: %.2f %% filling, %.2f %% without a free block, "
		        "%.2f %% asleep for want of one\n",
		        (double)all->wall_ns * 1e-6, percent(all->fill_ns, all->wall_ns),
		        percent(all->no_block_ns, all->wall_ns),
		        percent(all->parked_ns, all->wall_ns));
	baton_ledger_advice(ledger, line, sizeof(line));
	fprintf(out, "%s\n", line);
}

static void json_producer(struct json *j, const char *key, const baton_producer_time *p)
{
	json_object(j, key);
	json_u64(j, "wall_ns", p->wall_ns);
	json_u64(j, "fill_ns", p->fill_ns);
	json_u64(j, "no_block_ns", p->no_block_ns);
	json_u64(j, "parked_ns", p->parked_ns);
	json_u64(j, "blamed_ns", p->blamed_ns);
	json_close(j);
}

void stats_json(struct json *j, const baton_ledger *ledger, const baton_producer_time *producers,
                size_t n)
{
	char line[200];

	json_object(j, "ledger");
	json_object(j, "trainer");
	json_u64(j, "wall_ns", ledger->wall_ns);
	for (int i = 0; i < BATON_TIMES; i++)
		json_u64(j, keys[i], ledger->ns[i]);
	json_close(j);
	json_array(j, "producers");
	for (size_t i = 0; i < n; i++)
		json_producer(j, NULL, &producers[i]);
	json_close(j);
	baton_ledger_advice(ledger, line, sizeof(line));
	json_text(j, "advice", line);
	json_close(j);
}

baton_producer_time *stats_producers(const baton_pipeline *feed, size_t *n)
{
	baton_producer_time *times;

	*n = baton_ledger_producers(feed, NULL, 0);
	times = calloc(*n, sizeof(*times));
	if (times)
		baton_ledger_producers(feed, times, *n);
	return times;
}

void stats_subtract(baton_producer_time *times, const baton_producer_time *earlier, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		times[i].wall_ns -= earlier[i].wall_ns;
		times[i].fill_ns -= earlier[i].fill_ns;
		times[i].no_block_ns -= earlier[i].no_block_ns;
		times[i].parked_ns -= earlier[i].parked_ns;
		times[i].blamed_ns -= earlier[i].blamed_ns;
	}
}
