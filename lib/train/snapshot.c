/* SPDX-License-Identifier: MIT */
/* Snapshots: what any thread may see of a model while it learns.
 *
 * One pointer shows the newest. Each snapshot counts its references: one for each reader
 * that holds it, and a heavy one for having been published. Invariant: refs is 0 exactly
 * while a snapshot is the trainer's to fill; only the trainer takes it from there, and
 * nobody ever counts up from 0.
 *
 * The last point is the classic race: a reader loads the pointer, the trainer replaces it,
 * all references go, the trainer refills the snapshot, and only then the reader counts
 * itself in. So a reader loads and counts within one RCU read-side section, and a replaced
 * snapshot keeps its heavy reference until a grace period later (reclaimer.c). RCU is
 * needed for these few instructions only: what a reader holds after that is pinned by its
 * count, for seconds if it likes, and delays no grace period.
 *
 *   filled by the trainer -> current -> replaced -> grace period -> last put -> free
 *   refs 0                   heavy + readers          readers          0
 *
 * Who may call: publish the trainer; get, put and the accessors any thread.
 *
 * label  order    partner  without it
 * R2     release  A2       a reader sees a snapshot before its bytes
 *                          (mutant "a snapshot written after publish")
 * A2     acquire  R2       the same
 * R3     release  A3       the trainer overwrites what a reader is still reading
 *                          (mutant "a snapshot that nobody counts")
 * A3     acquire  R3, R4   the same
 * R4     release  A3       the trainer's refill passes the reclaimer's grace period */

#include "snapshot.h"
#include "error.h"
#include "rcu.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PUBLISHED (1u << 31) /* the heavy reference; below it, the number of readers */

/* Where a test suspends a reader: between having seen a snapshot and holding it. */
#ifdef BATON_TEST_GAP
void baton_test_gap(void);
#else
#define baton_test_gap() ((void)0)
#endif

static void reclaim(void *state, uint32_t which)
{
	struct baton_snapshots *set = state;

	for (unsigned i = 0; i < BATON_SNAPSHOTS; i++) {
		/* R4 release: pairs with A3 in find_free(): the grace period came first. */
		if (which & 1u << i)
			atomic_fetch_sub_explicit(&set->all[i].refs, PUBLISHED,
			                          memory_order_release);
	}
}

/* The numbers of all snapshots in one allocation, each on cache lines of its own. */
static int init_all(struct baton_snapshots *set, const struct baton_plan *plan,
                    const struct baton_rule *rule, const char *loss)
{
	size_t n_state = rule->n_slots * plan->n_weights;
	size_t stride = (plan->n_weights + n_state + 31) / 32 * 32;

	set->numbers = aligned_alloc(128, BATON_SNAPSHOTS * stride * sizeof(float) + 128);
	if (!set->numbers)
		return -ENOMEM;
	for (unsigned i = 0; i < BATON_SNAPSHOTS; i++) {
		struct baton_snapshot *s = &set->all[i];

		atomic_init(&s->refs, 0);
		s->index = i;
		s->plan = plan;
		s->rule = rule;
		s->loss = loss;
		s->n_state = n_state;
		s->weights = set->numbers + i * stride;
	}
	return BATON_OK;
}

int baton_snapshots_create(struct baton_snapshots **set, const struct baton_plan *plan,
                           const struct baton_rule *rule, const char *loss, baton_error *err)
{
	int rc;

	*set = calloc(1, sizeof(**set));
	if (!*set || init_all(*set, plan, rule, loss) < 0)
		rc = baton_error_set(err, -ENOMEM, "out of memory");
	else
		rc = baton_reclaimer_start(&(*set)->reclaimer, reclaim, *set, err);
	if (rc < 0 && *set) {
		free((*set)->numbers);
		free(*set);
		*set = NULL;
	}
	return rc;
}

static bool lent(struct baton_snapshots *set)
{
	for (unsigned i = 0; i < BATON_SNAPSHOTS; i++) {
		/* acquire: pairs with R3 in put(): the reader is done before the free */
		if (atomic_load_explicit(&set->all[i].refs, memory_order_acquire) & ~PUBLISHED)
			return true;
	}
	return false;
}

int baton_snapshots_destroy(struct baton_snapshots **set)
{
	if (!*set)
		return BATON_OK;
	if (lent(*set))
		return BATON_MISUSE_LENT;
	baton_reclaimer_stop(&(*set)->reclaimer);
	free((*set)->numbers);
	free(*set);
	*set = NULL;
	return BATON_OK;
}

