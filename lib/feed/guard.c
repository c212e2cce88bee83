/* SPDX-License-Identifier: MIT */
/* Guard: no address of a batch outlives the right to use it.
 *
 * The memory of a guarded block is a piece of a memfd that is mapped nowhere. Its addresses
 * are a window, reserved for good without access: PERIODS copies of the block side by side.
 * Each period of ownership uses the next copy, and in it only those batches are mapped that
 * somebody may touch now: read and write if he fills, read only if he is the trainer. One
 * mmap over the reservation does that, and another undoes it; both replace what is there in
 * one step, so no hole is ever left for somebody else's mmap to take. Periods are odd for
 * those who fill and even for those who read.
 *
 * Guards are never freed, so that explain may look at any of them at any time, from a signal
 * handler, without a lock: they hang in a list that only grows. A dead one goes on saying
 * what its addresses were, and its window goes on faulting, until QUARANTINE others have
 * died; then a new block with the same fields takes it over, and goes on from its last
 * period. Everything that changes later is atomic and relaxed: what explain reads while an
 * owner writes may not be of one instant, and nothing else rests on it.
 *
 * In builds with ASan every block has a guard, which only keeps the account: its window is
 * the block's own memory, and poison does the rest. */

#include "guard.h"
#include "error.h"
#include <baton/guard.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define BLIND 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BLIND 1
#endif
#endif
#ifndef BLIND
#define BLIND 0
#endif

/* Each of these may be weakened from outside to show what it is there for. */
#ifndef PERIODS
#define PERIODS 64u /* baton/guard.h tells it */
#endif
#ifndef TRAINERS_ACCESS
#define TRAINERS_ACCESS PROT_READ
#endif
#ifndef NOBODYS_ACCESS
#define NOBODYS_ACCESS PROT_NONE
#endif

#define QUARANTINE 1024u /* deaths */
#define NAME_SIZE 24u

enum cell_state { UNTOUCHED, ADMITTED, WITHDRAWN };
enum fate { IN_POOL, KEPT, FREED };

/* What a period was. */
struct period {
	_Atomic(uint64_t) k; /* of the block's first batch */
	_Atomic(int) producer;
	_Atomic(int) thread;
};

struct baton_guard {
	struct baton_guard *next; /* constant once in the list */
	/* constant since creation */
	uint32_t capacity;
	bool moves;
	size_t stride, n_fields;
	size_t offset[BATON_MAX_FIELDS], used[BATON_MAX_FIELDS];
	char name[BATON_MAX_FIELDS][NAME_SIZE]; /* cut */
	/* the owner's */
	int fd;
	uint64_t memory; /* its place in fd */
	bool lost;       /* a batch could not be withdrawn */
	/* under the lock */
	struct baton_guard *later; /* who died after it */
	uint64_t died;             /* how many had, when it did */
	/* anybody's to read */
	_Atomic(unsigned char *) window; /* NULL: none */
	_Atomic(uint64_t) period;        /* 0: none yet */
	_Atomic(int) fate, freed_by;
	struct period history[PERIODS];
	_Atomic(uint64_t) cells[]; /* [capacity]: 4 * period + state */
};

static _Atomic(struct baton_guard *) guards;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of create and destroy: of */
static struct baton_guard *dead, **last_dead = &dead;    /* the dead, the first of them first */
static uint64_t deaths;

#define load(of) atomic_load_explicit(&(of), memory_order_relaxed)
#define store(of, what) atomic_store_explicit(&(of), (what), memory_order_relaxed)

/* --- opening ------------------------------------------------------------------------ */

static size_t page_up(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) & ~(page - 1);
}

