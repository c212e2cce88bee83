/* SPDX-License-Identifier: MIT */
/* Faults of files: the nth call that can fail does, for every n, while a model is saved or
 * loaded. An error must come back, what was there stays byte for byte, nothing is left behind
 * (memory, descriptors, files), and the same works right afterwards. Then every write and
 * read comes short or interrupted, and everything must work.
 *
 * Linked with -Wl,--wrap for each call below. Exit 0; 1 and a line at the first mistake. */

#include <baton/baton.h>
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls, fail_at; /* fail_at 0: never */
static atomic_long blocks, files, threads;
static atomic_int survivable; /* what failed need not be an error */
static atomic_int committed;  /* the new file has taken the old one's place */
static atomic_int shrunk;     /* a read that fails comes to the end */
static atomic_int short_ones; /* reads and writes are short, or interrupted */

/* How it fails. */
static atomic_int all_after; /* so does each call after it */
static atomic_int zeros;     /* reads and writes come to nothing, and say so */

static int fails(void)
{
	long n = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);

	return n == at || (at > 0 && n > at && atomic_load(&all_after));
}

static int fails_with(int error)
{
	if (!fails())
		return 0;
	errno = error;
	return 1;
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&blocks, 1);
	return p;
}

#define WRAP(type, name, parameters)   \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters

WRAP(void *, malloc, (size_t size))
{
	return fails_with(ENOMEM) ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, (size_t n, size_t size))
{
	return fails_with(ENOMEM) ? NULL : counted(__real_calloc(n, size));
}

WRAP(char *, strdup, (const char *text))
{
	return fails_with(ENOMEM) ? NULL : counted(__real_strdup(text));
}

WRAP(void, free, (void *p))
{
	if (p)
		atomic_fetch_sub(&blocks, 1);
	__real_free(p);
}

int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list args;
	int n;

	if (fails_with(ENOMEM))
		return -1;
	va_start(args, format);
	n = vasprintf(text, format, args);
	va_end(args);
	counted(*text);
	return n;
}

WRAP(FILE *, open_memstream, (char **text, size_t *size))
{
	return fails_with(ENOMEM) ? NULL : __real_open_memstream(text, size);
}

/* The library has no streams but in memory, and frees their text. */
WRAP(int, fclose, (FILE * file))
{
	int rc = __real_fclose(file);

	atomic_fetch_add(&blocks, 1);
	return fails_with(ENOMEM) ? EOF : rc;
}

WRAP(int, ferror, (FILE * file))
{
	return fails() ? 1 : __real_ferror(file);
}

WRAP(int, open64, (const char *path, int flags, ...))
{
	int fd = fails_with(EMFILE) ? -1 : __real_open64(path, flags, 0666);

	if (fd >= 0)
		atomic_fetch_add(&files, 1);
	return fd;
}

WRAP(int, close, (int fd))
{
	atomic_fetch_sub(&files, 1);
	__real_close(fd);
	if (!fails_with(EIO))
		return 0;
	atomic_store(&survivable, 1);
	return -1;
}

WRAP(ssize_t, write, (int fd, const void *from, size_t n))
{
	if (fails_with(ENOSPC))
		return atomic_load(&zeros) ? 0 : -1;
	if (n > 1 && atomic_load(&short_ones)) {
		if (atomic_load(&calls) % 2) {
			errno = EINTR;
			return -1;
		}
		n = n / 2 < 7 ? 1 : 7;
	}
	return __real_write(fd, from, n);
}

WRAP(ssize_t, pread64, (int fd, void *to, size_t n, off_t offset))
{
	if (fails_with(EIO))
		return atomic_load(&zeros) || atomic_load(&shrunk) ? 0 : -1;
	if (n > 1 && atomic_load(&short_ones)) {
		if (atomic_load(&calls) % 2) {
			errno = EINTR;
			return -1;
		}
		n = 1;
	}
	return __real_pread64(fd, to, n, offset);
}

WRAP(int, stat64, (const char *path, struct stat *info))
{
	return fails_with(EACCES) ? -1 : __real_stat64(path, info);
}

