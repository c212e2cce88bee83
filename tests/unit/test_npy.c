/* SPDX-License-Identifier: MIT */
/* Samples from .npy files: what comes in which batch, and which files are refused. */

#include "feed_source.h"
#include "npy_file.h"
#include <baton/npy.h>
#include <math.h>

TestSuite(npy, .init = make_scratch, .fini = remove_scratch, .timeout = 60);

#define Npy(name) Unit(npy, name)

enum { SAMPLES = 23 };

/* x [SAMPLES, 3] float32 and id [SAMPLES] int64: sample i has i in all of them */
static void write_files(void)
{
	float x[SAMPLES][3];
	int64_t id[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		x[i][0] = x[i][1] = x[i][2] = (float)i;
		id[i] = i;
	}
	npy_file("x.npy", "<f4", "(23, 3)", x, sizeof(x));
	npy_file("id.npy", "<i8", "(23,)", id, sizeof(id));
}

static baton_npy_options rows_of(size_t rows)
{
	baton_npy_options o = BATON_NPY_OPTIONS_INIT;

	o.rows = rows;
	return o;
}

static baton_npy *open_files(const baton_npy_options *options)
{
	const baton_npy_file files[] = {{"x", in_scratch("x.npy"), false},
	                                {"id", in_scratch("id.npy"), false}};
	baton_npy *data = NULL;
	baton_error err;

	cr_assert_eq(baton_npy_open(&data, files, 2, options, &err), BATON_OK, "%s", err.text);
	return data;
}

static baton_pipeline *feed_of(baton_npy *data, int producers, uint64_t first)
{
	baton_source source = BATON_SOURCE_INIT;
	baton_options o = options_of(producers, 0, 0);

	cr_assert_eq(baton_npy_source(data, &source), BATON_OK);
	o.first_batch = first;
	return open_with(&source, &o);
}

/* Take batches until the end, at most `most` samples: their ids. Each row of x must be its
 * id's. Returns how many; rows [n_batches] gets the batches' rows. */
static size_t drain(baton_pipeline *feed, int64_t *ids, size_t most, size_t *rows,
                    size_t *n_batches) BATON_NO_ANALYSIS;
static size_t drain(baton_pipeline *feed, int64_t *ids, size_t most, size_t *rows,
                    size_t *n_batches)
{
	size_t n = 0, batches = 0;
	baton_batch b = BATON_BATCH_INIT;

	while (n < most && baton_next(feed, &b) == BATON_OK) {
		const float *x = baton_f32(&b, 0);
		const int64_t *id = baton_data(&b, 1);

		for (size_t i = 0; i < baton_rows(&b); i++) {
			cr_assert_lt(n, most);
			ids[n++] = id[i];
			for (int c = 0; c < 3; c++)
				cr_assert_eq(x[3 * i + c], (float)id[i]);
		}
		if (rows)
			rows[batches] = baton_rows(&b);
		batches++;
		give(feed, &b);
	}
	if (n_batches)
		*n_batches = batches;
	return n;
}

/* All of what data gives, with `producers`. */
static size_t all_of(baton_npy *data, int producers, int64_t *ids, size_t most)
{
	baton_pipeline *feed = feed_of(data, producers, 0);
	size_t n = drain(feed, ids, most, NULL, NULL);

	close_feed(feed);
	return n;
}

static void close_data(baton_npy *data)
{
	cr_assert_eq(baton_npy_close(&data), BATON_OK);
	cr_assert_null(data);
}

/* --- order ---------------------------------------------------------------------------- */

Npy(by_itself_it_gives_the_files_order_and_a_short_last_batch)
{
	baton_npy_options o = rows_of(10);
	int64_t ids[100];
	size_t rows[8], n;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	baton_pipeline *feed;
	baton_npy *data;

	write_files();
	o.epochs = 2;
	data = open_files(&o);
	cr_assert_eq(baton_npy_get(data, &info), BATON_OK);
	cr_assert(info.samples == SAMPLES && info.batches == 3 && info.n_fields == 2);
	cr_assert_str_eq(info.fields[1].name, "id");
	cr_assert(info.fields[0].dtype == BATON_F32 && info.fields[0].rank == 1);
	cr_assert(info.fields[0].shape[0] == 3 && info.fields[1].rank == 0);
	feed = feed_of(data, 3, 0);
	cr_assert_eq(drain(feed, ids, LENGTH(ids), rows, &n), 2 * SAMPLES);
	cr_assert_eq(refused(feed), BATON_END);
	close_feed(feed);
	cr_assert_eq(n, 6);
	for (size_t i = 0; i < 6; i++)
		cr_assert_eq(rows[i], i % 3 == 2 ? 3 : 10);
	for (int64_t i = 0; i < 2 * SAMPLES; i++)
		cr_assert_eq(ids[i], i % SAMPLES);
	close_data(data);
}

