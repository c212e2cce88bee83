/* SPDX-License-Identifier: MIT */
/* Learn from two .npy files: each epoch in another order, the same at any number of producers.
 * NumPy would write them; here the program does, so that it runs by itself. */

#include <baton/baton.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 1000 };

/* What numpy.save(path, a) writes of float32 a [SAMPLES, columns]. */
static int save(const char *path, const float *a, int columns)
{
	char text[118];
	FILE *f = fopen(path, "wb");

	if (!f)
		return -1;
	snprintf(text, sizeof(text),
	         "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", SAMPLES, columns);
	fwrite("\x93NUMPY\1\0\x76", 1, 10, f); /* version 1.0; 118 bytes of header */
	fprintf(f, "%-117s\n", text);
	fwrite(a, sizeof(*a), (size_t)(SAMPLES * columns), f);
	return fclose(f);
}

static int make_files(const char *x_path, const char *y_path)
{
	static float x[SAMPLES][2], y[SAMPLES][1];

	for (int i = 0; i < SAMPLES; i++) {
		x[i][0] = (float)(i % 100) / 100;
		x[i][1] = (float)(i * 7 % 100) / 100;
		y[i][0] = (x[i][0] + x[i][1]) / 2;
	}
	return save(x_path, x[0], 2) || save(y_path, y[0], 1);
}

static int train(baton_pipeline *feed, uint64_t steps, baton_error *err)
{
	const float pair[2] = {0.6f, 0.7f};
	baton_fit_options options = BATON_FIT_OPTIONS_INIT;
	baton_model *net = NULL;
	float mean = 0;
	int rc =
		baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, err);

	options.epochs = 100;
	options.steps_per_epoch = steps;
	if (rc == BATON_OK)
		rc = baton_compile(net, baton_mse(), baton_rmsprop(1e-2), err);
	if (rc == BATON_OK)
		rc = baton_fit(net, feed, &options, NULL, err);
	if (rc == BATON_OK)
		rc = baton_predict(net, pair, 1, &mean);
	if (rc == BATON_OK)
		printf("(0.6, 0.7) -> %.2f\n", (double)mean);
	baton_model_destroy(&net);
	return rc < 0 || mean < 0.6f || mean > 0.7f;
}

/* The files need not be there any more once they are open. */
static int run(const char *x_path, const char *y_path)
{
	const baton_npy_file files[] = {{"x", x_path, false}, {"y", y_path, false}};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	baton_source source = BATON_SOURCE_INIT;
	baton_pipeline *feed = NULL;
	baton_npy *data = NULL;
	baton_error err;
	int wrong = 1;

	options.rows = 64;
	options.shuffle = true;
	if (baton_npy_open(&data, files, 2, &options, &err) < 0)
		return fprintf(stderr, "%s\n", err.text), 1;
	baton_npy_get(data, &info);
	baton_npy_source(data, &source);
	if (baton_open(&feed, &source, NULL, &err) == BATON_OK)
		wrong = train(feed, info.batches, &err);
	if (wrong)
		fprintf(stderr, "%s\n", err.text);
	return baton_close(&feed) < 0 || baton_npy_close(&data) < 0 || wrong;
}

int main(void)
{
	char folder[] = "/tmp/baton-npy-XXXXXX", x_path[64], y_path[64];
	int wrong;

	if (!mkdtemp(folder))
		return 1;
	snprintf(x_path, sizeof(x_path), "%s/x.npy", folder);
	snprintf(y_path, sizeof(y_path), "%s/y.npy", folder);
	wrong = make_files(x_path, y_path) || run(x_path, y_path);
	unlink(x_path);
	unlink(y_path);
	rmdir(folder);
	return wrong;
}
