/* SPDX-License-Identifier: MIT */
#ifndef BATON_MODEL_H
#define BATON_MODEL_H

#include <baton/pipeline.h>
#include <stdbool.h>

BATON_BEGIN_DECLS

/* A network, its weights, and how they learn.
 *
 *      baton_model_create(&net, BATON_LAYERS(baton_input("x", 2), baton_dense(1)), seed, &err);
 *      baton_compile(net, baton_mse(), baton_rmsprop(1e-3), &err);
 *      baton_fit(net, feed, &options, &history, &err);
 *
 * Every shape is settled before the first step: create infers those of the layers,
 * bind (which fit calls by itself) holds them against the pipeline's fields.
 *
 * Threads: one at a time for everything here; beside it, any thread may watch through
 *          <baton/snapshot.h>
 * Results: the same bits with any compiler, optimisation level and vector width, since
 *          every sum has one fixed order. float32 throughout */
typedef struct baton_model baton_model;

/* What a lambda is lent for one call: a whole batch, row-major. */
typedef struct baton_lambda_call {
	size_t size;
	size_t rows, inputs, units;
	const float *x; /* [rows, inputs] */
	float *y;       /* [rows, units]: forward writes it, and no more than that */
	int rank;       /* forward says which shape y has, the row axis first: 2 and */
	size_t shape[BATON_MAX_RANK + 1]; /* {rows, units} if it is what was declared */
	const float *dy; /* backward: the gradient with respect to y, shaped as y */
	float *dx;       /* backward writes the one with respect to x, shaped as x */
} baton_lambda_call;

/* Returns OK, or an error (< 0), with which the step or prediction fails. */
typedef int baton_lambda_fn(void *state, baton_lambda_call *call);

/* One layer, as it is asked for. Made by the functions below it, which set size; zero
 * always means the default. */
typedef struct baton_layer {
	size_t size;
	int kind;
	const char *name; /* input: the source's field; else NULL: kind and number, "dense_1" */
	size_t units;     /* input: values a row; dense, lambda: outputs; up to BATON_MAX_UNITS */
	baton_lambda_fn *forward;  /* lambda */
	baton_lambda_fn *backward; /* lambda; may be NULL */
	void *state;               /* of both */
} baton_layer;

#define BATON_LAYER_INPUT 1
#define BATON_LAYER_DENSE 2
#define BATON_LAYER_RELU 3
#define BATON_LAYER_SOFTSIGN 4
#define BATON_LAYER_LAMBDA 5

#define BATON_MAX_UNITS (1u << 24)
/* Of a network, in all: 4 GiB of them, and as much again for each of gradient, optimizer
 * state and snapshots. */
#define BATON_MAX_WEIGHTS (1u << 30)

/* An array of layers and its length, for baton_model_create() in C. C++ has no
 * compound literals: pass an array and its length. */
#define BATON_LAYERS(...)                   \
	(const baton_layer[]){__VA_ARGS__}, \
		sizeof((const baton_layer[]){__VA_ARGS__}) / sizeof(baton_layer)

/* Rows of `units` values, from the source's float32 field of that name. The first
 * layer, and only the first. */
static inline baton_layer baton_input(const char *field, size_t units)
{
	baton_layer layer = {sizeof(baton_layer), BATON_LAYER_INPUT, field, units, 0, 0, 0};
	return layer;
}

/* y = x kernel + bias. kernel [inputs, units] starts glorot-uniform, bias [units] at 0. */
static inline baton_layer baton_dense(size_t units)
{
	baton_layer layer = {sizeof(baton_layer), BATON_LAYER_DENSE, 0, units, 0, 0, 0};
	return layer;
}

/* y = max(x, 0), NaN stays NaN. */
static inline baton_layer baton_relu(void)
{
	baton_layer layer = {sizeof(baton_layer), BATON_LAYER_RELU, 0, 0, 0, 0, 0};
	return layer;
}

/* y = x / (1 + |x|). */
static inline baton_layer baton_softsign(void)
{
	baton_layer layer = {sizeof(baton_layer), BATON_LAYER_SOFTSIGN, 0, 0, 0, 0, 0};
	return layer;
}

/* Whatever forward makes of a batch, of the declared shape [rows, units]; units 0 declares
 * [rows], one value a row without an axis. The declaration is not believed: what forward
 * says it returned is held against it when the model is bound, by a call with rows of zeros,
 * and at every call after that; if it differs, that is an error that names the layer and
 * both shapes, "lambda_1: declared [64, 1], returns [64]".
 * Gradient: none. A layer with weights can be below only if backward is set, too, or the
 *           model can't be compiled
 * Threads:  forward runs on the trainer's, and on any that predicts from a snapshot */
