/* SPDX-License-Identifier: MIT */
/* Hostile files: each is refused with a text, and nothing has changed; or it is good. */
#include "scratch.h"
#include "training.h"
#include <baton/baton.h>
#include <locale.h>

static baton_model *net;

static void setup(void)
{
	baton_source source = mean_source(8);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_pipeline *feed = open_inline(&source);

	make_scratch();
	net = compiled_mean_model();
	options.steps_per_epoch = 5;
	cr_assert_eq(baton_fit(net, feed, &options, NULL, NULL), BATON_OK);
	cr_assert_eq(baton_close(&feed), BATON_OK);
	cr_assert_eq(baton_model_save(net, in_scratch("good"), NULL, 0, NULL), BATON_OK);
}

static void teardown(void)
{
	baton_model_destroy(&net);
	remove_scratch();
}

TestSuite(safetensors, .init = setup, .fini = teardown, .timeout = 60);

/* --- who is asked --------------------------------------------------------------------- */

static bool is_text(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/* Load what lies at path; a refusal must say why in one printable line that names the file,
 * and leave the model as it was. */
static int load(const char *path, const char *what)
{
	baton_error err = {0};
	int rc;

	cr_assert_eq(baton_model_load(net, in_scratch("good"), NULL, 0, NULL, NULL), BATON_OK);
	rc = baton_model_load(net, path, NULL, 0, NULL, &err);
	if (rc < 0) {
		cr_expect(err.code == rc && strstr(err.text, path) == err.text, "%s: %s", what,
		          err.text);
		cr_expect(is_text(err.text), "%s: %s", what, err.text);
		cr_assert_eq(baton_model_save(net, in_scratch("after"), NULL, 0, NULL), BATON_OK);
		cr_expect(same_files(in_scratch("good"), in_scratch("after")), "%s", what);
	}
	return rc;
}

static int load_weights(const char *path, const char *what)
{
	float before[3];
	baton_error err = {0};
	int rc;

	memcpy(before, baton_weights(net, NULL), sizeof(before));
	rc = baton_weights_load(net, path, &err);
	if (rc < 0) {
		cr_expect(err.code == rc && strstr(err.text, path) == err.text, "%s: %s", what,
		          err.text);
		cr_expect(is_text(err.text), "%s: %s", what, err.text);
		cr_expect_arr_eq(before, baton_weights(net, NULL), sizeof(before), "%s", what);
	}
	return rc;
}

/* A file of this header and so many bytes of data: 1, 1, ... */
static const char *file_of(const char *header, size_t data)
{
	size_t length = strlen(header);
	unsigned char *bytes = calloc(1, 8 + length + data + 4);
	const float one = 1;

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
	memcpy(bytes + 8, header, length);
	for (size_t i = 0; i < data; i += 4)
		memcpy(bytes + 8 + length + i, &one, 4);
	write_bytes(in_scratch("bad"), bytes, 8 + length + data);
	free(bytes);
	return in_scratch("bad");
}

/* --- headers -------------------------------------------------------------------------- */

#define T(dtype, shape, begin, end) \
	"{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"
#define KERNEL "\"dense_1.kernel\":" T("F32", "[2,1]", "0", "8")
#define BIAS "\"dense_1.bias\":" T("F32", "[1]", "8", "12")

static const struct {
	const char *header;
	size_t data;
	bool good;
} headers[] = {
	{"{" KERNEL "," BIAS "}", 12, true},
	{" {" KERNEL "\n,\t" BIAS "}   ", 12, true},
	{"{" BIAS "," KERNEL "}", 12, true},
	{"{\"__metadata__\":{\"a\":\"b\"}," KERNEL "," BIAS "}", 12, true},
	{"{\"__metadata__\":{}," KERNEL "," BIAS "}", 12, true},
	{"{\"b\":" T("BF16", "[1,3]", "12", "18") "," KERNEL "," BIAS "}", 18, true},
	{"{\"b\":" T("F32", "[0,9007199254740991]", "12", "12") "," KERNEL "," BIAS "}", 12, true},
	{"{\"b\":" T("F64", "[]", "12", "20") "," KERNEL "," BIAS "}", 20, true},
	/* empty ones begin where others do */
	{"{" KERNEL ",\"e\":" T("F32", "[0]", "0", "0") "," BIAS "}", 12, true},
	{"{\"e\":" T("F32", "[0]", "0", "0") "," KERNEL "," BIAS "}", 12, true},
	{"{\"e\":" T("F32", "[0]", "8", "8") "," KERNEL ",\"f\":" T("I8", "[0]", "8", "8") "," BIAS
                                                                                           "}",
         12, true},
	/* not an object */
	{"", 12, false},
	{"   ", 12, false},
	{"x", 12, false},
	{"[]", 12, false},
	{"7", 12, false},
	{"null", 0, false},
	{"{}", 0, false},
	{"{}", 12, false},
	{"{" KERNEL "," BIAS, 12, false},
	{"{" KERNEL "," BIAS ",}", 12, false},
	{"{" KERNEL "," BIAS ",", 12, false},
	{"{" KERNEL "," BIAS "}}", 12, false},
	{"{" KERNEL "," BIAS "} x", 12, false},
	{"{" KERNEL "," BIAS "}\n", 12, false},
	{"\"dense_1.kernel", 12, false},
	{"{\"dense_1.kernel\":\"\\ud800\"}", 12, false},
	/* the data: too much, too little, a gap, an overlap */
	{"{" KERNEL "," BIAS "}", 13, false},
	{"{" KERNEL "," BIAS "}", 11, false},
	{"{" KERNEL "," BIAS "}", 0, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "12", "16") "}", 16, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "4", "8") "}", 8, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "4", "8") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "12", "8") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "8", "16") "}", 16, false},
	/* numbers */
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[-1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1.5]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "8.25", "12.25") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "-8", "-4") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[\"1\"]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "\"8\"", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[true]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[null]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1e400]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[9007199254740993]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[18446744073709551615]", "8", "4") "}", 12,
         false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1]", "8", "18446744073709551628") "}", 12,
         false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[4611686018427387905]", "8", "12") "}", 12,
         false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[4294967296,4294967296]", "8", "8") "}", 8,
         false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[4503599627370496,4096,1]", "8", "8") "}", 8,
         false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[0x1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[NaN]", "8", "12") "}", 12, false},
	{"{" KERNEL "," BIAS ",\"b\":" T("F32", "[4294967296,4294967296]", "12", "12") "}", 12,
         false},
	{"{" KERNEL "," BIAS ",\"b\":" T("U8", "[0,4294967296,4294967296]", "12", "12") "}", 12,
         true},
	/* other tensors than this model's */
	{"{" KERNEL ",\"dense_1.bias\":" T("I32", "[1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F16", "[2]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F33", "[1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("f32", "[1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[1,1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":" T("F32", "[2]", "8", "16") "}", 16, false},
	{"{" BIAS ",\"dense_1.kernel\":" T("F32", "[1,2]", "0", "8") "}", 12, false},
	{"{" BIAS ",\"dense_1.kernel\":" T("F32", "[2]", "0", "8") "}", 12, false},
	{"{" KERNEL "}", 8, false},
	{"{" KERNEL ",\"Dense_1.bias\":" T("F32", "[1]", "8", "12") "}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\\u0007\":" T("F32", "[1]", "8", "12") "}", 12, false},
	/* members that are missing, twice, of another kind */
	{"{" KERNEL ",\"dense_1.bias\":7}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":[1,2,3]}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":{}}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[8,12]}}", 12,
         false},
	{"{" KERNEL ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[8,12]}}",
         12, false},
	{"{" KERNEL ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8]}}", 12,
         false},
	{"{" KERNEL
         ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12,12]}}",
         12, false},
	{"{" KERNEL
         ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"a\":8,\"b\":12}}}",
         12, false},
	{"{" KERNEL ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1]}}", 12, false},
	{"{" KERNEL ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_"
         "offsets\":[8,12]}}",
         12, false},
	{"{" KERNEL
         ",\"dense_1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"x\":1,\"data_offsets\":[8,12]}}",
         12, false},
	{"{" KERNEL "," KERNEL "," BIAS "}", 12, false},
	{"{" KERNEL "," BIAS ",\"dense_1.bias\":" T("F32", "[1]", "12", "16") "}", 16, false},
	{"{" KERNEL "," BIAS ",\"\\u001b[2J\\u009b\":7}", 12, false},
	{"{" KERNEL "," BIAS ",\"\\u001b[2J\":" T("F32", "[0]", "0", "0") ",\"\\u001b[2J\":" T(
		 "F32", "[0]", "0", "0") "}",
         12, false},
	{"{\"__metadata__\":7," KERNEL "," BIAS "}", 12, false},
	{"{\"__metadata__\":[\"a\"]," KERNEL "," BIAS "}", 12, false},
	{"{\"__metadata__\":{\"a\":7}," KERNEL "," BIAS "}", 12, false},
	{"{\"__metadata__\":{\"a\":null}," KERNEL "," BIAS "}", 12, false},
	{"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," KERNEL "," BIAS "}", 12, false},
	{"{\"__metadata__\":{},\"__metadata__\":{}," KERNEL "," BIAS "}", 12, false},
};

