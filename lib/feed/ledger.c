/* SPDX-License-Identifier: MIT */
/* Ledger: where the time of a pipeline's threads goes. An account is turned where its
 * thread begins or ceases to wait, which costs a look at the clock there and nothing
 * anywhere else; intervals adjoin, so they add up to the whole. */

#include "feed.h"
#include <string.h>

/* Each look in vain means that the account was turned meanwhile, or is being turned by a
 * thread that lost its CPU there. */
#define LOOKS 1000

uint64_t baton_account_read(const struct baton_account *a, uint64_t ns[BATON_TIMES])
{
	uint64_t since, now, sum = 0;
	bool whole = false;
	int doing;

	for (int i = 0; i < LOOKS && !whole; i++)
		whole = baton_account_look(a, &since, &doing, ns);
	now = baton_now_ns();
	/* else what has been put down will do */
	if (whole && since != 0 && doing != BATON_NO_TIME && now > since)
		ns[doing] += now - since;
	for (int i = 0; i < BATON_TIMES; i++)
		sum += ns[i];
	return sum;
}

/* --- the trainer ----------------------------------------------------------------- */

void baton_ledger_enter(struct baton_trainer_time *time)
{
	if (!baton_account_begun(&time->account))
		baton_account_begin(&time->account, BATON_TIME_TRAIN, baton_now_ns());
}

/* Is it the trainer's first next, and not its last? */
static bool inside(const struct baton_account *a)
{
	return baton_account_begun(a) && baton_account_doing(a) != BATON_NO_TIME;
}

void baton_ledger_leave(struct baton_trainer_time *time)
{
	if (inside(&time->account))
		baton_account_turn(&time->account, BATON_NO_TIME, baton_now_ns());
}

int baton_ledger_charge(baton_pipeline *feed, int time)
{
	struct baton_account *a;
	int before;

	if (!feed)
		return BATON_TIME_TRAIN;
	a = &feed->delivery.time.account;
	before = baton_account_doing(a);
	if (!inside(a))
		return BATON_TIME_TRAIN;
	if (time != before &&
	    (time == BATON_TIME_TRAIN || (time >= BATON_TIME_SNAPSHOT && time < BATON_TIMES)))
		baton_account_turn(a, time, baton_now_ns());
	return before;
}

struct baton_stall_parts baton_stall_divide(const struct baton_stall *stall)
{
	uint64_t begun = stall->begun_ns, ended = stall->ended_ns, claimed = stall->claimed_ns;
	uint64_t lacked = claimed < begun ? claimed : begun; /* so far it could have been filled */
	struct baton_stall_parts parts;

	claimed = claimed < begun ? begun : claimed > ended ? ended : claimed;
	lacked = stall->lacked_ns && stall->lacked_ns < lacked ? lacked - stall->lacked_ns : 0;
	parts.wake_ns = claimed - begun;
	parts.fill_ns = ended - claimed;
	parts.pool_ns = lacked < parts.fill_ns ? lacked : parts.fill_ns;
	parts.fill_ns -= parts.pool_ns;
	return parts;
}

uint64_t baton_ledger_wait(struct baton_trainer_time *time)
{
	uint64_t now = baton_now_ns();

	baton_account_turn(&time->account, BATON_TIME_WAKE, now);
	return now;
}

int baton_ledger_fills(struct baton_trainer_time *time)
{
	int before = baton_account_doing(&time->account);

	baton_account_turn(&time->account, BATON_TIME_INLINE, baton_now_ns());
	return before;
}

uint64_t baton_ledger_filled(struct baton_trainer_time *time, int before)
{
	uint64_t begun = baton_counter_read(&time->account.since_ns), now = baton_now_ns();

	baton_account_turn(&time->account, before, now);
	return now - begun;
}

/* Whose the fill was that the trainer waited for. */
static void blame(struct baton_pipeline *feed, const struct baton_block *block, uint64_t ns)
{
	struct baton_trainer_time *time = &feed->delivery.time;

	time->nameless_ns += ns;
	if (!block)
		return;
	baton_counter_add(&feed->producers[block->producer].blamed_ns, time->nameless_ns);
	time->nameless_ns = 0;
}

uint64_t baton_ledger_waited(struct baton_pipeline *feed, int before, uint64_t claimed_ns,
                             const struct baton_block *block)
{
	struct baton_account *a = &feed->delivery.time.account;
	struct baton_stall stall = {baton_counter_read(&a->since_ns), baton_now_ns(), claimed_ns,
	                            0};
	struct baton_stall_parts parts;

	if (block && block->claimed_ns) {
		stall.claimed_ns = block->claimed_ns;
		stall.lacked_ns = block->lacked_ns;
	}
	parts = baton_stall_divide(&stall);
	baton_counter_add(&a->ns[BATON_TIME_WAKE], parts.wake_ns);
	baton_counter_add(&a->ns[BATON_TIME_POOL], parts.pool_ns);
	baton_counter_add(&a->ns[BATON_TIME_FILL], parts.fill_ns);
	baton_account_go_on(a, before, stall.ended_ns);
	blame(feed, block, parts.fill_ns);
	return stall.ended_ns;
}

