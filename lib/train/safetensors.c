/* SPDX-License-Identifier: MIT */
/* Safetensors: a strict reader and a plain writer. A file may come from anywhere: what its
 * header says of lengths is believed only after it was held against the file's own. */

#include "safetensors.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define METADATA "__metadata__"
#define MOST_HEADER (UINT64_C(16) << 20)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie");

/* --- writing ------------------------------------------------------------------------ */

cJSON *baton_safetensors_header(cJSON *metadata)
{
	cJSON *header = cJSON_CreateObject();

	if (header && cJSON_AddItemToObject(header, METADATA, metadata))
		return header;
	cJSON_Delete(metadata);
	cJSON_Delete(header);
	return NULL;
}

int baton_safetensors_add(cJSON *header, const char *name, const struct baton_tensor_shape *shape,
                          uint64_t *offset)
{
	uint64_t begin = *offset;
	char dims[24 * BATON_TENSOR_RANK + 1] = "", text[sizeof(dims) + 128];
	size_t volume = 1, n = 0;

	if (cJSON_GetObjectItemCaseSensitive(header, name))
		return -EEXIST;
	for (size_t i = 0; i < shape->rank; i++) {
		volume *= shape->at[i];
		n += (size_t)snprintf(dims + n, sizeof(dims) - n, "%s%zu", i ? "," : "",
		                      shape->at[i]);
	}
	*offset += volume * sizeof(float);
	/* as text: cJSON's own numbers are doubles */
	snprintf(text, sizeof(text),
	         "{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
	         dims, begin, *offset);
	return cJSON_AddRawToObject(header, name, text) ? BATON_OK : -ENOMEM;
}

unsigned char *baton_safetensors_prefix(const cJSON *header, size_t *bytes)
{
	char *text = cJSON_PrintUnformatted(header);
	size_t length = text ? strlen(text) : 0;
	uint64_t padded = (length + 7) / 8 * 8;
	unsigned char *prefix = text ? malloc(sizeof(padded) + padded) : NULL;

	if (prefix) {
		*bytes = sizeof(padded) + padded;
		memcpy(prefix, &padded, sizeof(padded));
		memset(prefix + sizeof(padded), ' ', padded);
		memcpy(prefix + sizeof(padded), text, length);
	}
	cJSON_free(text);
	return prefix;
}

/* --- reading ------------------------------------------------------------------------ */

static int read_fully(int fd, void *to, size_t bytes, uint64_t offset)
{
	for (char *at = to; bytes > 0;) {
		ssize_t n = pread(fd, at, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it has shrunk */
		at += n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return BATON_OK;
}

/* Bytes of one number; 0: not a dtype of the format. */
static uint64_t dtype_bytes(const char *dtype)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} all[] = {{"BOOL", 1},    {"U8", 1},      {"I8", 1},          {"F8_E4M3", 1},
	           {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"F8_E4M3FNUZ", 1}, {"F8_E5M2FNUZ", 1},
	           {"U16", 2},     {"I16", 2},     {"F16", 2},         {"BF16", 2},
	           {"U32", 4},     {"I32", 4},     {"F32", 4},         {"U64", 8},
	           {"I64", 8},     {"F64", 8},     {"C64", 8}};

	for (size_t i = 0; dtype && i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(dtype, all[i].name) == 0)
			return all[i].bytes;
	}
	return 0;
}

/* A whole number from 0, of a JSON value. cJSON keeps doubles: exact below 2^53. */
static bool whole(const cJSON *value, uint64_t *number)
{
	double d = cJSON_IsNumber(value) ? value->valuedouble : -1;

	if (!(d >= 0 && d < 0x1p53) || d != (double)(uint64_t)d)
		return false;
	*number = (uint64_t)d;
	return true;
}

/* A member of an object, by its exact name; NULL: there is none. */
static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

struct span {
	uint64_t begin, end;
};