Test(safetensors, headers_that_lie_are_refused)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const char *path = file_of(headers[i].header, headers[i].data);
		int rc = load_weights(path, headers[i].header);

		cr_expect_eq(rc == BATON_OK, headers[i].good, "%s: %d", headers[i].header, rc);
		if (headers[i].good)
			cr_expect_eq(baton_weights(net, NULL)[2], 1);
		cr_expect_lt(load(path, headers[i].header), 0);
	}
}

Test(safetensors, lengths_that_lie_are_refused)
{
	const uint64_t lengths[] = {0,
	                            1,
	                            7,
	                            1u << 24,
	                            (1u << 24) + 1,
	                            UINT64_C(1) << 32,
	                            UINT64_C(1) << 63,
	                            UINT64_MAX,
	                            UINT64_MAX - 7,
	                            UINT64_MAX - 8};
	struct bytes good = read_bytes(in_scratch("good"));
	uint64_t length;

	memcpy(&length, good.at, 8);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]) + 4; i++) {
		uint64_t lie = i < 10 ? lengths[i] : i < 12 ? length - 1 - i % 2 : length + i - 11;

		memcpy(good.at, &lie, 8);
		write_bytes(in_scratch("bad"), good.at, good.n);
		cr_expect_lt(load(in_scratch("bad"), "length"), 0, "%llu of %llu",
		             (unsigned long long)lie, (unsigned long long)length);
	}
	free(good.at);
}

