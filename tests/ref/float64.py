#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make runs in the format of README.md without Keras: float64.py DIRECTORY

Python's own numbers (float64) and the formulas as they stand in Keras 3's documentation,
written down once more and independently of the library. They say nothing about Keras, but
show what the ten runs of Keras do not: where epsilon goes (gradients there are far above
it), deep and wide networks, one row a batch, constants that are not the defaults."""
import math
import random
import struct
import sys


def f32(x):
    return struct.unpack('f', struct.pack('f', x))[0]


def text(numbers):
    return ' '.join(f'{f32(x):.9g}' for x in numbers)


class Net:
    """Dense layers; kernel[k][j] and bias[j] of each."""

    def __init__(self, rng, d_in, units, relu):
        self.relu, self.layers = relu, []
        for n in units:
            limit = math.sqrt(6 / (d_in + n))
            kernel = [[f32(rng.uniform(-limit, limit)) for _ in range(n)] for _ in range(d_in)]
            self.layers.append((kernel, [0.0] * n))
            d_in = n

    def weights(self):
        return [w for kernel, bias in self.layers for row in kernel + [bias] for w in row]

    def set(self, weights):
        at = iter(weights)
        for kernel, bias in self.layers:
            for row in kernel + [bias]:
                row[:] = [next(at) for _ in row]

    def forward(self, x):
        """The values before each layer, and the prediction."""
        before = []
        for i, (kernel, bias) in enumerate(self.layers):
            if i > 0 and self.relu:
                x = [max(v, 0.0) for v in x]
            before.append(x)
            x = [sum(v * row[j] for v, row in zip(x, kernel)) + bias[j]
                 for j in range(len(bias))]
        return before, x[0]

    def backward(self, before, slope):
        """The gradient of all weights, flat, from that of the prediction."""
        flat, dy = [], [slope]
        for i, (kernel, bias) in reversed(list(enumerate(self.layers))):
            flat = [v * d for v in before[i] for d in dy] + dy + flat
            dy = [sum(w * d for w, d in zip(row, dy)) for row in kernel]
            if self.relu:
                dy = [d if v > 0 else 0.0 for v, d in zip(before[i], dy)]
        return flat


def sgd(w, g, s, t, learning_rate, momentum=0.0, nesterov=False):
    s['m'] = momentum * s.get('m', 0.0) - learning_rate * g
    return w + (momentum * s['m'] - learning_rate * g if nesterov else s['m'])


def rmsprop(w, g, s, t, learning_rate, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s['v'] = rho * s.get('v', 0.0) + (1 - rho) * g * g
    s['a'] = rho * s.get('a', 0.0) + (1 - rho) * g
    spread = s['v'] - s['a'] ** 2 if centered else s['v']
    s['m'] = momentum * s.get('m', 0.0) + learning_rate * g / math.sqrt(spread + epsilon)
    return w - s['m']


def adam(w, g, s, t, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s['m'] = beta_1 * s.get('m', 0.0) + (1 - beta_1) * g
    s['v'] = beta_2 * s.get('v', 0.0) + (1 - beta_2) * g * g
    rate = learning_rate * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    return w - rate * s['m'] / (math.sqrt(s['v']) + epsilon)


def batch(net, rows, loss):
    """The loss of these rows, and its gradient."""
    total, gradient = 0.0, [0.0] * len(net.weights())
    for x in rows:
        before, y = net.forward(x)
        d = y - f32(sum(x) / len(x))
        total += (d * d if loss == 'mse' else abs(d)) / len(rows)
        slope = (2 * d if loss == 'mse' else (d > 0) - (d < 0)) / len(rows)
        gradient = [a + b for a, b in zip(gradient, net.backward(before, slope))]
    return total, gradient


def write(path, seed, rule, config, loss, relu, d_in, units, n, steps, below):
    rng = random.Random(seed)
    net = Net(rng, d_in, units, relu)
    state = [{} for _ in net.weights()]
    config['learning_rate'] = f32(config['learning_rate'])
    with open(path, 'w') as f:
        print('# float64 formulas by float64.py, not Keras', file=f)
        print('optimizer', rule.__name__, file=f)
        print('config', *(f'{k}={v}' for k, v in sorted(config.items())), file=f)
        print('loss', loss, file=f)
        print('activation', 'relu' if relu else 'linear', file=f)
        print('d_in', d_in, '\nunits', *units, '\nbatch', n, '\nsteps', steps, file=f)
        print('weights', text(net.weights()), file=f)
        for t in range(1, steps + 1):
            rows = [[float(rng.randrange(below)) for _ in range(d_in)] for _ in range(n)]
            value, gradient = batch(net, rows, loss)
            net.set([rule(w, g, s, t, **config)
                     for w, g, s in zip(net.weights(), gradient, state)])
            print('x', *(int(v) for row in rows for v in row), file=f)
            print('l', text([value]), file=f)
            print('w', text(net.weights()), file=f)


def main(place):
    def run(name, *more):
        write(f'{place}/float64_{name}.txt', *more)

    run('rmsprop_epsilon', 1, rmsprop, {'learning_rate': 1e-2, 'epsilon': 0.5}, 'mse', False,
        2, [1], 8, 100, 10)
    run('rmsprop_all', 2, rmsprop, {'learning_rate': 1e-3, 'rho': 0.8, 'momentum': 0.5,
                                    'epsilon': 1e-3, 'centered': True}, 'mae', True,
        3, [5, 1], 7, 60, 10)
    run('adam_deep', 3, adam, {'learning_rate': 1e-3, 'beta_1': 0.8, 'beta_2': 0.99,
                               'epsilon': 1e-2}, 'mse', True, 3, [6, 4, 1], 5, 60, 10)
    run('sgd_one_row', 6, sgd, {'learning_rate': 1e-3, 'momentum': 0.5, 'nesterov': True},
        'mae', True, 1, [3, 1], 1, 100, 10)
    run('sgd_wide', 5, sgd, {'learning_rate': 1e-4}, 'mse', False, 20, [33, 1], 3, 10, 10)


main(sys.argv[1])
