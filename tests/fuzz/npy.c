/* SPDX-License-Identifier: MIT */
/* Fuzz target: whatever bytes a file has, it is refused with one printable line that names it,
 * or it is one array in C order: then what a reader of the format that is less strict, written
 * here in another way, finds in it is what every batch holds. */

#include "fuzz.h"
#include <baton/npy.h>
#include <baton/pipeline.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void broken(const char *promise, const char *text)
{
	fprintf(stderr, "npy: broken: %s: %s\n", promise, text);
	abort();
}

/* A name for these bytes, for as long as fd is open. */
static int put(const uint8_t *data, size_t size, char name[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		broken("a file", "can't be made");
	snprintf(name, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_refusal(int rc, const baton_error *err, const char *name)
{
	if (rc > 0 || err->code != rc)
		broken("the error is the answer", err->text);
	if (strncmp(err->text, name, strlen(name)) != 0)
		broken("the file is named", err->text);
	for (const char *at = err->text; *at; at++) {
		if (*at < ' ' || *at > '~')
			broken("one printable line", err->text);
	}
}

/* The text behind a key's colon. */
static const char *value_of(const char *header, const char *key)
{
	const char *at = strstr(header, key);

	if (!at)
		broken("a good file has all keys", key);
	at += strlen(key) + 1; /* its quote */
	return at + strspn(at, " \t\n:");
}

/* What a sample should be: by the header's text alone. */
static void check_fields(const uint8_t *data, size_t size, const baton_npy_info *info)
{
	size_t prefix = data[6] == 1 ? 10 : 12, item, volume = 1;
	size_t length = data[8] | (size_t)data[9] << 8;
	const baton_field *f = info->fields;
	char *header = calloc(1, length + 1), *end;
	const char *at;

	if (!header)
		broken("memory", "none");
	memcpy(header, data + prefix, length < size ? length : size);
	at = value_of(header, "descr");
	if (at[1] == '>' || (f->dtype & 0xff) != 8 * atoi(at + 3))
		broken("the dtype is the header's", header);
	item = (size_t)(f->dtype & 0xff) / 8;
	if (strncmp(value_of(header, "fortran_order"), "False", 5) != 0)
		broken("C order", header);
	at = value_of(header, "shape");
	if (*at != '(' || strcspn(at, ",") > strcspn(at, ")"))
		broken("a shape is a tuple", header);
	if (strtoull(at + 1, &end, 10) != info->samples)
		broken("samples are the first axis", header);
	for (int i = 0; i < f->rank; i++) {
		end = strchr(end, ',') + 1;
		if (strtoull(end, &end, 10) != f->shape[i])
			broken("the shape is the header's", header);
		volume *= f->shape[i];
	}
	if (info->samples * volume * item != size - prefix - length)
		broken("the data is all of the rest", header);
	free(header);
}

static void read_all(baton_npy *file, const uint8_t *end, const baton_npy_info *info)
{
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_batch b = BATON_BATCH_INIT;
	baton_error err;
	const uint8_t *at;
	size_t row = (size_t)(info->fields->dtype & 0xff) / 8;

	for (int i = 0; i < info->fields->rank; i++)
		row *= info->fields->shape[i];
	at = end - row * info->samples;
	options.producers = BATON_INLINE;
	baton_npy_source(file, &source);
	if (baton_open(&feed, &source, &options, &err))
		broken("a good file is a source", err.text);
	while (baton_next(feed, &b) == BATON_OK) {
		if (memcmp(baton_data(&b, 0), at, row * baton_rows(&b)) != 0)
			broken("batches hold the file's bytes", "they do not");
		at += row * baton_rows(&b);
		baton_release(feed, &b);
	}
	if (at != end || baton_status(feed, NULL) != BATON_END || baton_close(&feed))
		broken("every sample comes once", "it does not");
}

/* As float32, shuffled, in memory: for the sanitizers. */
static void convert_all(const char *name, const baton_npy_options *like)
{
	const baton_npy_file file = {"a", name, true};
	baton_npy_options o = *like;
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_npy *data = NULL;
	baton_batch b = BATON_BATCH_INIT;
	baton_error err;
	uint64_t n = 0, identity;

	o.in_memory = o.shuffle = true;
	options.producers = BATON_INLINE;
	if (baton_npy_open(&data, &file, 1, &o, &err) || baton_npy_source(data, &source) ||
	    baton_npy_identity(data, &identity, &err) || baton_open(&feed, &source, &options, &err))
		broken("a good file can be converted", err.text);
	while (baton_next(feed, &b) == BATON_OK) {
		n += baton_rows(&b);
		baton_release(feed, &b);
	}
	if (n == 0 || baton_close(&feed) || baton_npy_close(&data))
		broken("every sample comes", "none came");
}

static unsigned open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	while (folder && readdir(folder))
		n++;
	closedir(folder);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[32];
	int fd = put(data, size, name), rc;
	const baton_npy_file file = {"a", name, false};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	unsigned files = open_files();
	baton_npy *npy;
	baton_error err;

	options.rows = 7;
	options.epochs = 1;
	rc = baton_npy_open(&npy, &file, 1, &options, &err);
	if (rc) {
		check_refusal(rc, &err, name);
	} else {
		baton_npy_get(npy, &info);
		check_fields(data, size, &info);
		read_all(npy, data + size, &info);
		convert_all(name, &options);
		if (baton_npy_close(&npy))
			broken("a file can be closed", name);
	}
	if (open_files() != files)
		broken("no file stays open", name);
	close(fd);
	return 0;
}