/* A good file whose header is blanks for the most part. */
Test(safetensors, a_header_is_at_most_16_MiB)
{
	for (size_t more = 0; more < 2; more++) {
		struct bytes good = read_bytes(in_scratch("good"));
		uint64_t length, padded = (1u << 24) + more;
		unsigned char *all = malloc(good.n + padded);

		cr_assert_not_null(all);
		memcpy(&length, good.at, 8);
		memcpy(all, &padded, 8);
		memcpy(all + 8, good.at + 8, length);
		memset(all + 8 + length, ' ', padded - length);
		memcpy(all + 8 + padded, good.at + 8 + length, good.n - 8 - length);
		write_bytes(in_scratch("bad"), all, good.n - length + padded);
		cr_expect_eq(load(in_scratch("bad"), "16 MiB"), more ? -EINVAL : BATON_OK);
		free(all);
		free(good.at);
	}
}

/* Deep is refused without a deep stack of ours. */
Test(safetensors, nesting_is_limited)
{
	enum { DEEP = 1 << 20 };
	char *text = malloc(2 * DEEP + 1);

	memset(text, '[', DEEP);
	memset(text + DEEP, ']', DEEP);
	text[2 * DEEP] = 0;
	cr_expect_lt(load(file_of(text, 0), "deep"), 0);
	for (int i = 0; i < DEEP / 4; i++)
		memcpy(text + 5 * i, "{\"\":", 5);
	cr_expect_lt(load(file_of(text, 0), "deep objects"), 0);
	free(text);
}

