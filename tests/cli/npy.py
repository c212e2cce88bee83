#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training on .npy files as the user of train_mean meets it: npy.py PROGRAM"""
import array
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from tap import check, claim, main, run

PROGRAM = sys.argv[1]
FAST = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
SANITIZED = os.environ.get('BATON_SANITIZE', 'none') != 'none'  # it tells of the signal itself
CODES = {'<f4': 'f', '<f8': 'd', '<i8': 'q', '|u1': 'B'}


def save(path, descr, shape, numbers):
    """What numpy.save() writes."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += ' ' * (-(len(text) + 11) % 64) + '\n'
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\1\0' + struct.pack('<H', len(text)) + text.encode())
        f.write(array.array(CODES[descr], numbers).tobytes())


def samples(n, seed=1):
    """n pairs of whole numbers 0..99, and their means."""
    r = random.Random(seed)
    x = [r.randrange(100) for _ in range(2 * n)]
    return x, [(x[2 * i] + x[2 * i + 1]) / 2 for i in range(n)]


class Files:
    """A folder with x.npy and y.npy of n samples; the options that name them."""
    def __init__(self, n=1000, descr='<f4'):
        self.folder = tempfile.TemporaryDirectory(dir=FAST)
        self.x, self.y = self.at('x.npy'), self.at('y.npy')
        self.options = ['--x', self.x, '--y', self.y]
        x, y = samples(n)
        save(self.x, descr, (n, 2), x if descr != '<i8' else map(int, x))
        save(self.y, '<f4', (n,), y)

    def at(self, name):
        return os.path.join(self.folder.name, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


def train(*options):
    status, out, err = run(PROGRAM, '--progress', 'none', '--json', '-', *options)
    check(status == 0 and err == '', options, status, err)
    return json.loads(out)


def refused(*options, status=2):
    """One line on stderr, nothing on stdout."""
    code, out, err = run(PROGRAM, '--progress', 'none', *options)
    check(code == status and out == '' and err.count('\n') == 1, options, code, out, err)
    check(err.startswith('train_mean: ') and err.isprintable() or err[:-1].isprintable(), err)
    return err


@claim
def learns():
    """the mean is learned from 10,000 samples; an epoch has all of them, the last batch is short"""
    with Files(10000) as files:
        doc = train(*files.options)
        check(doc['config']['samples'] == 10000 and doc['config']['shuffle'] is True, doc['config'])
        check(doc['config']['steps_per_epoch'] == 157 and doc['steps'] == 1570, doc['config'])
        check(doc['epochs'][9]['loss'] < 0.1 < doc['epochs'][0]['loss'], doc['epochs'])
        for p in doc['predictions']:
            check(abs(p['output'] - 65) < 0.5, p)


@claim
def one_digest():
    """one digest at any number of producers, block and pool size; other options give another"""
    with Files() as files:
        base = ['--epochs', 5, *files.options]
        digests = {train('--producers', p, '--block', block, '--pool', pool, *base)['digest']
                   for p in (0, 1, 2, 3, 8) for block in (1, 5, 64) for pool in (2, 64)}
        check(len(digests) == 1, digests)
        for other in (['--seed', 2], ['--no-shuffle'], ['--drop-last'], ['--batch-size', 63],
                      ['--steps-per-epoch', 7], ['--no-shuffle', '--drop-last']):
            digest = train(*other, *base)['digest']
            check(digest not in digests, other)
            digests.add(digest)


@claim
def any_numbers():
    """float64, int64 and uint8 files give the digest of float32 ones; y may be [samples, 1]"""
    digests = set()
    for descr in ('<f4', '<f8', '<i8', '|u1'):
        with Files(descr=descr) as files:
            digests.add(train(*files.options)['digest'])
            save(files.y, '<f8', (1000, 1), samples(1000)[1])
            digests.add(train(*files.options)['digest'])
    check(len(digests) == 1, digests)


@claim
def steps():
    """--drop-last leaves the short batch out; epochs of other lengths go on where they were"""
    with Files(1000) as files:
        check(train(*files.options)['config']['steps_per_epoch'] == 16)
        check(train('--drop-last', *files.options)['config']['steps_per_epoch'] == 15)
        whole = train('--epochs', 4, *files.options)
        halves = train('--epochs', 8, '--steps-per-epoch', 8, *files.options)
        check(whole['digest'] == halves['digest'], whole['digest'], halves['digest'])


@claim
def goes_on():
    """a run goes on from its checkpoint to the same digest, from copies of the files, too"""
    with Files(700) as files:
        path = files.at('state')
        whole = train('--epochs', 7, *files.options)
        for p in (0, 1, 3):
            train('--epochs', 3, '--producers', 2, '--checkpoint', path, *files.options)
            for name in ('x', 'y'):
                shutil.copy(files.at(name + '.npy'), files.at('copy of ' + name))
            rest = train('--epochs', 7, '--producers', p, '--resume', path, '--x',
                         files.at('copy of x'), '--y', files.at('copy of y'))
            check(rest['digest'] == whole['digest'] and rest['resumed_at_step'] == 33, rest)


@claim
def other_data():
    """a checkpoint of other data or options is refused by a line that names them, and exit 1"""
    with Files(700) as files:
        path = files.at('state')
        train('--epochs', 3, '--checkpoint', path, *files.options)
        for other in (['--no-shuffle'], ['--drop-last', '--steps-per-epoch', 11]):
            err = refused('--resume', path, *other, *files.options, status=1)
            check('--x and --y' in err or other[0] in err, err)
        err = refused('--resume', path, '--steps-per-epoch', 11, status=1)
        check('--x and --y is "700 samples (' in err and '"none" here' in err, err)
        x, y = samples(700, seed=2)
        save(files.y, '<f4', (700,), y)
        err = refused('--resume', path, *files.options, status=1)
        check('--x and --y is "700 samples (' in err, err)
        train('--steps-per-epoch', 11, '--checkpoint', path)
        err = refused('--resume', path, *files.options, status=1)
        check('--x and --y is "none" there' in err, err)


@claim
def bad_files():
    """a file that can't be used is refused by one line that names it and says why, and exit 2"""
    with Files(10) as files:
        good = open(files.x, 'rb').read()
        for change, word in (
                (good[:-1], 'cut short'), (good + b'\0', 'behind its array'), (b'', 'not a .npy'),
                (good.replace(b'<f4', b'>f4'), 'big-endian'), (good[:100], 'cut short'),
                (good.replace(b'<f4', b'<c8'), 'dtype <c8'), (b'PK\3\4' + good, 'not a .npy'),
                (good.replace(b"False", b"True "), 'Fortran'), (good.replace(b'{', b'['), 'header'),
                (good.replace(b'(10, 2)', b'(20, 1)'), 'x.npy has 20'),
                (good.replace(b'(10, 2)', b'(5,2,2)'), 'x.npy has 5')):
            check(change != good)
            with open(files.x, 'wb') as f:
                f.write(change)
            err = refused(*files.options)
            check('x.npy' in err and word in err, word, err)
        with open(files.x, 'wb') as f:
            f.write(good)
        for descr, shape in (('|u1', '(10,)'), ('<f4', '(10, 3)'), ('|u1', '(10, 2, 1)')):
            save(files.x, descr, shape, range(30 if '3' in shape else 20 if '2' in shape else 10))
            check('x.npy" is not [samples, 2]' in refused(*files.options))
        with open(files.x, 'wb') as f:
            f.write(good)
        err = refused('--x', files.at('none'), '--y', files.y)
        check('none: can\'t be opened: No such file' in err, err)
        check('not a regular file' in refused('--x', files.folder.name, '--y', files.y))
        save(files.y, '<f4', (11,), range(11))
        err = refused(*files.options)
        check('y.npy has 11 samples' in err and 'x.npy has 10' in err, err)
        save(files.y, '<f4', (10, 2), range(20))
        check('is not [samples] or [samples, 1]' in refused(*files.options))
        save(files.y, '<f4', (10, 1), range(10))
        err = refused('--drop-last', '--batch-size', 11, *files.options)
        check('10 samples make no batch of 11 rows' in err, err)
        train(*files.options)  # they were good but for that


