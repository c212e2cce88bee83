/* SPDX-License-Identifier: MIT */
/* Report: what was measured, for people and as one JSON document. */

#include "../json.h"
#include "../stats.h"
#include "feed_bench.h"
#include <inttypes.h>

static void print_setting(FILE *out, const struct report *r)
{
	const baton_stats *s = &r->run.stats;

	if (r->producers)
		fprintf(out, "%-10s %" PRIu32 " on %" PRIu32 " CPUs, ", "producers", r->producers,
		        r->cpus);
	else
		fprintf(out, "%-10s none, inline, ", "producers");
	fprintf(out, "%s; pool of %" PRIu32 " blocks of %" PRIu32 " batches of %zu bytes\n",
	        order_names[opt.order], s->blocks, s->block_batches, r->work.words * 8);
	fprintf(out, "%-10s source %g us of work and %g us asleep, trainer %g us\n", "a batch",
	        opt.source_us, opt.source_wait_us, opt.trainer_us);
}

static void print_rates(FILE *out, const struct report *r)
{
	const struct figure *f = &r->run.figure;

	fprintf(out, "%-10s %.0f batches/s, %.3f us a batch, over %" PRIu64 " batches\n", "rate",
	        rate(f), 1e6 / rate(f), f->batches);
	fprintf(out, "%-10s %.0f batches/s before", "ceiling", rate(&r->before));
	if (r->after.batches)
		fprintf(out, " and %.0f after", rate(&r->after));
	fprintf(out, ": the same work %s\n",
	        r->producers ? "at once, nothing handed over" : "in turns, no library");
	fprintf(out, "%-10s %.1f %% of the ceiling\n", "share", 100 * rate(f) / ceiling_rate(r));
	if (r->one_waits.batches)
		fprintf(out,
		        "%-10s %.1f %% of %" PRIu32 " times one waiting thread's %.1f batches/s\n",
		        "", 100 * rate(f) / (r->producers * rate(&r->one_waits)), r->producers,
		        rate(&r->one_waits));
	fprintf(out, "%-10s %.0f batches/s; fused, without the library: %.0f\n", "inline",
	        rate(&r->inlined.figure), rate(&r->fused));
}

static void print_waits(FILE *out, const struct report *r)
{
	const baton_stats *s = &r->run.stats;
	double wall = (double)r->run.figure.ns;
	uint64_t least = UINT64_MAX, most = 0;

	for (size_t i = 0; i < r->producers; i++) { /* the trainer's own come after these */
		least = r->run.filled[i] < least ? r->run.filled[i] : least;
		most = r->run.filled[i] > most ? r->run.filled[i] : most;
	}
	fprintf(out, "%-10s %.2f CPUs, %.3f us a batch; the ceiling's %.2f and %.3f\n", "CPU time",
	        cpus_used(&r->run.figure), cpu_us_each(&r->run.figure), cpus_used(&r->before),
	        cpu_us_each(&r->before));
	fprintf(out,
	        "%-10s waited %.2f %% of the time for fills and %.2f %% for claims, slept %" PRIu64
	        " times\n",
	        "trainer", 100 * (double)s->wait_fill_ns / wall,
	        100 * (double)s->wait_claim_ns / wall, s->parks);
	if (r->producers)
		fprintf(out,
		        "%-10s slept %" PRIu64 " times, filled %" PRIu64 " to %" PRIu64
		        " batches each\n",
		        "producers", s->producer_parks, least, most);
	fprintf(out, "%-10s %" PRIu64 " bytes\n", "memory", s->bytes);
}

static void print_latency(FILE *out, const struct report *r)
{
	const struct latency *l = r->run.latency;

	fprintf(out,
	        "%-10s next(): p50 %" PRIu64 ", p99 %" PRIu64 ", p99.9 %" PRIu64 ", max %" PRIu64
	        " ns over %" PRIu64 "; two looks at the clock: p50 %" PRIu64 ", max %" PRIu64 "\n",
	        "latency", latency_at(l, 0.5), latency_at(l, 0.99), latency_at(l, 0.999), l->max,
	        l->n, latency_at(&r->clock, 0.5), r->clock.max);
}