Npy(drop_last_leaves_the_short_batch_out)
{
	baton_npy_options o = rows_of(10);
	int64_t ids[100];
	baton_npy *data;

	write_files();
	o.epochs = 2;
	o.drop_last = true;
	data = open_files(&o);
	cr_assert_eq(all_of(data, 1, ids, LENGTH(ids)), 40);
	for (int64_t i = 0; i < 40; i++)
		cr_assert_eq(ids[i], i % 20);
	close_data(data);
}

Npy(without_epochs_there_is_no_end)
{
	baton_npy_options o = rows_of(23);
	int64_t ids[23 * 200];
	baton_npy *data;

	write_files();
	data = open_files(&o);
	cr_assert_eq(all_of(data, 2, ids, LENGTH(ids)), LENGTH(ids));
	o.epochs = UINT64_MAX; /* times 2 batches: more than there are numbers */
	o.rows = 12;
	close_data(data);
	data = open_files(&o);
	cr_assert_eq(all_of(data, 2, ids, 23 * 20), 23 * 20);
	close_data(data);
}

Npy(a_pipeline_that_was_told_no_length_hears_of_the_end_from_fill)
{
	baton_npy_options o = rows_of(10);
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed;
	int64_t ids[100];
	baton_npy *data;

	write_files();
	o.epochs = 2;
	data = open_files(&o);
	cr_assert_eq(baton_npy_source(data, &source), BATON_OK);
	cr_assert_eq(source.n_batches, 6);
	source.n_batches = 0;
	feed = open_feed(&source, 2, 0, 0);
	cr_assert_eq(drain(feed, ids, LENGTH(ids), NULL, NULL), 2 * SAMPLES);
	cr_assert_eq(refused(feed), BATON_END);
	close_feed(feed);
	close_data(data);
}

static void expect_permutation(const int64_t *ids, size_t n)
{
	bool seen[SAMPLES] = {false};

	cr_assert_eq(n, SAMPLES);
	for (size_t i = 0; i < n; i++) {
		cr_assert(ids[i] >= 0 && ids[i] < SAMPLES && !seen[ids[i]]);
		seen[ids[i]] = true;
	}
}

Npy(shuffled_every_sample_comes_once_an_epoch_each_in_its_own_order)
{
	baton_npy_options o = rows_of(5);
	int64_t ids[4 * SAMPLES];
	baton_npy *data;

	write_files();
	o.epochs = 4;
	o.shuffle = true;
	data = open_files(&o);
	cr_assert_eq(all_of(data, 2, ids, LENGTH(ids)), LENGTH(ids));
	for (int e = 0; e < 4; e++) {
		baton_permutation p;

		expect_permutation(ids + e * SAMPLES, SAMPLES);
		baton_permutation_init(&p, SAMPLES, 42, (uint64_t)e);
		for (uint64_t i = 0; i < SAMPLES; i++)
			cr_assert_eq((uint64_t)ids[(uint64_t)e * SAMPLES + i],
			             baton_permutation_at(&p, i));
		if (e > 0)
			cr_assert_arr_neq(ids, ids + e * SAMPLES, SAMPLES * sizeof(*ids));
	}
	close_data(data);
}

Npy(the_order_is_the_same_at_any_number_of_producers_and_from_any_batch)
{
	baton_npy_options o = rows_of(4);
	int64_t whole[3 * SAMPLES], ids[3 * SAMPLES];
	baton_npy *data;

	write_files();
	o.epochs = 3;
	o.shuffle = true;
	data = open_files(&o);
	cr_assert_eq(all_of(data, BATON_INLINE, whole, LENGTH(whole)), LENGTH(whole));
	for (int producers = 1; producers <= 8; producers++) {
		cr_assert_eq(all_of(data, producers, ids, LENGTH(ids)), LENGTH(ids));
		cr_assert_arr_eq(ids, whole, sizeof(whole));
	}
	for (uint64_t k = 0; k < 18; k++) {
		baton_pipeline *feed = feed_of(data, 2, k);
		size_t skipped = k / 6 * SAMPLES + k % 6 * 4;
		size_t n = drain(feed, ids, LENGTH(ids), NULL, NULL);

		close_feed(feed);
		cr_assert_eq(n, LENGTH(whole) - skipped);
		cr_assert_arr_eq(ids, whole + skipped, n * sizeof(*ids));
	}
	close_data(data);
}

Npy(batches_of_more_rows_than_are_looked_up_at_once)
{
	baton_npy_options o = rows_of(150);
	int64_t values[200], ids[200];
	float x[200][3];
	baton_npy *data;

	for (int i = 0; i < 200; i++) {
		values[i] = i;
		x[i][0] = x[i][1] = x[i][2] = (float)i;
	}
	npy_file("x.npy", "<f4", "(200, 3)", x, sizeof(x));
	npy_file("id.npy", "<i8", "(200,)", values, sizeof(values));
	o.epochs = 1;
	data = open_files(&o);
	cr_assert_eq(all_of(data, 1, ids, 200), 200);
	cr_assert_arr_eq(ids, values, sizeof(values));
	close_data(data);
}

