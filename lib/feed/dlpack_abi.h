/* SPDX-License-Identifier: MIT */
#ifndef BATON_FEED_DLPACK_ABI_H
#define BATON_FEED_DLPACK_ABI_H

/* DLPack's struct as every version up to 1.x lays it out; a test holds it against
 * <dlpack/dlpack.h> where that is installed.
 *
 * Source: github.com/dmlc/dlpack, include/dlpack/dlpack.h */

#include <stdint.h>

#define BATON_DL_CPU 1

struct baton_dl_tensor {
	void *data;
	int32_t device_type, device_id;
	int32_t rank;
	uint8_t code, bits;
	uint16_t lanes;
	int64_t *shape;
	int64_t *strides;
	uint64_t byte_offset;
};

struct DLManagedTensor {
	struct baton_dl_tensor tensor;
	void *owner;
	void (*deleter)(struct DLManagedTensor *self);
};

#endif