/* --- a good file, a little changed ---------------------------------------------------- */

/* The good file with one text of its header replaced. */
static const char *edited(const char *from, const char *to)
{
	struct bytes good = read_bytes(in_scratch("good"));
	uint64_t length;
	char *text, *at;
	unsigned char *all = calloc(1, good.n + strlen(to) + 16);

	memcpy(&length, good.at, 8);
	text = strndup((char *)good.at + 8, length);
	at = strstr(text, from);
	cr_assert(at, "\"%s\" is not in %s", from, text);
	memcpy(all + 8, text, (size_t)(at - text));
	strcat((char *)all + 8, to);
	strcat((char *)all + 8, at + strlen(from));
	memcpy(all + 8 + strlen((char *)all + 8), good.at + 8 + length, good.n - 8 - length);
	length += strlen(to) - strlen(from);
	memcpy(all, &length, 8);
	write_bytes(in_scratch("bad"), all, good.n + strlen(to) - strlen(from));
	free(text);
	free(all);
	free(good.at);
	return in_scratch("bad");
}

static const struct {
	const char *key;
	const char *bad[12];
} members[] = {
	{"step",
         {"", "-1", "18446744073709551616", "0x5", "5.0", "5 ", " 5", "+5", "x", "4", NULL}},
	{"next_batch", {"", "-1", "99999999999999999999", "1e1", NULL}},
	{"epoch", {"-1", "18446744073709551615", NULL}},
	{"epoch_step", {"6", "-1", "", NULL}},
	{"epoch_rows", {"-40", "4 0", NULL}},
	{"epoch_closed", {"2", "", "-1", "true", "18446744073709551615", NULL}},
	{"epoch_begun", {"2", "0", NULL}},
	{"loss_sum",
         {"nan", "-nan", "inf", "-inf", "", "0x", "1e999", "0x1p+0 ", "0x1p5000", NULL}},
	{"mae_sum", {"nan", "inf", NULL}},
	{"mse_sum", {"nan(7)", "infinity", NULL}},
	{"digest", {"18446744073709551616", "", NULL}},
	{"learning_rate",
         {"nan", "inf", "-inf", "-1", "-0x1p-1000", "", "0x1p+128", "1e39", "1e308", "1,5", NULL}},
	{"metrics", {"1024", "4", "18446744073709551615", "-1", NULL}},
	{"callbacks", {"x", "1 x", "1  2x", "0x1p+0,", "1;2", NULL}},
	{"format", {"", "baton checkpoint 2", "\\u001b]0;x\\u0007", NULL}},
	{"model", {"", "x 2", "\\u001b[2J\\n\\u009b", NULL}},
	{"training", {"", "%s%s%n", "\\ud83d\\ude00", NULL}},
};

static void replace_member(const char *key, const char *bad)
{
	struct bytes good = read_bytes(in_scratch("good"));
	char start[64], from[300], to[300], *at, *end;

	snprintf(start, sizeof(start), "\"%s\":\"", key);
	at = memmem(good.at, good.n, start, strlen(start));
	cr_assert(at, "%s", key);
	end = strchr(at + strlen(start), '"');
	snprintf(from, sizeof(from), "%.*s", (int)(end + 1 - at), at);
	snprintf(to, sizeof(to), "%s%s\"", start, bad);
	cr_expect_lt(load(edited(from, to), to), 0, "%s", to);
	snprintf(to, sizeof(to), "\"%s\":7", key);
	cr_expect_lt(load(edited(from, to), to), 0, "%s", to);
	snprintf(to, sizeof(to), "\"%s_\":\"7\"", key);
	cr_expect_lt(load(edited(from, to), to), 0, "%s", to);
	free(good.at);
}

