#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs whose files fail, or that are killed: kill.py TAP TRAIN_MEAN [FAULTY]

FAULTY is train_mean with files.c in it; what it writes, all programs write by apps/json.c.
SIGKILL and SIGINT come at random moments of train_mean, BATON_KILLS of each."""
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, sys.argv.pop(1))
from tap import check, claim, main, run  # noqa: E402

PROGRAM, FAULTY = sys.argv[1:]
SANITIZED = os.environ.get('BATON_SANITIZE', 'none') != 'none'
KILLS = int(os.environ.get('BATON_KILLS', '10' if SANITIZED else '30'))
SEED = int(os.environ.get('BATON_KILL_SEED', time.time_ns() % 1000000))
OLD = '{"steps": "of an older run"}\n'
LITTER = re.compile(r'\.baton-\d+-\d+\.json')  # of one who was killed


class Place:
    """A folder with a result of an older run, or without."""

    def __init__(self, has_old):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, 'out.json')
        self.has_old = has_old
        if has_old:
            with open(self.path, 'w') as file:
                file.write(OLD)

    def others(self):
        return [name for name in os.listdir(self.folder.name) if name != 'out.json']

    def look(self):
        """'old', 'absent', 'new', or 'torn': what is in the result's place."""
        if not os.path.exists(self.path):
            return 'torn' if self.has_old else 'absent'
        with open(self.path) as file:
            text = file.read()
        if self.has_old and text == OLD:
            return 'old'
        try:
            return 'new' if isinstance(json.loads(text)['steps'], int) else 'torn'
        except (ValueError, KeyError, TypeError):
            return 'torn'


def options(place, *more):
    return ['--epochs', '1', '--steps-per-epoch', '50', '--progress', 'none', '--json', place.path,
            *more]


def with_fault(fault, place):
    """Returns (status, stdout, stderr, which call failed)."""
    ours, theirs = os.pipe()
    try:
        done = run(FAULTY, *options(place), pass_fds=(theirs,), timeout=60,
                   env=os.environ | {'BATON_FAULT': fault, 'BATON_FAULT_NOTE': str(theirs)})
    finally:
        os.close(theirs)
    with os.fdopen(ours) as note:
        return (*done, note.read().strip())


@claim
def every_file_call_fails():
    """each call on files fails once: an error in one line, nothing torn, nothing left"""
    failed = []
    for has_old in (False, True):
        for n in range(1, 100):
            place = Place(has_old)
            status, out, err, name = with_fault(f'fail:{n}', place)
            seen = place.look()
            check(seen != 'torn' and not place.others(), n, name, seen, place.others())
            if not name:
                check(status == 0 and seen == 'new', status, err)
                break
            failed.append(name)
            if status == 0:  # nothing was lost by it
                check(seen == 'new' and err == '', n, name, status, err)
                continue
            check(status in (1, 2) and err.count('\n') == 1, n, name, status, err)
            check(place.path in err and "can't be written" in err, n, name, err)
            check(seen == ('old' if has_old else 'absent'), n, name, seen)
    check({'open', 'write', 'fsync', 'rename', 'close', 'fchmod'} <= set(failed), failed)
    every_file_call_fails.__doc__ += f' ({len(failed)} faults)'


@claim
def killed_at_every_file_call():
    """killed before each call on files: the old result or the new, and the next run works"""
    kills = 0
    for has_old in (False, True):
        for n in range(1, 100):
            place = Place(has_old)
            status = with_fault(f'kill:{n}', place)[0]
            if status == 0:
                break
            kills += 1
            check(status == -signal.SIGKILL, n, status)
            check(place.look() in ('old', 'absent', 'new'), n, place.look())
            check(all(LITTER.fullmatch(name) for name in place.others()), place.others())
            check(run(PROGRAM, *options(place))[0] == 0 and place.look() == 'new', n)
    check(kills >= 10, kills)
    killed_at_every_file_call.__doc__ += f' ({kills} kills)'


@claim
def torn_is_seen():
    """a result that is written in place, and half of it, is seen to be torn"""
    for has_old in (False, True):
        place = Place(has_old)
        child = subprocess.Popen([FAULTY, *options(place)], stdout=subprocess.DEVNULL,
                                 env=os.environ | {'BATON_FAULT': 'torn'})
        while place.look() != 'torn' or os.path.getsize(place.path) < 100:
            check(child.poll() is None, 'it ended by itself', child.returncode, place.look())
            time.sleep(0.001)
        child.kill()
        child.wait()
        check(place.look() == 'torn', place.look())


def usual(command):
    """How long it takes when nobody disturbs it."""
    def once():
        begun = time.monotonic()
        check(run(*command)[0] == 0, 'it fails by itself', command)
        return time.monotonic() - begun
    return min(once() for _ in range(3))