WRAP(int, fstat64, (int fd, struct stat *info))
{
	return fails_with(EIO) ? -1 : __real_fstat64(fd, info);
}

static atomic_int unsyncable; /* folders are */

WRAP(int, fsync, (int fd))
{
	struct stat info;

	if (atomic_load(&unsyncable) && __real_fstat64(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return fails_with(EIO) ? -1 : __real_fsync(fd);
}

WRAP(void *, mmap64, (void *at, size_t size, int access, int flags, int fd, off_t offset))
{
	return fails_with(ENOMEM) ? MAP_FAILED : __real_mmap64(at, size, access, flags, fd, offset);
}

WRAP(int, link, (const char *from, const char *to))
{
	return fails_with(EPERM) ? -1 : __real_link(from, to);
}

static const char *goal; /* what is to be replaced */

WRAP(int, rename, (const char *from, const char *to))
{
	int rc = fails_with(ENOSPC) ? -1 : __real_rename(from, to);

	if (rc == 0 && strcmp(to, goal) == 0)
		atomic_store(&committed, 1);
	return rc;
}

WRAP(int, unlink, (const char *path))
{
	if (!fails_with(EIO))
		return __real_unlink(path);
	atomic_store(&survivable, 1);
	return -1;
}

/* int, as it is declared for C++: else the enum would differ between C libraries */
WRAP(int, getrlimit64, (int what, void *limit))
{
	if (!fails_with(EINVAL))
		return __real_getrlimit64(what, limit);
	atomic_store(&survivable, 1);
	return -1;
}

WRAP(locale_t, newlocale, (int mask, const char *name, locale_t base))
{
	if (!fails_with(ENOMEM))
		return __real_newlocale(mask, name, base);
	atomic_store(&survivable, 1); /* the numbers are those of the locale in force */
	return (locale_t)0;
}

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg))
{
	int rc = fails() ? EAGAIN : __real_pthread_create(thread, attr, body, arg);

	if (rc == 0)
		atomic_fetch_add(&threads, 1);
	return rc;
}

WRAP(int, pthread_join, (pthread_t thread, void **result))
{
	atomic_fetch_sub(&threads, 1);
	return __real_pthread_join(thread, result);
}

/* --- files, with nothing counted ------------------------------------------------------ */

static char folder[32];

static void wrong(const char *what, long n, const char *why)
{
	fprintf(stderr, "files: %s, call %ld: %s\n", what, n, why);
	exit(1);
}

