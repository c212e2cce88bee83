/* SPDX-License-Identifier: MIT */
/* Data: training samples from --x and --y in place of the generator's. */

#include "train_mean.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void fail(baton_error *err, const char *option, const char *path, const char *shape)
{
	err->code = -EINVAL;
	snprintf(err->text, sizeof(err->text), "--%s: \"%.60s\" is not [samples%s", option, path,
	         shape);
}

/* The shapes of the task: two numbers a sample, and one. */
static int check_shapes(const struct setup *s, const struct baton_npy_info *info, baton_error *err)
{
	const baton_field *x = &info->fields[0], *y = &info->fields[1];

	if (x->rank != 1 || x->shape[0] != 2)
		fail(err, "x", s->x_path, ", 2]");
	else if (y->rank > 1 || (y->rank == 1 && y->shape[0] != 1))
		fail(err, "y", s->y_path, "] or [samples, 1]");
	else
		return BATON_OK;
	return err->code;
}

int open_data(struct setup *s, struct run *run, baton_error *err)
{
	const baton_npy_file files[] = {{"x", s->x_path, true}, {"y", s->y_path, true}};
	baton_npy_options options = BATON_NPY_OPTIONS_INIT;
	baton_npy_info info = BATON_NPY_INFO_INIT;
	int rc;

	if (!s->x_path)
		return BATON_OK;
	options.rows = s->batch_size;
	options.shuffle = !s->no_shuffle;
	options.drop_last = s->drop_last;
	rc = baton_npy_open(&run->data, files, 2, &options, err);
	if (rc < 0)
		return rc;
	baton_npy_get(run->data, &info);
	run->samples = info.samples;
	if (s->steps == AUTO)
		s->steps = info.batches;
	rc = check_shapes(s, &info, err);
	return rc == BATON_OK ? baton_npy_identity(run->data, &run->identity, err) : rc;
}
