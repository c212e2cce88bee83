/* SPDX-License-Identifier: MIT */
/* Misuse that clang refuses to compile with -Wthread-safety: one mistake for each macro.
 * With none of them this is correct, and must compile. */

#include <baton/baton.h>

void use(const float *x);
int decode(baton_writable *w);

static inline void trainer(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;

	while (baton_next(feed, &b) == BATON_OK) {
		use(baton_f32(&b, 0));
#ifndef FORGOTTEN_RELEASE
		baton_release(feed, &b);
#endif
#ifdef RELEASE_TWICE
		baton_release(feed, &b);
#endif
#ifdef READ_AFTER_RELEASE
		use(baton_f32(&b, 0));
#endif
	}
#ifdef READ_AFTER_END
	use(baton_f32(&b, 0));
#endif
}

static inline void producer(baton_pipeline *feed)
{
	baton_claim c = BATON_CLAIM_INIT;

	while (baton_begin(feed, &c) == BATON_OK) {
		if (decode(baton_claimed(&c)) < 0) {
#ifndef FORGOTTEN_DISCARD
			baton_discard(feed, &c, -1, "bad frame");
#endif
		} else {
			baton_submit(feed, &c);
#ifdef SUBMIT_TWICE
			baton_submit(feed, &c);
#endif
#ifdef USE_AFTER_SUBMIT
			decode(baton_claimed(&c));
#endif
		}
	}
#ifdef SUBMIT_AFTER_END
	baton_submit(feed, &c);
#endif
}

static inline void keeper(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;

	if (baton_next(feed, &b) != BATON_OK)
		return;
	if (baton_detach(feed, &b) != BATON_OK) {
		baton_release(feed, &b);
		return;
	}
#ifndef FORGOTTEN_FREE
	baton_free(&b);
#endif
#ifdef READ_AFTER_FREE
	use(baton_f32(&b, 0));
#endif
}

static inline void exporter(baton_pipeline *feed)
{
	struct DLManagedTensor *tensor;
	baton_batch b = BATON_BATCH_INIT;

	if (baton_next(feed, &b) != BATON_OK)
		return;
	if (baton_detach(feed, &b) != BATON_OK) {
		baton_release(feed, &b);
		return;
	}
	if (baton_dlpack(&b, &tensor, 1) < 0)
		use(NULL);
#ifdef READ_AFTER_EXPORT
	use(baton_f32(&b, 0));
#endif
#ifdef FREE_AFTER_EXPORT
	baton_free(&b);
#endif
}

/* Not a matter of capabilities, but of types: every C compiler refuses these. */
static inline void types(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;

	if (baton_next(feed, &b) != BATON_OK)
		return;
#ifdef WRITE_THROUGH_READER
	float *x = baton_f32(&b, 0);
	x[0] = 1;
#endif
#ifdef SUBMIT_READERS_HANDLE
	baton_submit(feed, &b);
#endif
	baton_release(feed, &b);
}

static inline void unchecked(baton_pipeline *feed)
{
#ifdef UNCHECKED_CLOSE
	baton_close(&feed);
#else
	if (baton_close(&feed) < 0)
		use(NULL);
#endif
}

static inline void trainer_of(baton_model *net, baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;

	if (baton_next(feed, &b) != BATON_OK)
		return;
#ifdef UNCHECKED_STEP
	baton_step(net, &b, NULL);
#else
	if (baton_step(net, &b, NULL) < 0)
		use(NULL);
#endif
	baton_release(feed, &b);
}

void all(baton_pipeline *feed, baton_model *net);
void all(baton_pipeline *feed, baton_model *net)
{
	trainer_of(net, feed);
	trainer(feed);
	producer(feed);
	keeper(feed);
	exporter(feed);
	types(feed);
	unchecked(feed);
}