def signaled(command, number, after):
    """Returns (status, stdout, stderr) of a run that got a signal after so many seconds."""
    child = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(after)
    child.send_signal(number)
    out, err = child.communicate(timeout=120)
    return child.returncode, out, err


@claim
def killed_at_random():
    """SIGKILL at random moments: the result is the old one, none, or whole"""
    rng = random.Random(SEED)
    place, seen = Place(True), {}
    longest = 1.5 * usual([PROGRAM, *options(place)])
    for i in range(KILLS):
        place = Place(i % 2)
        status = signaled([PROGRAM, *options(place)], signal.SIGKILL, rng.random() * longest)[0]
        found = place.look()
        seen[found] = seen.get(found, 0) + 1
        check(status in (0, -signal.SIGKILL) and found != 'torn', f'seed {SEED}', status, found)
        check(status != 0 or found == 'new', f'seed {SEED}', status, found)
        check(all(LITTER.fullmatch(name) for name in place.others()), place.others())
    killed_at_random.__doc__ += f' (seed {SEED}: {seen})'


def replay(steps):
    """The digest of a run of so many steps, on one thread."""
    place = Place(False)
    status, _, err = run(PROGRAM, '--epochs', 1, '--steps-per-epoch', steps, '--producers', 0,
                         '--progress', 'none', '--json', place.path)
    check(status == 0, err)
    with open(place.path) as file:
        return json.load(file)


@claim
def interrupted_at_random():
    """SIGINT at random moments: the summary is true, and a run of as many steps is the same"""
    rng, ended = random.Random(SEED), {}
    long = ['--epochs', '1', '--steps-per-epoch', '20000', '--progress', 'none']
    longest = 1.3 * usual([PROGRAM, *long])
    for i in range(KILLS):
        place = Place(i % 2)
        command = [PROGRAM, *long, '--json', place.path, '--producers', rng.choice('0138')]
        status, out, err = signaled(command, signal.SIGINT, rng.random() * longest)
        ended[status] = ended.get(status, 0) + 1
        check(err == '' and place.look() != 'torn', f'seed {SEED}', err, place.look())
        if status == -signal.SIGINT:  # before the training: a kill
            check(all(LITTER.fullmatch(name) for name in place.others()), place.others())
            continue
        check(not place.others(), f'seed {SEED}', place.others())
        check(status in (0, 130) and place.look() == 'new', f'seed {SEED}', status, place.look())
        with open(place.path) as file:
            doc = json.load(file)
        check(doc['interrupted'] == (status == 130), f'seed {SEED}', status, doc)
        check(doc['steps'] == 20000 or status == 130, f'seed {SEED}', status, doc['steps'])
        summary = f'{doc["steps"]} steps in ' if doc['steps'] else 'no step: interrupted before the'
        check(summary in out, f'seed {SEED}', out)
        check(('interrupted in epoch 1 of 1' in out) == (status == 130), f'seed {SEED}', out)
        check(doc['feed']['batches'] - doc['steps'] in (0, 1), f'seed {SEED}', doc['feed'])
        if doc['steps'] == 0:  # before the first
            check(doc['epochs'] == [], f'seed {SEED}', doc['epochs'])
            continue
        again = replay(doc['steps'])
        check(again['digest'] == doc['digest'] and again['weights'] == doc['weights'],
              f'seed {SEED}', doc['steps'])
        check(replay(doc['steps'] + 1)['digest'] != doc['digest'], 'any number would do')
    interrupted_at_random.__doc__ += f' (seed {SEED}: exit {ended})'


@claim
def interrupted_before_the_first_step():
    """SIGINT before the first step: the summary says so"""
    place = Place(False)
    status, out, err, _ = with_fault('early', place)
    check(status == 130 and err == '', status, err)
    check('no step: interrupted before the first' in out, out)
    with open(place.path) as file:
        doc = json.load(file)
    check(doc['interrupted'] and doc['steps'] == 0 and doc['epochs'] == [], doc)


@claim
def interrupted_after_the_last_step():
    """SIGINT after the last step: what was reached is written"""
    place = Place(True)
    status, out, err, _ = with_fault('late', place)
    check(status == 0 and err == '' and '50 steps in' in out, status, out, err)
    check(place.look() == 'new' and not place.others(), place.look(), place.others())


@claim
def closed_output():
    """a standard output that is closed is an error, and gets nothing into the result"""
    place = Place(True)
    link = os.path.join(place.folder.name, 'link')
    os.symlink('out.json', link)
    for path in (place.path, link):
        done = subprocess.run(['sh', '-c', '"$@" >&-', 'sh', PROGRAM, '--epochs', '1',
                               '--progress', 'none', '--json', path],
                              capture_output=True, text=True, timeout=60)
        check(done.returncode == 1 and done.stderr.count('\n') == 1, done)
        check(place.look() == 'new', path, place.look())


main()
