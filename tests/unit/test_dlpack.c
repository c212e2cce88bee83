/* SPDX-License-Identifier: MIT */
/* Batches as DLPack tensors, seen as a consumer sees them: with DLPack's own header if it is
 * here, else with the library's. */

#include "feed_source.h"
#if __has_include(<dlpack/dlpack.h>)
#include "dlpack_abi.h"
#include <baton/dlpack.h>
/* the library's own, under another name */
enum {
	OUR_SIZE = sizeof(struct DLManagedTensor),
	OUR_DATA = offsetof(struct DLManagedTensor, tensor.data),
	OUR_DEVICE = offsetof(struct DLManagedTensor, tensor.device_type),
	OUR_ID = offsetof(struct DLManagedTensor, tensor.device_id),
	OUR_RANK = offsetof(struct DLManagedTensor, tensor.rank),
	OUR_CODE = offsetof(struct DLManagedTensor, tensor.code),
	OUR_BITS = offsetof(struct DLManagedTensor, tensor.bits),
	OUR_LANES = offsetof(struct DLManagedTensor, tensor.lanes),
	OUR_SHAPE = offsetof(struct DLManagedTensor, tensor.shape),
	OUR_STRIDES = offsetof(struct DLManagedTensor, tensor.strides),
	OUR_OFFSET = offsetof(struct DLManagedTensor, tensor.byte_offset),
	OUR_OWNER = offsetof(struct DLManagedTensor, owner),
	OUR_DELETER = offsetof(struct DLManagedTensor, deleter),
};
#define DLManagedTensor DLTheirs
#include <dlpack/dlpack.h>
#undef DLManagedTensor
#define SAME(ours, member) _Static_assert(ours == offsetof(DLTheirs, member), #member)
_Static_assert(OUR_SIZE == sizeof(DLTheirs), "size");
SAME(OUR_DATA, dl_tensor.data);
SAME(OUR_DEVICE, dl_tensor.device.device_type);
SAME(OUR_ID, dl_tensor.device.device_id);
SAME(OUR_RANK, dl_tensor.ndim);
SAME(OUR_CODE, dl_tensor.dtype.code);
SAME(OUR_BITS, dl_tensor.dtype.bits);
SAME(OUR_LANES, dl_tensor.dtype.lanes);
SAME(OUR_SHAPE, dl_tensor.shape);
SAME(OUR_STRIDES, dl_tensor.strides);
SAME(OUR_OFFSET, dl_tensor.byte_offset);
SAME(OUR_OWNER, manager_ctx);
SAME(OUR_DELETER, deleter);
_Static_assert(kDLCPU == BATON_DL_CPU && kDLInt == BATON_I8 >> 8 && kDLUInt == BATON_U8 >> 8 &&
                       kDLFloat == BATON_F32 >> 8 && kDLBfloat == BATON_BF16 >> 8,
               "codes");
#else
#include "dlpack_abi.h"
#include <baton/dlpack.h>
#endif

/* Batch k of the known source, given away. */
static void give_away(int producers, uint32_t block_batches, uint64_t k,
                      struct DLManagedTensor **tensors, size_t n) BATON_NO_ANALYSIS;
static void give_away(int producers, uint32_t block_batches, uint64_t k,
                      struct DLManagedTensor **tensors, size_t n)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, producers, block_batches, 0);
	baton_batch b = take(feed);

	while (baton_k(&b) < k) {
		give(feed, &b);
		b = take(feed);
	}
	cr_assert_eq(baton_detach(feed, &b), BATON_OK);
	close_feed(feed);
	cr_assert_eq(baton_dlpack(&b, tensors, n), BATON_OK);
	cr_assert_null(baton_data(&b, 0)); /* it is empty */
}

