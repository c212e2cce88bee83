/* SPDX-License-Identifier: MIT */
/* Fuzz target: sequences of public calls, each answered by the model (model.h) first.
 *
 * An input is one byte string: how the first pipeline is opened, then two bytes a call: which,
 * and with what. There are two pipelines and a few handles that are copied, overwritten,
 * used twice, empty, stale or the other pipeline's. Everything runs on one thread, so each
 * answer is known: its code, which batch, how many rows, what they hold. A call that would
 * wait (the model knows) is made in its polling form.
 *
 * Not made, since the headers call it undefined: use of a handle after its pipeline was
 * closed, and of a copy of a detached batch.
 *
 * A difference prints the calls that led to it and aborts. FUZZ_TRACE=1 always prints them. */

#include "fuzz.h"
#include "model.h"
#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __clang__ /* misuse on purpose */
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

/* Not a place to look for new paths, and hot. */
#ifdef __clang__
#define UNGUIDED __attribute__((no_sanitize("coverage")))
#else
#define UNGUIDED
#endif

enum { PIPES = 2, HANDLES = 4, CALLS = 400, FIELDS = 3 };

struct pipe {
	baton_pipeline *feed; /* NULL: closed */
	struct model model;
	uint64_t seed;
	size_t columns;
	uint64_t fills;       /* calls of fill */
	baton_writable view;  /* of the last one */
	int started, stopped; /* calls of the hooks */
	bool hooks;
	uint32_t bases[MODEL_BATCHES];
	baton_batch held[MODEL_BATCHES]; /* handles of our own, to give back what is left */
	baton_claim claims[MODEL_BATCHES];
};

/* A batch's content: what its values are made from. */
struct content {
	uint64_t k;
	size_t rows, columns;
	uint32_t base;
	bool written;
};

struct handle {
	baton_batch b;
	enum { EMPTY, POOLED, DETACHED } kind;
	struct pipe *pipe;
	uint64_t i;
	struct content content; /* of a detached one */
};

struct claim {
	baton_claim c;
	bool empty;
	struct pipe *pipe;
	uint64_t i;
};

static struct pipe pipes[PIPES];
static struct handle handles[HANDLES];
static struct claim claims[HANDLES];
static struct bytes input;
static const uint8_t *whole;
static size_t whole_size;

/* --- what is said ----------------------------------------------------------------------- */

static bool tracing;

#define SAY(...) (tracing ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

