/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_JSON_H
#define BATON_APPS_JSON_H

/* Write JSON (RFC 8259), and put it where --json says.
 *
 *      json_begin(&j);
 *      json_object(&j, NULL);
 *      json_u64(&j, "steps", 1000);
 *      json_array(&j, "filled");
 *      json_u64(&j, NULL, 250);
 *      json_close(&j);
 *      json_close(&j);
 *      rc = json_save(&j, &file);
 *
 * key is the member's name in an object and NULL elsewhere. Commas and indentation come by
 * themselves. Only json_save() fails: what goes wrong before is remembered until then. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 16

struct json {
	FILE *out; /* into text */
	char *text;
	size_t bytes;
	int depth;
	bool used[JSON_MAX_DEPTH + 1];   /* this level has a value already */
	char closer[JSON_MAX_DEPTH + 1]; /* and ends with ] or } */
};

/* Where a document will go. */
struct json_file {
	const char *path; /* as given */
	int fd;           /* of what is written in place; -1: a neighbour replaces path */
	bool is_stdout;   /* then nothing else should be printed there */
};

void json_begin(struct json *j);
/* The first members of every program's document: its name and version. */
void json_program(struct json *j, const char *program);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_close(struct json *j); /* the innermost object or array */

void json_text(struct json *j, const char *key, const char *value); /* NULL: null */
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_f64(struct json *j, const char *key, double value); /* not finite: null */
void json_bool(struct json *j, const char *key, bool value);

/* What json_f64() writes. */
#define JSON_F64 40
void json_f64_text(char text[JSON_F64], double value);

/* Before a long run: can path be written? "-" is standard output. Nothing of a file that
 * is there already changes, and none appears, until json_save().
 * Returns 0, or an errno value */
int json_file_open(struct json_file *file, const char *path);
/* Give it up, unsaved. */
void json_file_close(struct json_file *file);

/* Write any bytes there, as a whole or not at all if it is a regular file; it is closed.
 * Returns 0, or an errno value */
int json_file_write(struct json_file *file, const void *bytes, size_t n);

/* For a file that grows: open it, to be written behind what is there; json_file_put() writes
 * some bytes at once, json_file_close() closes it. Both return 0, or an errno value */
int json_file_append(struct json_file *file, const char *path);
int json_file_put(int fd, const void *bytes, size_t n);

/* Write what was begun, and free it; the file is closed. A regular file is replaced as a
 * whole or not at all. Returns 0, or an errno value */
int json_save(struct json *j, struct json_file *file);

#endif
