#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The article's bug in today's loaders: how many rows are not what their label was made from?

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu keras jax grain spdl torch
    venv/bin/python tests/survey/reuse.py [--baton build/tests/survey/baton_reuse] [NAME...]

One generator refills one float32 array and yields it with a fresh label array, as the
article's does. It is run through every loader that is installed, in two ways:
    rows   x is filled with the batch's number, and so is its label: they must agree
    fit    the article's task, where the loader has a trainer: loss by epoch, and what it
           predicts for (60, 70), which is 65
A trainer that takes STEP seconds a batch stands in where there is none. Nothing here is
needed to build or test baton. Each case runs in a process of its own; NAME chooses some.
"""
import argparse
import collections
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time

ROWS = 64
BATCHES = 3000
STEP = 0.001
HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {}
Case = collections.namedtuple('Case', 'function packages env')


def case(name, *packages, **env):
    """A loader's way of being used; skipped unless its packages are installed."""
    def register(function):
        CASES[name] = Case(function, packages, env)
        return function
    return register


# --- the generator ----------------------------------------------------------------------

def array_at(shape, past):
    """A float32 array that starts `past` bytes after a 64-byte boundary."""
    import numpy as np
    size = int(np.prod(shape)) * 4
    memory = np.empty(size + 128, np.uint8)
    start = -memory.ctypes.data % 64 + past
    return memory[start:start + size].view(np.float32).reshape(shape)


def numbered(past=0, columns=2):
    """x is one array, refilled with the batch's number; y is new, and holds it too."""
    import numpy as np
    x = array_at((ROWS, columns), past)
    k = 0
    while True:
        x[...] = k
        yield x, np.full((ROWS, 1), k, np.float32)
        k += 1


def means(past=0):
    """The article's generator."""
    import numpy as np
    rng = np.random.default_rng(1)
    x = array_at((ROWS, 2), past)
    while True:
        x[...] = rng.integers(0, 100, (ROWS, 2))
        yield x, x.mean(axis=1, keepdims=True)


class Count:
    """Rows seen, and rows that are not what their label was made from."""

    def __init__(self):
        self.rows = self.strangers = 0

    def take(self, x, y):
        import numpy as np
        time.sleep(STEP)  # the step of a trainer that has only now a batch
        x, y = np.asarray(x), np.asarray(y)
        self.rows += len(x)
        self.strangers += int((x != y).any(axis=1).sum())

    def result(self):
        return {'rows': self.rows, 'strangers': self.strangers}


def count(batches):
    counted = Count()
    for _, (x, y) in zip(range(BATCHES), batches):
        counted.take(x, y)
    return counted.result()


# --- TensorFlow -------------------------------------------------------------------------

def tf_dataset(generator, columns=2):
    import tensorflow as tf
    signature = (tf.TensorSpec((ROWS, columns), tf.float32), tf.TensorSpec((ROWS, 1), tf.float32))
    return tf.data.Dataset.from_generator(generator, output_signature=signature)


def tf_rows(past, prefetch):
    import tensorflow as tf
    dataset = tf_dataset(lambda: numbered(past))
    return count(iter(dataset.prefetch(tf.data.AUTOTUNE if prefetch is None else prefetch)))


@case('tf.data from_generator, prefetch AUTOTUNE, on a 64-byte boundary', 'tensorflow')
def tf_on():
    return tf_rows(0, None)


@case('tf.data from_generator, prefetch 10, on a 64-byte boundary', 'tensorflow')
def tf_on_10():
    return tf_rows(0, 10)


@case('tf.data from_generator, prefetch 10, 16 bytes past it', 'tensorflow')
def tf_off():
    return tf_rows(16, 10)


# --- Keras ------------------------------------------------------------------------------

def keras_fit(past, epochs):
    import keras
    import numpy as np
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile(loss='mse', optimizer='rmsprop')
    history = net.fit(means(past), steps_per_epoch=1000, epochs=epochs, verbose=0)
    asked = np.array([[60, 70]], np.float32)
    return {'losses': history.history['loss'], 'prediction': float(net.predict(asked, verbose=0)[0, 0])}


@case('Keras fit, TensorFlow, on a 64-byte boundary', 'keras', 'tensorflow',
      KERAS_BACKEND='tensorflow')
def keras_tf_on():
    return keras_fit(0, 10)


@case('Keras fit, TensorFlow, 16 bytes past it', 'keras', 'tensorflow',
      KERAS_BACKEND='tensorflow')
def keras_tf_off():
    return keras_fit(16, 10)


@case('Keras fit, JAX, on a 64-byte boundary', 'keras', 'jax', KERAS_BACKEND='jax')
def keras_jax_on():
    return keras_fit(0, 4)


@case('Keras fit, JAX, 16 bytes past it', 'keras', 'jax', KERAS_BACKEND='jax')
def keras_jax_off():
    return keras_fit(16, 4)


# --- JAX --------------------------------------------------------------------------------

def ahead(batches, put, n=2):
    """What JAX's and Flax's manuals do: keep n batches on the device before they are used."""
    queue = collections.deque()
    for x, y in batches:
        queue.append((put(x), put(y)))
        if len(queue) > n:
            yield queue.popleft()


@case('jax.device_put, 2 ahead, on a 64-byte boundary', 'jax')
def jax_put_on():
    import jax
    return count(ahead(numbered(0), jax.device_put))


