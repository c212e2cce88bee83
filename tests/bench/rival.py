#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rival as its user meets it: rival.py PROGRAM. No test here is of a speed."""
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'cli'))
from tap import Skip, check, claim, main, run

PROGRAM = sys.argv[1]
SHORT = ['--rounds', 3, '--ms', 1]


@claim
def cell():
    """a cell is run with every peer that is there, printed, and saved with each run"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'out.json')
        status, out, err = run(PROGRAM, *SHORT, '--producers', 2, '--pool', 8, '--bytes', 64,
                               '--json', path)
        check(status in (0, 1) and err == '', status, err)  # 1: slower than a mutex, today
        with open(path) as f:
            doc = json.load(f)
    check(len(doc['cells']) == 1, doc)
    entries = doc['cells'][0]['entries']
    check({'baton', 'ring', 'mutex+cv', 'fused', 'apart'} <= {e['peer'] for e in entries})
    for e in entries:
        s = e['per_second']
        check(e['peer'] in out and len(e['runs_per_second']) == 3, e)
        check(0 < s['min'] <= s['median'] <= s['max'], e)
        check(e['producers'] == 2 and e['pool'] == 8 and e['bytes'] == 64, e)


@claim
def apart():
    """two are told apart if their runs do not overlap, and only then"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'out.json')
        run(PROGRAM, *SHORT, '--peers', 'baton,baton,mutex+cv', '--producers', 1,
            '--pool', 64, '--bytes', 64, '--json', path)
        with open(path) as f:
            entries = json.load(f)['cells'][0]['entries']
    ours = entries[0]['per_second']
    for e in entries:
        theirs = e['per_second']
        overlap = ours['min'] <= theirs['max'] and theirs['min'] <= ours['max']
        check(e['told_apart'] == (not overlap), e)


@claim
def picture():
    """--plot draws a line for each peer"""
    if not shutil.which('gnuplot'):
        raise Skip('there is no gnuplot here')
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'out.svg')
        status, _, err = run(PROGRAM, *SHORT, '--peers', 'ring,mutex+cv', '--pool', 8, '--bytes',
                             64, '--plot', path)
        check(status == 0 and err == '', status, err)
        with open(path) as f:
            text = f.read()
    for word in ('ring', 'mutex+cv', 'fused', 'apart', 'producers'):
        check('>' + word + '<' in text, word)


@claim
def other_cells():
    """cells of large batches, waits and uneven sources run, with their floors"""
    for cells, floor, more in (('large', 'memcpy', ['--bytes', 1 << 20]),
                               ('waits', 'one-source', []), ('uneven', 'lost', ['--pool', 16])):
        status, out, err = run(PROGRAM, *SHORT, '--cells', cells, '--peers', 'baton,completion',
                               *([] if cells == 'uneven' else ['--producers', 1]), *more)
        check(status == 0 and err == '', cells, status, err)
        check(floor in out, cells, out)


@claim
def bad_input():
    """bad input is answered by one line that names option and value, and exit 2"""
    for options, names in ((['--peers', 'baton,none'], ['--peers', '"baton,none"', 'names']),
                           (['--cells', 'x'], ['--cells', '"x"', 'round-trips']),
                           (['--pool', '3'], ['--pool', '3', 'power of two']),
                           (['--rounds', '0'], ['--rounds', '"0"']),
                           (['--json', '/nonexistent/x'], ['--json', '/nonexistent/x']),
                           (['--plot', 'x.gif'], ['--plot', '.svg or .png']),
                           (['stray'], ['stray'])):
        status, out, err = run(PROGRAM, *options)
        check(status == 2 and out == '' and err.count('\n') == 1, options, status, out, err)
        for name in names:
            check(name in err, options, name, err)


main()
