/* SPDX-License-Identifier: MIT */
#include <baton/ledger.h>
#include <criterion/criterion.h>
#include <string.h>

/* Percent of the trainer's time for each of BATON_TIME_*; producers that filled for so many
 * percent of it, all together. */
struct run {
	uint32_t producers, cpus;
	int ns[BATON_TIMES];
	int filled;
};

static const char *advice(struct run run)
{
	static char line[256];
	baton_ledger l = BATON_LEDGER_INIT;

	l.producers = run.producers;
	l.cpus = run.cpus;
	for (int i = 0; i < BATON_TIMES; i++)
		l.wall_ns += l.ns[i] = (uint64_t)run.ns[i];
	l.filling.fill_ns = (uint64_t)run.filled;
	cr_assert_eq(baton_ledger_advice(&l, line, sizeof(line)), strlen(line));
	return line;
}

#define HAS(run, text) \
	cr_assert(strstr(advice(run), text), "\"%s\" is not \"%s\"", advice(run), text)

Test(advice, a_trainer_that_hardly_waits_is_the_limit)
{
	struct run run = {1, 8, {96, 4}, 50};

	cr_assert_str_eq(advice(run), "the trainer is the limit: more producers won't help");
	run.ns[BATON_TIME_TRAIN] = 95;
	run.ns[BATON_TIME_FILL] = 5;
	cr_assert(!strstr(advice(run), "trainer is the limit"));
}

Test(advice, what_else_a_trainer_does_is_named_if_it_is_much)
{
	struct run run = {1, 8, {70, 0, 0, 0, 0, 2, 0, 28, 0}, 50};

	cr_assert_str_eq(advice(run), "the trainer is the limit: more producers won't help, but "
	                              "28 % of its time is callbacks");
	run.ns[BATON_TIME_VALIDATE] = 60;
	HAS(run, "38 % of its time is validation");
	run.ns[BATON_TIME_VALIDATE] = 0;
	run.ns[BATON_TIME_LOG] = 20;
	cr_assert_str_eq(advice(run), "the trainer is the limit: more producers won't help");
}

/* The trainer is busy for a fifth of the time, one producer for all of it: five would do. */
Test(advice, a_slow_source_is_the_limit_up_to_so_many_producers)
{
	struct run run = {1, 8, {20, 80}, 100};

	cr_assert_str_eq(advice(run), "the source is the limit: at 5 producers it would not be");
	run.filled = 101;
	HAS(run, "at 6 producers it");
	run.producers = 5;
	run.filled = 500;
	HAS(run, "at 25 producers it");
}

Test(advice, what_overheads_a_trainer_has_it_is_busy_with)
{
	struct run run = {1, 8, {20, 60, 0, 0, 0, 0, 0, 20, 0}, 100};

	HAS(run, "at 3 producers it");
}

Test(advice, more_producers_than_cpus_help_only_a_source_that_waits)
{
	struct run run = {1, 6, {20, 80}, 100};

	cr_assert_str_eq(advice(run), "the source is the limit: at 5 producers it would not be");
	run.cpus = 5; /* one is the trainer's */
	HAS(run, "at 5 producers it would not be, with a CPU for each or if it waits more than it "
	         "computes");
}

Test(advice, batches_filled_inline_want_a_producer)
{
	struct run run = {0, 8, {60, 0, 0, 0, 40}, 0};

	cr_assert_str_eq(advice(run), "the source is the limit: at 1 producer it would not be");
	run.ns[BATON_TIME_INLINE] = 61;
	HAS(run, "at 2 producers it would not be");
}

Test(advice, a_source_that_is_fast_enough_on_average_is_uneven)
{
	struct run run = {3, 8, {50, 50}, 150};

	cr_assert_str_eq(advice(run), "3 producers would do if each batch took as long: a larger "
	                              "pool evens them out");
	run = (struct run){1, 8, {60, 40}, 60};
	HAS(run, "1 producer would do");
}

Test(advice, a_pool_that_is_too_small_is_the_limit)
{
	struct run run = {1, 8, {50, 20, 25, 5}, 50};

	cr_assert_str_eq(advice(run), "the pool is the limit: more blocks would help, or batches "
	                              "given back sooner");
}

Test(advice, producers_that_begin_late_are_told_why)
{
	struct run run = {1, 8, {50, 20, 0, 30}, 50};

	HAS(run, "producers are slow to begin");
	run.producers = 0;
	HAS(run, "nobody begins the batches in time");
}

Test(advice, of_nothing_there_is_little_to_say)
{
	struct run run = {1, 8, {0}, 0};

	cr_assert_str_eq(advice(run), "nobody has asked for a batch yet");
	run.ns[BATON_TIME_FILL] = 100; /* it has never trained */
	cr_assert_str_eq(advice(run), "the source is the limit");
	run.producers = 0; /* own threads: nobody knows how busy they are */
	run.ns[BATON_TIME_TRAIN] = 100;
	cr_assert_str_eq(advice(run), "the source is the limit");
}

Test(advice, a_line_is_cut_to_fit)
{
	baton_ledger l = BATON_LEDGER_INIT;
	char line[10] = "zzzzzzzzz";

	cr_assert_eq(baton_ledger_advice(&l, line, 0), 0);
	cr_assert_eq(line[0], 'z');
	cr_assert_eq(baton_ledger_advice(&l, line, 8), 7);
	cr_assert_str_eq(line, "nobody ");
	cr_assert_eq(line[8], 'z');
}

Test(advice, every_time_has_a_name_and_nothing_else)
{
	for (int i = 0; i < BATON_TIMES; i++) {
		cr_assert_not_null(baton_time_name(i));
		for (int j = 0; j < i; j++)
			cr_assert_str_neq(baton_time_name(i), baton_time_name(j));
	}
	cr_assert_null(baton_time_name(-1));
	cr_assert_null(baton_time_name(BATON_TIMES));
}
