/* SPDX-License-Identifier: MIT */
/* DLPack: a detached batch as tensors of other libraries. They share the batch, and the last
 * one that is deleted frees it. */

#include "batch.h"
#include "dlpack_abi.h"
#include <baton/dlpack.h>
#include <errno.h>
#include <stdlib.h>

struct given;

struct tensor {
	struct DLManagedTensor dl;
	struct given *all;
	int64_t shape[BATON_MAX_RANK + 1];
};

/* What the tensors of one batch share. */
struct given {
	atomic_uint refs; /* tensors that are not deleted */
	baton_batch batch;
	struct tensor tensors[];
};

static void let_go(struct given *all)
{
	/* acq_rel, paired with itself: freed after every other's last access */
	if (atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel) > 1)
		return;
	baton_free(&all->batch);
	free(all);
}

static void delete (struct DLManagedTensor *self)
{
	struct tensor *t = self->owner;

	let_go(t->all);
}

static void describe(struct tensor *t, const baton_batch *b, size_t i)
{
	const baton_field *field = &baton_fields(b, NULL)[i];

	t->shape[0] = (int64_t)baton_rows(b);
	for (int d = 0; d < field->rank; d++)
		t->shape[d + 1] = (int64_t)field->shape[d];
	t->dl.tensor = (struct baton_dl_tensor){
		.data = (void *)baton_data(b, i), /* the consumer's from now on */
		.device_type = BATON_DL_CPU,
		.rank = field->rank + 1,
		.code = (uint8_t)(field->dtype >> 8),
		.bits = (uint8_t)(field->dtype & 0xff),
		.lanes = 1,
		.shape = t->shape,
	};
	t->dl.owner = t;
	t->dl.deleter = delete;
}

int baton_dlpack(baton_batch *b, struct DLManagedTensor **tensors, size_t n)
{
	struct given *all;
	size_t n_fields;

	if (!b || (!tensors && n > 0))
		return BATON_MISUSE_NULL;
	if (b->kind_ != BATON_DETACHED)
		return b->kind_ == BATON_EMPTY ? BATON_MISUSE_EMPTY : BATON_MISUSE_DETACHED;
	baton_fields(b, &n_fields);
	for (size_t i = 0; i < n; i++)
		tensors[i] = NULL;
	n = n < n_fields ? n : n_fields;
	all = malloc(sizeof(*all) + n * sizeof(all->tensors[0]));
	if (!all) {
		baton_free(b);
		return -ENOMEM;
	}
	atomic_init(&all->refs, (unsigned)n + 1); /* the last one is ours */
	all->batch = *b;
	for (size_t i = 0; i < n; i++) {
		describe(&all->tensors[i], b, i);
		all->tensors[i].all = all;
		tensors[i] = &all->tensors[i].dl;
	}
	*b = (baton_batch)BATON_BATCH_INIT;
	let_go(all);
	return BATON_OK;
}
