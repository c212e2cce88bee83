/* SPDX-License-Identifier: MIT */
#ifndef NPY_FILE_H
#define NPY_FILE_H

/* Files in NumPy's format, good and bad ones, in the scratch folder. */

#include "scratch.h"
#include <stdint.h>

/* A file of this version, header and data; the header's length is as it should be. */
static inline const char *npy_raw(const char *name, int version, const char *header,
                                  const void *data, size_t n)
{
	size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
	unsigned char *bytes = calloc(1, prefix + length + n);
	const char *path = in_scratch(name);

	cr_assert_not_null(bytes);
	memcpy(bytes, "\x93NUMPY", 6);
	bytes[6] = (unsigned char)version;
	for (size_t i = 8; i < prefix; i++)
		bytes[i] = (unsigned char)(length >> 8 * (i - 8));
	memcpy(bytes + prefix, header, length);
	if (n > 0)
		memcpy(bytes + prefix + length, data, n);
	write_bytes(path, bytes, prefix + length + n);
	free(bytes);
	return path;
}

/* As NumPy writes it. shape: "(3, 4)" */
static inline const char *npy_file(const char *name, const char *descr, const char *shape,
                                   const void *data, size_t n)
{
	char header[119] = "", text[118];

	snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
	         descr, shape);
	snprintf(header, sizeof(header), "%-117s\n", text); /* to a multiple of 64 */
	return npy_raw(name, 1, header, data, n);
}

#endif