@case('jax.device_put, 2 ahead, 16 bytes past it', 'jax')
def jax_put_off():
    import jax
    return count(ahead(numbered(16), jax.device_put))


@case('jnp.asarray, 2 ahead, on a 64-byte boundary', 'jax')
def jax_asarray():
    import jax.numpy as jnp
    return count(ahead(numbered(0), jnp.asarray))


# --- Grain, SPDL ------------------------------------------------------------------------

@case('Grain ThreadPrefetchIterDataset, 10 ahead', 'grain')
def grain_threads():
    import grain
    import grain.experimental

    class Iterator(grain.DatasetIterator):
        def __init__(self):
            super().__init__()
            self.batches = numbered()

        def __next__(self):
            return next(self.batches)

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    class Dataset(grain.IterDataset):
        def __iter__(self):
            return Iterator()

    return count(iter(grain.experimental.ThreadPrefetchIterDataset(
        Dataset(), prefetch_buffer_size=10)))


@case('SPDL pipeline, sink of 10', 'spdl')
def spdl_sink():
    import spdl.pipeline
    batches = numbered()
    source = (next(batches) for _ in range(BATCHES))
    pipeline = spdl.pipeline.PipelineBuilder().add_source(source).add_sink(10).build(num_threads=1)
    with pipeline.auto_stop():
        return count(pipeline.get_iterator())


# --- PyTorch ----------------------------------------------------------------------------

def torch_rows(workers, columns):
    import torch

    class Batches(torch.utils.data.IterableDataset):
        def __iter__(self):
            return numbered(0, columns)

    # batch_size=None: the generator makes batches; with workers its arrays are pickled
    loader = torch.utils.data.DataLoader(Batches(), batch_size=None, num_workers=workers)
    return count(iter(loader))


for workers_ in (0, 1, 2):
    for columns_ in (2, 1024):
        case(f'PyTorch DataLoader, {workers_} workers, [64, {columns_}]', 'torch')(
            lambda workers=workers_, columns=columns_: torch_rows(workers, columns))


# --- baton ------------------------------------------------------------------------------

def baton(*arguments):
    done = subprocess.run([os.environ['BATON_REUSE'], *arguments], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


@case('baton, inline and 1, 4, 16 producers, [64, 2]', 'BATON_REUSE')
def baton_rows():
    return baton('rows', '64', '2')


@case('baton, inline and 1, 4, 16 producers, [64, 1024]', 'BATON_REUSE')
def baton_wide():
    return baton('rows', '64', '1024')


@case('baton fit, 4 producers', 'BATON_REUSE')
def baton_fit():
    return baton('fit')


# --- all of them ------------------------------------------------------------------------

def missing(entry):
    """What is not there for a case, or None."""
    for package in entry.packages:
        if package == 'BATON_REUSE':
            if not os.access(os.environ[package], os.X_OK):
                return os.environ[package]
        elif importlib.util.find_spec(package) is None:
            return package
    return None


def run_apart(name, entry):
    quiet = {'TF_CPP_MIN_LOG_LEVEL': '3', 'TF_ENABLE_ONEDNN_OPTS': '0', 'CUDA_VISIBLE_DEVICES': '',
             'JAX_PLATFORMS': 'cpu'}
    try:
        done = subprocess.run([sys.executable, __file__, '--case', name], capture_output=True,
                              text=True, env=os.environ | quiet | entry.env, timeout=900)
    except subprocess.TimeoutExpired:
        return 'timed out'
    if done.returncode != 0:
        return 'failed: ' + (done.stderr.strip().splitlines() or ['no reason given'])[-1]
    return json.loads(done.stdout.splitlines()[-1])


def described(result):
    if isinstance(result, str):
        return result
    if 'rows' in result:
        return f"{100 * result['strangers'] / result['rows']:.2f} %"
    losses = ', '.join(f'{loss:.4g}' for loss in result['losses'])
    return f"loss {losses}; (60, 70) -> {result['prediction']:.2f}"


def versions():
    found = [f'Python {platform.python_version()}']
    for package in ('numpy', 'tensorflow', 'tensorflow-cpu', 'keras', 'jax', 'grain', 'spdl',
                    'torch'):
        try:
            found.append(f'{package} {importlib.metadata.version(package)}')
        except importlib.metadata.PackageNotFoundError:
            pass
    return ', '.join(found)


def survey(names):
    print(f'{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} CPUs')
    print(versions(), end='\n\n')
    print(f'{"loader":64} rows whose x is not the one their label was made from, or fit')
    for name, entry in CASES.items():
        if names and not any(n.lower() in name.lower() for n in names):
            continue
        lacks = missing(entry)
        result = f'skipped: {lacks} is not installed' if lacks else run_apart(name, entry)
        print(f'{name:64} {described(result)}', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--baton', metavar='PROGRAM', help="build/tests/survey/baton_reuse",
                        default=os.path.join(HERE, '../../build/tests/survey/baton_reuse'))
    parser.add_argument('--case', help=argparse.SUPPRESS)
    parser.add_argument('name', nargs='*', help='only loaders whose name has this in it')
    options = parser.parse_args()
    if options.case:
        result = CASES[options.case].function()
        print(json.dumps(result), flush=True)
        os._exit(0)  # some loaders' threads never end
    os.environ['BATON_REUSE'] = os.path.realpath(options.baton)
    survey(options.name)


if __name__ == '__main__':
    main()
