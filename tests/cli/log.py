#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs as the user of train_mean meets them: log.py PROGRAM BUGGY

BUGGY is the same program with log_bugs.c in it."""
import csv
import json
import math
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

from tap import Skip, check, claim, main, run

PROGRAM, BUGGY = sys.argv[1:]
SANITIZED = os.environ.get('BATON_SANITIZE', 'none') != 'none'
FAST = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
QUIET = ['--progress', 'none']


class Place:
    """A folder with two logs, or not yet."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(dir=FAST)
        self.csv, self.jsonl, self.state = (
            os.path.join(self.folder.name, name) for name in ('log.csv', 'log.jsonl', 'state'))
        self.options = [*QUIET, '--log-csv', self.csv, '--log-jsonl', self.jsonl]

    def train(self, *options, status=0):
        code, out, err = run(PROGRAM, *self.options, '--json', '-', *options)
        check(code == status, options, code, err)
        check(status or err == '', err)
        return json.loads(out) if out else None, err

    def rows(self):
        """What both logs have, which is the same; without the time, which must not go back."""
        with open(self.csv, newline='') as f:
            text = f.read()
        check(text.endswith('\n'), 'half a row', repr(text[-80:]))
        first = list(csv.DictReader(text.splitlines()))
        second = lines(self.jsonl)
        check(len(first) == len(second), len(first), len(second))
        for a, b in zip(first, second):
            check(list(b) == [key for key in a if a[key] != ''], a, b)
            for key, value in b.items():
                number = float(a[key])
                check(number == value if value is not None else not math.isfinite(number), a, b)
        times = [row.pop('time') for row in second]
        check(times == sorted(times) and abs(times[-1] - time.time()) < 600, times)
        steps = [row['step'] for row in second]
        check(steps == sorted(set(steps)), 'out of order or twice', steps)
        return second


def no_number(word):
    raise AssertionError(f'{word} is no JSON')


def lines(path):
    with open(path) as f:
        text = f.read()
    check(text == '' or text.endswith('\n'), 'half a row', repr(text[-80:]))
    return [json.loads(line, parse_constant=no_number) for line in text.splitlines()]


@claim
def epochs():
    """a row for each epoch has what --json says of it, in both files"""
    place = Place()
    for more in ([], ['--validation-steps', 3]):
        doc, _ = place.train('--epochs', 4, '--steps-per-epoch', 300, *more)
        rows = place.rows()
        check([r['step'] for r in rows] == [300, 600, 900, 1200], rows)
        for row, epoch in zip(rows, doc['epochs']):
            check(row.pop('step') == 300 * row['epoch'], row)
            epoch.pop('seconds')
            check(row == epoch, row, epoch)
        with open(place.csv) as f:
            check(f.readline() == 'step,epoch,time,loss' + ',val_loss' * bool(more) + '\n', more)
    check(doc['config']['log_csv'] == place.csv and doc['config']['log_every'] == 0, doc['config'])