int baton_guard_setup(struct baton_layout *layout, baton_error *err)
{
	const char *value = secure_getenv("BATON_GUARD");

	if (!value || !*value || strcmp(value, "0") == 0)
		return BATON_OK;
	if (strcmp(value, "1") != 0)
		return baton_error_set(
			err, -EINVAL,
			"BATON_GUARD is \"%.20s\" in the environment: 1 for on, 0 or "
			"nothing for off",
			value);
	if (BLIND)
		return baton_error_set(err, -ENOTSUP,
		                       "BATON_GUARD is 1 in the environment, but this build has "
		                       "ThreadSanitizer, which is blind to memory that moves");
	layout->memory_fd = memfd_create("baton-guard", MFD_CLOEXEC);
	if (layout->memory_fd < 0)
		return baton_error_set(err, -ENOMEM,
		                       "BATON_GUARD: memfd_create() fails with errno %d", errno);
	layout->stride = page_up(layout->batch_bytes);
	if (layout->stride < layout->batch_bytes)
		return baton_error_set(err, -EINVAL,
		                       "BATON_GUARD: a batch of %zu bytes in whole pages does not "
		                       "fit in memory",
		                       layout->batch_bytes);
	return BATON_OK;
}

/* --- creation ------------------------------------------------------------------------ */

static void describe(struct baton_guard *g, const struct baton_layout *l, uint32_t capacity)
{
	g->capacity = capacity;
	g->moves = l->memory_fd >= 0;
	g->stride = l->stride;
	g->n_fields = l->n_fields;
	for (size_t f = 0; f < l->n_fields; f++) {
		g->offset[f] = l->offset[f];
		g->used[f] = l->used[f];
		strncpy(g->name[f], l->fields[f].name, NAME_SIZE - 1);
	}
}

static bool fits(const struct baton_guard *g, const struct baton_layout *l, uint32_t capacity)
{
	bool same = g->capacity == capacity && g->moves == (l->memory_fd >= 0) &&
	            g->stride == l->stride && g->n_fields == l->n_fields;

	for (size_t f = 0; same && f < l->n_fields; f++)
		same = g->used[f] == l->used[f] && /* and hence the next one's offset */
		       strncmp(g->name[f], l->fields[f].name, NAME_SIZE - 1) == 0;
	return same;
}

/* With the lock: a dead one that may live again. */
static struct baton_guard *revive(const struct baton_layout *l, uint32_t capacity)
{
	bool moves = l->memory_fd >= 0;
	struct baton_guard **at = &dead, *g;

	/* the others died later still */
	for (; (g = *at) && (!moves || deaths - g->died >= QUARANTINE); at = &g->later) {
		if (!fits(g, l, capacity))
			continue;
		*at = g->later;
		if (!g->later)
			last_dead = at;
		return g;
	}
	return NULL;
}

/* With the lock: one more, with its window behind it in one reservation. */
static struct baton_guard *enlist(const struct baton_layout *l, uint32_t capacity)
{
	size_t head = page_up(sizeof(struct baton_guard) + capacity * sizeof(_Atomic(uint64_t)));
	size_t bytes = 0;
	struct baton_guard *g;