/* Is it field 0 of batch k, as the known source makes it? */
static void expect_x(const struct DLManagedTensor *t, uint64_t k)
{
	const float *x = t->tensor.data;
	baton_rng rng;

	cr_assert_eq(t->tensor.device_type, BATON_DL_CPU);
	cr_assert(t->tensor.code == 2 && t->tensor.bits == 32 && t->tensor.lanes == 1);
	cr_assert(t->tensor.rank == 2 && !t->tensor.strides && t->tensor.byte_offset == 0);
	cr_assert_eq(t->tensor.shape[0], (int64_t)known_rows(k));
	cr_assert_eq(t->tensor.shape[1], KNOWN_COLUMNS);
	cr_assert_eq((uintptr_t)x % 64, 0);
	baton_rng_init(&rng, 42, k);
	for (size_t i = 0; i < known_rows(k) * KNOWN_COLUMNS; i++)
		cr_assert_eq(x[i], baton_rng_uniform(&rng));
}

static void expect_id(const struct DLManagedTensor *t, uint64_t k)
{
	const uint64_t *id = t->tensor.data;

	cr_assert(t->tensor.code == 1 && t->tensor.bits == 64 && t->tensor.rank == 1);
	cr_assert_eq(t->tensor.shape[0], (int64_t)known_rows(k));
	for (int64_t i = 0; i < t->tensor.shape[0]; i++)
		cr_assert_eq(id[i], k);
}

Unit(dlpack, every_field_is_a_tensor_that_outlives_the_pipeline)
{
	for (uint32_t m = 1; m <= 4; m += 3) /* itself, and a copy out of a block */
		for (uint64_t k = 0; k < 5; k++) {
			struct DLManagedTensor *tensors[2];

			give_away(2, m, k, tensors, 2);
			expect_x(tensors[0], k);
			tensors[0]->deleter(tensors[0]);
			expect_id(tensors[1], k); /* the other lives on */
			tensors[1]->deleter(tensors[1]);
		}
}

Unit(dlpack, fewer_or_more_tensors_than_fields)
{
	struct DLManagedTensor *tensors[4] = {(void *)tensors, (void *)tensors, (void *)tensors,
	                                      (void *)tensors};

	give_away(1, 1, 1, tensors, 4);
	cr_assert(tensors[0] && tensors[1] && !tensors[2] && !tensors[3]);
	tensors[1]->deleter(tensors[1]);
	tensors[0]->deleter(tensors[0]);
	give_away(1, 1, 1, tensors, 1);
	expect_x(tensors[0], 1);
	tensors[0]->deleter(tensors[0]);
	give_away(1, 1, 1, NULL, 0);
}

static void *delete_it(void *arg)
{
	struct DLManagedTensor *t = arg;

	/* a consumer may write; but of a guarded batch nobody */
	if (!getenv("BATON_GUARD"))
		memset(t->tensor.data, 0, (size_t)t->tensor.shape[0] * sizeof(float));
	t->deleter(t);
	return NULL;
}

Unit(dlpack, two_threads_delete_at_once)
{
	for (int i = 0; i < 100; i++) {
		struct DLManagedTensor *tensors[2];
		pthread_t threads[2];

		give_away(1, 1, 0, tensors, 2);
		for (int t = 0; t < 2; t++)
			threads[t] = spawn(delete_it, tensors[t]);
		for (int t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
	}
}

Unit(dlpack, only_a_detached_batch_can_be_given_away)
{
	struct known state = KNOWN_INIT;
	baton_source source = known_source(&state);
	baton_pipeline *feed = open_feed(&source, 1, 1, 0);
	struct DLManagedTensor *tensors[2];
	baton_batch none = BATON_BATCH_INIT, b = take(feed);

	cr_assert_eq(baton_dlpack(NULL, tensors, 2), BATON_MISUSE_NULL);
	cr_assert_eq(baton_dlpack(&none, tensors, 2), BATON_MISUSE_EMPTY);
	cr_assert_eq(baton_dlpack(&b, tensors, 2), BATON_MISUSE_DETACHED);
	cr_assert(is_known(&b, 42, 0));
	cr_assert_eq(baton_detach(feed, &b), BATON_OK);
	cr_assert_eq(baton_dlpack(&b, NULL, 2), BATON_MISUSE_NULL);
	cr_assert(is_known(&b, 42, 0));
	cr_assert_eq(baton_free(&b), BATON_OK);
	close_feed(feed);
}