Test(safetensors, numbers_that_no_training_comes_to_are_refused)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		for (size_t j = 0; members[i].bad[j]; j++)
			replace_member(members[i].key, members[i].bad[j]);
	}
}

Test(safetensors, callbacks_numbers_are_at_most_64)
{
	char to[700] = "\"callbacks\":\"0";

	for (int n = 1; n < 64; n++)
		strcat(to, " 0");
	strcat(to, "\"");
	cr_expect_eq(load(edited("\"callbacks\":\"\"", to), "64"), BATON_OK);
	to[strlen(to) - 1] = '\0';
	strcat(to, " 0\"");
	cr_expect_lt(load(edited("\"callbacks\":\"\"", to), "65"), 0);
}

/* Does a fit with this callback go on from a file with these numbers? */
static void restore(const char *numbers, const baton_callback *callback, bool good)
{
	baton_source source = mean_source(8);
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_options from = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	char to[128];
	baton_error err;

	snprintf(to, sizeof(to), "\"callbacks\":\"%s\"", numbers);
	cr_assert_eq(load(edited("\"callbacks\":\"\"", to), to), BATON_OK, "%s", to);
	options.callbacks = callback;
	options.n_callbacks = 1;
	options.steps_per_epoch = 5;
	options.epochs = 2;
	from.producers = BATON_INLINE;
	from.first_batch = 5;
	cr_assert_eq(baton_open(&feed, &source, &from, NULL), BATON_OK);
	cr_expect_eq(baton_fit(net, feed, &options, NULL, &err), good ? BATON_OK : -EINVAL, "%s",
	             to);
	cr_expect(good || strstr(err.text, "checkpoint"), "%s: %s", to, err.text);
	cr_assert_eq(baton_close(&feed), BATON_OK);
}

/* What a callback's numbers are is found out by the fit that would go on. */
Test(safetensors, callbacks_numbers_that_are_none_are_refused_by_the_fit)
{
	static const char *const bad[] = {"5 1e9 0 0 0 1",
	                                  "5",
	                                  "-1",
	                                  "nan",
	                                  "5 1 2 3 4",
	                                  "5 1 2 3 4 5 6",
	                                  "4 1 2 3 4",
	                                  "5.5 1 2 3 4 5",
	                                  "4.5 1 2 3 4 5",
	                                  "5 1 -1 0 0 1",
	                                  "5 1 0 nan 0 1",
	                                  "5 1 1e300 0 0 1",
	                                  "9 1 2 3 4 5 6 7 8 9",
	                                  "0",
	                                  "inf",
	                                  ""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		baton_early_stopping stop = BATON_EARLY_STOPPING_INIT;
		baton_callback callback = baton_early_stopping_callback(&stop);

		restore(bad[i], &callback, i == 0);
	}
}

Test(safetensors, a_smaller_rates_numbers_are_counts)
{
	static const char *const all[] = {"4 1e9 0 0 0",    "4 inf 1 2 3",   "4 1 -1 0 0",
	                                  "4 1 0 nan 0",    "4 1 0 0 1e300", "4 1 0 0 -1",
	                                  "4 1 0x1p53 0 0", "5 1 0 0 0 0",   "3 1 0 0"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		baton_reduce_rate reduce = BATON_REDUCE_RATE_INIT;
		baton_callback callback = baton_reduce_rate_callback(&reduce);

		restore(all[i], &callback, i < 2);
	}
}