/* --- shards --------------------------------------------------------------------------- */

Npy(shards_together_have_each_sample_once)
{
	write_files();
	for (uint32_t n = 1; n <= SAMPLES; n++) {
		int64_t ids[SAMPLES];
		size_t total = 0;

		for (uint32_t s = 0; s < n; s++) {
			baton_npy_options o = rows_of(4);
			size_t before = total;
			baton_npy *data;

			o.epochs = 1;
			o.shuffle = n % 2 == 1;
			o.shard = s;
			o.n_shards = n;
			data = open_files(&o);
			total += all_of(data, 1, ids + total, SAMPLES - total);
			close_data(data);
			cr_assert_geq(total - before, SAMPLES / n);
			cr_assert_leq(total - before, SAMPLES / n + 1);
		}
		expect_permutation(ids, total);
	}
}

Npy(batch_k_of_all_shards_is_batch_k_of_one_program)
{
	baton_npy_options o = rows_of(6);
	int64_t whole[5 * 18], ids[5 * 6];
	baton_npy *data;

	write_files();
	o.epochs = 5;
	o.shuffle = o.drop_last = true;
	data = open_files(&o);
	cr_assert_eq(all_of(data, 1, whole, LENGTH(whole)), LENGTH(whole));
	close_data(data);
	o.n_shards = 3;
	o.rows = 2;
	for (o.shard = 0; o.shard < 3; o.shard++) {
		data = open_files(&o);
		cr_assert_eq(all_of(data, 1, ids, LENGTH(ids)), LENGTH(ids));
		close_data(data);
		for (size_t i = 0; i < LENGTH(ids); i++)
			cr_assert_eq(ids[i], whole[3 * i + o.shard]);
	}
}

/* --- numbers -------------------------------------------------------------------------- */

#define FOUR(type, ...)               \
	sizeof(type), (const type[4]) \
	{                             \
		__VA_ARGS__           \
	}

static const struct {
	const char *descr;
	int dtype;
	size_t item;
	const void *numbers;
	float as_f32[4];
} dtypes[] = {
	{"|i1", BATON_I8, FOUR(int8_t, -128, -1, 0, 127), {-128, -1, 0, 127}},
	{"<i2", BATON_I16, FOUR(int16_t, -32768, -1, 7, 32767), {-32768, -1, 7, 32767}},
	{"<i4",
         BATON_I32,
         FOUR(int32_t, INT32_MIN, -1, 16777217, INT32_MAX),
         {-0x1p31f, -1, 16777216, 0x1p31f}},
	{"<i8",
         BATON_I64,
         FOUR(int64_t, INT64_MIN, -1, 16777219, INT64_MAX),
         {-0x1p63f, -1, 16777220, 0x1p63f}},
	{"|u1", BATON_U8, FOUR(uint8_t, 0, 1, 128, 255), {0, 1, 128, 255}},
	{"<u1", BATON_U8, FOUR(uint8_t, 0, 1, 128, 255), {0, 1, 128, 255}},
	{"<u2", BATON_U16, FOUR(uint16_t, 0, 1, 32768, 65535), {0, 1, 32768, 65535}},
	{"<u4", BATON_U32, FOUR(uint32_t, 0, 1, 16777219, UINT32_MAX), {0, 1, 16777220, 0x1p32f}},
	{"<u8", BATON_U64, FOUR(uint64_t, 0, 1, 16777217, UINT64_MAX), {0, 1, 16777216, 0x1p64f}},
	{"<f4", BATON_F32, FOUR(float, 0, -1.5f, 1e-45f, 3e38f), {0, -1.5f, 1e-45f, 3e38f}},
	{"<f8", BATON_F64, FOUR(double, -0.0, 1e300, 1e-45, 0.1), {-0.0f, INFINITY, 1e-45f, 0.1f}},
	{"|b1", BATON_BOOL, FOUR(uint8_t, 0, 1, 1, 0), {0, 1, 1, 0}},
};

/* The only batch of a file of four samples of one number. */
static void expect_numbers(bool f32, int dtype, const void *bytes, size_t n) BATON_NO_ANALYSIS;
static void expect_numbers(bool f32, int dtype, const void *bytes, size_t n)
{
	const baton_npy_file file = {"a", in_scratch("a.npy"), f32};
	baton_npy_options o = rows_of(4);
	baton_npy *data;
	baton_pipeline *feed;
	baton_batch b;
	baton_error err;

	cr_assert_eq(baton_npy_open(&data, &file, 1, &o, &err), BATON_OK, "%s", err.text);
	feed = feed_of(data, 1, 0);
	b = take(feed);
	cr_expect_eq(baton_fields(&b, NULL)[0].dtype, dtype);
	cr_expect_arr_eq(baton_data(&b, 0), bytes, n, "%x", (unsigned)dtype);
	give(feed, &b);
	close_feed(feed);
	close_data(data);
}