	if (l->memory_fd >= 0 &&
	    (__builtin_mul_overflow(l->stride, (size_t)capacity * PERIODS, &bytes) ||
	     bytes > SIZE_MAX - head))
		return NULL;
	g = mmap(NULL, head + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (g == MAP_FAILED)
		return NULL;
	if (mprotect(g, head, PROT_READ | PROT_WRITE) < 0) {
		munmap(g, head + bytes);
		return NULL;
	}
	describe(g, l, capacity);
	if (bytes)
		store(g->window, (unsigned char *)g + head);
	g->next = atomic_load_explicit(&guards, memory_order_relaxed);
	/* release: whoever finds it there finds it described */
	atomic_store_explicit(&guards, g, memory_order_release);
	return g;
}

/* Memory that surely is there: else it would be a SIGBUS later. */
static bool allocate(struct baton_guard *g, struct baton_layout *l)
{
	uint64_t bytes = (uint64_t)g->stride * g->capacity;
	struct rlimit most; /* of a file: past it there is no error, but SIGXFSZ */

	g->fd = l->memory_fd;
	/* relaxed: it only has to be another place for each */
	g->memory = atomic_fetch_add_explicit(&l->memory_used, bytes, memory_order_relaxed);
	return getrlimit(RLIMIT_FSIZE, &most) == 0 && bytes <= most.rlim_cur &&
	       g->memory <= most.rlim_cur - bytes &&
	       fallocate(g->fd, 0, (off_t)g->memory, (off_t)bytes) == 0;
}

struct baton_guard *baton_guard_create(struct baton_layout *l, uint32_t capacity,
                                       unsigned char *data)
{
	struct baton_guard *g;

	pthread_mutex_lock(&lock);
	g = revive(l, capacity);
	if (!g)
		g = enlist(l, capacity);
	if (g)
		g->lost = false;
	pthread_mutex_unlock(&lock);
	if (!g)
		return NULL;
	if (!g->moves)
		store(g->window, data);
	else if (!allocate(g, l))
		baton_guard_destroy(&g);
	return g;
}

/* --- periods ------------------------------------------------------------------------- */

static unsigned char *at(const struct baton_guard *g, uint32_t i)
{
	size_t copy = g->moves ? load(g->period) % PERIODS : 0;

	return load(g->window) + (copy * g->capacity + i) * g->stride;
}

unsigned char *baton_guard_turn(struct baton_guard *g, enum baton_guard_role role, int producer,
                                uint64_t k)
{
	uint64_t before = load(g->period), now = before + 1;
	struct period *p;

	if ((now % 2 == 1) != (role == BATON_GUARD_FILLS))
		now++;
	p = &g->history[now % PERIODS];
	store(p->k, k);
	store(p->producer, producer);
	store(p->thread, gettid());
	store(g->period, now);
	store(g->fate, IN_POOL);
	return at(g, 0);
}

int baton_guard_admit(struct baton_guard *g, uint32_t i)
{
	uint64_t period = load(g->period);
	int access = period % 2 == 1 ? PROT_READ | PROT_WRITE : TRAINERS_ACCESS;

	if (g->lost)
		return -ENOMEM;
	if (g->moves && mmap(at(g, i), g->stride, access, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
	                     g->fd, (off_t)(g->memory + i * g->stride)) == MAP_FAILED)
		return -ENOMEM;
	store(g->cells[i], 4 * period + ADMITTED);
	return BATON_OK;
}

void baton_guard_withdraw(struct baton_guard *g, uint32_t i)
{
	store(g->cells[i], 4 * load(g->period) + WITHDRAWN);
	if (g->moves &&
	    mmap(at(g, i), g->stride, NOBODYS_ACCESS,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED &&
	    mprotect(at(g, i), g->stride, PROT_NONE) < 0)
		g->lost = true; /* it stays open: say so at the next chance */
}

void baton_guard_keep(struct baton_guard *g)
{
	store(g->fate, KEPT);
}

void baton_guard_destroy(struct baton_guard **guard)
{
	struct baton_guard *g = *guard;

	*guard = NULL;
	if (!g)
		return;
	for (uint32_t i = 0; i < g->capacity; i++)
		if (load(g->cells[i]) % 4 == ADMITTED)
			baton_guard_withdraw(g, i);
	if (g->moves)
		fallocate(g->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)g->memory,
		          (off_t)(g->stride * g->capacity));
	else
		store(g->window, NULL); /* malloc's again, and anybody's */
	store(g->freed_by, gettid());
	store(g->fate, FREED);
	pthread_mutex_lock(&lock);
	g->died = deaths++;
	g->later = NULL;
	*last_dead = g;
	last_dead = &g->later;
	pthread_mutex_unlock(&lock);
}

/* --- explaining ----------------------------------------------------------------------- */

/* snprintf() may not be called from a signal handler. */
struct line {
	char *text;
	size_t size, n;
};

static void say(struct line *l, const char *words)
{
	while (*words && l->n + 1 < l->size)
		l->text[l->n++] = *words++;
	if (l->size)
		l->text[l->n] = '\0';
}

static void say_number(struct line *l, uint64_t number, unsigned base)
{
	char digits[24];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do
		digits[--n] = "0123456789abcdef"[number % base];
	while (number /= base);
	say(l, digits + n);
}

static void say_batch(struct line *l, uint64_t k)
{
	say(l, "batch ");
	say_number(l, k, 10);
}

static void say_thread(struct line *l, int thread)
{
	say(l, "thread ");
	say_number(l, (uint64_t)thread, 10);
}

/* Whose the period was: "producer 3 (thread 1240)", "thread 7", "the trainer (thread 7)" */
static void say_owner(struct line *l, const struct period *p, bool fills)
{
	int producer = load(p->producer);

	if (fills && producer == BATON_NO_PRODUCER) {
		say_thread(l, load(p->thread));
		return;
	}
	say(l, fills ? "producer " : "the trainer");
	if (fills)
		say_number(l, (uint64_t)producer, 10);
	say(l, " (");
	say_thread(l, load(p->thread));
	say(l, ")");
}

/* Where in the batch, whose byte number offset is meant. */
static void say_place(struct line *l, const struct baton_guard *g, size_t offset)
{
	size_t f = g->n_fields - 1;

	while (offset < g->offset[f])
		f--;
	say(l, offset < g->offset[f] + g->used[f] ? "in field " : "behind the end of field ");
	say_number(l, f, 10);
	say(l, " \"");
	say(l, g->name[f]);
	say(l, "\" of ");
}

/* What has become of batch i since. */
static void say_now(struct line *l, const struct baton_guard *g, uint32_t i)
{
	static const char *const words[2][3] = {
		{" is taken, not handed out yet, by ", " is held by ", " was released by "},
		{" will be filled by ", " is being filled by ",
	         " waits for the trainer, filled by "},
	};
	uint64_t period = load(g->period), cell = load(g->cells[i]);
	const struct period *p = &g->history[period % PERIODS];
	bool fills = period % 2 == 1;

	if (load(g->fate) == FREED) {
		say(l, "its memory was freed by ");
		say_thread(l, load(g->freed_by));
		return;
	}
	say_batch(l, load(p->k) + i);
	if (load(g->fate) == KEPT) {
		say(l, " is detached, read only");
		return;
	}
	say(l, words[fills][cell / 4 == period ? cell % 4 : UNTOUCHED]);
	say_owner(l, p, fills);
}

/* offset: from the window's start */
static void explain(struct line *l, const struct baton_guard *g, size_t offset)
{
	size_t copy_bytes = g->stride * g->capacity;
	uint64_t now = load(g->period), copy = offset / copy_bytes;
	uint64_t ago = (now - copy) % PERIODS; /* in periods, if it moves */
	uint32_t i = (uint32_t)(offset % copy_bytes / g->stride);
	uint64_t was = g->moves ? now - ago : now;
	const struct period *p = &g->history[was % PERIODS];

	say(l, "is ");
	say_place(l, g, offset % g->stride);
	if (now == 0 || (g->moves && (ago >= now || load(p->thread) == 0))) {
		say(l, "a batch that nobody has had yet");
		return;
	}
	say_batch(l, load(p->k) + i);
	if (g->moves) {
		say(l, ", as ");
		say_owner(l, p, was % 2 == 1);
		say(l, was % 2 == 1 ? " filled it" : " read it");
	}
	say(l, "; now ");
	say_now(l, g, i);
}

static size_t window_bytes(const struct baton_guard *g)
{
	return g->stride * g->capacity * (g->moves ? PERIODS : 1);
}

bool baton_guard_explain(const void *address, char *text, size_t size)
{
	struct line l = {text, size, 0};
	/* acquire: pairs with enlist() */
	const struct baton_guard *g = atomic_load_explicit(&guards, memory_order_acquire);

	say(&l, "");
	for (; g; g = g->next) {
		const unsigned char *window = load(g->window);
		size_t offset = (uintptr_t)address - (uintptr_t)window;

		if (!window || offset >= window_bytes(g))
			continue;
		say(&l, "address 0x");
		say_number(&l, (uintptr_t)address, 16);
		say(&l, " ");
		explain(&l, g, offset);
		return true;
	}
	return false;
}
