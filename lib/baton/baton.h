/* SPDX-License-Identifier: MIT */
#ifndef BATON_H
#define BATON_H

/* Everything. Reading order: batch, source, pipeline; then model, fit, snapshot. */
#include <baton/bar.h>
#include <baton/batch.h>
#include <baton/callbacks.h>
#include <baton/checkpoint.h>
#include <baton/dlpack.h>
#include <baton/error.h>
#include <baton/fit.h>
#include <baton/guard.h>
#include <baton/ledger.h>
#include <baton/model.h>
#include <baton/npy.h>
#include <baton/observer.h>
#include <baton/permutation.h>
#include <baton/pipeline.h>
#include <baton/rng.h>
#include <baton/snapshot.h>
#include <baton/source.h>
#include <baton/trace.h>
#include <baton/version.h>

#endif
