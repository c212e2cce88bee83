/* SPDX-License-Identifier: MIT */
/* npy: a strict reader of .npy files. A file may come from anywhere: what its header says of
 * lengths is believed only after it was held against the file's own. The header is a Python
 * literal; of that language it may have what NumPy writes, in any order and spacing. */

#include "npy.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are read as they lie");

#define MOST_DIMS (BATON_MAX_RANK + 1)

/* --- Python's literals ---------------------------------------------------------------- */

struct text {
	const char *at, *end;
};

static void skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t'))
		t->at++;
}

/* Is this what comes next? Then it is taken. */
static bool take(struct text *t, const char *what)
{
	size_t n = strlen(what);

	skip_blanks(t);
	if ((size_t)(t->end - t->at) < n || memcmp(t->at, what, n) != 0)
		return false;
	t->at += n;
	return true;
}

/* 'text' or "text", without escapes, as a part of the header. */
static bool take_string(struct text *t, struct text *string)
{
	char quote = take(t, "'") ? '\'' : '"';

	if (quote == '"' && !take(t, "\""))
		return false;
	string->at = t->at;
	while (t->at < t->end && *t->at != quote) {
		if (*t->at < ' ' || *t->at > '~' || *t->at == '\\')
			return false;
		t->at++;
	}
	string->end = t->at;
	return t->at++ < t->end;
}

static bool is(const struct text *string, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(string->end - string->at) == n && memcmp(string->at, what, n) == 0;
}

/* Digits, without a leading zero, as Python has it. */
static bool take_whole(struct text *t, uint64_t *number)
{
	const char *begin;

	skip_blanks(t);
	begin = t->at;
	for (*number = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
		if (__builtin_mul_overflow(*number, 10u, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*t->at - '0'), number))
			return false;
	}
	return t->at > begin && (*begin != '0' || t->at == begin + 1);
}

/* --- the header ----------------------------------------------------------------------- */

/* What the literal says, before it is judged. */
struct said {
	struct text descr;
	bool has_descr, has_order, has_shape, fortran;
	size_t n_dims; /* may be more than are kept */
	uint64_t dims[MOST_DIMS];
};

/* "(3, 4)", "(3,)", "()": a comma stands behind each but perhaps the last of several. */
static bool take_shape(struct text *t, struct said *said)
{
	uint64_t dim;
	bool comma = true;

	if (!take(t, "("))
		return false;
	for (said->n_dims = 0; !take(t, ")"); said->n_dims++) {
		if (!comma || !take_whole(t, &dim))
			return false;
		comma = take(t, ",");
		if (said->n_dims < MOST_DIMS)
			said->dims[said->n_dims] = dim;
	}
	return said->n_dims != 1 || comma; /* "(3)" is a number */
}

static bool take_order(struct text *t, bool *fortran)
{
	*fortran = take(t, "True");
	return *fortran || take(t, "False");
}

/* One key and its value; each key once. */
static bool take_member(struct text *t, struct said *said)
{
	struct text key;
	bool *has;

	if (!take_string(t, &key) || !take(t, ":"))
		return false;
	has = is(&key, "descr")           ? &said->has_descr
	      : is(&key, "fortran_order") ? &said->has_order
	      : is(&key, "shape")         ? &said->has_shape
	                                  : NULL;
	if (!has || *has)
		return false;
	*has = true;
	return has == &said->has_descr   ? take_string(t, &said->descr)
	       : has == &said->has_order ? take_order(t, &said->fortran)
	                                 : take_shape(t, said);
}

static bool take_all(struct text *t, struct said *said)
{
	bool comma = true;

	*said = (struct said){.n_dims = 0};
	if (!take(t, "{"))
		return false;
	while (!take(t, "}")) {
		if (!comma || !take_member(t, said))
			return false;
		comma = take(t, ",");
	}
	skip_blanks(t);
	return t->at == t->end && said->has_descr && said->has_order && said->has_shape;
}

/* --- what it means -------------------------------------------------------------------- */

static const struct {
	const char *name; /* behind the byte order */
	int dtype;
	size_t item;
} dtypes[] = {
	{"i1", BATON_I8, 1},  {"i2", BATON_I16, 2}, {"i4", BATON_I32, 4}, {"i8", BATON_I64, 8},
	{"u1", BATON_U8, 1},  {"u2", BATON_U16, 2}, {"u4", BATON_U32, 4}, {"u8", BATON_U64, 8},
	{"f2", BATON_F16, 2}, {"f4", BATON_F32, 4}, {"f8", BATON_F64, 8}, {"b1", BATON_BOOL, 1},
};

