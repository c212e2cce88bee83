#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs with a seeded bug, each run 20 times (BATON_SEEDED_RUNS says otherwise):
seeded.py DIRECTORY STRESS_PIPELINE

DIRECTORY has each program built with TSan, and NAME_plain without. Two layers may report a
bug: TSan, and without it the program's own check of what batches hold. (An assertion of the
library may come before either.) One of them must report every run, and each that is named
must see it at least once: TSan can miss a race that something else happens to order. Done
right, no run may be reported."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'cli'))
from tap import check, claim, main, run  # noqa: E402

PLACE, PIPELINE = sys.argv[1:]
RUNS = int(os.environ.get('BATON_SEEDED_RUNS', '20'))
OPTIONS = {'TSAN_OPTIONS': 'halt_on_error=1:exitcode=66:symbolize=0'}
# a value check's complaint: of a feed or the ring, or of readers of snapshots
WRONG = re.compile(r', [1-9]\d* wrong$|: a (later )?snapshot ', re.M)

RING = ['2000', '3', '4']    # tickets, producers, slots
SNAPSHOT = ['80000', '4', '20000']  # gets, readers, steps: so many that one of them shows it
BUGS = [  # the claim, the program and its arguments, layers that must see it
    ('the article: one array, refilled', ['reuse', 'reuse'], 'tsan value'),
    ('one count for all fills', ['source', 'shared_state'], 'tsan value'),
    ('one scratch array for all fills', ['source', 'shared_scratch'], 'tsan value'),
    ('a write after submit', ['threads', 'write_after_submit'], 'tsan value'),
    ('a submit before the fill', ['threads', 'submit_before_fill'], 'tsan value'),
    ('two threads fill one claim', ['threads', 'shared_claim'], 'tsan value'),
    ('a read after release', ['trainer', 'read_after_release'], 'tsan value'),
    ("a helper's read after release", ['trainer', 'helper_reads'], 'tsan value'),
    ('the ring: publish before fill', ['publish_before_fill', *RING], 'tsan value'),
    ('the ring: release before use', ['release_before_consumption', *RING], 'tsan value'),
    ('the ring: a write after publish', ['write_after_publish', *RING], 'tsan value'),
    ('the ring: no look at the slot', ['no_slot_check', *RING], 'tsan value'),
    ('the ring: a relaxed publish', ['relaxed_publish', *RING], 'tsan'),
    ('the ring: a relaxed take', ['relaxed_take', *RING], 'tsan'),
    ('the ring: a relaxed release', ['relaxed_release', *RING], 'tsan'),
    ('the ring: a relaxed claim', ['relaxed_claim', *RING], 'tsan'),
    ('a snapshot: no grace period', ['no_grace_period', *SNAPSHOT], 'assert'),
    ('a snapshot: used after put', ['use_after_put', *SNAPSHOT], 'tsan'),
    ('a snapshot: written on', ['snapshot_written', *SNAPSHOT], 'tsan'),
]
HONEST = [['ring', *RING], ['snapshot', '300', '4']]


def program(name):
    return os.path.join(PLACE, name)


def reported(command):
    """The layers that reported one run. A crash or a hang is no report."""
    status, out, err = run(program(command[0]), *command[1:], env=os.environ | OPTIONS, timeout=30)
    by = set()
    if 'ThreadSanitizer: data race' in err:
        by.add('tsan')
    if WRONG.search(out):
        by.add('value')
    if ': Assertion ' in err:
        by.add('assert')
    check(status in (0, 1, 3, 66) or (status == -6 and 'assert' in by), command, status, out, err)
    check(bool(by) == (status != 0), command, status, out, err)
    return by


def share(by, layer):
    return sum(layer in b for b in by)


def caught(name, command, layers):
    def test():
        by = {'tsan': [reported(command) for _ in range(RUNS)]}
        plain = [command[0] + '_plain', *command[1:]]
        if os.path.exists(program(plain[0])):
            by['value'] = [reported(plain) for _ in range(RUNS)]
        found = {layer: share(by[layer], layer) for layer in by}
        for layer in ('value', 'assert'):  # where it came before TSan
            if layer not in by and share(by['tsan'], layer):
                found[layer] = share(by['tsan'], layer)
        text = ', '.join(f'{layer} {n}/{RUNS}' for layer, n in found.items())
        test.__doc__ = f'{name:34} {text}'
        check(any(all(runs) for runs in by.values()), name, text)
        check(all(found.get(layer) for layer in layers.split() if layer in by or layer == 'assert'),
              name, text)
    test.__doc__ = name
    claim(test)


@claim
def ages():
    """batches that are given back too early are found refilled"""
    env = {key: value for key, value in os.environ.items() if key != 'BATON_STRESS'}
    status, out, err = run(PIPELINE, 1, 1, 'early', env=env)
    found = re.search(r'^age .*: 0: (\d+), 1: (\d+), 2: (\d+), more: (\d+), overwritten: (\d+)$',
                      out, re.M)
    check(found and status == 3 and err == '', status, out, err)
    check(sum(int(n) for n in found.groups()[1:]) > 1000, found[0])
    ages.__doc__ = f'given back too early: {found[0]}'


@claim
def honest():
    """the same done right is reported by nobody"""
    done = [command + ['honest'] for _, command, _ in BUGS if not command[1].isdigit()] + HONEST
    for command in done:
        for _ in range(RUNS):
            by = reported(command)
            check(not by, command, by)
    honest.__doc__ = f'done right, {len(done)} programs: 0 reports in {len(done) * RUNS} runs'


for bug in BUGS:
    caught(*bug)
main()