/* Where a tensor's bytes lie, if all that is said of it agrees. */
static bool read_span(const cJSON *tensor, struct span *span)
{
	const cJSON *shape = member(tensor, "shape"), *offsets = member(tensor, "data_offsets");
	uint64_t bytes = dtype_bytes(cJSON_GetStringValue(member(tensor, "dtype"))), dim;
	const cJSON *i;

	if (bytes == 0 || !cJSON_IsArray(shape) || !cJSON_IsArray(offsets) ||
	    cJSON_GetArraySize(offsets) != 2 || cJSON_GetArraySize(tensor) != 3)
		return false;
	cJSON_ArrayForEach(i, shape)
	{
		if (!whole(i, &dim) || __builtin_mul_overflow(bytes, dim, &bytes))
			return false;
	}
	return whole(offsets->child, &span->begin) && whole(offsets->child->next, &span->end) &&
	       span->begin <= span->end && span->end - span->begin == bytes;
}

static int by_begin(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of two members with one name each reader would believe another one. */
static int check_unique(const cJSON *object, const char *path, baton_error *err)
{
	const char **names = malloc(((size_t)cJSON_GetArraySize(object) + 1) * sizeof(*names));
	char quoted[40];
	size_t n = 0;
	const cJSON *i;
	int rc = BATON_OK;

	if (!names)
		return baton_error_set(err, -ENOMEM, "out of memory");
	cJSON_ArrayForEach(i, object) names[n++] = i->string;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t k = 1; rc == BATON_OK && k < n; k++) {
		if (strcmp(names[k - 1], names[k]) != 0)
			continue;
		baton_safetensors_quote(quoted, sizeof(quoted), names[k]);
		rc = baton_error_set(err, -EINVAL, "%.60s: it has two of %s", path, quoted);
	}
	free(names);
	return rc;
}

static bool strings_only(const cJSON *metadata)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, metadata)
	{
		if (!cJSON_IsString(i))
			return false;
	}
	return cJSON_IsObject(metadata);
}

static int check_metadata(const cJSON *metadata, const char *path, baton_error *err)
{
	if (!strings_only(metadata))
		return baton_error_set(err, -EINVAL, "%.60s: %s is not an object of strings", path,
		                       METADATA);
	return check_unique(metadata, path, err);
}

/* Every tensor's span, n of them. */
static int read_spans(const cJSON *header, struct span *spans, size_t *n, const char *path,
                      baton_error *err)
{
	char quoted[40];
	const cJSON *i;
	int rc = check_unique(header, path, err);

	*n = 0;
	cJSON_ArrayForEach(i, header)
	{
		if (rc < 0)
			break;
		if (strcmp(i->string, METADATA) == 0) {
			rc = check_metadata(i, path, err);
		} else if (!read_span(i, &spans[(*n)++])) {
			baton_safetensors_quote(quoted, sizeof(quoted), i->string);
			rc = baton_error_set(err, -EINVAL,
			                     "%.60s: dtype, shape and offsets of %s do not agree",
			                     path, quoted);
		}
	}
	return rc;
}

/* Together the tensors must be the data, without gap or overlap. */
static int check_spans(const cJSON *header, struct span *spans, uint64_t data_bytes,
                       const char *path, baton_error *err)
{
	uint64_t at = 0;
	size_t n, i = 0;
	int rc = read_spans(header, spans, &n, path, err);

	if (rc < 0)
		return rc;
	qsort(spans, n, sizeof(*spans), by_begin);
	for (; i < n && spans[i].begin == at; i++)
		at = spans[i].end;
	if (i < n || at != data_bytes)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: the tensors do not cover its %" PRIu64
		                       " bytes of data exactly",
		                       path, data_bytes);
	return BATON_OK;
}

static int check_header(struct baton_safetensors *file, uint64_t data_bytes, const char *path,
                        baton_error *err)
{
	struct span *spans;
	int rc;

	if (!cJSON_IsObject(file->header))
		return baton_error_set(err, -EINVAL, "%.60s: its header is not a JSON object",
		                       path);
	spans = malloc(((size_t)cJSON_GetArraySize(file->header) + 1) * sizeof(*spans));
	if (!spans)
		return baton_error_set(err, -ENOMEM, "out of memory");
	rc = check_spans(file->header, spans, data_bytes, path, err);
	free(spans);
	return rc;
}

/* JSON, and blanks up to the end. */
static cJSON *parse(const char *text, size_t bytes)
{
	const char *end = text;
	cJSON *value = cJSON_ParseWithLengthOpts(text, bytes, &end, false);

	while (value && end < text + bytes && *end == ' ')
		end++;
	if (end == text + bytes)
		return value;
	cJSON_Delete(value);
	return NULL;
}