@claim
def steps():
    """--log-every 1 has every step: its batch's loss, of which the epoch's is the mean"""
    place = Place()
    doc, _ = place.train('--epochs', 3, '--steps-per-epoch', 50, '--log-every', 1,
                         '--validation-steps', 2)
    rows = place.rows()
    check([r['step'] for r in rows] == list(range(1, 151)), rows)
    for i, row in enumerate(rows):
        check(row['epoch'] == i // 50 + 1, row)
        mean = sum(r['batch_loss'] for r in rows[i // 50 * 50:i + 1]) / (i % 50 + 1)
        check(math.isclose(row['loss'], mean, rel_tol=1e-12), row, mean)
        check(('val_loss' in row) == (i % 50 == 49), row)
    check([r['val_loss'] for r in rows[49::50]] == [e['val_loss'] for e in doc['epochs']])
    place.train('--epochs', 3, '--steps-per-epoch', 50, '--log-every', 35, '--validation-steps', 2)
    few = place.rows()
    check(few == [r for r in rows if r['step'] % 35 == 0 or r['step'] % 50 == 0], few)


@claim
def follows():
    """rows are there while it trains; SIGINT leaves whole epochs, which a later run goes on from"""
    place, how = Place(), ['--steps-per-epoch', 1000]
    child = subprocess.Popen([PROGRAM, *place.options, *map(str, how), '--epochs', '1000000',
                              '--checkpoint', place.state],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    begun, seen = time.monotonic(), 0
    while seen < 3 and child.poll() is None and time.monotonic() - begun < 60:
        seen = open(place.jsonl).read().count('\n') if os.path.exists(place.jsonl) else 0
    child.send_signal(signal.SIGINT)
    err = child.communicate(timeout=60)[1]
    check(seen >= 3, 'no row came')
    check(child.returncode == 130 and err == b'', child.returncode, err)
    rows = place.rows()
    check(len(rows) >= 3 and all(r['step'] == 1000 * r['epoch'] for r in rows), rows[-3:])
    reached = len(rows)
    place.train(*how, '--epochs', reached + 3, '--resume', place.state)
    rows = place.rows()
    check([r['epoch'] for r in rows] == list(range(1, reached + 4)), rows[-5:])
    whole = Place()
    whole.train(*how, '--epochs', reached + 3)
    check(whole.rows() == rows, 'an interrupted log differs')


@claim
def goes_on():
    """--resume cuts the rows behind the checkpoint, half a row too, and writes them again"""
    for every in ([], ['--log-every', 30]):
        place, how = Place(), ['--steps-per-epoch', 100, *every]
        place.train(*how, '--epochs', 6)
        whole = place.rows()
        place.train(*how, '--epochs', 2, '--checkpoint', place.state)
        check(place.rows() == whole[:len(place.rows())] and place.rows()[-1]['step'] == 200)
        for path, half in ((place.csv, ''), (place.csv, '3'), (place.csv, '150,1,17'),
                           (place.csv, '4321,1,17'), (place.jsonl, '{"st'),
                           (place.jsonl, '{"step": 150, "ep'), (place.jsonl, '{"step": 7')):
            with open(path, 'a') as f:
                f.write(half)
            place.train(*how, '--epochs', 6, '--resume', place.state)
            check(place.rows() == whole, every, half, place.rows())
    with open(place.csv, 'w') as f:
        f.write('step,epo')  # killed in its first line
    os.unlink(place.jsonl)
    place.train(*how, '--epochs', 6, '--resume', place.state)
    check(place.rows() == [r for r in whole if r['step'] > 200], place.rows())


def resume_at(path, at):
    """The option, if there is a checkpoint; its step is added to at."""
    if not os.path.exists(path):
        return []
    with open(path, 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
    at.add(int(header['__metadata__']['step']))
    return ['--resume', path]


@claim
def killed():
    """killed at random moments and resumed, no row is there twice, and none is lost"""
    how, rng = ['--steps-per-epoch', 10000, '--epochs', 4], random.Random(5)
    whole, place, resumed = Place(), Place(), 0
    for every in ([], ['--log-every', 700]):
        begun = time.monotonic()
        whole.train(*how, *every)
        took, at = time.monotonic() - begun, set()
        if os.path.exists(place.state):
            os.unlink(place.state)
        for i in range(4 if SANITIZED else 8):
            again = resume_at(place.state, at)
            command = [PROGRAM, *place.options, *how, *every, *again, '--checkpoint', place.state,
                       '--checkpoint-every', 1]
            with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as child:
                time.sleep(rng.random() * took)
                child.kill()
                err = child.communicate()[1]
            check(child.returncode in (0, -signal.SIGKILL) and err == '', child.returncode, err)
            if again:
                resumed += 1
        place.train(*how, *every, *resume_at(place.state, at))
        # of the very step of a checkpoint there may be none: log.c says when
        ours, theirs = place.rows(), whole.rows()
        for row in ours + theirs:
            if row['step'] % 10000 == 0:
                row.pop('batch_loss', None)
        missing = [r for r in theirs if r not in ours]
        check(all(r in theirs for r in ours), [r for r in ours if r not in theirs])
        check(all(every and r['step'] in at for r in missing), at, missing)
    killed.__doc__ += f' ({resumed} went on)'


@claim
def foreign():
    """a file that is no such log is left alone, with one line that says so, and exit 1"""
    place = Place()
    place.train('--epochs', 2, '--steps-per-epoch', 10, '--checkpoint', place.state)
    good = {path: open(path).read() for path in (place.csv, place.jsonl)}
    resume = ['--epochs', 3, '--steps-per-epoch', 10, '--resume', place.state]
    for path, text, says in (
            (place.csv, 'step,epoch,time,loss,batch_loss\n', 'step,epoch,time,loss'),
            (place.csv, 'a letter\n', 'step,epoch,time,loss'),
            (place.csv, 'a letter', 'step,epoch,time,loss'),
            (place.csv, good[place.csv] + 'a letter\n', 'line 4 is no row'),
            (place.csv, good[place.csv] + '\n', 'line 4 is no row'),
            (place.csv, good[place.csv] + '0,1,17,2\n', 'line 4 is no row'),
            (place.csv, good[place.csv] + '-1,1,17,2\n', 'line 4 is no row'),
            (place.jsonl, 'a letter', 'line 1 is no row'),
            (place.jsonl, good[place.jsonl] + '{}\n', 'line 3 is no row'),
            (place.jsonl, good[place.jsonl] + '{"step": 7}\n', 'line 3 is no row'),
            (place.jsonl, '\0' * 100 + '\n', 'line 1 is no row')):
        with open(path, 'w') as f:
            f.write(text)
        status, out, err = run(PROGRAM, *place.options, *resume)
        check(status == 1 and out == '' and err.count('\n') == 1, text, status, err)
        check(path in err and says in err, text, err)
        check(open(path).read() == text, 'it was changed', text)
        with open(path, 'w') as f:
            f.write(good[path])
    check(place.train(*resume)[0]['steps'] == 10 and len(place.rows()) == 3)


@claim
def not_finite():
    """a loss that is not finite is null in JSON, nan or inf in CSV, and has the last row"""
    for every in ([], ['--log-every', 1]):
        place = Place()
        _, err = place.train('--optimizer', 'sgd', '--lr', 1, *every, status=1)
        check('the loss is' in err and err.count('\n') == 1, err)
        rows = place.rows()
        check(rows[-1]['loss'] is None and all(r['loss'] is not None for r in rows[:-1]), rows)
        with open(place.csv) as f:
            check(f.read().splitlines()[-1].split(',')[3] in ('nan', 'inf'))


@claim
def bad_usage():
    """what can't be is told in one line before training, with exit 2, and no file appears"""
    place = Place()
    inside = os.path.join(place.folder.name, 'inside')
    for options, word in (
            (['--log-every', '5'], 'does nothing without --log-csv'),
            (['--log-every', '0', '--log-csv', inside], '"0"'),
            (['--log-csv', ''], '--log-csv'), (['--log-jsonl', '-'], '/dev/stdout'),
            (['--load', 'f', '--log-csv', inside], '--load'),
            (['--log-csv', inside, '--log-jsonl', inside], 'is what --log-csv writes to'),
            (['--log-csv', inside, '--checkpoint', inside], 'is what --checkpoint writes to'),
            (['--log-jsonl', inside, '--json', inside], 'is what --json writes to'),
            (['--log-csv', '/no/such/x'], 'No such file'),
            (['--log-csv', inside, '--log-jsonl', '/no/such/x'], 'No such file'),
            (['--log-csv', place.folder.name], 'directory')):
        status, out, err = run(PROGRAM, *options)
        check(status == 2 and out == '' and err.count('\n') == 1, options, status, err)
        check(err.startswith('train_mean: ') and word in err, options, err)
        check(os.listdir(place.folder.name) == [], options, os.listdir(place.folder.name))
    status, out, err = run(PROGRAM, '--log-csv', inside, '--resume', '/no/such/x')
    check(status == 1 and os.listdir(place.folder.name) == [], status, err)
    status, out, err = run(PROGRAM, '--log-csv', '/dev/full')
    check(status == 1 and out == '' and err.count('\n') == 1, status, err)
    check('No space left' in err, err)


@claim
def anew():
    """without --resume a log begins anew, but not before all else is found to be good"""
    place = Place()
    place.train('--epochs', 5, '--steps-per-epoch', 10)
    status, _, _ = run(PROGRAM, *place.options, '--epochs', 'x')
    check(status == 2 and len(place.rows()) == 5)
    place.train('--resume', '/no/such/x', status=1)
    check(len(place.rows()) == 5)
    place.train('--epochs', 2, '--steps-per-epoch', 10)
    check(len(place.rows()) == 2)


@claim
def streams():
    """standard output may be a log, even if it is a file"""
    place = Place()
    for redirect in ('>', '>>', '| cat >'):
        path = os.path.join(place.folder.name, 'out')
        status, _, err = run('/bin/sh', '-c', f'"$1" --progress none --epochs 2 --log-csv /dev/stdout '
                             f'{redirect} "$2"', 'sh', PROGRAM, path)
        with open(path) as f:
            text = f.read().splitlines()
        os.unlink(path)
        check(status == 0 and err == '' and text[0] == 'step,epoch,time,loss', status, err, text)
        check(text[1].startswith('1000,1,') and text[2].startswith('2000,2,'), text)
        check('->' in text[3] and 'steps in' in text[4], text)


def with_bug(words, claimed):
    """What the claim says of the program with that bug; '': that it holds."""
    global PROGRAM
    before, PROGRAM = PROGRAM, BUGGY
    os.environ['BATON_BUG'] = words
    try:
        claimed()
    except (AssertionError, ValueError) as why:
        return str(why) or 'fails'
    finally:
        PROGRAM = before
        del os.environ['BATON_BUG']
    return ''


def full_disk():
    place = Place()
    for path in (place.csv, place.jsonl):
        place.options = [*QUIET, '--log-csv' if path == place.csv else '--log-jsonl', path]
        doc, err = place.train('--epochs', 9, '--steps-per-epoch', 10, status=1)
        check(doc['steps'] == 90 and err.count('\n') == 1, doc['steps'], err)
        check(path in err and 'No space left on device; its last row is of step 30' in err, err)
    with open(place.csv) as f:
        text = f.read()
    check(text.endswith('\n') and [line.partition(',')[0] for line in text.splitlines()] ==
          ['step', '10', '20', '30'], repr(text))
    check([r['step'] for r in lines(place.jsonl)] == [10, 20, 30])


@claim
def full():
    """a disk that gets full ends the log with a whole row; training goes on, exit 1"""
    said = with_bug('full', full_disk)
    check(said == '', said)


@claim
def limited():
    """so does a limit on the size of files"""
    if os.environ.get('BATON_SANITIZE') == 'thread':
        raise Skip("ThreadSanitizer's own files are killed by such a limit")
    place = Place()
    status, out, err = run('/bin/sh', '-c', 'ulimit -f 1; exec "$@"', 'sh', PROGRAM, *QUIET,
                           '--log-jsonl', place.jsonl, '--log-every', 10)
    check(status == 1 and '->' in out and 'File too large' in err, status, err)
    check(1 < len(lines(place.jsonl)) < 20, err)


@claim
def seeded():
    """the claims above see a row that is lost, twice, kept back, not cut or no JSON"""
    for claimed in (epochs, goes_on, not_finite):
        check(with_bug('', claimed) == '', 'it fails without a bug', claimed.__doc__)
    for words, claimed in (('lost', epochs), ('twice', epochs), ('kept', follows),
                           ('uncut', goes_on), ('full uncut', full_disk), ('nan', not_finite)):
        check(with_bug(words, claimed) != '', words, claimed.__doc__)


main()