/* "<f4"; of one byte "|u1", too. */
static int read_dtype(struct baton_npy_header *h, const struct text *descr, const char *path,
                      baton_error *err)
{
	struct text name = {descr->at + 1, descr->end};
	char order = descr->at < descr->end ? *descr->at : '\0';
	int length = (int)(descr->end - descr->at < 20 ? descr->end - descr->at : 20);
	size_t i = 0, n = sizeof(dtypes) / sizeof(dtypes[0]);

	while (i < n && (order == '\0' || !is(&name, dtypes[i].name)))
		i++;
	if (i < n && order == '>' && dtypes[i].item > 1)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: its numbers are big-endian (%.*s); save "
		                       "a.astype('<%s')",
		                       path, length, descr->at, dtypes[i].name);
	if (i == n || (order != '<' && (order != '|' || dtypes[i].item > 1)))
		return baton_error_set(err, -EINVAL,
		                       "%.60s: dtype %.*s is not int8 to int64, uint8 to uint64, "
		                       "float16 to float64 or bool",
		                       path, length, descr->at);
	h->dtype = dtypes[i].dtype;
	h->item = dtypes[i].item;
	return BATON_OK;
}

static int read_shape(struct baton_npy_header *h, const struct said *said, const char *path,
                      baton_error *err)
{
	size_t numbers = 1;

	if (said->n_dims == 0)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: it is one number, without an axis of samples", path);
	if (said->n_dims > MOST_DIMS)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: it has %zu axes; at most %d are allowed", path,
		                       said->n_dims, MOST_DIMS);
	if (said->fortran)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: it is in Fortran order, where a sample is not in "
		                       "one piece; save numpy.ascontiguousarray(a)",
		                       path);
	h->n = said->dims[0];
	h->rank = (int)said->n_dims - 1;
	for (size_t i = 0; i < said->n_dims; i++) {
		if (said->dims[i] == 0)
			return baton_error_set(err, -EINVAL, "%.60s: axis %zu of its shape is 0",
			                       path, i);
	}
	for (int i = 0; i < h->rank; i++) {
		h->shape[i] = said->dims[i + 1];
		if (__builtin_mul_overflow(numbers, h->shape[i], &numbers))
			numbers = 0; /* and so it stays: no file is as long */
	}
	h->row_numbers = numbers;
	if (numbers == 0 || __builtin_mul_overflow(numbers, h->item, &h->row_bytes))
		h->row_bytes = 0;
	return BATON_OK;
}

static int check_bytes(const struct baton_npy_header *h, uint64_t file_bytes, const char *path,
                       baton_error *err)
{
	uint64_t there = file_bytes - h->offset, wanted;

	if (h->row_bytes == 0 || __builtin_mul_overflow(h->n, h->row_bytes, &wanted))
		return baton_error_set(err, -EINVAL,
		                       "%.60s: cut short, or its shape is wrong: it has %" PRIu64
		                       " bytes of data, and no file has as many as it needs",
		                       path, there);
	if (there < wanted)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: cut short: it has %" PRIu64
		                       " bytes of data, its shape needs %" PRIu64,
		                       path, there, wanted);
	if (there > wanted)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: %" PRIu64 " bytes stand behind its array's %" PRIu64
		                       "; a file has one array",
		                       path, there - wanted, wanted);
	return BATON_OK;
}

static int judge(struct baton_npy_header *h, const struct said *said, uint64_t file_bytes,
                 const char *path, baton_error *err)
{
	int rc = read_dtype(h, &said->descr, path, err);

	if (rc == BATON_OK)
		rc = read_shape(h, said, path, err);
	return rc == BATON_OK ? check_bytes(h, file_bytes, path, err) : rc;
}

static uint32_t little_endian(const unsigned char *at, size_t n)
{
	uint32_t number = 0;

	while (n-- > 0)
		number = number << 8 | at[n];
	return number;
}

int baton_npy_parse(struct baton_npy_header *h, const unsigned char *bytes, size_t n,
                    uint64_t file_bytes, const char *path, baton_error *err)
{
	size_t prefix = n > 6 && bytes[6] == 1 ? 10 : 12;
	struct text text;
	struct said said;
	uint32_t length;

	if (n < prefix || memcmp(bytes, "\x93NUMPY", 6) != 0)
		return baton_error_set(err, -EINVAL, "%.60s: not a .npy file (%" PRIu64 " bytes)",
		                       path, file_bytes);
	if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: version %u.%u of the format is not 1.0, 2.0 or 3.0",
		                       path, bytes[6], bytes[7]);
	length = little_endian(bytes + 8, prefix - 8);
	if (length > BATON_NPY_MOST_HEADER)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: its header has %" PRIu32
		                       " bytes; at most %u are read",
		                       path, length, BATON_NPY_MOST_HEADER);
	if (length > n - prefix)
		return baton_error_set(err, -EINVAL, "%.60s: cut short, within its header", path);
	text = (struct text){(const char *)bytes + prefix, (const char *)bytes + prefix + length};
	if (!take_all(&text, &said))
		return baton_error_set(err, -EINVAL,
		                       "%.60s: its header is not that of one array of numbers",
		                       path);
	h->offset = prefix + length;
	return judge(h, &said, file_bytes, path, err);
}

