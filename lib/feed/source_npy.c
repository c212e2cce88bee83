/* SPDX-License-Identifier: MIT */
/* A source of samples from .npy files. All of it is set up at open and read only from then
 * on, but for the count of producers; so any number of threads may fill at once, and batch k
 * is a function of k, the pipeline's seed and the files. */

#include "error.h"
#include "npy.h"
#include "spec.h"
#include <baton/npy.h>
#include <baton/pipeline.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 64u         /* samples whose places are found at a time */
#define CHEAP_BYTES 4096u /* of a batch that takes about as long as a hand-off */

/* n numbers as float32. from: at any address */
typedef void convert_fn(const unsigned char *from, float *to, size_t n);

struct column {
	struct baton_npy_data data;
	convert_fn *convert; /* NULL: copied as they are */
	char *path;
};

struct baton_npy {
	struct column columns[BATON_MAX_FIELDS];
	baton_field fields[BATON_MAX_FIELDS]; /* their names are ours */
	size_t n_columns;
	baton_npy_options options; /* with n_shards at least 1 */
	uint64_t samples, places;  /* in all; of this shard's epoch */
	uint64_t batches;          /* of this shard's epoch */
	atomic_uint producers;     /* that may be filling */
};

/* --- conversion ----------------------------------------------------------------------- */

#define CONVERT(name, type)                                                     \
	static void name(const unsigned char *from, float *to, size_t n)        \
	{                                                                       \
		for (size_t i = 0; i < n; i++) {                                \
			type number;                                            \
                                                                                \
			memcpy(&number, from + i * sizeof(type), sizeof(type)); \
			to[i] = (float)number;                                  \
		}                                                               \
	}
CONVERT(from_i8, int8_t)
CONVERT(from_i16, int16_t)
CONVERT(from_i32, int32_t)
CONVERT(from_i64, int64_t)
CONVERT(from_u8, uint8_t)
CONVERT(from_u16, uint16_t)
CONVERT(from_u32, uint32_t)
CONVERT(from_u64, uint64_t)
CONVERT(from_f64, double)

/* Exponents are moved by a multiplication, which gets subnormal numbers right, too. */
static void from_f16(const unsigned char *from, float *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t half = from[2 * i] | (uint32_t)from[2 * i + 1] << 8, bits;
		bool finite = (half & 0x7c00) != 0x7c00;
		float number;

		bits = (half & 0x7fff) << 13 | (finite ? 0 : 0x7f800000);
		memcpy(&number, &bits, sizeof(number));
		number *= finite ? 0x1p112f : 1;
		to[i] = half & 0x8000 ? -number : number;
	}
}

static convert_fn *convert_of(int dtype)
{
	switch (dtype) {
	case BATON_I8:
		return from_i8;
	case BATON_I16:
		return from_i16;
	case BATON_I32:
		return from_i32;
	case BATON_I64:
		return from_i64;
	case BATON_U16:
		return from_u16;
	case BATON_U32:
		return from_u32;
	case BATON_U64:
		return from_u64;
	case BATON_F16:
		return from_f16;
	case BATON_F64:
		return from_f64;
	case BATON_F32:
		return NULL;
	default: /* U8, BOOL */
		return from_u8;
	}
}

/* --- filling -------------------------------------------------------------------------- */

/* The samples of places first..first + n - 1 of this shard's epoch. */
static void find(const struct baton_npy *d, const baton_permutation *order, uint64_t first,
                 size_t n, uint64_t *samples)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t place = (first + i) * d->options.n_shards + d->options.shard;

		samples[i] = order ? baton_permutation_at(order, place) : place;
		/* a random place of a large file is far away: on its way while the next is found */
		for (size_t c = 0; order && c < d->n_columns; c++)
			__builtin_prefetch(d->columns[c].data.at +
			                   samples[i] * d->columns[c].data.header.row_bytes);
	}
}