/* --- producers ------------------------------------------------------------------- */

/* A thread of the caller's has no account before it waits. */
void baton_ledger_lacks(struct baton_producer *p)
{
	p->lacked_ns = baton_now_ns();
	if (baton_account_begun(&p->account))
		baton_account_turn(&p->account, BATON_PRODUCER_LACKS, p->lacked_ns);
	else
		baton_account_begin(&p->account, BATON_PRODUCER_LACKS, p->lacked_ns);
}

void baton_ledger_sleeps(struct baton_producer *p)
{
	baton_account_turn(&p->account, BATON_PRODUCER_PARKS, baton_now_ns());
}

void baton_ledger_wakes(struct baton_producer *p)
{
	baton_account_turn(&p->account, BATON_PRODUCER_LACKS, baton_now_ns());
}

void baton_ledger_has(struct baton_producer *p)
{
	p->claimed_ns = baton_now_ns();
	baton_account_turn(&p->account, BATON_PRODUCER_FILLS, p->claimed_ns);
}

/* --- looking --------------------------------------------------------------------- */

const char *baton_time_name(int time)
{
	static const char *const names[] = {
		[BATON_TIME_TRAIN] = "training",
		[BATON_TIME_FILL] = "waiting for a batch being filled",
		[BATON_TIME_POOL] = "waiting for a free block to fill",
		[BATON_TIME_WAKE] = "waiting for a batch to be begun",
		[BATON_TIME_INLINE] = "filling",
		[BATON_TIME_SNAPSHOT] = "snapshots",
		[BATON_TIME_CHECKPOINT] = "checkpoints",
		[BATON_TIME_LOG] = "callbacks",
		[BATON_TIME_VALIDATE] = "validation",
	};

	return time >= 0 && time < BATON_TIMES ? names[time] : NULL;
}

static baton_producer_time time_of(const struct baton_producer *p)
{
	uint64_t ns[BATON_TIMES];
	baton_producer_time time;

	time.wall_ns = baton_account_read(&p->account, ns);
	time.fill_ns = ns[BATON_PRODUCER_FILLS];
	time.no_block_ns = ns[BATON_PRODUCER_LACKS];
	time.parked_ns = ns[BATON_PRODUCER_PARKS];
	time.blamed_ns = baton_counter_read(&p->blamed_ns);
	return time;
}

size_t baton_ledger_producers(const baton_pipeline *feed, baton_producer_time *times, size_t n)
{
	if (!feed)
		return 0;
	for (size_t i = 0; times && i < n && i < feed->n_producers; i++)
		times[i] = time_of(&feed->producers[i]);
	return feed->n_producers;
}

int baton_ledger_get(const baton_pipeline *feed, baton_ledger *ledger)
{
	baton_ledger now = BATON_LEDGER_INIT;

	if (!feed || !ledger)
		return BATON_MISUSE_NULL;
	now.producers = feed->n_threads;
	now.cpus = feed->n_cpus;
	now.wall_ns = baton_account_read(&feed->delivery.time.account, now.ns);
	for (uint32_t i = 0; i < feed->n_producers; i++) {
		baton_producer_time p = time_of(&feed->producers[i]);

		now.filling.wall_ns += p.wall_ns;
		now.filling.fill_ns += p.fill_ns;
		now.filling.no_block_ns += p.no_block_ns;
		now.filling.parked_ns += p.parked_ns;
		now.filling.blamed_ns += p.blamed_ns;
	}
	now.size = ledger->size < sizeof(now) ? ledger->size : sizeof(now);
	memcpy(ledger, &now, now.size);
	return BATON_OK;
}

/* A wait that went on when the earlier ledger was read may have been divided otherwise since.
 * Then one of its parts is below 0, and the sum of them is not. */
static void settle_waits(uint64_t *ns)
{
	static const int waits[] = {BATON_TIME_WAKE, BATON_TIME_FILL, BATON_TIME_POOL};

	for (int i = 0; i < 6; i++) {
		uint64_t *part = &ns[waits[i % 3]], *next = &ns[waits[(i + 1) % 3]];

		if ((int64_t)*part < 0) {
			*next += *part;
			*part = 0;
		}
	}
}

void baton_ledger_subtract(baton_ledger *ledger, const baton_ledger *earlier)
{
	ledger->wall_ns -= earlier->wall_ns;
	for (int i = 0; i < BATON_TIMES; i++)
		ledger->ns[i] -= earlier->ns[i];
	settle_waits(ledger->ns);
	ledger->filling.wall_ns -= earlier->filling.wall_ns;
	ledger->filling.fill_ns -= earlier->filling.fill_ns;
	ledger->filling.no_block_ns -= earlier->filling.no_block_ns;
	ledger->filling.parked_ns -= earlier->filling.parked_ns;
	ledger->filling.blamed_ns -= earlier->filling.blamed_ns;
}