/* The input once more, from the start, with every call printed. */
BATON_PRINTF(1, 2) static void differ(const char *what, ...)
{
	va_list args;

	if (!tracing) {
		tracing = true;
		fprintf(stderr, "the calls:\n");
		LLVMFuzzerTestOneInput(whole, whole_size);
		fprintf(stderr, "and it went well when it was done again; the first time ");
	}
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

#define CHECK(condition) \
	((condition) ? (void)0 : differ("line %d: not true: %s", __LINE__, #condition))

static void same(int rc, int want)
{
	SAY(" = %d, %s\n", rc, baton_strerror(rc));
	if (rc != want)
		differ("the model says %d, %s", want, baton_strerror(want));
}

static unsigned number(const struct pipe *p)
{
	return (unsigned)(p - pipes);
}

/* --- contents --------------------------------------------------------------------------- */

static size_t rows_by_script(uint64_t i, size_t most)
{
	return 1 + (size_t)(i % most);
}

static size_t rows_full(uint64_t i, size_t most)
{
	(void)i;
	return most;
}

/* Content of rows rows, columns floats in each. */
UNGUIDED static void write_content(baton_writable *w, size_t rows, size_t columns, uint32_t base)
{
	float *x = baton_writable_f32(w, 0);
	uint64_t *id = baton_writable_data(w, 1);
	uint8_t *tag = baton_writable_data(w, 2);

	for (size_t at = 0; at < rows * columns; at++)
		x[at] = (float)((base & 0xffff) + at);
	for (size_t r = 0; r < rows; r++) {
		id[r] = base + r;
		tag[r] = (uint8_t)(base ^ r);
	}
}

UNGUIDED static void check_content(const baton_batch *b, const struct content *c)
{
	const float *x = baton_f32(b, 0);
	const uint64_t *id = baton_data(b, 1);
	const uint8_t *tag = baton_data(b, 2);

	for (size_t at = 0; at < c->rows * c->columns; at++)
		CHECK(x[at] == (float)((c->base & 0xffff) + at));
	for (size_t r = 0; r < c->rows; r++)
		CHECK(id[r] == c->base + r && tag[r] == (uint8_t)(c->base ^ r));
}

UNGUIDED static void check_fields(const baton_field *fields, size_t n, size_t columns)
{
	CHECK(fields && n == FIELDS);
	CHECK(fields[0].dtype == BATON_F32 && fields[0].rank == 1 && fields[0].shape[0] == columns);
	CHECK(fields[1].dtype == BATON_U64 && fields[1].rank == 0);
	CHECK(fields[2].dtype == BATON_U8 && fields[2].rank == 0);
	CHECK(strcmp(fields[0].name, "x") == 0 && strcmp(fields[2].name, "tag") == 0);
}

static bool aligned(const void *at)
{
	return at && (uintptr_t)at % 64 == 0;
}

/* A batch that may be read, all of it. */
UNGUIDED static void check_readable(const baton_batch *b, const struct content *c)
{
	const baton_field *fields;
	size_t n;

	CHECK(baton_k(b) == c->k);
	CHECK(baton_rows(b) == c->rows);
	fields = baton_fields(b, &n);
	check_fields(fields, n, c->columns);
	CHECK(aligned(baton_data(b, 0)) && aligned(baton_data(b, 1)) && aligned(baton_data(b, 2)));
	CHECK(baton_f32(b, 0) == baton_data(b, 0) && !baton_f32(b, 1));
	CHECK(!baton_data(b, FIELDS) && !baton_f32(b, SIZE_MAX));
	if (c->written)
		check_content(b, c);
}

UNGUIDED static void check_unreadable(const baton_batch *b)
{
	size_t n = 1;

	CHECK(baton_k(b) == 0 && baton_rows(b) == 0);
	CHECK(!baton_fields(b, &n) && n == 0);
	CHECK(!baton_data(b, 0) && !baton_f32(b, 0));
}

UNGUIDED static void check_unwritable(baton_writable *w)
{
	CHECK(baton_writable_k(w) == 0 && baton_writable_rows(w) == 0);
	CHECK(!baton_writable_data(w, 0) && !baton_writable_f32(w, 0));
	CHECK(baton_set_rows(w, 1) == BATON_MISUSE_STALE);
}

static struct content content_of(const struct pipe *p, uint64_t i)
{
	const struct model_batch *b = &p->model.batch[i];

	return (struct content){p->model.first + i, b->rows, p->columns, p->bases[i], b->written};
}

/* --- the source ------------------------------------------------------------------------- */

static int fill(void *state, baton_writable *w, baton_rng *rng)
{
	struct pipe *p = state;
	const struct model_script *s = &p->model.script;
	uint64_t i = p->fills++;
	baton_rng own;

	SAY(" [fill %" PRIu64 "]", p->model.first + i);
	CHECK(i < p->model.begun * p->model.m);
	CHECK(baton_writable_k(w) == p->model.first + i);
	CHECK(baton_writable_rows(w) == p->model.rows);
	if (i > 0)
		check_unwritable(&p->view);
	p->view = *w;
	if (i == s->stop_at) {
		if (s->fails)
			CHECK(baton_is_misuse(s->fail_code) || s->fail_code >= 0
			              ? baton_fail(w, s->fail_code, s->text) == -EINVAL
			              : baton_fail(w, s->fail_code, s->text) == s->fail_code);
		if (s->code != BATON_OK)
			return s->code;
	}
	baton_rng_init(&own, p->seed, p->model.first + i);
	p->bases[i] = baton_rng_u32(&own);
	CHECK(baton_rng_u32(rng) == p->bases[i]);
	write_content(w, p->model.rows, p->columns, p->bases[i]);
	if (s->rows(i, p->model.rows) < p->model.rows)
		CHECK(baton_set_rows(w, s->rows(i, p->model.rows)) == BATON_OK);
	return BATON_OK;
}

static int start(int i, void **state, baton_error *err)
{
	struct pipe *p = *state;

	CHECK(i == 0 && err);
	p->started++;
	return BATON_OK;
}

static int start_fails(int i, void **state, baton_error *err)
{
	(void)i, (void)state;
	strcpy(err->text, "no\nfile");
	return -EIO;
}

static void stop(int i, void *state)
{
	struct pipe *p = state;

	CHECK(i == 0);
	p->stopped++;
}

/* --- opening ---------------------------------------------------------------------------- */

static const char *const texts[] = {
	NULL,
	"",
	"boom",
	"two\nlines",
	"a text that is longer than the hundred and sixty bytes which baton_error has for it, and "
	"so is cut somewhere in the middle of what it wanted to say, which is not very much at all",
};
static const int codes[] = {-EIO,     -ENOMEM, -EINVAL, BATON_ERR_NAN, BATON_MISUSE_STALE,
                            BATON_OK, 3,       -5200,   INT32_MIN};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct model_script draw_script(void)
{
	unsigned how = next_byte(&input), what = next_byte(&input);
	struct model_script s = {.stop_at = MODEL_NEVER,
	                         .rows = how & 1 ? rows_by_script : rows_full};

	if (how & 2)
		s.stop_at = what % 32;
	s.code = how & 4 ? BATON_END : codes[(how >> 4) % LENGTH(codes)];
	s.fails = how & 8;
	s.fail_code = codes[(what >> 5) % LENGTH(codes)];
	s.text = texts[(what >> 2) % LENGTH(texts)];
	return s;
}

/* Empty, but for what a pipeline is opened with. */
static void reset(struct pipe *p)
{
	struct model *f = &p->model;

	memset(f->batch, 0, sizeof(f->batch[0]) * f->begun * f->m);
	memset(f->block, 0, sizeof(f->block[0]) * f->begun);
	memset(f, 0, offsetof(struct model, batch));
	f->stop_block = MODEL_NEVER;
	p->fills = 0;
	p->started = p->stopped = 0;
}

/* Options larger than the library's, as of a later version. */
struct later {
	baton_options now;
	uint64_t more;
};

static void draw(struct pipe *p, baton_source *source, baton_field *fields, struct later *later)
{
	static const uint32_t blocks[] = {1, 2, 3, 4, 1, 2, 7, 0};
	static const uint64_t firsts[] = {0, 0, 7, UINT64_MAX - 5};
	unsigned how = next_byte(&input), shape = next_byte(&input), length = next_byte(&input);
	baton_options *o = &later->now;
	struct model *f = &p->model;

	reset(p);
	f->own = how & 1;
	f->completion = how & 2;
	f->first = firsts[length >> 6];
	f->rows = 1 + shape % 3;
	f->script = draw_script();
	p->columns = 1 + (shape >> 2) % 3;
	p->seed = shape;
	p->hooks = shape & 128;
	fields[0] = (baton_field){"x", BATON_F32, 1, {p->columns}};
	source->fields = fields;
	source->n_fields = FIELDS;
	source->rows = f->rows;
	source->n_batches = length & 32 ? 1 + length % 32 : 0;
	source->fill = f->own ? NULL : fill;
	source->start = p->hooks ? start : NULL;
	source->stop = p->hooks ? stop : NULL;
	source->state = p;
	source->cheap = shape % 16 == 15; /* 64 batches a block cost time */
	o->producers = f->own ? 0 : BATON_INLINE;
	o->blocks = blocks[(how >> 2) % 8];
	if (o->blocks == 0 && shape % 4)
		o->blocks = 8;
	o->block_batches = f->own ? shape >> 4 & 1 : (how >> 5) % 5;
	o->order = f->completion ? BATON_COMPLETION : BATON_ORDERED;
	o->seed = p->seed;
	o->first_batch = f->first;
	if (length & 16 && o->block_batches == 0 && !f->own)
		o->block_batches = 2;
}

/* One thing that open refuses; false: this was none. */
static bool spoil(unsigned which, baton_source *source, baton_field *fields, struct later *later)
{
	baton_options *o = &later->now;

	switch (which) {
	case 0:
		o->producers = source->fill ? -2 : 1;
		break;
	case 1:
		o->producers = BATON_MAX_PRODUCERS + 1;
		break;
	case 2:
		o->blocks = BATON_MAX_BLOCKS + 1;
		break;
	case 3:
		o->block_batches = source->fill ? BATON_MAX_BLOCK_BATCHES + 1 : 2;
		break;
	case 4:
		o->order = 2;
		break;
	case 5:
		o->size = 0;
		break;
	case 6:
		o->size = sizeof(*later);
		later->more = 1;
		break;
	case 7:
		source->size = 1 << 20;
		break;
	case 8:
		source->rows = 0;
		break;
	case 9:
		source->n_fields = BATON_MAX_FIELDS + 1;
		break;
	case 10:
		fields[1].dtype = 0x777;
		break;
	case 11:
		fields[1].rank = BATON_MAX_RANK + 1;
		break;
	case 12:
		fields[0].shape[0] = 0;
		break;
	case 13:
		fields[0].shape[0] = SIZE_MAX / 8;
		break;
	case 14:
		fields[2].name = "x";
		break;
	case 15:
		fields[2].name = NULL;
		break;
	default:
		return false;
	}
	return true;
}

static bool one_line(const char *text)
{
	return *text && !strpbrk(text, "\n\r");
}

/* What 0 has become; the documented bounds are all that the model knows of it. */
static void settle(struct pipe *p, const baton_options *asked)
{
	baton_stats s = BATON_STATS_INIT;
	uint32_t power = 1;

	CHECK(baton_stats_get(p->feed, &s) == BATON_OK && s.size == sizeof(s));
	while (power < asked->blocks)
		power *= 2;
	CHECK(asked->blocks ? s.blocks == power
	                    : s.blocks >= 8 && s.blocks <= 512 && !(s.blocks & (s.blocks - 1)));
	CHECK(asked->block_batches ? s.block_batches == asked->block_batches
	                           : s.block_batches >= 1 && s.block_batches <= 64);
	p->model.blocks = s.blocks;
	p->model.m = s.block_batches;
}

static void set_length(struct model *f, uint64_t n_batches)
{
	uint64_t end = n_batches ? n_batches : UINT64_MAX;

	f->length = end > f->first ? end - f->first : 0;
	if (f->length > MODEL_BATCHES)
		f->length = MODEL_NEVER;
}

/* The hook's own error is passed on. */
static bool open_without_file(struct pipe *p, baton_source *source, const baton_options *o)
{
	baton_error err;

	if (!source->fill)
		return false;
	source->start = start_fails;
	SAY("baton_open(%u), start fails", number(p));
	same(baton_open(&p->feed, source, o, &err), -EIO);
	CHECK(err.code == -EIO && strcmp(err.text, "no file") == 0);
	CHECK(!p->feed && p->stopped == 0);
	return true;
}

static void open_pipe(struct pipe *p)
{
	baton_field fields[BATON_MAX_FIELDS + 1] = {
		{"x", 0, 0, {0}}, {"id", BATON_U64, 0, {0}}, {"tag", BATON_U8, 0, {0}}};
	baton_source source = BATON_SOURCE_INIT;
	struct later later = {BATON_OPTIONS_INIT, 0};
	unsigned trick = next_byte(&input);
	baton_error err;

	draw(p, &source, fields, &later);
	if (trick >= 224 && spoil(trick - 224, &source, fields, &later)) {
		SAY("baton_open(%u), spoilt %u", number(p), trick - 224);
		same(baton_open(&p->feed, &source, &later.now, &err), -EINVAL);
		CHECK(!p->feed && err.code == -EINVAL && one_line(err.text));
		return;
	}
	if (trick == 223 && open_without_file(p, &source, &later.now))
		return;
	if (trick == 222)
		later.now.size = sizeof(later);
	SAY("baton_open(%u): %s, %s, blocks %u of %u, first %" PRIu64 ", n_batches %" PRIu64
	    ", rows %zu, stop at %" PRId64,
	    number(p), source.fill ? "inline" : "own", later.now.order ? "completion" : "ordered",
	    later.now.blocks, later.now.block_batches, p->model.first, source.n_batches,
	    source.rows, (int64_t)p->model.script.stop_at);
	same(baton_open(&p->feed, &source, &later.now, &err), BATON_OK);
	CHECK(p->feed && err.code == BATON_OK);
	CHECK(p->started == (source.fill && p->hooks));
	settle(p, &later.now);
	set_length(&p->model, source.n_batches);
}

/* --- the calls: the trainer's ------------------------------------------------------------- */

struct call {
	struct pipe *p;
	struct handle *h;
	struct claim *c;
	unsigned more; /* 0..15 */
};

static bool held(const struct handle *h)
{
	return h->kind == POOLED && h->pipe->model.batch[h->i].state == MODEL_HELD;
}

static void read_handle(const struct handle *h)
{
	struct content c;

	if (h->kind == DETACHED) {
		check_readable(&h->b, &h->content);
	} else if (held(h)) {
		c = content_of(h->pipe, h->i);
		check_readable(&h->b, &c);
	} else {
		check_unreadable(&h->b);
	}
}

static void call_read(struct call *a)
{
	SAY("read b%td\n", a->h - handles);
	read_handle(a->h);
}

static void call_next(struct call *a)
{
	struct model *f = &a->p->model;
	struct handle *h = a->h;
	uint64_t i = 0;
	bool forever;
	int want, rc;

	if (!model_has_room(f))
		return;
	want = model_next(f, h->kind != EMPTY, &i);
	forever = want != BATON_TIMEOUT && a->more & 1;
	SAY("baton_next%s(%u, b%td)", forever ? "" : "_until", number(a->p), h - handles);
	rc = forever ? baton_next(a->p->feed, &h->b)
	             : baton_next_until(a->p->feed, &h->b, a->more >> 1 & 1);
	same(rc, want);
	if (!f->own)
		CHECK(a->p->fills == f->full + f->halted);
	if (rc != BATON_OK)
		return;
	*h = (struct handle){.b = h->b, .kind = POOLED, .pipe = a->p, .i = i};
	a->p->held[i] = h->b;
	read_handle(h);
}

/* What release and detach say of a handle. */
static int judge(const struct call *a)
{
	if (a->h->kind == EMPTY)
		return BATON_MISUSE_EMPTY;
	if (a->h->kind == DETACHED)
		return BATON_MISUSE_DETACHED;
	if (a->h->pipe != a->p)
		return BATON_MISUSE_FOREIGN;
	return held(a->h) ? BATON_OK : BATON_MISUSE_STALE;
}

static void call_release(struct call *a)
{
	struct handle *h = a->h;
	int want = judge(a);

	read_handle(h);
	SAY("baton_release(%u, b%td)", number(a->p), h - handles);
	same(baton_release(a->p->feed, &h->b), want);
	if (want == BATON_OK) {
		model_return(&a->p->model, h->i);
		h->kind = EMPTY;
	}
	read_handle(h);
}

static void call_detach(struct call *a)
{
	struct handle *h = a->h;
	int want = judge(a);

	SAY("baton_detach(%u, b%td)", number(a->p), h - handles);
	same(baton_detach(a->p->feed, &h->b), want);
	if (want == BATON_OK) {
		h->content = content_of(h->pipe, h->i);
		h->kind = DETACHED;
		model_return(&a->p->model, h->i);
	}
	read_handle(h);
}

static void call_free(struct call *a)
{
	struct handle *h = a->h;
	int want = h->kind == DETACHED ? BATON_OK
	           : h->kind == EMPTY  ? BATON_MISUSE_EMPTY
	                               : BATON_MISUSE_DETACHED;

	SAY("baton_free(b%td)", h - handles);
	same(baton_free(&h->b), want);
	if (want == BATON_OK)
		h->kind = EMPTY;
	read_handle(h);
}

/* A copy; of a detached batch there should be none, nor is it to be lost. */
static void call_copy(struct call *a)
{
	struct handle *to = &handles[a->more % HANDLES];

	if (a->h->kind == DETACHED || to->kind == DETACHED)
		return;
	SAY("b%td = b%td\n", to - handles, a->h - handles);
	*to = *a->h;
}

static void call_status(struct call *a)
{
	baton_error err, want;
	int rc = model_status(&a->p->model, &want);

	SAY("baton_status(%u)", number(a->p));
	same(baton_status(a->p->feed, a->more & 1 ? NULL : &err), rc);
	if (a->more & 1)
		return;
	SAY("  at %" PRIu64 ", \"%s\"\n", err.batch, err.text);
	if (err.code != want.code || err.batch != want.batch || strcmp(err.text, want.text) != 0)
		differ("the model says %d at %" PRIu64 ", \"%s\"", want.code, want.batch,
		       want.text);
}

/* --- the calls: own threads' --------------------------------------------------------------- */

static bool live(const struct claim *c)
{
	return !c->empty && c->pipe->model.block[c->i].state == MODEL_FILLING;
}

static void view_claim(struct claim *c)
{
	baton_writable *w = baton_claimed(&c->c);

	CHECK(!w == c->empty);
	if (!w)
		return;
	if (!live(c)) {
		check_unwritable(w);
		return;
	}
	CHECK(baton_writable_k(w) == c->pipe->model.first + c->i);
	CHECK(baton_writable_rows(w) == c->pipe->model.rows);
	CHECK(aligned(baton_writable_data(w, 0)) && aligned(baton_writable_data(w, 2)));
	CHECK(baton_writable_f32(w, 0) == baton_writable_data(w, 0));
	CHECK(!baton_writable_f32(w, 1) && !baton_writable_data(w, FIELDS));
}

static void call_begin(struct call *a)
{
	struct claim *c = a->c;
	uint64_t i = 0;
	bool forever;
	int want, rc;

	if (!model_has_room(&a->p->model))
		return;
	want = model_begin(&a->p->model, !c->empty, &i);
	forever = want != BATON_TIMEOUT && a->more & 1;
	SAY("baton_begin%s(%u, c%td)", forever ? "" : "_until", number(a->p), c - claims);
	rc = forever ? baton_begin(a->p->feed, &c->c)
	             : baton_begin_until(a->p->feed, &c->c, a->more >> 1 & 1);
	same(rc, want);
	if (rc == BATON_OK) {
		*c = (struct claim){c->c, false, a->p, i};
		a->p->claims[i] = c->c;
	}
	view_claim(c);
}

static void call_view(struct call *a)
{
	SAY("view c%td\n", a->c - claims);
	view_claim(a->c);
}

static void call_write(struct call *a)
{
	struct claim *c = a->c;
	struct model_batch *b;

	if (!live(c))
		return;
	b = &c->pipe->model.batch[c->i];
	b->written = true;
	b->mark = a->more;
	c->pipe->bases[c->i] = (uint32_t)(c->i * 77 + b->mark * 0x10001);
	SAY("write c%td, %u\n", c - claims, a->more);
	write_content(baton_claimed(&c->c), c->pipe->model.rows, c->pipe->columns,
	              c->pipe->bases[c->i]);
}

static void call_set_rows(struct call *a)
{
	static const size_t odd[] = {0, SIZE_MAX, (size_t)UINT32_MAX + 2};
	size_t rows = a->more < LENGTH(odd) ? odd[a->more] : a->more % 5;
	baton_writable *w = baton_claimed(&a->c->c);
	int want = BATON_MISUSE_NULL;

	if (w) {
		want = BATON_MISUSE_STALE;
		if (live(a->c))
			want = rows == 0 || rows > a->c->pipe->model.rows ? -EINVAL : BATON_OK;
	}
	SAY("baton_set_rows(c%td, %zu)", a->c - claims, rows);
	same(baton_set_rows(w, rows), want);
	if (want == BATON_OK)
		a->c->pipe->model.batch[a->c->i].rows = rows;
}

static void call_copy_claim(struct call *a)
{
	struct claim *to = &claims[a->more % HANDLES];

	SAY("c%td = c%td\n", to - claims, a->c - claims);
	*to = *a->c;
}

static int judge_claim(const struct call *a)
{
	if (a->c->empty)
		return BATON_MISUSE_EMPTY;
	if (a->c->pipe != a->p)
		return BATON_MISUSE_FOREIGN;
	return live(a->c) ? BATON_OK : BATON_MISUSE_STALE;
}

static void call_submit(struct call *a)
{
	int want = judge_claim(a);

	SAY("baton_submit(%u, c%td)", number(a->p), a->c - claims);
	same(baton_submit(a->p->feed, &a->c->c), want);
	if (want == BATON_OK) {
		model_submit(&a->p->model, a->c->i);
		a->c->empty = true;
	}
	view_claim(a->c);
}

static void call_discard(struct call *a)
{
	int want = judge_claim(a), code = codes[a->more % LENGTH(codes)];
	const char *text = texts[a->more % LENGTH(texts)];

	SAY("baton_discard(%u, c%td, %d)", number(a->p), a->c - claims, code);
	same(baton_discard(a->p->feed, &a->c->c, code, text), want);
	if (want == BATON_OK) {
		model_stop(&a->p->model, a->c->i, code, text);
		a->c->empty = true;
	}
	view_claim(a->c);
}

static void call_finish(struct call *a)
{
	int want = judge_claim(a);

	SAY("baton_finish(%u, c%td)", number(a->p), a->c - claims);
	same(baton_finish(a->p->feed, &a->c->c), want);
	if (want == BATON_OK) {
		model_stop(&a->p->model, a->c->i, BATON_END, NULL);
		a->c->empty = true;
	}
	view_claim(a->c);
}

/* --- the calls: anybody's -------------------------------------------------------------------- */

static void call_cancel(struct call *a)
{
	SAY("baton_cancel(%u)\n", number(a->p));
	errno = EDOM;
	baton_cancel(a->p->feed);
	CHECK(errno == EDOM);
	a->p->model.canceled = true;
}

static void call_stats(struct call *a)
{
	const struct model *f = &a->p->model;
	baton_stats s = BATON_STATS_INIT;
	uint64_t filled[2] = {0, 99};
	const baton_field *fields;
	size_t n, rows;

	SAY("stats and layout of %u\n", number(a->p));
	CHECK(baton_stats_get(a->p->feed, &s) == BATON_OK);
	CHECK(s.batches == f->handed && s.held == f->held && s.claims == f->claims);
	CHECK(s.blocks == f->blocks && s.block_batches == f->m && s.producers == 0);
	CHECK(s.parks == 0 && s.producer_parks == 0); /* nobody has slept */
	CHECK(baton_stats_filled(a->p->feed, filled, 2) == 1);
	CHECK(filled[0] == f->full && filled[1] == 99);
	s = (baton_stats){.size = offsetof(baton_stats, parks), .parks = 99};
	CHECK(baton_stats_get(a->p->feed, &s) == BATON_OK);
	CHECK(s.batches == f->handed && s.parks == 99);
	fields = baton_layout(a->p->feed, &n, &rows);
	check_fields(fields, n, a->p->columns);
	CHECK(rows == f->rows);
}

/* Handles of a pipeline that is gone are not to be used again. */
static void forget(const struct pipe *p)
{
	for (int i = 0; i < HANDLES; i++) {
		if (handles[i].kind == POOLED && handles[i].pipe == p)
			handles[i] = (struct handle){.b = BATON_BATCH_INIT};
		if (!claims[i].empty && claims[i].pipe == p)
			claims[i] = (struct claim){BATON_CLAIM_INIT, true, NULL, 0};
	}
}

static void close_pipe(struct pipe *p)
{
	int want = p->model.held || p->model.claims ? BATON_MISUSE_LENT : BATON_OK;

	SAY("baton_close(%u)", number(p));
	same(baton_close(&p->feed), want);
	CHECK(!p->feed == (want == BATON_OK));
	CHECK(p->stopped == (want == BATON_OK ? p->started : 0));
	if (want == BATON_OK)
		forget(p);
}

static void call_close(struct call *a)
{
	close_pipe(a->p);
}

/* Every argument that must not be NULL. */
static void call_null(struct call *a)
{
	baton_pipeline *feed = a->p->feed, *none = NULL;
	baton_batch b = BATON_BATCH_INIT;
	baton_claim c = BATON_CLAIM_INIT;
	baton_stats s = BATON_STATS_INIT;
	baton_error err;

	SAY("NULL in every place\n");
	CHECK(baton_next(NULL, &b) == BATON_MISUSE_NULL);
	CHECK(baton_next_until(feed, NULL, 0) == BATON_MISUSE_NULL);
	CHECK(baton_release(NULL, &b) == BATON_MISUSE_NULL);
	CHECK(baton_release(feed, NULL) == BATON_MISUSE_NULL);
	CHECK(baton_detach(feed, NULL) == BATON_MISUSE_NULL);
	CHECK(baton_free(NULL) == BATON_MISUSE_NULL);
	CHECK(baton_begin(NULL, &c) == BATON_MISUSE_NULL);
	CHECK(baton_begin_until(feed, NULL, 0) == BATON_MISUSE_NULL);
	CHECK(baton_submit(feed, NULL) == BATON_MISUSE_NULL);
	CHECK(baton_discard(NULL, &c, -EIO, "") == BATON_MISUSE_NULL);
	CHECK(baton_finish(NULL, &c) == BATON_MISUSE_NULL);
	CHECK(baton_set_rows(NULL, 1) == BATON_MISUSE_NULL);
	CHECK(!baton_claimed(NULL) && !baton_claimed(&c) && !baton_layout(NULL, NULL, NULL));
	CHECK(baton_status(NULL, &err) == BATON_MISUSE_NULL);
	CHECK(baton_stats_get(feed, NULL) == BATON_MISUSE_NULL);
	CHECK(baton_stats_get(NULL, &s) == BATON_MISUSE_NULL);
	CHECK(baton_stats_filled(NULL, NULL, 0) == 0);
	CHECK(baton_close(NULL) == BATON_MISUSE_NULL && baton_close(&none) == BATON_OK);
	CHECK(baton_open(&none, NULL, NULL, &err) == BATON_MISUSE_NULL && !none && err.text[0]);
	check_unreadable(NULL);
	check_unreadable(&b);
	baton_cancel(NULL);
}

/* Common ones several times. */
static void (*const calls[])(struct call *) = {
	call_next,    call_next,       call_next,     call_next,   call_release, call_release,
	call_release, call_detach,     call_free,     call_copy,   call_read,    call_status,
	call_begin,   call_begin,      call_begin,    call_write,  call_submit,  call_submit,
	call_discard, call_finish,     call_set_rows, call_view,   call_stats,   call_cancel,
	call_close,   call_copy_claim, call_null,     call_submit, call_next,    call_release,
};

/* --- one input -------------------------------------------------------------------------------- */

static void begin_input(const uint8_t *data, size_t size)
{
	whole = data;
	whole_size = size;
	input = (struct bytes){data, data + size};
	for (int i = 0; i < HANDLES; i++) {
		handles[i] = (struct handle){.b = BATON_BATCH_INIT};
		claims[i] = (struct claim){BATON_CLAIM_INIT, true, NULL, 0};
	}
	for (int i = 0; i < PIPES; i++)
		pipes[i].feed = NULL;
	open_pipe(&pipes[0]);
}

static void one_call(void)
{
	unsigned which = next_byte(&input), with = next_byte(&input);
	struct pipe *p = &pipes[(with >> 2 & 3) == 3]; /* mostly the first */
	struct call a = {p, &handles[with & 3], &claims[with & 3], with >> 4};

	if (p->feed)
		calls[which % LENGTH(calls)](&a);
	else
		open_pipe(p);
}

/* What is out is given back, and was what it should be to the end. */
static void finish_pipe(struct pipe *p)
{
	struct model *f = &p->model;
	struct content c;

	for (uint64_t i = 0; i < f->begun * f->m && (f->held || f->claims); i++) {
		if (f->own && f->block[i].state == MODEL_FILLING) {
			CHECK(baton_submit(p->feed, &p->claims[i]) == BATON_OK);
			model_submit(f, i);
		}
		if (f->batch[i].state == MODEL_HELD) {
			c = content_of(p, i);
			check_readable(&p->held[i], &c);
			CHECK(baton_release(p->feed, &p->held[i]) == BATON_OK);
			model_return(f, i);
		}
	}
	close_pipe(p);
	CHECK(!p->feed);
}

static void end_input(void)
{
	SAY("everything is given back\n");
	for (int i = 0; i < PIPES; i++)
		if (pipes[i].feed)
			finish_pipe(&pipes[i]);
	for (int i = 0; i < HANDLES; i++) {
		read_handle(&handles[i]);
		if (handles[i].kind == DETACHED)
			CHECK(baton_free(&handles[i].b) == BATON_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tracing = tracing || getenv("FUZZ_TRACE");
	begin_input(data, size);
	for (int n = 0; n < CALLS && input.at < input.end; n++)
		one_call();
	end_input();
	return 0;
}
