#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs and curves as the user of train_mean meets them: log.py PROGRAM BUGGY

BUGGY is the same program with log_bugs.c in it."""
import csv
import json
import math
import os
import pty
import random
import re
import shutil
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


def told_to_gnuplot(script, *options, status=0):
    """Run with a gnuplot that is this script of the shell. Returns what is in the picture's
    place, where an older one was, and stderr."""
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as path:
        if script is not None:
            program = os.path.join(path, 'gnuplot')
            with open(program, 'w') as f:
                f.write('#!/bin/sh\n' + script)
            os.chmod(program, 0o700)
        picture = os.path.join(place, 'loss.svg')
        with open(picture, 'w') as f:
            f.write('old')
        code, out, err = run(PROGRAM, *QUIET, '--plot', picture, *options,
                             env=os.environ | {'PATH': path})
        check(code == status, options, code, err)
        check(os.listdir(place) == ['loss.svg'], os.listdir(place))
        with open(picture) as f:
            return f.read(), err


def block(script, name):
    text = script.partition(f'${name} << EOD\n')[2].partition('EOD\n')[0]
    return [tuple(float(n) for n in line.split()) for line in text.splitlines()]


def check_points(script, losses, first=0):
    """Each point is the mean of some steps' losses, all as wide but the last."""
    points = block(script, 'loss')
    width = int(points[0][0]) - first
    check(len(losses) <= 1024 * width and (width == 1 or len(points) > 512), width, len(points))
    check(len(points) == -(-len(losses) // width), len(points), width)
    for i, (step, mean) in enumerate(points):
        held = losses[i * width:(i + 1) * width]
        check(step == first + i * width + len(held), i, step)
        check(math.isclose(mean, sum(held) / len(held), rel_tol=1e-8), i, mean)


CAT = f'exec {shutil.which("cat")}\n'  # a picture that is its script


@claim
def curve():
    """--plot draws the mean loss of all steps, however many there are"""
    place = Place()
    for epochs in (1, 2, 3, 41, 171):
        how = ['--steps-per-epoch', 50, '--epochs', epochs, '--log-every', 1]
        script, err = told_to_gnuplot(CAT, *place.options, *how)
        check(err == '', err)
        losses = [r['batch_loss'] for r in place.rows()]
        check(len(losses) == 50 * epochs)
        check_points(script, losses)
        check('set logscale y\n' in script and f'set xrange [0:{50 * epochs}]' in script, script)
    for bad in (script.replace('$loss << EOD\n', '$loss << EOD\n9 17\n'),
                re.sub(r'EOD\n(\S+) \S+\n', r'EOD\n\1 9\n', script, count=1),
                re.sub(r'EOD\n\S+ \S+\n', r'EOD\n', script, count=1)):
        try:
            check_points(bad, losses)
        except AssertionError:
            continue
        raise AssertionError('a wrong picture is taken')


@claim
def curve_goes_on():
    """a run that went on draws its own steps; validations are points"""
    place, how = Place(), ['--steps-per-epoch', 50, '--log-every', 1]
    place.train(*how, '--epochs', 2, '--checkpoint', place.state)
    script, _ = told_to_gnuplot(CAT, *place.options, *how, '--epochs', 3, '--resume', place.state)
    check_points(script, [r['batch_loss'] for r in place.rows()][100:], first=100)
    script, _ = told_to_gnuplot(CAT, *place.options, *how, '--epochs', 3, '--validation-steps', 2)
    wanted = [(r['step'], r['val_loss']) for r in place.rows() if 'val_loss' in r]
    points = block(script, 'validation')
    check(len(points) == len(wanted) == 3 and all(
        s == t and math.isclose(v, w, rel_tol=1e-8)
        for (s, v), (t, w) in zip(points, wanted)), points, wanted)
    text, err = told_to_gnuplot(CAT, *how[:2], '--epochs', 2, '--resume', place.state, status=1)
    check(text == 'old' and 'no step was made' in err and err.count('\n') == 1, text, err)


@claim
def no_picture():
    """without gnuplot, or with one that fails, there is one line and no half of a picture"""
    for script, status, says in ((None, 2, 'there is no gnuplot on PATH'),
                                 ('exit 3\n', 1, 'gnuplot failed'), ('exit 0\n', 1, 'wrote nothing')):
        text, err = told_to_gnuplot(script, status=status)
        check(text == 'old' and says in err and err.count('\n') == 1, text, err)
    for path, says in (('loss.gif', '.svg or .png'), ('/no/such/loss.svg', 'No such file')):
        status, out, err = run(PROGRAM, '--plot', path)
        check(status == 2 and out == '' and err.count('\n') == 1 and says in err, status, err)
    text, err = told_to_gnuplot(CAT, '--optimizer', 'sgd', '--lr', 1, status=1)
    check(len(block(text, 'loss')) >= 1 and 'the loss is' in err, 'a divergence is drawn', text)


@claim
def pictures():
    """gnuplot draws what it is told, of the kind that the name says"""
    if not shutil.which('gnuplot'):
        raise Skip('gnuplot is not installed')
    place = Place()
    for name, head in (('a.svg', b'<?xml'), ('a.png', b'\x89PNG\r\n')):
        for how in (['--epochs', 1, '--steps-per-epoch', 1], ['--epochs', 3, '--validation-steps', 2]):
            path = os.path.join(place.folder.name, name)
            status, _, err = run(PROGRAM, *QUIET, '--plot', path, *how)
            check(status == 0 and err == '', how, status, err)
            with open(path, 'rb') as f:
                check(f.read().startswith(head), name)


def on_stdout(*options, **env):
    """What the program prints on a terminal, with this in its environment."""
    master, slave = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(('LC_', 'LANG'))}
    child = subprocess.Popen([PROGRAM, *QUIET, *map(str, options)], stdin=subprocess.DEVNULL,
                             stdout=slave, env=clean | {'TERM': 'xterm'} | env)
    os.close(slave)
    text = b''
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(master)
    check(child.wait(60) == 0, child.returncode)
    return text.decode()


@claim
def line():
    """on a terminal that has the characters there is a line of blocks for the epochs' losses"""
    blocks = '▁▂▃▄▅▆▇█'
    for epochs in (2, 7, 60, 61, 500):
        doc = json.loads(run(PROGRAM, *QUIET, '--json', '-', '--epochs', epochs)[1])
        text = on_stdout('--epochs', epochs, LANG='C.UTF-8')
        found = re.search(rf'^loss of epochs 1 to {epochs}, \S+ to \S+: ([{blocks}]+)\r$', text, re.M)
        check(found and len(found[1]) == min(epochs, 60), epochs, text)
        logs = [math.log(e['loss']) for e in doc['epochs']]
        n = len(found[1])
        parts = [logs[i * epochs // n:(i + 1) * epochs // n] for i in range(n)]
        means = [sum(part) / len(part) for part in parts]
        low, high = min(means), max(means)
        for mean, character in zip(means, found[1]):
            level = 8 * (mean - low) / (high - low)
            check(abs(blocks.index(character) + 0.5 - min(level, 7.5)) < 0.500001, level, character)
    for env in ({}, {'LANG': 'C'}, {'LANG': 'C.UTF-8', 'LC_ALL': 'C'}, {'LANG': 'C.UTF-8',
                                                                       'TERM': 'dumb'}):
        check('loss of epochs' not in on_stdout('--epochs', 3, **env), env)
    check('loss of epochs' not in on_stdout('--epochs', 1, LANG='C.UTF-8'), 'one epoch is no curve')
    check('loss of epochs' not in run(PROGRAM, *QUIET, env=os.environ | {'LANG': 'C.UTF-8'})[1])


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