/* to: the row of the first of them */
static void copy(const struct column *c, const uint64_t *samples, size_t n, unsigned char *to)
{
	const struct baton_npy_header *h = &c->data.header;

	for (size_t i = 0; i < n; i++) {
		const unsigned char *from = c->data.at + samples[i] * h->row_bytes;

		if (c->convert)
			c->convert(from, (float *)to + i * h->row_numbers, h->row_numbers);
		else
			memcpy(to + i * h->row_bytes, from, h->row_bytes);
	}
}

static int check_whole(const struct baton_npy *d, baton_error *err)
{
	for (size_t i = 0; i < d->n_columns; i++) {
		if (!baton_npy_data_whole(&d->columns[i].data))
			return baton_error_set(err, -EIO, "%.60s: it has shrunk while in use",
			                       d->columns[i].path);
	}
	return BATON_OK;
}

static size_t rows_of(const struct baton_npy *d, uint64_t first)
{
	uint64_t left = d->places - first;

	return left < d->options.rows ? (size_t)left : d->options.rows;
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	const struct baton_npy *d = state;
	uint64_t epoch = baton_writable_k(b) / d->batches;
	uint64_t first = baton_writable_k(b) % d->batches * d->options.rows;
	size_t rows = rows_of(d, first);
	uint64_t samples[CHUNK];
	baton_permutation order;
	baton_error err;

	if (d->options.epochs && epoch >= d->options.epochs)
		return BATON_END;
	if (check_whole(d, &err) < 0)
		return baton_fail(b, err.code, err.text);
	if (d->options.shuffle)
		baton_permutation_init(&order, d->samples, rng->seed_, epoch);
	for (size_t i = 0; i < rows; i += CHUNK) {
		size_t n = rows - i < CHUNK ? rows - i : CHUNK;

		find(d, d->options.shuffle ? &order : NULL, first + i, n, samples);
		for (size_t c = 0; c < d->n_columns; c++) {
			const struct baton_npy_header *h = &d->columns[c].data.header;
			size_t bytes = d->columns[c].convert ? h->row_numbers * sizeof(float)
			                                     : h->row_bytes;

			copy(&d->columns[c], samples, n,
			     (unsigned char *)baton_writable_data(b, c) + i * bytes);
		}
	}
	return baton_set_rows(b, rows);
}

static int start(int i, void **state, baton_error *err)
{
	struct baton_npy *d = *state;

	(void)i;
	(void)err;
	/* relaxed: who opens a pipeline may not close the files meanwhile */
	atomic_fetch_add_explicit(&d->producers, 1, memory_order_relaxed);
	return BATON_OK;
}

static void stop(int i, void *state)
{
	struct baton_npy *d = state;

	(void)i;
	/* release: pairs with the acquire in close; this producer's last read was before */
	atomic_fetch_sub_explicit(&d->producers, 1, memory_order_release);
}

/* Bytes of a batch. */
static size_t batch_bytes(const struct baton_npy *d)
{
	size_t bytes = 0;

	for (size_t i = 0; i < d->n_columns; i++)
		bytes += d->columns[i].data.header.row_bytes;
	return bytes * d->options.rows;
}

int baton_npy_source(baton_npy *data, baton_source *source)
{
	baton_source all = BATON_SOURCE_INIT;
	uint64_t batches;

	if (!data || !source)
		return BATON_MISUSE_NULL;
	all.fields = data->fields;
	all.n_fields = data->n_columns;
	all.rows = data->options.rows;
	/* past 2^64 there is no end to be known; fill says it */
	if (!__builtin_mul_overflow(data->batches, data->options.epochs, &batches))
		all.n_batches = batches;
	all.fill = fill;
	all.start = start;
	all.stop = stop;
	all.state = data;
	all.pure = true;
	all.cheap = batch_bytes(data) <= CHEAP_BYTES;
	baton_spec_write(source, &all, sizeof(all));
	return BATON_OK;
}