static char *in_folder(const char *name)
{
	static char paths[8][64];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static size_t read_whole(const char *name, char *to, size_t size)
{
	int fd = __real_open64(in_folder(name), O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, to, size) : 0;

	if (fd >= 0)
		__real_close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void write_whole(const char *name, const char *text, size_t n)
{
	int fd;

	__real_unlink(in_folder(name)); /* it may have two names */
	fd = __real_open64(in_folder(name), O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (fd < 0 || __real_write(fd, text, n) != (ssize_t)n || __real_close(fd) < 0)
		wrong("setup", 0, "the disk is full?");
}

static int same(const char *name, const char *other)
{
	static char a[1 << 16], b[1 << 16];
	size_t n = read_whole(name, a, sizeof(a)), m = read_whole(other, b, sizeof(b));

	return n == m && n > 0 && memcmp(a, b, n) == 0;
}

/* Anything that is not one of ours? */
static int has_leftover(void)
{
	DIR *all = opendir(folder);
	struct dirent *entry;
	int found = 0;

	while (all && (entry = readdir(all)))
		found |= strstr(entry->d_name, ".tmp") != NULL ||
		         strstr(entry->d_name, ".old") != NULL;
	closedir(all);
	return found;
}

/* --- scenarios ------------------------------------------------------------------------ */

static baton_model *net;
static const baton_note notes[] = {{"seed", "7"}};

static int save(void)
{
	baton_error err;

	return baton_model_save(net, in_folder("a"), notes, 1, &err);
}

static int save_snapshot(void)
{
	const baton_snapshot *s = baton_snapshot_get(net);
	baton_error err;
	int rc = baton_snapshot_save(s, in_folder("a"), notes, 1, &err);

	baton_snapshot_put(&s);
	return rc;
}

/* A thread that finds nothing due; the end is saved, and three files are kept. */
static int keep(void)
{
	baton_checkpoint_options options = BATON_CHECKPOINT_OPTIONS_INIT;
	baton_checkpointer *c;
	baton_error err = {0};
	uint64_t saved = 0;
	int rc;

	options.path = goal;
	options.every = 1000;
	options.keep = 3;
	options.notes = notes;
	options.n_notes = 1;
	rc = baton_checkpointer_start(&c, net, &options, &err);
	if (rc < 0)
		return rc;
	rc = baton_checkpointer_stop(&c, &saved, &err);
	if (rc != err.code || (rc < 0 && !err.text[0]) || (rc == BATON_OK) != (saved > 0))
		return -EPROTO;
	return rc;
}

static int load(void)
{
	baton_error err;
	int rc = baton_model_load(net, in_folder("expected"), notes, 1, NULL, &err);

	return rc;
}

static int load_weights(void)
{
	baton_error err;

	return baton_weights_load(net, in_folder("expected"), &err);
}

/* Samples from two files; what was opened is whole, or nothing. */
static int open_samples(bool in_memory)
{
	const baton_npy_file all[] = {{"x", in_folder("x.npy"), false},
	                              {"y", in_folder("x.npy"), true}};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	baton_source source = BATON_SOURCE_INIT;
	baton_error err = {0};
	uint64_t identity;
	baton_npy *data;
	int rc;

	options.rows = 2;
	options.in_memory = in_memory;
	rc = baton_npy_open(&data, all, 2, &options, &err);
	if (rc < 0)
		return data || rc != err.code || !err.text[0] ? -EPROTO : rc;
	rc = baton_npy_identity(data, &identity, &err);
	if (baton_npy_source(data, &source) < 0 || baton_npy_get(data, &info) < 0 ||
	    info.samples != 3 || baton_npy_close(&data) < 0)
		return -EPROTO;
	return rc;
}

static int load_mapped(void)
{
	return open_samples(false);
}

static int load_in_memory(void)
{
	return open_samples(true);
}

/* A read that fails finds the file's end, as if it had shrunk since it was opened. */
static int load_shrunk(void)
{
	int rc;

	atomic_store(&shrunk, 1);
	rc = open_samples(true);
	atomic_store(&shrunk, 0);
	return rc;
}

static const struct {
	const char *name;
	int (*run)(void);
	long least; /* faults: else something is not wrapped */
} scenarios[] = {{"save", save, 60},
                 {"snapshot", save_snapshot, 60},
                 {"keep", keep, 60},
                 {"load", load, 60},
                 {"load weights", load_weights, 30},
                 {"load mapped samples", load_mapped, 15},
                 {"load samples", load_in_memory, 15},
                 {"load samples that have shrunk", load_shrunk, 15}};

static void put_old_files(void)
{
	static const char npy[] = "\x93NUMPY\1\0\x3a\0{'descr': '|u1', 'fortran_order': False, "
				  "'shape': (3,), }\nabc";

	write_whole("x.npy", npy, sizeof(npy) - 1);
	write_whole("a", "old", 3);
	write_whole("a.1", "older", 5);
	write_whole("a.2", "oldest", 6);
	write_whole("old", "old", 3);
	write_whole("older", "older", 5);
}

static void check_files(const char *name, long n, int rc)
{
	if (rc == BATON_OK && strncmp(name, "load", 4) != 0 && !same("a", "expected"))
		wrong(name, n, "it is not the new file");
	if (rc < 0 && !same("a", atomic_load(&committed) ? "expected" : "old"))
		wrong(name, n, "the old file is damaged");
	if (rc == BATON_OK && strcmp(name, "keep") == 0 &&
	    !(same("a.1", "old") && same("a.2", "older")))
		wrong(name, n, "the older files are not in order");
	if (!atomic_load(&all_after) && has_leftover()) /* it can't be taken away either */
		wrong(name, n, "a temporary file is left");
}

/* Run with the nth call failing; returns whether there was an nth call. */
static int run_with_fault(size_t which, long n)
{
	const char *name = scenarios[which].name;
	long before = atomic_load(&blocks);
	int rc;

	put_old_files();
	atomic_store(&calls, 0);
	atomic_store(&survivable, 0);
	atomic_store(&committed, 0);
	atomic_store(&fail_at, n);
	rc = scenarios[which].run();
	atomic_store(&fail_at, 0);
	if (atomic_load(&blocks) != before || atomic_load(&files) || atomic_load(&threads))
		wrong(name, n, "memory, a file or a thread is left");
	if (atomic_load(&calls) < n && rc != BATON_OK)
		wrong(name, n, "it fails by itself");
	if (atomic_load(&calls) >= n && rc == BATON_OK && !atomic_load(&survivable))
		wrong(name, n, "no error came back");
	if (rc == -EPROTO)
		wrong(name, n, "the error has no text, or no file was said to be one");
	check_files(name, n, rc);
	return atomic_load(&calls) >= n;
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);

	(void)state;
	for (size_t i = 0; i < 2 * baton_writable_rows(b); i++)
		x[i] = (float)baton_rng_below(rng, 100);
	for (size_t i = 0; i < baton_writable_rows(b); i++)
		y[i] = (x[2 * i] + x[2 * i + 1]) / 2;
	return BATON_OK;
}

static void train(void)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	const baton_snapshot *none;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = 4;
	source.n_batches = 9;
	source.fill = fill;
	options.producers = BATON_INLINE;
	if (baton_model_create(
		    &net,
		    BATON_LAYERS(baton_input("x", 2), baton_dense(3), baton_relu(), baton_dense(1)),
		    1, NULL) < 0 ||
	    baton_compile(net, baton_mse(), baton_adam(1e-3), NULL) < 0 ||
	    (none = baton_snapshot_get(net)) || /* asks for one */
	    baton_open(&feed, &source, &options, NULL) < 0 ||
	    baton_fit(net, feed, NULL, NULL, NULL) < 0 || baton_close(&feed) < 0 ||
	    baton_model_save(net, in_folder("expected"), notes, 1, NULL) < 0)
		wrong("setup", 0, "it fails");
	atomic_store(&files, 0);
	atomic_store(&threads, 0);
}

static void clean(void)
{
	DIR *all = opendir(folder);
	struct dirent *entry;

	while (all && (entry = readdir(all)))
		unlinkat(dirfd(all), entry->d_name, 0);
	closedir(all);
	rmdir(folder);
}

/* The nth call fails, for every n. Returns how many there are. */
static long fail_each(size_t which)
{
	long n = 1;

	while (run_with_fault(which, n)) {
		run_with_fault(which, LONG_MAX); /* still works */
		n++;
	}
	return n - 1;
}

static void fail_otherwise(size_t which, atomic_int *how)
{
	atomic_store(how, 1);
	fail_each(which);
	atomic_store(how, 0);
}

static void fail_not(size_t which, atomic_int *how)
{
	atomic_store(how, 1);
	run_with_fault(which, LONG_MAX);
	atomic_store(how, 0);
}

int main(void)
{
	cJSON_Hooks hooks = {malloc, free};

	goal = "";
	strcpy(folder,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/baton-XXXXXX" : "/tmp/baton-XXXXXX");
	if (!mkdtemp(folder) || atexit(clean) != 0)
		return 1;
	cJSON_InitHooks(&hooks);
	train();
	goal = strcpy((char[64]){0}, in_folder("a"));
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		long n = fail_each(i);

		printf("%s: %ld faults answered\n", scenarios[i].name, n);
		if (n < scenarios[i].least)
			wrong(scenarios[i].name, n, "too few calls can fail here");
		fail_otherwise(i, &all_after);
		fail_otherwise(i, &zeros);
		fail_not(i, &short_ones);
		fail_not(i, &unsyncable);
	}
	if (baton_model_destroy(&net) < 0)
		return 1;
	return 0;
}
