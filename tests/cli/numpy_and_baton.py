#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""baton beside NumPy: numpy_and_baton.py LIBRARY

What NumPy saves arrives as it is, in an order that a second implementation, in Python, finds
too; and batches become arrays by numpy.from_dlpack() without a copy. Skipped where no python3
has NumPy >= 1.23; BATON_SANITIZE: the build's sanitizers (then skipped: Python has none)."""
import ctypes
import io
import os
import subprocess
import sys
import tempfile

from tap import Skip, check, claim, main

try:
    import numpy
except ImportError:
    numpy = None
    if not os.environ.get('BATON_NUMPY_TRIED'):  # Debian's, if ours has none
        os.environ['BATON_NUMPY_TRIED'] = '1'
        if os.path.exists('/usr/bin/python3') and subprocess.call(
                ['/usr/bin/python3', '-c', 'import numpy'], stderr=subprocess.DEVNULL) == 0:
            os.execv('/usr/bin/python3', ['/usr/bin/python3'] + sys.argv)

if os.environ.get('BATON_SANITIZE', 'none') != 'none':
    WHY = 'a library with a sanitizer can\'t be loaded by Python'
elif numpy is None:
    WHY = 'no python3 with numpy here'
elif not hasattr(numpy, 'from_dlpack'):
    WHY = f'numpy {numpy.__version__} has no from_dlpack(); 1.23 has'
else:
    WHY = None
    LIB = ctypes.CDLL(sys.argv[1])


# --- the library's structs ----------------------------------------------------------------

SIZE, P, U64, U32 = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32


class Error(ctypes.Structure):
    _fields_ = [('code', ctypes.c_int), ('batch', U64), ('text', ctypes.c_char * 160)]


class File(ctypes.Structure):
    _fields_ = [('name', ctypes.c_char_p), ('path', ctypes.c_char_p), ('f32', ctypes.c_bool)]


class NpyOptions(ctypes.Structure):
    _fields_ = [('size', SIZE), ('rows', SIZE), ('epochs', U64), ('shuffle', ctypes.c_bool),
                ('drop_last', ctypes.c_bool), ('in_memory', ctypes.c_bool), ('shard', U32),
                ('n_shards', U32)]


class Source(ctypes.Structure):
    _fields_ = [('size', SIZE), ('rest', ctypes.c_uint8 * 256)]


class Options(ctypes.Structure):
    _fields_ = [('size', SIZE), ('producers', ctypes.c_int), ('blocks', U32),
                ('block_batches', U32), ('order', ctypes.c_int), ('seed', U64), ('first', U64)]


class Batch(ctypes.Structure):
    _fields_ = [('at', P), ('ticket', U64), ('index', U32), ('kind', U32)]


class Permutation(ctypes.Structure):
    _fields_ = [('rest', U64 * 16)]


class Feed:
    """A pipeline on files {name: path}; batches are taken as {name: array}."""
    def __init__(self, paths, rows, f32=False, block_batches=1, seed=1, **options):
        self.names, self.error = list(paths), Error()
        files = (File * len(paths))(*(File(n.encode(), p.encode(), f32) for n, p in paths.items()))
        o = NpyOptions(size=ctypes.sizeof(NpyOptions), rows=rows, **options)
        self.data, self.feed, source = P(), P(), Source(size=88)
        self.ok(LIB.baton_npy_open(ctypes.byref(self.data), files, SIZE(len(paths)),
                                   ctypes.byref(o), ctypes.byref(self.error)))
        self.ok(LIB.baton_npy_source(self.data, ctypes.byref(source)))
        o = Options(size=ctypes.sizeof(Options), producers=2, block_batches=block_batches, seed=seed)
        self.ok(LIB.baton_open(ctypes.byref(self.feed), ctypes.byref(source), ctypes.byref(o),
                               ctypes.byref(self.error)))

    def ok(self, rc):
        check(rc == 0, rc, self.error.text)

    def __iter__(self):
        while True:
            batch, tensors = Batch(), (P * len(self.names))()
            rc = LIB.baton_next(self.feed, ctypes.byref(batch))
            if rc == 1:
                return
            self.ok(rc)
            self.ok(LIB.baton_detach(self.feed, ctypes.byref(batch)))
            self.ok(LIB.baton_dlpack(ctypes.byref(batch), tensors, SIZE(len(self.names))))
            yield {n: numpy.from_dlpack(Tensor(t)) for n, t in zip(self.names, tensors)}

    def close(self):
        self.ok(LIB.baton_close(ctypes.byref(self.feed)))
        self.ok(LIB.baton_npy_close(ctypes.byref(self.data)))


