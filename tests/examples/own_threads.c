/* SPDX-License-Identifier: MIT */
/* Threads of your own: each claims a batch, fills it, and gives the claim away. */

#include <baton/pipeline.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#define THREADS 3
#define FRAMES 100

/* Stands for a decoder; there is no frame FRAMES. */
static int decode(baton_writable *frame)
{
	uint8_t *pixel = baton_writable_data(frame, 0); /* [rows, 28, 28] */
	uint64_t k = baton_writable_k(frame);

	if (k >= FRAMES)
		return BATON_END;
	for (size_t i = 0; i < baton_writable_rows(frame) * 28 * 28; i++)
		pixel[i] = (uint8_t)k;
	return BATON_OK;
}

static void *work(void *arg)
{
	baton_pipeline *feed = arg;
	baton_claim c = BATON_CLAIM_INIT;

	while (baton_begin(feed, &c) == BATON_OK) {
		int rc = decode(baton_claimed(&c));

		if (rc == BATON_END)
			baton_finish(feed, &c); /* END at this k */
		else if (rc < 0)
			baton_discard(feed, &c, rc, "bad frame"); /* arrives as batch k */
		else
			baton_submit(feed, &c); /* c is empty now: not ours any more */
	}
	return NULL;
}

static uint64_t consume(baton_pipeline *feed)
{
	baton_batch b = BATON_BATCH_INIT;
	uint64_t sum = 0;

	while (baton_next(feed, &b) == BATON_OK) {
		sum += *(const uint8_t *)baton_data(&b, 0);
		baton_release(feed, &b);
	}
	return sum;
}

int main(void)
{
	static const baton_field image = {"image", BATON_U8, 2, {28, 28}};
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed = NULL;
	pthread_t threads[THREADS];
	baton_error err;
	int n = 0;

	source.fields = &image;
	source.n_fields = 1;
	source.rows = 16;
	if (baton_open(&feed, &source, NULL, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	while (n < THREADS && pthread_create(&threads[n], NULL, work, feed) == 0)
		n++;
	if (n > 0)
		printf("sum of the first pixels: %" PRIu64 "\n", consume(feed));
	baton_cancel(feed); /* own threads: cancel, join, close */
	while (n > 0)
		pthread_join(threads[--n], NULL);
	return baton_close(&feed) < 0;
}
