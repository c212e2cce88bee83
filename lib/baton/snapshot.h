/* SPDX-License-Identifier: MIT */
#ifndef BATON_SNAPSHOT_H
#define BATON_SNAPSHOT_H

#include <baton/model.h>

BATON_BEGIN_DECLS

/* The model as it was at the end of one step: immutable, to be looked at by any thread
 * while training goes on.
 *
 * A model has a fixed set of BATON_SNAPSHOTS of them. The trainer publishes one at the
 * end of a step when somebody has asked since the last one (every get asks), every
 * baton_fit_options.snapshot_steps, and, once a model is watched, when a fit ends; it skips
 * when none is free. So a reader that wants the newest gets, puts, and soon gets again. One
 * that is put can be used again a millisecond or so later (after an idle time, up to 64 ms);
 * readers that hold them all keep anyone from seeing a newer one, but never delay a step.
 *
 * get and put may be called by any thread, without registration, once baton_compile() has
 * returned, beside everything but baton_model_destroy(). */
typedef struct baton_snapshot baton_snapshot;

#define BATON_SNAPSHOTS 8

/* Hold the newest published snapshot, until put, and ask for a newer one. NULL: nothing
 * was published yet (ask again after a step), or net is NULL or not compiled.
 * Progress: wait-free, but for a thread's first call, which registers it with liburcu
 *           under a short lock, and a model's first call, which wakes its reclaimer */
BATON_API const baton_snapshot *baton_snapshot_get(const baton_model *net);

/* Let go; *s becomes NULL. Any thread, not only the one that got it. NULL is fine.
 * Progress: wait-free */
BATON_API void baton_snapshot_put(const baton_snapshot **s);

/* inputs [n, d_in] -> outputs [n, d_out] with the snapshot's weights, as baton_predict().
 * Returns: OK; -ENOMEM; MISUSE_NULL */
BATON_API BATON_MUST_CHECK int baton_snapshot_predict(const baton_snapshot *s, const float *inputs,
                                                      size_t n, float *outputs);

/* step:    how many steps the model had made, over all fits
 * epoch:   of the fit it was in, 0..
 * loss:    the mean of that epoch up to and including this step, NaN before any
 * metric:  the same mean of one BATON_METRIC_*; NaN if the fit does not measure it
 * weights: flat, as baton_weights(); *n (may be NULL) says how many
 * state:   the optimizer's, flat, each array in the order of the weights: for sgd m, if it has
 *          momentum; for rmsprop v, then a if centered, then m if it has momentum; for adam
 *          m, then v (model.h)
 * Lent until put; s must not be NULL. */
BATON_API uint64_t baton_snapshot_step(const baton_snapshot *s);
BATON_API uint64_t baton_snapshot_epoch(const baton_snapshot *s);
BATON_API double baton_snapshot_loss(const baton_snapshot *s);
BATON_API double baton_snapshot_metric(const baton_snapshot *s, unsigned metric);
BATON_API const float *baton_snapshot_weights(const baton_snapshot *s, size_t *n);
BATON_API const float *baton_snapshot_state(const baton_snapshot *s, size_t *n);

BATON_END_DECLS

#endif