void print_report(FILE *out, const struct report *r)
{
	if (r->canceled)
		fprintf(out, "interrupted; up to then:\n");
	if (!r->run.filled) {
		fprintf(out, "%-10s none\n", "rate");
		return;
	}
	print_setting(out, r);
	print_rates(out, r);
	print_waits(out, r);
	stats_print(out, &r->run.ledger, r->run.producers, r->run.n_filled);
	if (opt.latency)
		print_latency(out, r);
	if (ceiling_moved(r))
		fprintf(out,
		        "%-10s the ceiling moved by more than %.0f %% during the run: the "
		        "machine was not quiet, take the share with care\n",
		        "note", 100 * MOVED);
}

static void write_figure(struct json *j, const char *key, const struct figure *f)
{
	json_object(j, key);
	json_u64(j, "batches", f->batches);
	json_u64(j, "ns", f->ns);
	json_f64(j, "batches_per_s", rate(f));
	json_f64(j, "cpus_used", cpus_used(f));
	json_f64(j, "cpu_us_per_batch", cpu_us_each(f));
	json_close(j);
}

static void write_config(struct json *j, const struct report *r)
{
	const baton_stats *s = &r->run.stats;

	json_object(j, "config");
	json_u64(j, "producers", r->producers);
	json_u64(j, "pool", s->blocks);
	json_u64(j, "block", s->block_batches);
	json_text(j, "order", order_names[opt.order]);
	json_u64(j, "spares", s->spares);
	json_text(j, "work_conserving", when_names[opt.work_conserving]);
	json_f64(j, "source_us", opt.source_us);
	json_f64(j, "source_wait_us", opt.source_wait_us);
	json_f64(j, "trainer_us", opt.trainer_us);
	json_u64(j, "bytes", r->work.words * 8);
	json_close(j);
}

static void write_stats(struct json *j, const struct run *run)
{
	json_object(j, "stats");
	json_u64(j, "wait_fill_ns", run->stats.wait_fill_ns);
	json_u64(j, "wait_claim_ns", run->stats.wait_claim_ns);
	json_u64(j, "parks", run->stats.parks);
	json_u64(j, "producer_parks", run->stats.producer_parks);
	json_u64(j, "memory_bytes", run->stats.bytes);
	json_u64(j, "replaced", run->stats.replaced);
	json_array(j, "filled");
	for (size_t i = 0; i < run->n_filled; i++)
		json_u64(j, NULL, run->filled[i]);
	json_close(j);
	json_close(j);
}

static void write_latency(struct json *j, const char *key, const struct latency *l)
{
	json_object(j, key);
	json_u64(j, "n", l->n);
	json_u64(j, "p50", latency_at(l, 0.5));
	json_u64(j, "p90", latency_at(l, 0.9));
	json_u64(j, "p99", latency_at(l, 0.99));
	json_u64(j, "p99_9", latency_at(l, 0.999));
	json_u64(j, "max", l->max);
	json_array(j, "buckets"); /* [the most of it, how many], those that are not empty */
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if (l->count[i]) {
			json_array(j, NULL);
			json_u64(j, NULL, latency_most(i));
			json_u64(j, NULL, l->count[i]);
			json_close(j);
		}
	json_close(j);
	json_close(j);
}

void write_report(struct json *j, const struct report *r)
{
	json_begin(j);
	json_object(j, NULL);
	json_program(j, NAME);
	json_u64(j, "cpus", r->cpus);
	write_config(j, r);
	json_u64(j, "warm_up_batches", r->warm_up);
	write_figure(j, "run", &r->run.figure);
	write_figure(j, "ceiling_before", &r->before);
	write_figure(j, "ceiling_after", &r->after);
	json_f64(j, "share_of_ceiling", rate(&r->run.figure) / ceiling_rate(r));
	json_bool(j, "ceiling_moved", ceiling_moved(r));
	if (r->one_waits.batches)
		write_figure(j, "one_waits", &r->one_waits);
	write_figure(j, "inline", &r->inlined.figure);
	write_figure(j, "fused", &r->fused);
	write_stats(j, &r->run);
	stats_json(j, &r->run.ledger, r->run.producers, r->run.n_filled);
	if (opt.latency) {
		write_latency(j, "next_ns", r->run.latency);
		write_latency(j, "clock_ns", &r->clock);
	}
	json_close(j);
}