static struct baton_snapshot *find_free(struct baton_snapshots *set)
{
	for (unsigned i = 0; i < BATON_SNAPSHOTS; i++) {
		/* A3 acquire: pairs with R3 in put() and R4 in reclaim(). Whoever held it is
		 * done with it: our licence to overwrite it. */
		if (atomic_load_explicit(&set->all[i].refs, memory_order_acquire) == 0)
			return &set->all[i];
	}
	return NULL;
}

static void fill(struct baton_snapshot *s, const struct baton_run *run, const float *weights,
                 const float *state)
{
	s->run = *run;
	memcpy(s->weights, weights, s->plan->n_weights * sizeof(float));
	memcpy(s->weights + s->plan->n_weights, state, s->n_state * sizeof(float));
}

void baton_snapshots_publish(struct baton_snapshots *set, const struct baton_run *run,
                             const float *weights, const float *state)
{
	struct baton_snapshot *s = find_free(set), *old;

	if (!s)
		return; /* asked stays set: the next step tries again */
	/* relaxed: who asks from here on is answered by this one or the next */
	atomic_store_explicit(&set->asked, false, memory_order_relaxed);
	fill(s, run, weights, state);
	/* relaxed: nobody else looks at it before R2 shows it */
	atomic_store_explicit(&s->refs, PUBLISHED, memory_order_relaxed);
	/* relaxed: this thread is the only writer */
	old = atomic_load_explicit(&set->current, memory_order_relaxed);
	/* R2 release: pairs with A2 in get(). Bytes and refs are there before the pointer. */
	atomic_store_explicit(&set->current, s, memory_order_release);
	if (old)
		baton_reclaimer_retire(&set->reclaimer, old->index);
}

/* Hold the current snapshot, if there is one. */
static struct baton_snapshot *hold(struct baton_snapshots *set)
{
	struct baton_snapshot *s;

	baton_rcu_lock();
	/* A2 acquire: pairs with R2 in publish(). */
	s = atomic_load_explicit(&set->current, memory_order_acquire);
	baton_test_gap();
	if (s) {
		/* relaxed: the grace period keeps the heavy reference until the section ends */
		uint32_t refs = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);

		assert(refs & PUBLISHED);
		(void)refs;
	}
	baton_rcu_unlock();
	return s;
}

static void ask(struct baton_snapshots *set)
{
	/* relaxed: a hint. Looked at first, so that many readers share the line */
	if (!atomic_load_explicit(&set->asked, memory_order_relaxed))
		atomic_store_explicit(&set->asked, true, memory_order_relaxed);
	baton_reclaimer_watch(&set->reclaimer);
}

const baton_snapshot *baton_snapshots_get(struct baton_snapshots *set)
{
	const baton_snapshot *s = hold(set);

	ask(set);
	return s;
}

void baton_snapshot_put(const baton_snapshot **s)
{
	/* The reader's view is const; the count behind it is ours. */
	struct baton_snapshot *held = s ? (struct baton_snapshot *)*s : NULL;
	uint32_t refs;

	if (!held)
		return;
	*s = NULL;
	/* R3 release: pairs with A3 in find_free(). Our reads end before it is refilled. */
	refs = atomic_fetch_sub_explicit(&held->refs, 1, memory_order_release);
	assert(refs & ~PUBLISHED);
	(void)refs;
}

int baton_snapshot_predict(const baton_snapshot *s, const float *inputs, size_t n, float *outputs)
{
	if (!s)
		return BATON_MISUSE_NULL;
	return baton_plan_predict(s->plan, s->weights, inputs, n, outputs);
}

uint64_t baton_snapshot_step(const baton_snapshot *s)
{
	return s->run.steps;
}

uint64_t baton_snapshot_epoch(const baton_snapshot *s)
{
	return s->run.epoch;
}

double baton_snapshot_loss(const baton_snapshot *s)
{
	return baton_run_mean(&s->run);
}

double baton_snapshot_metric(const baton_snapshot *s, unsigned metric)
{
	return baton_run_metric(&s->run, metric);
}

const float *baton_snapshot_weights(const baton_snapshot *s, size_t *n)
{
	if (n)
		*n = s->plan->n_weights;
	return s->weights;
}

const float *baton_snapshot_state(const baton_snapshot *s, size_t *n)
{
	if (n)
		*n = s->n_state;
	return s->weights + s->plan->n_weights;
}
