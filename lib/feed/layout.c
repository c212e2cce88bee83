/* SPDX-License-Identifier: MIT */
/* Layout: which bytes of a batch are which field. Checked and copied once, at open, so
 * that nothing later can be wrong about sizes; immutable afterwards, so that any thread
 * may read it without care. */

#include "layout.h"
#include "error.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of one element, or 0 if no such dtype is known. */
static size_t dtype_bytes(int dtype)
{
	switch (dtype) {
	case BATON_I8:
	case BATON_U8:
	case BATON_BOOL:
		return 1;
	case BATON_I16:
	case BATON_U16:
	case BATON_F16:
	case BATON_BF16:
		return 2;
	case BATON_I32:
	case BATON_U32:
	case BATON_F32:
		return 4;
	case BATON_I64:
	case BATON_U64:
	case BATON_F64:
		return 8;
	default:
		return 0;
	}
}

static int check_name(const baton_field *fields, size_t i, baton_error *err)
{
	const char *name = fields[i].name;

	if (!name || !*name)
		return baton_error_set(err, -EINVAL, "field %zu: it has no name", i);
	for (size_t j = 0; j < i; j++)
		if (strcmp(name, fields[j].name) == 0)
			return baton_error_set(err, -EINVAL,
			                       "fields %zu and %zu are both named \"%.60s\"", j, i,
			                       name);
	return BATON_OK;
}

/* Bytes of a whole field; 0 and an error if that can't be. */
static size_t field_bytes(const baton_field *f, size_t rows, baton_error *err)
{
	size_t bytes = dtype_bytes(f->dtype);

	if (bytes == 0) {
		baton_error_set(err, -EINVAL,
		                "field \"%.60s\": dtype 0x%x is none of BATON_I8 "
		                "to BATON_BOOL",
		                f->name, (unsigned)f->dtype);
		return 0;
	}
	if (f->rank < 0 || f->rank > BATON_MAX_RANK) {
		baton_error_set(err, -EINVAL, "field \"%.60s\": rank %d is not 0 to %d", f->name,
		                f->rank, BATON_MAX_RANK);
		return 0;
	}
	for (int i = 0; i < f->rank; i++) {
		if (f->shape[i] == 0) {
			baton_error_set(err, -EINVAL, "field \"%.60s\": shape[%d] is 0", f->name,
			                i);
			return 0;
		}
		if (__builtin_mul_overflow(bytes, f->shape[i], &bytes))
			goto overflow;
	}
	if (__builtin_mul_overflow(bytes, rows, &bytes) || bytes > SIZE_MAX / 4)
		goto overflow;
	return bytes;
overflow:
	baton_error_set(err, -EINVAL, "field \"%.60s\": a batch of %zu rows does not fit in memory",
	                f->name, rows);
	return 0;
}

static int check_fields(const baton_field *fields, size_t n, size_t rows, baton_error *err)
{
	if (!fields && n > 0)
		return baton_error_set(err, -EINVAL, "source: fields is NULL");
	if (n == 0 || n > BATON_MAX_FIELDS)
		return baton_error_set(err, -EINVAL, "source: %zu fields; 1 to %d are allowed", n,
		                       BATON_MAX_FIELDS);
	if (rows == 0 || rows > UINT32_MAX)
		return baton_error_set(err, -EINVAL,
		                       "source: %zu rows; 1 to %" PRIu32 " are allowed", rows,
		                       UINT32_MAX);
	for (size_t i = 0; i < n; i++)
		if (check_name(fields, i, err) < 0)
			return -EINVAL;
	return BATON_OK;
}

int baton_layout_create(struct baton_layout **layout, const baton_field *fields, size_t n,
                        size_t rows, baton_error *err)
{
	static _Atomic(uint64_t) n_layouts;
	struct baton_layout *l;
	size_t names = 0;

	*layout = NULL;
	if (check_fields(fields, n, rows, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		names += strlen(fields[i].name) + 1;
	l = calloc(1, sizeof(*l) + names);
	if (!l)
		return baton_error_set(err, -ENOMEM, "out of memory for the fields");
	atomic_init(&l->refs, 1);
	/* relaxed: it only has to be another each time */
	l->number = 1 + atomic_fetch_add_explicit(&n_layouts, 1, memory_order_relaxed);
	l->memory_fd = -1;
	l->rows = rows;
	l->n_fields = n;
	l->bytes = sizeof(*l) + names;
	names = 0;
	for (size_t i = 0; i < n; i++) {
		size_t bytes = field_bytes(&fields[i], rows, err);

		if (bytes == 0)
			goto fail;
		l->used[i] = bytes;
		bytes = baton_align_up(bytes) + BATON_RED_ZONE;
		if (__builtin_add_overflow(l->batch_bytes, bytes, &l->batch_bytes)) {
			baton_error_set(err, -EINVAL,
			                "source: a batch of %zu fields does not fit in memory", n);
			goto fail;
		}
		l->offset[i] = l->batch_bytes - bytes;
		l->fields[i] = fields[i];
		l->fields[i].name = strcpy(l->names + names, fields[i].name);
		names += strlen(fields[i].name) + 1;
	}
	l->stride = l->batch_bytes;
	*layout = l;
	return BATON_OK;
fail:
	baton_layout_unref(&l);
	return -EINVAL;
}

struct baton_layout *baton_layout_ref(struct baton_layout *layout)
{
	/* relaxed: whoever takes a reference holds one already */
	atomic_fetch_add_explicit(&layout->refs, 1, memory_order_relaxed);
	return layout;
}

void baton_layout_unref(struct baton_layout **layout)
{
	struct baton_layout *l = *layout;

	*layout = NULL;
	/* acq_rel, paired with itself: the last one to let go frees only after every
	 * other's last read */
	if (l && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1) {
		if (l->memory_fd >= 0)
			close(l->memory_fd);
		free(l);
	}
}