/* --- opening -------------------------------------------------------------------------- */

static int read_options(struct baton_npy *d, const baton_npy_options *options, baton_error *err)
{
	baton_npy_options *o = &d->options;

	if (!baton_spec_read(o, sizeof(*o), options))
		return baton_error_set(err, -EINVAL, "npy: the options' size is not set");
	o->n_shards += o->n_shards == 0;
	if (o->rows == 0 || o->rows > UINT32_MAX)
		return baton_error_set(err, -EINVAL, "npy: %zu rows; 1 to %" PRIu32 " are allowed",
		                       o->rows, UINT32_MAX);
	if (o->shard >= o->n_shards)
		return baton_error_set(err, -EINVAL,
		                       "npy: there is no shard %" PRIu32 " of %" PRIu32, o->shard,
		                       o->n_shards);
	return BATON_OK;
}

static int open_column(struct baton_npy *d, const baton_npy_file *file, baton_error *err)
{
	struct column *c = &d->columns[d->n_columns];
	baton_field *field = &d->fields[d->n_columns];
	const struct baton_npy_header *h = &c->data.header;
	int rc;

	if (!file->name || !file->path)
		return baton_error_set(err, -EINVAL, "npy: file %zu has no %s", d->n_columns,
		                       file->name ? "path" : "name");
	rc = baton_npy_data_open(&c->data, file->path, d->options.in_memory, err);
	if (rc < 0)
		return rc;
	d->n_columns++; /* from now on it is closed with the others */
	c->path = strdup(file->path);
	field->name = strdup(file->name);
	if (!c->path || !field->name)
		return baton_error_set(err, -ENOMEM, "npy: out of memory");
	c->convert = file->f32 ? convert_of(h->dtype) : NULL;
	field->dtype = file->f32 ? BATON_F32 : h->dtype;
	field->rank = h->rank;
	memcpy(field->shape, h->shape, sizeof(field->shape));
	if (d->n_columns > 1 && h->n != d->samples)
		return baton_error_set(err, BATON_ERR_SHAPE,
		                       "%.50s has %" PRIu64 " samples, %.50s has %" PRIu64,
		                       file->path, h->n, d->columns[0].path, d->samples);
	d->samples = h->n;
	return BATON_OK;
}

/* How many places and batches an epoch of this shard has. */
static int divide(struct baton_npy *d, baton_error *err)
{
	const baton_npy_options *o = &d->options;
	uint64_t n = d->samples / o->n_shards, more = d->samples % o->n_shards;

	d->places = n + (!o->drop_last && o->shard < more);
	if (o->drop_last)
		d->places -= d->places % o->rows;
	d->batches = d->places / o->rows + (d->places % o->rows > 0);
	if (d->batches > 0)
		return BATON_OK;
	return baton_error_set(
		err, -EINVAL,
		"npy: %" PRIu64 " samples make no batch of %s%zu rows for shard %" PRIu32
		" of %" PRIu32,
		d->samples, o->drop_last ? "" : "up to ", o->rows, o->shard, o->n_shards);
}

static int open_all(struct baton_npy *d, const baton_npy_file *files, size_t n, baton_error *err)
{
	for (size_t i = 0; i < n; i++) {
		int rc = open_column(d, &files[i], err);

		if (rc < 0)
			return rc;
	}
	return divide(d, err);
}

static void destroy(struct baton_npy *d)
{
	for (size_t i = 0; i < d->n_columns; i++) {
		baton_npy_data_close(&d->columns[i].data);
		free(d->columns[i].path);
		free((void *)d->fields[i].name);
	}
	free(d);
}

