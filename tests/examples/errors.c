/* SPDX-License-Identifier: MIT */
/* Errors: what can go wrong, where it shows, and one way out that frees everything. */

#include <baton/baton.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Frame 17 can't be decoded. The trainer gets batches 0 to 16 first, then this. */
static int decode(void *state, baton_writable *b, baton_rng *rng)
{
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	uint64_t k = baton_writable_k(b);
	char text[64];

	(void)state;
	if (k == 17) {
		snprintf(text, sizeof(text), "frame %" PRIu64 ": bad header", k);
		return baton_fail(b, -EIO, text); /* or BATON_END: no such batch */
	}
	for (size_t i = 0; i < baton_writable_rows(b); i++)
		y[i] = x[i] = baton_rng_uniform(rng);
	return BATON_OK;
}

/* One error, one way out. Every call that sets something up fills err and undoes what it
 * began; close and destroy take what was never made. */
static int train(uint32_t blocks, baton_error *err)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {1}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;
	baton_options options = BATON_OPTIONS_INIT;
	baton_fit_options fit = BATON_FIT_OPTIONS_INIT;
	baton_pipeline *feed = NULL;
	baton_model *net = NULL;
	int rc;

	source.fill = decode;
	source.fields = fields;
	source.n_fields = 2;
	source.rows = 32;
	options.blocks = blocks;
	fit.terminate_on_nan = true; /* else a loss that is not finite is no error */
	rc = baton_open(&feed, &source, &options, err);
	if (rc < 0)
		goto out;
	rc = baton_model_create(&net, BATON_LAYERS(baton_input("x", 1), baton_dense(1)), 1, err);
	if (rc < 0)
		goto out;
	rc = baton_compile(net, baton_mse(), baton_sgd(0.1), err);
	if (rc < 0)
		goto out;
	rc = baton_fit(net, feed, &fit, NULL, err); /* > 0: END, CANCELED */
out:
	baton_model_destroy(&net);
	if (baton_close(&feed) < 0) /* a batch is still held: a bug of this program */
		fprintf(stderr, "%s\n", baton_strerror(BATON_MISUSE_LENT));
	return rc;
}

int main(void)
{
	baton_error err = {0};
	int rc = train(BATON_MAX_BLOCKS + 1, &err);

	/* err.text is one line; it names what was wrong, and what would be right */
	printf("%d: %s\n", rc, err.text);
	if (rc != -EINVAL)
		return 1;
	rc = train(0, &err);
	if (rc < 0)
		printf("batch %" PRIu64 ": %s (%s)\n", err.batch, err.text, baton_strerror(rc));
	return rc != -EIO || err.batch != 17;
}
