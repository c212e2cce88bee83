/* SPDX-License-Identifier: MIT */
/* An account that its thread turns while another looks: what the reader takes for whole is of
 * one moment. Its three turns, and a thing called by another name in between:
 *
 *      10 .. doing 0 .. 13 .. doing 1 .. 18 .. doing 2, then called 0 .. 25 .. doing 1
 */

#include "feed/account.h"
#include "model.h"

static struct baton_account account;

/* What the reader saw, judged after the joins. */
static struct seen {
	bool whole;
	int doing;
	uint64_t since, ns[BATON_TIMES];
} seen;

static void *keep(void *arg)
{
	baton_account_begin(&account, 0, 10);
	baton_account_turn(&account, 1, 13);
	baton_account_turn(&account, 2, 18);
	baton_account_call(&account, 0);
	baton_account_turn(&account, 1, 25);
	return arg;
}

static void *look(void *arg)
{
	seen.whole = baton_account_look(&account, &seen.since, &seen.doing, seen.ns);
	return arg;
}

static bool is(uint64_t since, int doing, uint64_t ns_0, uint64_t ns_1)
{
	return seen.since == since && seen.doing == doing && seen.ns[0] == ns_0 &&
	       seen.ns[1] == ns_1 && seen.ns[2] == 0;
}

int main(void)
{
	pthread_t writer, reader;

	atomic_init(&account.since_ns, 0);
	atomic_init(&account.begun_ns, 0);
	atomic_init(&account.doing, BATON_NO_TIME);
	for (int i = 0; i < BATON_TIMES; i++)
		atomic_init(&account.ns[i], 0);
	pthread_create(&writer, NULL, keep, NULL);
	pthread_create(&reader, NULL, look, NULL);
	pthread_join(writer, NULL);
	pthread_join(reader, NULL);
	if (seen.whole && seen.since != 0)
		assert(is(10, 0, 0, 0) || is(13, 1, 3, 0) || is(18, 2, 3, 5) || is(18, 0, 3, 5) ||
		       is(25, 1, 10, 5));
	return 0;
}