static inline baton_layer baton_lambda(baton_lambda_fn *forward, void *state, size_t units)
{
	baton_layer layer = {sizeof(baton_layer), BATON_LAYER_LAMBDA, 0, units, forward, 0, state};
	return layer;
}

/* What is to be made small. */
typedef struct baton_loss {
	size_t size;
	int kind;
	const char *target; /* the source's float32 field to compare with; NULL: its only
	                     * field beside the input and the rows' weights */
} baton_loss;

#define BATON_LOSS_MSE 1
#define BATON_LOSS_MAE 2

/* Mean squared error: the mean over a row's values, then over the rows. */
static inline baton_loss baton_mse(void)
{
	baton_loss loss = {sizeof(baton_loss), BATON_LOSS_MSE, 0};
	return loss;
}

/* Mean absolute error, the same way; its slope at 0 is 0. */
static inline baton_loss baton_mae(void)
{
	baton_loss loss = {sizeof(baton_loss), BATON_LOSS_MAE, 0};
	return loss;
}

/* What may be measured beside the loss, as the same means: baton_fit_options.metrics. */
#define BATON_METRIC_MAE 1u
#define BATON_METRIC_MSE 2u

/* How the weights follow their gradient, by Keras 3's formulas. Constants that another
 * optimizer uses are ignored. double, since Keras derives constants such as 1 - rho in
 * double before it rounds them to float32. */
typedef struct baton_optimizer {
	size_t size;
	int kind;
	double learning_rate; /* 0: 1e-3, for sgd 1e-2 */
	double rho;           /* rmsprop; 0: 0.9 */
	double epsilon;       /* rmsprop, adam; 0: 1e-7 */
	double momentum;      /* sgd, rmsprop; at most 1 */
	double beta_1;        /* adam; 0: 0.9 */
	double beta_2;        /* adam; 0: 0.999 */
	bool nesterov;        /* sgd */
	bool centered;        /* rmsprop */
	bool epsilon_outside; /* rmsprop: sqrt(v) + epsilon, as Keras before 2.11 */
} baton_optimizer;

#define BATON_OPTIMIZER_RMSPROP 1
#define BATON_OPTIMIZER_SGD 2
#define BATON_OPTIMIZER_ADAM 3

/* A constant that shall really be 0, where 0 means its default. */
#define BATON_ZERO (-0.0)

static inline baton_optimizer baton_optimizer_of(int kind, double learning_rate)
{
	baton_optimizer optimizer = {
		sizeof(baton_optimizer), kind, learning_rate, 0, 0, 0, 0, 0, false, false, false};
	return optimizer;
}

/* w -= learning_rate g; with momentum: m = momentum m - learning_rate g;  w += m;
 * nesterov: w += momentum m - learning_rate g. */
static inline baton_optimizer baton_sgd(double learning_rate)
{
	return baton_optimizer_of(BATON_OPTIMIZER_SGD, learning_rate);
}

/* v = rho v + (1 - rho) g^2;  d = learning_rate g / sqrt(v + epsilon);  w -= d
 * centered: a = rho a + (1 - rho) g, and v - a^2 for v under the root; with momentum:
 * m = momentum m + d;  w -= m. */
static inline baton_optimizer baton_rmsprop(double learning_rate)
{
	return baton_optimizer_of(BATON_OPTIMIZER_RMSPROP, learning_rate);
}

/* m += (1 - beta_1) (g - m);  v += (1 - beta_2) (g^2 - v);  at step t, from 1:
 * w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon). */
static inline baton_optimizer baton_adam(double learning_rate)
{
	return baton_optimizer_of(BATON_OPTIMIZER_ADAM, learning_rate);
}

/* Make a network of n layers, the first an input.
 * Weights:   random, a pure function of seed and of the layer's place: layer i draws from
 *            stream UINT64_MAX - i
 * Ownership: *net is the caller's, until baton_model_destroy(); layers are copied
 * Returns:   OK; -EINVAL (err says which layer), -ENOMEM; then *net is NULL */
BATON_API BATON_MUST_CHECK int baton_model_create(baton_model **net, const baton_layer *layers,
                                                  size_t n, uint64_t seed, baton_error *err);

/* Free everything; *net becomes NULL. A NULL *net is fine.
 * Returns: OK; MISUSE_LENT: somebody still holds a snapshot, nothing has changed */
BATON_API int baton_model_destroy(baton_model **net);

/* Say what to learn and how; once for a model. Starts the thread that recycles
 * snapshots (named baton-reclaim, every signal blocked; it sleeps until one is asked
 * for).
 * Returns: OK; -EINVAL (err says what is wrong), -ENOMEM, -EAGAIN (no thread), -EALREADY */
BATON_API BATON_MUST_CHECK int baton_compile_spec(baton_model *net, const baton_loss *loss,
                                                  const baton_optimizer *optimizer,
                                                  baton_error *err);