Npy(each_dtype_comes_as_it_is_or_as_float32)
{
	for (size_t i = 0; i < LENGTH(dtypes); i++) {
		size_t bytes = 4 * dtypes[i].item;

		npy_file("a.npy", dtypes[i].descr, "(4,)", dtypes[i].numbers, bytes);
		expect_numbers(false, dtypes[i].dtype, dtypes[i].numbers, bytes);
		expect_numbers(true, BATON_F32, dtypes[i].as_f32, sizeof(dtypes[i].as_f32));
	}
}

Npy(float16_becomes_float32_exactly)
{
	const uint16_t halves[4][4] = {{0x0000, 0x8000, 0x3c00, 0xc000},
	                               {0x7bff, 0x0001, 0x83ff, 0x0400},
	                               {0x7c00, 0xfc00, 0x3555, 0x8001},
	                               {0x7c01, 0x7e00, 0xfe00, 0xffff}};
	const float floats[3][4] = {{0.0f, -0.0f, 1.0f, -2.0f},
	                            {65504.0f, 0x1p-24f, -0x3ffp-24f, 0x1p-14f},
	                            {INFINITY, -INFINITY, 0x1.554p-2f, -0x1p-24f}};
	const baton_npy_file file = {"a", in_scratch("a.npy"), true};
	baton_npy_options o = rows_of(4);
	float nan[4];

	for (int i = 0; i < 3; i++) {
		npy_file("a.npy", "<f2", "(4,)", halves[i], sizeof(halves[i]));
		expect_numbers(true, BATON_F32, floats[i], sizeof(floats[i]));
		expect_numbers(false, BATON_F16, halves[i], sizeof(halves[i]));
	}
	npy_file("a.npy", "<f2", "(1, 4)", halves[3], sizeof(halves[3]));
	{
		baton_npy *data;
		baton_source source = BATON_SOURCE_INIT;
		baton_pipeline *feed;
		baton_batch b;

		cr_assert_eq(baton_npy_open(&data, &file, 1, &o, NULL), BATON_OK);
		cr_assert_eq(baton_npy_source(data, &source), BATON_OK);
		feed = open_feed(&source, 1, 0, 0);
		b = take(feed);
		memcpy(nan, baton_data(&b, 0), sizeof(nan));
		give(feed, &b);
		close_feed(feed);
		close_data(data);
	}
	for (int i = 0; i < 4; i++)
		cr_expect(isnan(nan[i]), "%d", i);
}

Npy(any_rank_keeps_its_shape)
{
	const char *shapes[] = {"(64,)",
	                        "(2, 32)",
	                        "(1, 2, 32)",
	                        "(4, 2, 2, 4)",
	                        "(2, 2, 2, 2, 4)",
	                        "(2, 2, 2, 2, 2, 2)",
	                        "(1, 2, 2, 2, 2, 2, 2)"};
	uint8_t bytes[64];
	baton_npy_options o = rows_of(1);
	baton_npy_info info = BATON_NPY_INFO_INIT;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < LENGTH(shapes); i++) {
		const baton_npy_file file = {"a", npy_file("a.npy", "|u1", shapes[i], bytes, 64),
		                             false};
		baton_npy *data;
		size_t volume = 1;

		cr_assert_eq(baton_npy_open(&data, &file, 1, &o, NULL), BATON_OK);
		cr_assert_eq(baton_npy_get(data, &info), BATON_OK);
		cr_assert_eq(info.fields[0].rank, (int)i);
		for (int d = 0; d < info.fields[0].rank; d++)
			volume *= info.fields[0].shape[d];
		cr_assert_eq(info.samples * volume, 64);
		close_data(data);
	}
}

/* --- files that are refused ----------------------------------------------------------- */

/* What opening says of the file "a.npy"; it must name it, in one printable line. */
static int refusal(const char *path, baton_error *err)
{
	const baton_npy_file file = {"a", path, false};
	baton_npy_options o = rows_of(1);
	baton_npy *data = (baton_npy *)err;
	int rc = baton_npy_open(&data, &file, 1, &o, err);

	if (rc == BATON_OK) {
		close_data(data);
		return rc;
	}
	cr_expect_null(data);
	cr_expect_eq(err->code, rc);
	cr_expect_eq(strncmp(err->text, path, strnlen(path, 60)), 0, "%s", err->text);
	for (const char *c = err->text; *c; c++)
		cr_expect(*c >= ' ' && *c <= '~', "%s", err->text);
	return rc;
}

#define D(descr) "'descr': " descr ", "
#define F "'fortran_order': False, "
#define S(shape) "'shape': " shape ", "
#define BAD_HEADER "its header is not that of one array"

