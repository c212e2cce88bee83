/* SPDX-License-Identifier: MIT */
#ifndef BATON_TRAIN_DIGEST_H
#define BATON_TRAIN_DIGEST_H

/* A fingerprint of float32 numbers in order, to tell at a glance whether two runs are the
 * same to the bit. Not cryptographic. One multiplication a number, where bytewise FNV-1a
 * needs a chain of four: the whole step takes less than a hundred nanoseconds. Each step is
 * a bijection of the digest so far, and of the number: a single difference always shows. */

#include <stdint.h>
#include <string.h>

#define BATON_DIGEST_INIT 0xcbf29ce484222325u

/* A NaN's sign and payload vary with compiler and processor, so all count as one. */
static inline uint64_t baton_digest_add(uint64_t digest, float number)
{
	uint32_t bits;

	memcpy(&bits, &number, sizeof(bits));
	digest = (digest ^ (number == number ? bits : 0x7fc00000u)) * 0xff51afd7ed558ccdu;
	return digest ^ digest >> 32;
}

#endif