BATON_MUST_CHECK static inline int baton_compile(baton_model *net, baton_loss loss,
                                                 baton_optimizer optimizer, baton_error *err)
{
	return baton_compile_spec(net, &loss, &optimizer, err);
}

/* Hold the network's shapes against the fields of feed, and allocate what a step needs
 * for its rows: baton_step() allocates nothing. baton_fit() calls it by itself.
 * Weights: a float32 field named "weight" without an axis ([rows]), if it is neither input
 *          nor named as target: a factor of each row's loss. The batch's loss is divided
 *          by its rows, not by the sum of their weights, as in Keras 3
 * Rule:    shapes must be equal, nothing is broadcast. One exception: a target without
 *          an axis ([rows]) for a prediction of one unit ([rows, 1]) is taken as
 *          [rows, 1]; then bind returns OK and err->text says so
 * Returns: OK; ERR_SHAPE: err names the layer and both shapes, such as "dense_1 -> mse:
 *          prediction [64, 1] against target [64, 2]"; -EINVAL: not compiled; -ENOMEM;
 *          what a lambda failed with */
BATON_API BATON_MUST_CHECK int baton_bind(baton_model *net, const baton_pipeline *feed,
                                          baton_error *err);

/* In which order a step sums over rows. Both give the same bits everywhere.
 *   TREE:     in 16 lanes and a balanced tree: fast, and the most exact
 *   IN_ORDER: one row after the other, as Keras' sums turn out on a CPU. Step for step
 *             with Keras to the last bits, where the tree strays by a few of them
 * Returns: OK; -EINVAL: there is no such order; MISUSE_NULL */
#define BATON_SUM_TREE 0
#define BATON_SUM_IN_ORDER 1
BATON_API int baton_sum_order(baton_model *net, int order);

/* The learning rate of the steps to come: a float32 from 0 upwards.
 * Returns: OK; -EINVAL: not compiled, or not such a number; MISUSE_NULL. The rate: NaN if
 *          net is NULL or not compiled */
BATON_API int baton_learning_rate_set(baton_model *net, double rate);
BATON_API double baton_learning_rate(const baton_model *net);

/* Train on one batch of the pipeline that was bound: one update of the weights. *loss
 * (may be NULL) is the batch's, before the update.
 * Returns: OK; -EINVAL: not bound; MISUSE_EMPTY: the handle holds no batch; MISUSE_NULL;
 *          ERR_SHAPE: the batch is of another pipeline, with more rows, other shapes or dtypes;
 *          what a lambda failed with: then nothing has changed */
BATON_API BATON_MUST_CHECK int baton_step(baton_model *net, const baton_batch *b, float *loss)
	BATON_REQUIRES(*b);

/* inputs [n, d_in] -> outputs [n, d_out], float32, row-major. A network with a lambda sees
 * all n rows as one batch.
 * Returns: OK; -ENOMEM; MISUSE_NULL; what a lambda failed with, ERR_SHAPE if it returned
 *          another shape than it declared */
BATON_API BATON_MUST_CHECK int baton_predict(const baton_model *net, const float *inputs, size_t n,
                                             float *outputs);

/* The shape of outputs for n rows, into shape [BATON_MAX_RANK + 1]: [n, 1] for a last layer
 * of one unit. Returns its rank, 0 if net or shape is NULL. */
BATON_API int baton_predict_shape(const baton_model *net, size_t n, size_t *shape);

/* What a layer became, and where its weights lie in the flat array of all weights: for
 * each layer its kernel, row-major [inputs, units], then its bias [units]. */
typedef struct baton_layer_info {
	size_t size;      /* set by BATON_LAYER_INFO_INIT */
	const char *name; /* lent until destroy */
	size_t inputs;    /* values a row */
	size_t units;
	size_t kernel;   /* index of its first weight */
	size_t n_kernel; /* inputs * units, 0 for a layer without weights */
	size_t bias;
	size_t n_bias;
} baton_layer_info;
#define BATON_LAYER_INFO_INIT                                 \
	{                                                     \
		sizeof(baton_layer_info), 0, 0, 0, 0, 0, 0, 0 \
	}

/* Layer i, in the order of baton_model_create(). Returns OK, -EINVAL: there is no layer
 * i; MISUSE_NULL. */
BATON_API int baton_layer_get(const baton_model *net, size_t i, baton_layer_info *info);

/* All weights, flat, lent until the next step; *n (may be NULL) says how many. */
BATON_API const float *baton_weights(const baton_model *net, size_t *n);

/* Replace all weights. Returns OK; ERR_SHAPE: n is not their number; MISUSE_NULL. */
BATON_API BATON_MUST_CHECK int baton_weights_set(baton_model *net, const float *weights, size_t n);

BATON_END_DECLS

#endif
