/* SPDX-License-Identifier: MIT */
#ifndef BATON_INSIDE_ERROR_H
#define BATON_INSIDE_ERROR_H

#include <baton/error.h>

/* Fill err (may be NULL) and return code: `return baton_error_set(err, -EINVAL, ...)`. */
int baton_error_set(baton_error *err, int code, const char *format, ...) BATON_PRINTF(3, 4);

/* Make a text that came from outside one line: control characters become blanks. */
void baton_error_one_line(char *text);

#endif