static int parse_header(struct baton_safetensors *file, uint64_t bytes, const char *path,
                        baton_error *err)
{
	char *text = malloc(bytes + 1);
	int rc;

	if (!text)
		return baton_error_set(err, -ENOMEM, "out of memory");
	text[bytes] = '\0'; /* cJSON before 1.7.18 looks one byte too far: CVE-2023-53154 */
	rc = read_fully(file->fd, text, bytes, sizeof(uint64_t));
	if (rc < 0) {
		baton_error_set(err, rc, "%.60s: can't be read: %s", path, baton_strerror(rc));
	} else {
		file->header = parse(text, bytes);
		if (!file->header)
			rc = baton_error_set(err, -EINVAL, "%.60s: its header is not JSON", path);
	}
	free(text);
	return rc;
}

static int read_header(struct baton_safetensors *file, const char *path, baton_error *err)
{
	struct stat info;
	uint64_t size, bytes;
	int rc;

	if (fstat(file->fd, &info) < 0 || !S_ISREG(info.st_mode))
		return baton_error_set(err, -EINVAL, "%.60s: not a regular file", path);
	size = (uint64_t)info.st_size;
	if (size < sizeof(bytes) ||
	    (rc = read_fully(file->fd, &bytes, sizeof(bytes), 0)) != BATON_OK ||
	    bytes > size - sizeof(bytes) || bytes > MOST_HEADER)
		return baton_error_set(err, -EINVAL,
		                       "%.60s: not a safetensors file, or cut short (%llu bytes)",
		                       path, (unsigned long long)size);
	rc = parse_header(file, bytes, path, err);
	if (rc < 0)
		return rc;
	file->data = sizeof(bytes) + bytes;
	return check_header(file, size - file->data, path, err);
}

int baton_safetensors_open(struct baton_safetensors *file, const char *path, baton_error *err)
{
	int rc;

	/* not to wait for the other end, if it is a pipe; nor to get a terminal */
	*file = (struct baton_safetensors){
		.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
	if (file->fd < 0) {
		rc = -errno;
		return baton_error_set(err, rc, "%.60s: can't be opened: %s", path,
		                       baton_strerror(rc));
	}
	rc = read_header(file, path, err);
	if (rc < 0)
		baton_safetensors_close(file);
	return rc;
}

void baton_safetensors_close(struct baton_safetensors *file)
{
	cJSON_Delete(file->header);
	close(file->fd);
}

void baton_safetensors_quote(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (; n + 1 < size && text[n]; n++)
		to[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	to[n] = '\0';
}

const char *baton_safetensors_note(const struct baton_safetensors *file, const char *key)
{
	return cJSON_GetStringValue(member(member(file->header, METADATA), key));
}

static bool shape_is(const cJSON *array, const struct baton_tensor_shape *shape)
{
	const cJSON *i = array->child; /* whole numbers: the header was checked */

	for (size_t d = 0; d < shape->rank; d++, i = i->next) {
		if (!i || i->valuedouble != (double)shape->at[d])
			return false;
	}
	return !i;
}

int baton_safetensors_read(const struct baton_safetensors *file, const char *path, const char *name,
                           const struct baton_tensor_shape *shape, float *to, baton_error *err)
{
	const cJSON *tensor = member(file->header, name);
	const char *dtype = cJSON_GetStringValue(member(tensor, "dtype"));
	struct span span = {0, 0};
	int rc;

	if (!tensor)
		return baton_error_set(err, -EINVAL, "%.60s: it has no tensor %s", path, name);
	if (strcmp(dtype, "F32") != 0)
		return baton_error_set(err, BATON_ERR_SHAPE, "%.60s: %s is %s, not F32", path, name,
		                       dtype);
	if (!shape_is(member(tensor, "shape"), shape))
		return baton_error_set(err, BATON_ERR_SHAPE,
		                       "%.60s: %s has another shape than this model's", path, name);
	read_span(tensor, &span); /* it was checked with the header */
	rc = read_fully(file->fd, to, span.end - span.begin, file->data + span.begin);
	return rc < 0 ? baton_error_set(err, rc, "%.60s: can't be read: %s", path,
	                                baton_strerror(rc))
	              : BATON_OK;
}
