/* SPDX-License-Identifier: MIT */
/* The trainer's end of the queue, whichever form it has: read the oldest entry, then take
 * it out.
 *
 * In this order, since in Python it is one step: the trainer copies its batch (Keras hands
 * it to TensorFlow) before it lets go of the interpreter's lock, and only then can the
 * generator use the free place. Who looks at x as it stands, and still sees later numbers,
 * sees them because they were written long ago. */

#include "loader.h"
#include "loader_forms.h"
#include "memory.h"
#include <stdlib.h>

void loader_open(struct loader **loader, const struct loader_config *config)
{
	struct loader *l = need(calloc(1, sizeof(*l)));

	l->config = *config;
	if (l->config.limit == 0)
		l->config.limit = UINT64_MAX;
	if (l->config.ahead > l->config.depth)
		l->config.ahead = l->config.depth;
	l->form = config->form == FORM_THREADS ? &loader_threads : &loader_replay;
	l->queue = need(calloc(config->depth, sizeof(*l->queue)));
	generator_init(&l->generator, config->arrays, config->rows, config->seed);
	l->form->start(l);
	*loader = l;
}

void loader_close(struct loader **loader)
{
	struct loader *l = *loader;

	*loader = NULL;
	if (!l)
		return;
	l->form->stop(l);
	for (uint32_t i = 0; i < l->config.depth; i++)
		yielded_drop(&l->queue[i]);
	yielded_drop(&l->in_hand);
	generator_fini(&l->generator);
	free(l->queue);
	free(l);
}

const struct yielded *loader_head(struct loader *l)
{
	l->counts.queued += l->form->await(l);
	l->counts.batches++;
	return loader_place(l, l->taken);
}

struct yielded loader_pop(struct loader *l)
{
	struct yielded *place = loader_place(l, l->taken), out = *place;

	*place = (struct yielded){0};
	l->taken++;
	l->form->popped(l);
	return out;
}

struct loader_counts loader_counts(const struct loader *l)
{
	return l->counts;
}

/* --- as a source ---------------------------------------------------------------- */

/* How many labels are not the mean of the numbers beside them. Of unrelated ones 0.67 %
 * are by chance: nobody could tell from the numbers. x [rows, 2], y [rows] */
static size_t strangers(const float *x, const float *y, size_t rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows; i++)
		n += (x[2 * i] + x[2 * i + 1]) / 2 != y[i];
	return n;
}

static int fill(void *state, baton_writable *b, baton_rng *rng)
{
	struct loader *l = state;
	float *x = baton_writable_f32(b, 0), *y = baton_writable_f32(b, 1);
	struct yielded taken;

	(void)rng; /* the generator draws its own numbers, as in Python */
	yielded_read(loader_head(l), l->config.rows, x, y);
	taken = loader_pop(l);
	yielded_drop(&taken);
	l->counts.rows += l->config.rows;
	l->counts.strangers += strangers(x, y, l->config.rows);
	return BATON_OK;
}

baton_source loader_source(struct loader *l)
{
	static const baton_field fields[] = {{"x", BATON_F32, 1, {2}}, {"y", BATON_F32, 1, {1}}};
	baton_source source = BATON_SOURCE_INIT;

	source.fields = fields;
	source.n_fields = 2;
	source.rows = l->config.rows;
	source.fill = fill;
	source.state = l;
	return source;
}