int baton_npy_open(baton_npy **data, const baton_npy_file *files, size_t n,
                   const baton_npy_options *options, baton_error *err)
{
	struct baton_npy *d;
	int rc;

	if (err)
		*err = (baton_error){0};
	if (data)
		*data = NULL;
	if (!data || !files || !options)
		return baton_error_set(err, BATON_MISUSE_NULL, "data, files or options is NULL");
	if (n == 0 || n > BATON_MAX_FIELDS)
		return baton_error_set(err, -EINVAL, "npy: %zu files; 1 to %d are allowed", n,
		                       BATON_MAX_FIELDS);
	d = calloc(1, sizeof(*d));
	if (!d)
		return baton_error_set(err, -ENOMEM, "npy: out of memory");
	rc = read_options(d, options, err);
	if (rc == BATON_OK)
		rc = open_all(d, files, n, err);
	if (rc < 0) {
		if (err)
			baton_error_one_line(err->text);
		destroy(d);
		return rc;
	}
	*data = d;
	return BATON_OK;
}

int baton_npy_get(const baton_npy *data, baton_npy_info *info)
{
	baton_npy_info all = BATON_NPY_INFO_INIT;

	if (!data || !info)
		return BATON_MISUSE_NULL;
	all.samples = data->samples;
	all.batches = data->batches;
	all.fields = data->fields;
	all.n_fields = data->n_columns;
	baton_spec_write(info, &all, sizeof(all));
	return BATON_OK;
}

int baton_npy_close(baton_npy **data)
{
	if (!data)
		return BATON_MISUSE_NULL;
	if (!*data)
		return BATON_OK;
	/* acquire: pairs with stop */
	if (atomic_load_explicit(&(*data)->producers, memory_order_acquire) > 0)
		return BATON_MISUSE_LENT;
	destroy(*data);
	*data = NULL;
	return BATON_OK;
}

/* --- identity ------------------------------------------------------------------------- */

#define PIECE ((size_t)4096)
#define PIECES ((size_t)256)

/* Each step is a bijection of the hash so far and of the word. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ hash >> 32;
}

static uint64_t mix_bytes(uint64_t hash, const void *at, size_t n)
{
	const unsigned char *bytes = at;

	hash = mix(hash, n);
	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, n - i < sizeof(word) ? n - i : sizeof(word));
		hash = mix(hash, word);
	}
	return hash;
}

static uint64_t mix_data(uint64_t hash, const struct baton_npy_data *data)
{
	size_t bytes = (size_t)data->header.n * data->header.row_bytes;

	if (bytes <= PIECE * PIECES)
		return mix_bytes(hash, data->at, bytes);
	for (size_t i = 0; i < PIECES; i++) {
		/* the last one ends where the data does */
		size_t at = (bytes - PIECE) / (PIECES - 1) * i;

		hash = mix_bytes(hash, data->at + (i + 1 < PIECES ? at : bytes - PIECE), PIECE);
	}
	return hash;
}

static uint64_t mix_column(uint64_t hash, const struct column *c, const baton_field *field)
{
	const struct baton_npy_header *h = &c->data.header;

	hash = mix_bytes(hash, field->name, strlen(field->name));
	hash = mix(mix(hash, (uint64_t)h->dtype), (uint64_t)field->dtype);
	hash = mix(hash, (uint64_t)h->rank);
	for (int i = 0; i < h->rank; i++)
		hash = mix(hash, h->shape[i]);
	return mix_data(hash, &c->data);
}

int baton_npy_identity(const baton_npy *data, uint64_t *identity, baton_error *err)
{
	const baton_npy_options *o;
	uint64_t hash;
	int rc;

	if (!data || !identity)
		return baton_error_set(err, BATON_MISUSE_NULL, "data or identity is NULL");
	o = &data->options;
	rc = check_whole(data, err);
	if (rc < 0)
		return rc;
	hash = mix(mix(data->samples, o->rows), (uint64_t)o->shuffle << 1 | o->drop_last);
	hash = mix(mix(hash, o->n_shards), o->shard);
	for (size_t i = 0; i < data->n_columns; i++)
		hash = mix_column(hash, &data->columns[i], &data->fields[i]);
	*identity = hash;
	return BATON_OK;
}