/* --- files ---------------------------------------------------------------------------- */

/* Up to its end: where that came sooner than it should, *got says so. */
static int read_fully(int fd, unsigned char *to, size_t bytes, size_t *got)
{
	for (*got = 0; *got < bytes;) {
		ssize_t n = pread(fd, to + *got, bytes - *got, (off_t)*got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : BATON_OK;
		*got += (size_t)n;
	}
	return BATON_OK;
}

static int cant(const char *what, int rc, const char *path, baton_error *err)
{
	return baton_error_set(err, rc, "%.60s: can't be %s: %s", path, what, baton_strerror(rc));
}

static int read_header(struct baton_npy_data *d, uint64_t file_bytes, const char *path,
                       baton_error *err)
{
	size_t most = 12 + BATON_NPY_MOST_HEADER, got;
	size_t wanted = file_bytes < most ? (size_t)file_bytes : most;
	unsigned char *bytes = malloc(wanted + (wanted == 0)); /* no more: ASan would see */
	int rc;

	if (!bytes)
		return baton_error_set(err, -ENOMEM, "%.60s: out of memory", path);
	rc = read_fully(d->fd, bytes, wanted, &got);
	rc = rc < 0 ? cant("read", rc, path, err)
	            : baton_npy_parse(&d->header, bytes, got, file_bytes, path, err);
	free(bytes);
	return rc;
}

static int map(struct baton_npy_data *d, size_t bytes, const char *path, baton_error *err)
{
	void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, d->fd, 0);

	if (memory == MAP_FAILED)
		return cant("mapped", -errno, path, err);
	d->memory = memory;
	d->memory_bytes = bytes;
	return BATON_OK;
}

static int read_all(struct baton_npy_data *d, size_t bytes, const char *path, baton_error *err)
{
	size_t got;
	int rc;

	d->memory = malloc(bytes);
	if (!d->memory)
		return baton_error_set(err, -ENOMEM, "%.60s: out of memory for its %zu bytes", path,
		                       bytes);
	rc = read_fully(d->fd, d->memory, bytes, &got);
	if (rc == BATON_OK && got < bytes)
		rc = -EIO; /* it has shrunk */
	if (rc < 0)
		return cant("read", rc, path, err);
	close(d->fd);
	d->fd = -1;
	return BATON_OK;
}

static int open_data(struct baton_npy_data *d, const char *path, bool in_memory, baton_error *err)
{
	struct stat info;
	int rc;

	if (fstat(d->fd, &info) < 0 || !S_ISREG(info.st_mode))
		return baton_error_set(err, -EINVAL, "%.60s: not a regular file", path);
	rc = read_header(d, (uint64_t)info.st_size, path, err);
	if (rc == BATON_OK)
		rc = in_memory ? read_all(d, (size_t)info.st_size, path, err)
		               : map(d, (size_t)info.st_size, path, err);
	if (rc == BATON_OK)
		d->at = (const unsigned char *)d->memory + d->header.offset;
	return rc;
}

int baton_npy_data_open(struct baton_npy_data *d, const char *path, bool in_memory,
                        baton_error *err)
{
	int rc;

	/* not to wait for the other end, if it is a pipe; nor to get a terminal */
	*d = (struct baton_npy_data){
		.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
	if (d->fd < 0)
		return cant("opened", -errno, path, err);
	rc = open_data(d, path, in_memory, err);
	if (rc < 0)
		baton_npy_data_close(d);
	return rc;
}

void baton_npy_data_close(struct baton_npy_data *d)
{
	if (d->memory_bytes)
		munmap(d->memory, d->memory_bytes);
	else
		free(d->memory);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct baton_npy_data){.fd = -1};
}

bool baton_npy_data_whole(const struct baton_npy_data *d)
{
	struct stat info;

	return d->fd < 0 || (fstat(d->fd, &info) == 0 && (uint64_t)info.st_size >= d->memory_bytes);
}