class Tensor:
    """What numpy.from_dlpack() asks for."""
    def __init__(self, address):
        self.address = address

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **_):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [P, ctypes.c_char_p, P]
        return new(self.address, b'dltensor', None)


def need():
    if WHY:
        raise Skip(WHY)


def saved(folder, name, a, version=None):
    path = os.path.join(folder, name)
    with open(path, 'wb') as f:
        numpy.lib.format.write_array(f, a, version=version)
    return path


# --- a second implementation --------------------------------------------------------------

M64 = 2**64 - 1


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xd2511f53 * c[0], 0xcd9e8d57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xffffffff]
        k = [(k[0] + 0x9e3779b9) & 0xffffffff, (k[1] + 0xbb67ae85) & 0xffffffff]
    return c


def permutation(n, seed, epoch):
    """All of it, as a list."""
    bits = max((n - 1).bit_length(), 6)
    low = bits // 2
    words = [w for r in range(4) for w in philox(
        (r, 2**31, epoch & 0xffffffff, epoch >> 32), (seed & 0xffffffff, seed >> 32))]
    keys = [words[2 * r] << 32 | words[2 * r + 1] for r in range(8)]

    def scramble(half, key, width):
        h = (half ^ key) * 0xd2b74407b1ce6e93 & M64
        h = (h ^ h >> 32) * 0xff51afd7ed558ccd & M64
        return h >> (64 - width)

    def once(i):
        a, b = i >> low, i & ((1 << low) - 1)
        for r in range(0, 8, 2):
            a ^= scramble(b, keys[r], bits - low)
            b ^= scramble(a, keys[r + 1], low)
        return a << low | b

    order = []
    for i in range(n):
        i = once(i)
        while i >= n:
            i = once(i)
        order.append(i)
    return order


@claim
def same_order():
    """baton_permutation_at() is what a second implementation finds"""
    need()
    LIB.baton_permutation_at.restype = U64
    for n, seed, epoch in ((1, 0, 0), (10, 1, 0), (64, 7, 3), (1000, 2**64 - 1, 2**40 + 5),
                           (65537, 123456789012345, 1)):
        p = Permutation()
        LIB.baton_permutation_init(ctypes.byref(p), U64(n), U64(seed), U64(epoch))
        got = [LIB.baton_permutation_at(ctypes.byref(p), U64(i)) for i in range(n)]
        check(got == permutation(n, seed, epoch), n, seed, epoch)


@claim
def arrives():
    """what NumPy saves arrives: each dtype, rank and version of the format; shuffled by that order"""
    need()
    random = numpy.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ('i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'):
            for rank in range(4):
                a = (random.random((101,) + (2, 3, 4)[:rank]) * 250).astype(dtype)
                version = ((1, 0), (2, 0), (3, 0), None)[rank]
                feed = Feed({'a': saved(folder, 'a.npy', a, version)}, 10, epochs=2, shuffle=True,
                            seed=5)
                got = [b['a'] for b in feed]
                feed.close()
                check([len(b) for b in got] == ([10] * 10 + [1]) * 2, dtype, rank)
                got = numpy.concatenate(got)
                wanted = a[permutation(101, 5, 0) + permutation(101, 5, 1)]
                check(got.dtype == a.dtype and got.shape == wanted.shape, got.dtype, got.shape)
                check(got.tobytes() == wanted.tobytes(), dtype, rank)


