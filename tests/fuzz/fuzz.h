/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_H
#define FUZZ_H

/* What the fuzz targets share. A target is LLVMFuzzerTestOneInput() in a file of its own,
 * linked with libFuzzer, or with driver.c, which feeds it files and pseudo-random bytes. */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input. Past its end it is zeros. */
struct bytes {
	const uint8_t *at, *end;
};

static inline unsigned next_byte(struct bytes *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* 0..n - 1 */
static inline unsigned below(struct bytes *in, unsigned n)
{
	return next_byte(in) % n;
}

#endif