@claim
def nothing_written():
    """a run that is refused for its files leaves --json's file as it was"""
    with Files(10) as files:
        path = files.at('out.json')
        refused('--json', path, '--x', files.at('none'), '--y', files.y)
        check(not os.path.exists(path), os.listdir(files.folder.name))


@claim
def together():
    """options that do not go together are refused, exit 2"""
    with Files(10) as files:
        for options, word in ((['--x', files.x], 'needs --y'), (['--y', files.y], 'needs --x'),
                              (['--no-shuffle'], 'is for --x'), (['--drop-last'], 'is for --x'),
                              ([*files.options, '--validation-steps', 1], '--validation-steps'),
                              ([*files.options, '--load', files.x], 'does not train'),
                              (['--x', ''], 'is empty'), (['--no-shuffle=1'], 'takes no value')):
            check(word in refused(*options), options, word)


@claim
def never_written_over():
    """what is read is not written to, whatever it is called"""
    with Files(10) as files:
        os.symlink(files.x, files.at('link'))
        with open(files.x, 'rb') as f:
            before = f.read()
        for name in (files.x, files.at('./x.npy'), files.at('link')):
            for option in ('--json', '--log-csv', '--save', '--checkpoint', '--trace'):
                check('is what --x reads' in refused(*files.options, option, name), option, name)
        with open(files.x, 'rb') as f:
            check(f.read() == before, 'it was written to')


@claim
def shrinks():
    """a file that is cut short in use ends the run by a line and exit 1, or by SIGBUS"""
    ends = []
    for _ in range(5):
        with Files(100000) as files:
            path = files.at('state')
            with subprocess.Popen([PROGRAM, '--epochs', '1000000', '--progress', 'none',
                                   '--checkpoint', path, '--checkpoint-every', '1',
                                   *files.options], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as p:
                while not os.path.exists(path) and p.poll() is None:  # it must come
                    time.sleep(0.001)
                os.truncate(files.x, 200)
                _, err = p.communicate(timeout=60)
            ends.append(p.returncode)
            check(p.returncode == -signal.SIGBUS or SANITIZED and 'BUS' in err or
                  p.returncode == 1 and 'x.npy: it has shrunk while in use' in err,
                  p.returncode, err)
    shrinks.__doc__ += f' ({ends.count(1)} of {len(ends)} by a line)'


main()