Test(safetensors, a_file_that_was_cut_anywhere_is_refused)
{
	struct bytes good = read_bytes(in_scratch("good"));

	for (size_t n = 0; n < good.n; n++) {
		write_bytes(in_scratch("bad"), good.at, n);
		cr_expect_lt(load(in_scratch("bad"), "cut"), 0, "%zu bytes", n);
	}
	write_bytes(in_scratch("bad"), good.at, good.n + 1);
	cr_expect_lt(load(in_scratch("bad"), "longer"), 0);
	free(good.at);
}

/* Refused, or what was loaded is a checkpoint that can be saved and loaded. */
Test(safetensors, any_byte_may_be_another)
{
	struct bytes good = read_bytes(in_scratch("good"));
	const unsigned char flips[] = {1, 0x80, 0xff, 4};
	size_t refused = 0, loaded = 0;

	for (size_t i = 0; i < good.n; i++) {
		good.at[i] ^= flips[i % 4];
		write_bytes(in_scratch("bad"), good.at, good.n);
		if (load(in_scratch("bad"), "flipped") < 0)
			refused++;
		else
			loaded++;
		good.at[i] ^= flips[i % 4];
	}
	cr_expect(refused > good.n / 2 && loaded > 0, "%zu, %zu", refused, loaded);
	free(good.at);
}

/* --- what is no file ------------------------------------------------------------------ */

Test(safetensors, folders_pipes_and_nothing_are_refused)
{
	cr_assert_eq(mkfifo(in_scratch("pipe"), 0600), 0);
	cr_assert_eq(mkdir(in_scratch("folder"), 0700), 0);
	cr_expect_eq(load(in_scratch("missing"), "missing"), -ENOENT);
	cr_expect_eq(load(in_scratch("good/x"), "below a file"), -ENOTDIR);
	cr_expect_eq(load(in_scratch("pipe"), "pipe"), -EINVAL);
	cr_expect_eq(load(in_scratch("folder"), "folder"), -EINVAL);
	cr_expect_eq(load("/dev/zero", "device"), -EINVAL);
	cr_expect_eq(baton_model_save(net, in_scratch("pipe"), NULL, 0, NULL), -EINVAL);
	cr_expect_eq(baton_model_save(net, in_scratch("folder"), NULL, 0, NULL), -EISDIR);
	cr_expect_eq(baton_model_save(net, in_scratch("no/x"), NULL, 0, NULL), -ENOENT);
	cr_expect_eq(baton_model_save(net, in_scratch("good/x"), NULL, 0, NULL), -ENOTDIR);
	cr_expect_eq(count_scratch(), 4); /* with "after" */
}

/* --- locales -------------------------------------------------------------------------- */

/* A point is a point, whatever the program's own locale says. */
Test(safetensors, another_locale_writes_and_reads_the_same)
{
	char command[400];

	snprintf(command, sizeof(command),
	         "mkdir %s/l && localedef -i de_DE -f ISO-8859-1 %s/l/de_DE >/dev/null 2>&1",
	         scratch, scratch);
	setenv("LOCPATH", in_scratch("l"), 1);
	if (system(command) != 0 || !setlocale(LC_ALL, "de_DE")) {
		snprintf(command, sizeof(command), "rm -rf %s/l", scratch);
		cr_assert_eq(system(command), 0);
		cr_skip_test("there is no locale with a comma here, and localedef can't make one");
	}
	cr_assert_str_eq(localeconv()->decimal_point, ",");
	cr_expect_eq(load(in_scratch("good"), "comma"), BATON_OK);
	cr_expect_eq(baton_model_save(net, in_scratch("after"), NULL, 0, NULL), BATON_OK);
	cr_expect(same_files(in_scratch("good"), in_scratch("after")));
	cr_assert_str_eq(localeconv()->decimal_point, ",");
	snprintf(command, sizeof(command), "rm -rf %s/l", scratch);
	cr_assert_eq(system(command), 0);
}
