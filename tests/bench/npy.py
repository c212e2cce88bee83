#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""npy.py PROGRAM [ROUNDS [MEGABYTES]]: samples from a .npy file in the page cache, GB/s, by
baton, by memcpy and by NumPy's fancy indexing: x[order[i:i + rows]] of an array in memory, and
of one mapped from the same file. All in one run, one after the other in each round; medians.
The columns are samples of another size each, of one file. No goal: it reports. Without NumPy
its two rows are missing."""
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

try:
    import numpy
except ImportError:
    numpy = None
    if not os.environ.get('BATON_NUMPY_TRIED'):  # Debian's, if ours has none
        os.environ['BATON_NUMPY_TRIED'] = '1'
        if os.path.exists('/usr/bin/python3') and subprocess.call(
                ['/usr/bin/python3', '-c', 'import numpy'], stderr=subprocess.DEVNULL) == 0:
            os.execv('/usr/bin/python3', ['/usr/bin/python3'] + sys.argv)

PROGRAM = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
BYTES = int(float(sys.argv[3]) * 1e6) if len(sys.argv) > 3 else 200_000_000
SECONDS = 0.3
SIZES = [8, 64, 784, 3136, 12288, 150528]  # of a sample; 784: uint8 28x28, 3136: float32 of it
ROWS = 64
MODES = ['memcpy', 'gather', 'ordered', 'inline', '1', '2', 'numpy', 'numpy, mapped']
NAMES = {'memcpy': 'memcpy of the file', 'gather': 'memcpy by sample, order made before',
         'ordered': 'baton inline, not shuffled', 'inline': 'baton inline', '1': 'baton, 1 producer',
         '2': 'baton, 2 producers', 'numpy': 'numpy x[order]',
         'numpy, mapped': 'numpy x[order], mapped file'}


def save(path, size):
    """n samples of size bytes, as uint8"""
    n = BYTES // size
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, {size}), }}"
    text += ' ' * (-(len(text) + 11) % 64) + '\n'
    piece = os.urandom(1 << 20)
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\1\0' + struct.pack('<H', len(text)) + text.encode())
        for at in range(0, n * size, len(piece)):
            f.write(piece[:n * size - at])


def by_numpy(path, mapped):
    x = numpy.load(path, mmap_mode='r' if mapped else None)
    random = numpy.random.default_rng(1)

    def epoch():
        order, total = random.permutation(len(x)), 0
        for i in range(0, len(x), ROWS):
            batch = x[order[i:i + ROWS]]
            total += batch.nbytes
        return total
    epoch()
    cpu, begin, total = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        total += epoch()
    return (total / (time.perf_counter() - begin) / 1e9,
            total / (time.process_time() - cpu) / 1e9)


def by_program(path, mode):
    done = subprocess.run([PROGRAM, path, str(ROWS), str(SECONDS), mode], check=True,
                          capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()[:2]))


def main():
    modes = [m for m in MODES if numpy is not None or not m.startswith('numpy')]
    speed = {m: [] for m in modes}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a.npy')
        for size in SIZES:
            save(path, size)
            rounds = {m: [] for m in modes}
            for _ in range(ROUNDS):
                for m in modes:
                    rounds[m].append(by_numpy(path, m != 'numpy') if m.startswith('numpy')
                                     else by_program(path, m))
            for m in modes:
                speed[m].append([statistics.median(r) for r in zip(*rounds[m])])
    print(f'batches of {ROWS}, medians of {ROUNDS} rounds, files of {BYTES / 1e6:.0f} MB'
          + (f'; numpy {numpy.__version__}' if numpy is not None else '; no numpy here'))
    for i, what in enumerate(('GB/s', 'GB a CPU second')):
        print(f'\n{what + ", bytes of a sample:":36}' + ''.join(f'{s:9,}' for s in SIZES))
        for m in modes:
            print(f'{NAMES[m]:36}' + ''.join(f'{s[i]:9.3f}' for s in speed[m]))


main()