/* Headers, and what is said of a file with 24 bytes of data; NULL: it is good. */
static const struct {
	const char *header, *said;
} headers[] = {
	{"{" D("'<f4'") F S("(3, 2)") "}  \n", NULL},
	{"{" D("'<f4'") F "'shape': (3, 2)}", NULL},
	{"{" D("'<f4'") F "'shape': (3, 2,)}", NULL},
	{"\t{\n" S("(6,)") D("\"<f4\"") "\"fortran_order\" :False}", NULL},
	{"{" D("'<f8'") F S("( 3 ,1 )") "}", NULL},
	{"{" D("'|b1'") F S("(24,)") "}", NULL},
	/* no such literal */
	{"", BAD_HEADER},
	{"   \n", BAD_HEADER},
	{"{}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2)"), BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2)") "} x", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2)") "}}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2)") ",}", BAD_HEADER},
	{"{" D("'<f4'") F "'shape': (3, 2) 'x': 1}", BAD_HEADER},
	{"{" D("'<f4'") F "}", BAD_HEADER},
	{"{" D("'<f4'") S("(3, 2)") "}", BAD_HEADER},
	{"{" F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") D("'<f4'") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2)") "'more': 1, }", BAD_HEADER},
	{"{'descr' '<f4', " F S("(3, 2)") "}", BAD_HEADER},
	{"{descr: '<f4', " F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4\"") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<\\x664'") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4\x1b[2J'") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4\x80'") F S("(3, 2)") "}", BAD_HEADER},
	{"{" D("[('a', '<f4'), ('b', '<f4')]") F S("(3,)") "}", BAD_HEADER},
	{"{" D("'<f4'") "'fortran_order': 0, " S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") "'fortran_order': false, " S("(3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("[3, 2]") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(6)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("6") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, , 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(, 3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(,)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(-3, -2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3.0, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(03, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3L, 2L)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(0x3, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(18446744073709551619, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(99999999999999999999999999, 2)") "}", BAD_HEADER},
	{"{" D("'<f4'") F S("(3, 2"), BAD_HEADER},
	/* numbers of another kind */
	{"{" D("'>f4'") F S("(3, 2)") "}", "big-endian (>f4); save a.astype('<f4')"},
	{"{" D("'>u1'") F S("(3, 8)") "}", "dtype >u1 is not"},
	{"{" D("'=f4'") F S("(3, 2)") "}", "dtype =f4 is not"},
	{"{" D("'|f4'") F S("(3, 2)") "}", "dtype |f4 is not"},
	{"{" D("'f4'") F S("(3, 2)") "}", "dtype f4 is not"},
	{"{" D("''") F S("(3, 2)") "}", "dtype  is not"},
	{"{" D("'<'") F S("(3, 2)") "}", "dtype < is not"},
	{"{" D("'<c8'") F S("(3,)") "}", "dtype <c8 is not"},
	{"{" D("'|O'") F S("(3,)") "}", "dtype |O is not"},
	{"{" D("'<U1'") F S("(3, 2)") "}", "dtype <U1 is not"},
	{"{" D("'|S8'") F S("(3,)") "}", "dtype |S8 is not"},
	{"{" D("'<M8[ns]'") F S("(3,)") "}", "dtype <M8[ns] is not"},
	{"{" D("'<f16'") F S("(1,)") "}", "dtype <f16 is not"},
	{"{" D("'<f44444444444444444444444444444444'") F S("(3, 2)") "}", "dtype <f44"},
	/* shapes */
	{"{" D("'<f4'") "'fortran_order': True, " S("(3, 2)") "}", "Fortran order"},
	{"{" D("'<f8'") F S("()") "}", "without an axis of samples"},
	{"{" D("'<f4'") F S("(3, 2, 1, 1, 1, 1, 1)") "}", NULL},
	{"{" D("'<f4'") F S("(3, 2, 1, 1, 1, 1, 1, 1)") "}", "8 axes; at most 7"},
	{"{" D("'<f4'") F S("(0, 2)") "}", "axis 0 of its shape is 0"},
	{"{" D("'<f4'") F S("(3, 0)") "}", "axis 1 of its shape is 0"},
	{"{" D("'<f4'") F S("(3, 18446744073709551615, 0)") "}", "axis 2 of its shape is 0"},
	/* the data */
	{"{" D("'<f4'") F S("(3, 3)") "}",
         "cut short: it has 24 bytes of data, its shape needs 36"},
	{"{" D("'<f4'") F S("(3, 1)") "}", "12 bytes stand behind its array's 12"},
	{"{" D("'<f8'") F S("(3, 2)") "}",
         "cut short: it has 24 bytes of data, its shape needs 48"},
	{"{" D("'<f4'") F S("(4611686018427387910,)") "}", "cut short, or its shape is wrong"},
	{"{" D("'<f4'") F S("(1, 4611686018427387910)") "}", "cut short, or its shape is wrong"},
	{"{" D("'<f4'") F S("(1, 4294967296, 4294967302)") "}", "cut short, or its shape is wrong"},
	{"{" D("'|u1'") F S("(4294967296, 4294967296, 24)") "}",
         "cut short, or its shape is wrong"},
};

Npy(every_header_is_good_or_refused_by_a_line_that_says_why)
{
	static const float data[6] = {1, 2, 3, 4, 5, 6};

	for (size_t i = 0; i < LENGTH(headers); i++)
		for (int version = 1; version <= 3; version++) {
			const char *path =
				npy_raw("a.npy", version, headers[i].header, data, sizeof(data));
			baton_error err = {0};
			int rc = refusal(path, &err);

			cr_expect_eq(rc, headers[i].said ? -EINVAL : BATON_OK, "%s: %s",
			             headers[i].header, err.text);
			if (headers[i].said)
				cr_expect_not_null(strstr(err.text, headers[i].said), "%s: %s",
				                   headers[i].header, err.text);
		}
}

Npy(a_file_that_is_cut_anywhere_or_longer_by_a_byte_is_refused)
{
	static const float numbers[6] = {1, 2, 3, 4, 5, 6};
	struct bytes whole;
	baton_error err;

	npy_file("whole.npy", "<f4", "(3, 2)", numbers, sizeof(numbers));
	whole = read_bytes(in_scratch("whole.npy"));
	cr_assert_eq(whole.n, 128 + 24);
	for (size_t n = 0; n <= whole.n + 1; n++) {
		int rc;

		write_bytes(in_scratch("a.npy"), whole.at, n);
		rc = refusal(in_scratch("a.npy"), &err);
		cr_expect_eq(rc, n == whole.n ? BATON_OK : -EINVAL, "%zu: %s", n, err.text);
		if (n < 10)
			cr_expect_not_null(strstr(err.text, "not a .npy file"), "%s", err.text);
		else if (n < whole.n)
			cr_expect_not_null(strstr(err.text, "cut short"), "%s", err.text);
	}
	free(whole.at);
}

Npy(other_magic_versions_and_lengths_are_refused)
{
	static const struct {
		size_t at;
		unsigned char byte;
		const char *said;
	} changes[] = {
		{0, 'x', "not a .npy file"},
		{5, 'X', "not a .npy file"},
		{6, 0, "version 0.0"},
		{6, 4, "version 4.0"},
		{7, 1, "version 1.1"},
		{9, 1, "within its header"},
		{6, 2, "header has 662372470 bytes"},
	};
	static const float numbers[6] = {1, 2, 3, 4, 5, 6};
	baton_error err;

	for (size_t i = 0; i < LENGTH(changes); i++) {
		struct bytes file;

		npy_file("a.npy", "<f4", "(3, 2)", numbers, sizeof(numbers));
		file = read_bytes(in_scratch("a.npy"));
		file.at[changes[i].at] = changes[i].byte;
		write_bytes(in_scratch("a.npy"), file.at, file.n);
		free(file.at);
		cr_expect_eq(refusal(in_scratch("a.npy"), &err), -EINVAL);
		cr_expect_not_null(strstr(err.text, changes[i].said), "%s", err.text);
	}
}

Npy(what_is_no_file_is_refused_and_waited_for_by_nobody)
{
	baton_error err;

	cr_expect_eq(refusal(in_scratch("none"), &err), -ENOENT);
	cr_expect_eq(refusal(scratch, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "not a regular file"), "%s", err.text);
	cr_assert_eq(mkfifo(in_scratch("pipe"), 0600), 0);
	cr_expect_eq(refusal(in_scratch("pipe"), &err), -EINVAL);
}

Npy(a_path_that_would_steer_a_terminal_stays_one_line)
{
	const baton_npy_file file = {"a", "/no/\n\x1b[2Jfile", false};
	baton_npy_options o = rows_of(1);
	baton_npy *data;
	baton_error err;

	cr_assert_eq(baton_npy_open(&data, &file, 1, &o, &err), -ENOENT);
	cr_assert_str_eq(err.text, "/no/  [2Jfile: can't be opened: No such file or directory");
	cr_assert_eq(baton_npy_open(&data, &file, 1, &o, NULL), -ENOENT);
}

/* --- arguments ------------------------------------------------------------------------ */

/* Of the two good files with these options. */
static const char *said_of(baton_npy_options o, int code)
{
	static baton_error err;
	const baton_npy_file files[] = {{"x", in_scratch("x.npy"), false},
	                                {"id", in_scratch("id.npy"), false}};
	baton_npy *data = NULL;

	cr_expect_eq(baton_npy_open(&data, files, 2, &o, &err), code, "%s", err.text);
	cr_expect_null(data);
	return err.text;
}

Npy(options_that_can_not_be_are_refused)
{
	baton_npy_options o = rows_of(0);

	write_files();
	cr_expect_str_eq(said_of(o, -EINVAL), "npy: 0 rows; 1 to 4294967295 are allowed");
	o.rows = (size_t)UINT32_MAX + 1;
	cr_expect_not_null(strstr(said_of(o, -EINVAL), "4294967296 rows"));
	o.rows = 24;
	o.drop_last = true;
	cr_expect_str_eq(said_of(o, -EINVAL),
	                 "npy: 23 samples make no batch of 24 rows for shard 0 of 1");
	o.rows = 1;
	o.shard = 1;
	cr_expect_str_eq(said_of(o, -EINVAL), "npy: there is no shard 1 of 1");
	o.drop_last = false;
	o.n_shards = 25;
	o.shard = 23;
	cr_expect_str_eq(said_of(o, -EINVAL),
	                 "npy: 23 samples make no batch of up to 1 rows for shard 23 of 25");
	o.size = 0;
	cr_expect_str_eq(said_of(o, -EINVAL), "npy: the options' size is not set");
}

Npy(files_of_different_lengths_are_refused)
{
	int64_t more[SAMPLES + 1] = {0};

	write_files();
	npy_file("id.npy", "<i8", "(24,)", more, sizeof(more));
	cr_expect_not_null(strstr(said_of(rows_of(1), BATON_ERR_SHAPE), "has 24 samples, "));
	cr_expect_not_null(strstr(said_of(rows_of(1), BATON_ERR_SHAPE), "x.npy has 23"));
}

Npy(misuse_is_told)
{
	const baton_npy_file good = {"x", in_scratch("x.npy"), false},
			     nameless = {NULL, "x", false}, pathless = {"x", NULL, false};
	baton_npy_options o = rows_of(1);
	baton_source source = BATON_SOURCE_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	uint64_t identity;
	baton_npy *data;
	baton_error err;

	write_files();
	cr_expect_eq(baton_npy_open(NULL, &good, 1, &o, &err), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_open(&data, NULL, 1, &o, &err), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_open(&data, &good, 1, NULL, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_open(&data, &good, 0, &o, &err), -EINVAL);
	cr_expect_eq(baton_npy_open(&data, &good, 17, &o, &err), -EINVAL);
	cr_expect_str_eq(err.text, "npy: 17 files; 1 to 16 are allowed");
	cr_expect_eq(baton_npy_open(&data, &nameless, 1, &o, &err), -EINVAL);
	cr_expect_str_eq(err.text, "npy: file 0 has no name");
	cr_expect_eq(baton_npy_open(&data, &pathless, 1, &o, &err), -EINVAL);
	cr_expect_str_eq(err.text, "npy: file 0 has no path");
	cr_expect_eq(baton_npy_source(NULL, &source), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_get(NULL, &info), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_identity(NULL, &identity, &err), BATON_MISUSE_NULL);
	data = open_files(&o);
	cr_expect_eq(baton_npy_source(data, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_get(data, NULL), BATON_MISUSE_NULL);
	cr_expect_eq(baton_npy_identity(data, NULL, NULL), BATON_MISUSE_NULL);
	close_data(data);
	cr_expect_eq(baton_npy_close(NULL), BATON_MISUSE_NULL);
	data = NULL;
	cr_expect_eq(baton_npy_close(&data), BATON_OK);
}

Npy(files_in_use_are_not_let_go)
{
	baton_npy_options o = rows_of(5);
	int64_t ids[SAMPLES];
	baton_pipeline *feed, *other;
	baton_npy *data, *same;

	write_files();
	o.epochs = 1;
	data = same = open_files(&o);
	feed = feed_of(data, 3, 0);
	other = feed_of(data, BATON_INLINE, 0);
	cr_assert_eq(baton_npy_close(&data), BATON_MISUSE_LENT);
	cr_assert_eq(data, same);
	cr_assert_eq(drain(feed, ids, SAMPLES, NULL, NULL), SAMPLES);
	close_feed(feed);
	cr_assert_eq(baton_npy_close(&data), BATON_MISUSE_LENT);
	cr_assert_eq(drain(other, ids, SAMPLES, NULL, NULL), SAMPLES);
	close_feed(other);
	close_data(data);
}

/* --- files that change ---------------------------------------------------------------- */

Npy(a_file_that_shrinks_in_use_ends_the_run_in_its_place)
{
	baton_npy_options o = rows_of(1);
	baton_error err;
	baton_pipeline *feed;
	baton_batch b;
	baton_npy *data;
	uint64_t identity;

	write_files();
	data = open_files(&o);
	feed = feed_of(data, BATON_INLINE, 0);
	b = take(feed);
	give(feed, &b);
	cr_assert_eq(truncate(in_scratch("id.npy"), 130), 0);
	/* inline, a block of cheap batches is filled at once */
	for (int rc = BATON_OK; rc == BATON_OK;) {
		rc = baton_next(feed, &b);
		if (rc == BATON_OK)
			give(feed, &b);
		else
			cr_assert_eq(rc, -EIO);
	}
	cr_assert_eq(baton_status(feed, &err), -EIO);
	cr_assert_not_null(strstr(err.text, "id.npy: it has shrunk while in use"), "%s", err.text);
	close_feed(feed);
	cr_assert_eq(baton_npy_identity(data, &identity, &err), -EIO);
	cr_assert_not_null(strstr(err.text, "id.npy: it has shrunk while in use"), "%s", err.text);
	close_data(data);
}

Npy(a_file_that_is_replaced_by_another_is_read_as_it_was)
{
	baton_npy_options o = rows_of(5);
	int64_t ids[SAMPLES];
	baton_npy *data;

	write_files();
	o.epochs = 1;
	data = open_files(&o);
	write_bytes(in_scratch("new"), "", 0);
	cr_assert_eq(rename(in_scratch("new"), in_scratch("id.npy")), 0);
	cr_assert_eq(unlink(in_scratch("x.npy")), 0);
	cr_assert_eq(all_of(data, 2, ids, SAMPLES), SAMPLES);
	expect_permutation(ids, SAMPLES);
	close_data(data);
}

Npy(in_memory_files_may_go_away)
{
	baton_npy_options o = rows_of(5);
	int64_t ids[SAMPLES];
	uint64_t mapped, read;
	baton_npy *data;

	write_files();
	o.epochs = 1;
	data = open_files(&o);
	cr_assert_eq(baton_npy_identity(data, &mapped, NULL), BATON_OK);
	close_data(data);
	o.in_memory = true;
	data = open_files(&o);
	cr_assert_eq(truncate(in_scratch("id.npy"), 0), 0);
	cr_assert_eq(truncate(in_scratch("x.npy"), 0), 0);
	cr_assert_eq(all_of(data, 2, ids, SAMPLES), SAMPLES);
	expect_permutation(ids, SAMPLES);
	cr_assert_eq(baton_npy_identity(data, &read, NULL), BATON_OK);
	cr_assert_eq(mapped, read);
	close_data(data);
}

/* --- identity ------------------------------------------------------------------------- */

static uint64_t identity_of(const char *name, const char *path, bool f32, baton_npy_options o)
{
	const baton_npy_file file = {name, path, f32};
	baton_npy *data;
	uint64_t identity;

	cr_assert_eq(baton_npy_open(&data, &file, 1, &o, NULL), BATON_OK);
	cr_assert_eq(baton_npy_identity(data, &identity, NULL), BATON_OK);
	close_data(data);
	return identity;
}

Npy(identity_is_of_the_numbers_and_the_options_not_of_the_file)
{
	int32_t numbers[24] = {0};
	uint64_t all[12];
	size_t n = 0;
	baton_npy_options o = rows_of(2);
	const char *path = npy_file("a.npy", "<i4", "(24,)", numbers, sizeof(numbers));

	all[n++] = identity_of("a", path, false, o);
	o.epochs = 7;
	path = npy_file("copy.npy", "<i4", "(24,)", numbers, sizeof(numbers));
	cr_assert_eq(identity_of("a", path, false, o), all[0]);
	all[n++] = identity_of("b", path, false, o);
	all[n++] = identity_of("a", path, true, o);
	o.shuffle = true;
	all[n++] = identity_of("a", path, false, o);
	o.drop_last = true;
	all[n++] = identity_of("a", path, false, o);
	o.n_shards = 2;
	all[n++] = identity_of("a", path, false, o);
	o.shard = 1;
	all[n++] = identity_of("a", path, false, o);
	o = rows_of(3);
	all[n++] = identity_of("a", path, false, o);
	o = rows_of(2);
	path = npy_file("a.npy", "<u4", "(24,)", numbers, sizeof(numbers));
	all[n++] = identity_of("a", path, false, o);
	path = npy_file("a.npy", "<i4", "(24, 1)", numbers, sizeof(numbers));
	all[n++] = identity_of("a", path, false, o);
	numbers[23] = 1;
	path = npy_file("a.npy", "<i4", "(24,)", numbers, sizeof(numbers));
	all[n++] = identity_of("a", path, false, o);
	numbers[23] = 0;
	numbers[0] = 1;
	path = npy_file("a.npy", "<i4", "(24,)", numbers, sizeof(numbers));
	all[n++] = identity_of("a", path, false, o);
	cr_assert_eq(n, LENGTH(all));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			cr_assert_neq(all[i], all[j], "%zu and %zu", i, j);
}

/* Where a large file is looked at: its first and last bytes, and 4 KiB of each 256th part. */
Npy(identity_of_a_large_file_is_of_pieces_of_it)
{
	size_t n = 3u << 20;
	unsigned char *bytes = calloc(1, n);
	const char *path = npy_file("a.npy", "|u1", "(3145728,)", bytes, n);
	uint64_t zero = identity_of("a", path, false, rows_of(1));
	const size_t seen[] = {0, 4095, n / 255, n - 1}, unseen[] = {4096, 12000};

	for (size_t i = 0; i < LENGTH(seen) + LENGTH(unseen); i++) {
		size_t at = i < LENGTH(seen) ? seen[i] : unseen[i - LENGTH(seen)];
		bool same;

		bytes[at] = 1;
		npy_file("a.npy", "|u1", "(3145728,)", bytes, n);
		same = identity_of("a", path, false, rows_of(1)) == zero;
		cr_expect_eq(same, i >= LENGTH(seen), "%zu", at);
		bytes[at] = 0;
	}
	free(bytes);
}
