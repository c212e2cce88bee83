/* SPDX-License-Identifier: MIT */
#ifndef BATON_DLPACK_H
#define BATON_DLPACK_H

#include <baton/batch.h>

BATON_BEGIN_DECLS

/* DLPack's, of <dlpack/dlpack.h>, which this header does without: who looks into a tensor
 * includes that one (versions 0.2 to 1.x have this struct in common). */
struct DLManagedTensor;

/* Give a batch's fields away as DLPack tensors, to numpy.from_dlpack() and its like, without
 * a copy. The batch must be the caller's own by baton_detach(); *b becomes empty.
 *   tensors [n]: field i as a tensor [rows, shape...] in this machine's memory, row-major
 *     (strides NULL), 64-byte aligned; entries past the batch's last field become NULL.
 *     Fields from n on are not given out
 * Ownership: each tensor is its consumer's, who calls its deleter once, on any thread, also
 *            after the pipeline was closed. The memory is freed with the last of them.
 *            Consumers may write to it: nobody else reads it any more (but with
 *            BATON_GUARD it stays read-only, and a write faults). The struct has no flag to
 *            say so either way
 * dtypes:    as they are; BATON_BOOL is code 6, which DLPack has from 0.8 on
 * Returns:   OK; -ENOMEM: *b was freed, no tensor was made; MISUSE_NULL, _EMPTY, and
 *            _DETACHED (it was not detached): *b is as it was */
BATON_API BATON_MUST_CHECK int baton_dlpack(baton_batch *b, struct DLManagedTensor **tensors,
                                            size_t n) BATON_RELEASES(*b);

BATON_END_DECLS

#endif
