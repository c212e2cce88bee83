/* SPDX-License-Identifier: MIT */
/* Fuzz target: whatever bytes a file has, it is refused with one printable line that names it
 * and the model is as it was, or it is loaded, and what was loaded can be saved and loaded
 * again. Its weights alone, then all of it. */

#include "fuzz.h"
#include <baton/baton.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void broken(const char *promise, const char *text)
{
	fprintf(stderr, "safetensors: broken: %s: %s\n", promise, text);
	abort();
}

static baton_model *make(void)
{
	baton_model *net = NULL;

	if (baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), 1, NULL) ||
	    baton_compile(net, baton_mse(), baton_rmsprop(1e-3), NULL))
		broken("a model", "can't be made");
	return net;
}

/* A name for these bytes, for as long as fd is open. */
static int put(const uint8_t *data, size_t size, char name[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		broken("a file", "can't be made");
	snprintf(name, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_refusal(int rc, const baton_error *err, const char *name)
{
	if (rc > 0 || err->code != rc)
		broken("the error is the answer", err->text);
	if (strncmp(err->text, name, strlen(name)) != 0)
		broken("the file is named", err->text);
	for (const char *at = err->text; *at; at++) {
		if (*at < ' ' || *at > '~')
			broken("one printable line", err->text);
	}
}

static void load_weights(baton_model *net, const char *name)
{
	const float set[3] = {1, 2, 3};
	baton_error err;
	int rc = baton_weights_set(net, set, 3) || baton_weights_load(net, name, &err);

	if (!rc)
		return;
	check_refusal(err.code, &err, name);
	if (memcmp(baton_weights(net, NULL), set, sizeof(set)) != 0)
		broken("weights are as they were", err.text);
}

/* What was loaded is a state like any other. */
static void save_and_load(baton_model *net, const baton_resume *at)
{
	char path[64];
	baton_resume again = BATON_RESUME_INIT;
	baton_error err = {0};
	float weights[3];

	snprintf(path, sizeof(path), "/dev/shm/baton-fuzz-%d", (int)getpid());
	memcpy(weights, baton_weights(net, NULL), sizeof(weights));
	if (!(baton_learning_rate(net) >= 0 && isfinite(baton_learning_rate(net))))
		broken("the learning rate is a number from 0", "it is not");
	if (at->epoch_step > at->step)
		broken("an epoch has no more steps than all", "it has");
	if (baton_model_save(net, path, NULL, 0, &err) ||
	    baton_model_load(net, path, NULL, 0, &again, &err))
		broken("it can be saved and loaded again", err.text);
	if (memcmp(weights, baton_weights(net, NULL), sizeof(weights)) != 0 ||
	    memcmp(at, &again, sizeof(again)) != 0)
		broken("it is the same again", path);
	unlink(path);
}

static void load_all(baton_model *net, const char *name)
{
	const float set[3] = {1, 2, 3};
	baton_resume at = BATON_RESUME_INIT;
	baton_error err = {0};
	int rc = baton_weights_set(net, set, 3) || baton_model_load(net, name, NULL, 0, &at, &err);

	if (!rc) {
		save_and_load(net, &at);
		return;
	}
	check_refusal(err.code, &err, name);
	if (memcmp(baton_weights(net, NULL), set, sizeof(set)) != 0 ||
	    baton_learning_rate(net) != (double)1e-3f)
		broken("the model is as it was", err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static baton_model *net;
	char name[32];
	int fd = put(data, size, name);

	if (!net)
		net = make();
	load_weights(net, name);
	if (baton_learning_rate_set(net, 1e-3))
		broken("a learning rate", "is refused");
	load_all(net, name);
	close(fd);
	return 0;
}