@claim
def converted():
    """as float32 they are what astype() makes of them, for each float16 and random bits of the rest"""
    need()
    random = numpy.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ('f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?'):
            a = numpy.frombuffer(random.bytes(65536 * 8), dtype if dtype != '?' else 'u1')[:65536]
            if dtype == 'f2':
                a = numpy.arange(65536, dtype='u2').view('f2')
            if dtype == '?':
                a = a > 100
            feed = Feed({'a': saved(folder, 'a.npy', a)}, 1000, f32=True, epochs=1)
            got = numpy.concatenate([b['a'] for b in feed])
            feed.close()
            with numpy.errstate(all='ignore'):
                wanted = a.astype('f4')
            check(got.dtype == 'f4', got.dtype)
            check(numpy.array_equal(got, wanted, equal_nan=dtype[0] == 'f'), dtype)
            zero = wanted == 0
            check(numpy.array_equal(numpy.signbit(got[zero]), numpy.signbit(wanted[zero])), dtype)


@claim
def dlpack():
    """from_dlpack() gives arrays on baton's memory, which live after close and in any order"""
    need()
    with tempfile.TemporaryDirectory() as folder:
        x = numpy.arange(30000, dtype='f4').reshape(1000, 30)
        y = numpy.arange(1000, dtype='i8')
        for block_batches in (1, 4):
            feed = Feed({'x': saved(folder, 'x.npy', x), 'y': saved(folder, 'y.npy', y)}, 64,
                        epochs=1, block_batches=block_batches)
            batches = list(feed)
            feed.close()
            for k, b in enumerate(batches):
                check(b['x'].ctypes.data % 64 == 0 and b['y'].ctypes.data % 64 == 0)
                first = b.pop('x') if k % 2 else b.pop('y')
                del first  # the other field lives on
                if 'x' in b:
                    check(numpy.array_equal(b['x'], x[64 * k:64 * k + 64]), k)
                else:
                    check(numpy.array_equal(b['y'], y[64 * k:64 * k + 64]), k)


@claim
def freed():
    """arrays that are let go are freed: 4 GB of batches pass through less than 200 MB"""
    need()

    def resident():
        with open('/proc/self/status') as f:
            return next(int(line.split()[1]) for line in f if line.startswith('VmHWM')) / 1024
    with tempfile.TemporaryDirectory() as folder:
        x = numpy.zeros((16, 250000), 'f4')
        feed = Feed({'x': saved(folder, 'x.npy', x)}, 4, epochs=0)
        before, n = resident(), 0
        for b in feed:
            n += 1
            if n == 1000:
                break
        del b
        feed.close()
        check(resident() - before < 200, before, resident())


@claim
def refuses_what_numpy_knows():
    """what else NumPy saves is refused by a line with its dtype, or its order"""
    need()
    with tempfile.TemporaryDirectory() as folder:
        for a, word in ((numpy.zeros((3, 2), 'c8'), 'dtype <c8'), (numpy.zeros(3, '>i4'), '>i4'),
                        (numpy.array(['a', 'b']), 'dtype <U1'), (numpy.zeros(3, 'M8[ns]'), '<M8[ns]'),
                        (numpy.zeros(3, [('a', 'f4')]), 'header'), (numpy.zeros(()), 'samples'),
                        (numpy.zeros((0, 3)), 'axis 0'), (numpy.asfortranarray(
                            numpy.zeros((3, 2))), 'Fortran'), (numpy.zeros(2, 'g'), 'dtype')):
            path = saved(folder, 'a.npy', a)
            try:
                Feed({'a': path}, 1).close()
            except AssertionError as e:
                check(word in str(e), word, e)
            else:
                check(False, 'it was taken:', a.dtype)
        both = io.BytesIO()
        numpy.save(both, numpy.zeros(3))
        numpy.save(both, numpy.zeros(3))
        with open(path, 'wb') as f:
            f.write(both.getvalue())
        try:
            Feed({'a': path}, 1).close()
        except AssertionError as e:
            check('stand behind its array' in str(e), e)
        else:
            check(False, 'two arrays were taken for one')


main()
