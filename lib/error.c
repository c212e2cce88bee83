/* SPDX-License-Identifier: MIT */
/* Errors: their constant texts, and how a baton_error is filled. Nothing here
 * allocates, and a text that is too long is cut. */

#include "error.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int baton_error_set(baton_error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	err->batch = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	baton_error_one_line(err->text); /* names and paths come from outside */
	return code;
}

void baton_error_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

static const char *misuse_text(int code)
{
	switch (code) {
	case BATON_MISUSE_NULL:
		return "misuse: a required pointer is NULL";
	case BATON_MISUSE_EMPTY:
		return "misuse: the handle is empty; it was given back already, or never filled";
	case BATON_MISUSE_STALE:
		return "misuse: the handle is a stale copy; its batch was given back already";
	case BATON_MISUSE_FOREIGN:
		return "misuse: the handle belongs to another pipeline";
	case BATON_MISUSE_OCCUPIED:
		return "misuse: the handle to be filled still holds something";
	case BATON_MISUSE_HELD:
		return "misuse: the next batch needs memory that the caller holds; "
		       "release or detach first";
	case BATON_MISUSE_LENT:
		return "misuse: something lent is still out: batches or claims of a pipeline "
		       "(close), snapshots of a model (destroy); give it back first";
	case BATON_MISUSE_FILLED:
		return "misuse: begin on a pipeline whose source fills by itself";
	case BATON_MISUSE_DETACHED:
		return "misuse: detached batches go to baton_free(), all others to "
		       "baton_release()";
	default:
		return "unknown code";
	}
}

/* Constant and untranslated, unlike strerror()'s; NULL: no such errno. */
static const char *system_text(int code)
{
#ifdef __GLIBC__
	return strerrordesc_np(-code);
#else
	(void)code;
	return NULL;
#endif
}

static const char *unnamed_text(int code)
{
	const char *text;

	if (code >= 0 || code <= -4096)
		return misuse_text(code);
	text = system_text(code);
	return text ? text : "system error";
}

const char *baton_strerror(int code)
{
	switch (code) {
	case BATON_OK:
		return "ok";
	case BATON_END:
		return "end of the source";
	case BATON_CANCELED:
		return "canceled";
	case BATON_TIMEOUT:
		return "deadline passed";
	case BATON_ERR_SHAPE:
		return "shapes or dtypes do not agree";
	case BATON_ERR_NAN:
		return "a number is not finite";
	case -EINVAL:
		return "invalid argument";
	case -ENOMEM:
		return "out of memory";
	case -EAGAIN:
		return "the system can't start another thread";
	case -EIO:
		return "input/output error";
	default:
		return unnamed_text(code);
	}
}
