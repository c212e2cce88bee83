#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pitfalls as its user meets it: pitfalls.py PROGRAM"""
import functools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

from tap import Skip, check, claim, main, run

PROGRAM = sys.argv[1]
# Without optimisation or under a sanitizer everything is slow, and every figure would have
# the same bits: there only the ways through the program are tried.
SLOW = os.environ.get('BATON_SLOW') == 'true'
SEEDS = range(1, 2 if SLOW else 4)
EPOCHS = 6 if SLOW else 100
FORMS = ((), ('--threads',))
S2 = 416.625


def pitfalls(*options, status=0):
    """Run it for its JSON document."""
    got, out, err = run(PROGRAM, '--json', '-', *options, timeout=600)
    check(got == status and err == '', options, got, err, out)
    return json.loads(out)


def need_speed():
    if SLOW:
        raise Skip('too slow in this build')


def lines(doc, name):
    return [line for line in doc['scenarios'] if line['scenario'] == name]


@functools.lru_cache(maxsize=None)
def everything(seed, form):
    """Run all scenarios, once for all tests: (status, stdout, stderr, JSON document)."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'out.json')
        done = run(PROGRAM, 'all', '--seed', seed, '--epochs', EPOCHS, '--json', path, *form,
                   timeout=600)
        with open(path) as f:
            return *done, json.load(f)


@claim
def all_of_it():
    """every figure of every scenario lies where it should, for three seeds and in both forms"""
    for seed in SEEDS:
        for form in FORMS:
            status, out, err, doc = everything(seed, form)
            check(status == 0 and err == '', seed, form, status, out, err)
            check([line['scenario'] for line in doc['scenarios']] ==
                  ['E1', 'E2', 'E3', 'E4', 'E5', 'E6', 'E7', 'E8', 'E8', 'E8', 'E9', 'E9', 'E9'])
            verdicts = {line['verdict'] for line in doc['scenarios']}
            check(doc['good'] and verdicts <= {'ok', 'not judged' if SLOW else 'ok'}, doc)


def check_figures(doc):
    (race,), (keras, cousin, refused) = lines(doc, 'E1'), lines(doc, 'E8')
    check(abs(sum(race['losses'][90:100]) / 10 - race['measured'][0]) < 1e-9, race)
    for line, form, tolerance in ((race, S2, 2.5), (keras, 2 * S2 * (1 - 1 / 64), 6),
                                  (cousin, S2 * (1 - 1 / 64**2), 2.5)):
        check(abs(line['closed_form'] - form) < 1e-9, line)
        check(abs(line['measured'][0] - form) <= tolerance, line)
    check(48 <= race['prediction'] <= 51 and 48 <= cousin['prediction'] <= 51, race, cousin)
    for name in ('E2', 'E4', 'E5', 'E6', 'E9'):
        for line in lines(doc, name):
            check(len(line['losses']) == 100, line)
            check(all(0.0026 <= loss <= 0.0032 for loss in line['losses'][5:]), line)
            check(abs(line['prediction'] - 65) <= 0.2, line)
    check(lines(doc, 'E9')[0]['losses'] == lines(doc, 'E9')[2]['losses'], 'producers matter')
    check('lambda_1: declared [64, 1], returns [64]' in refused['note'], refused)
    check('prediction [64] against target [64, 1]' in refused['note'], refused)
    check(refused['losses'] == [], refused)
    exact = lines(doc, 'E7')[0]
    check(set(exact['losses']) == {0} and 'shape [1, 1]: [[46.]]' in exact['note'], exact)
    check('shape [1]: [46.]' in keras['note'], keras)


@claim
def figures():
    """the figures are those of the closed forms, worked out here once more"""
    need_speed()
    for seed in SEEDS:
        for form in FORMS:
            check_figures(everything(seed, form)[3])


@claim
def costs():
    """baton's batches cost no allocation and no copy, the cures' one each"""
    costs = everything(1, ())[3]['costs']
    check(len(costs) == 6, costs)
    for cost in costs[1:3]:
        check(0.9 < cost['allocations'] < 1.1, cost)
    for cost, producers in zip(costs[3:], (1, 4, 16)):
        check(cost['producers'] == producers and cost['allocations'] == 0, cost)
        check(cost['read_where_written'] == 1, cost)
        check(cost['fresh_costs_times'] > 0 and cost['copy_costs_times'] > 0, cost)


@claim
def replay_is_deterministic():
    """a seed gives the same bits every time, another one does not"""
    short = ['E1', 'E2', 'E3', '--epochs', 3]
    once, again, other = pitfalls(*short), pitfalls(*short), pitfalls(*short, '--seed', 2)
    check(once == again)
    check(lines(once, 'E1')[0]['losses'] != lines(other, 'E1')[0]['losses'])
    for speed in (0.5, 1, 3):
        check(pitfalls(*short, '--speed', speed) == pitfalls(*short, '--speed', speed), speed)


@claim
def forms_agree():
    """with a full queue, real threads show the trainer the very numbers of the replay"""
    short = ['E1', 'E2', 'E3', 'E4', 'E5', '--epochs', 3]
    replayed, threads = pitfalls(*short), pitfalls(*short, '--threads')
    check(replayed['scenarios'] == threads['scenarios'])


@claim
def can_fail():
    """a generator that is not ahead mends E1 and spoils E2: outside, and exit status 1"""
    need_speed()
    doc = pitfalls('E1', '--speed', 0.1, status=1)
    check(not doc['good'] and lines(doc, 'E1')[0]['verdict'] == 'FAILED', doc)
    check(lines(doc, 'E1')[0]['measured'][0] < 100, doc)
    doc = pitfalls('E2', 'E4', '--speed', 1, status=1)
    check(lines(doc, 'E2')[0]['verdict'] == 'FAILED' and lines(doc, 'E4')[0]['verdict'] == 'ok')
    status, out, _ = run(PROGRAM, 'E2', '--speed', 1)
    check(status == 1 and re.search(r'^E2 .* FAILED$', out, re.M), out)


@claim
def few_epochs():
    """with fewer epochs figures are printed, and not judged"""
    status, out, err = run(PROGRAM, 'E1', 'E2', '--epochs', 2)
    check(status == 0 and err == '' and out.count('not judged') == 2, out)
    check(re.search(r'^E1 .* 416\.625 \+- 2\.5 +\d{3}\.\d{3} ', out, re.M), out)
    status, out, _ = run(PROGRAM, 'E1', 'E2', '--epochs', 50)
    check(status == 0 and out.count('not judged') == 1 and 'ok: learns' in out, out)


@claim
def next_next():
    """E3: two references show one x, and two labels of which one fits"""
    for form in FORMS:
        _, out, _ = run(PROGRAM, 'E3', '--seed', 7, *form)
        shown = re.findall(r'\(\[\[(\d+)\. (\d+)\.\]\], \[([\d.]+)\]\)', out)
        check(len(shown) == 2 and shown[0][:2] == shown[1][:2], out)
        check(shown[0][2] != shown[1][2], out)
        check((int(shown[1][0]) + int(shown[1][1])) / 2 == float(shown[1][2]), out)


@claim
def sweep():
    """the sweep: from 4 % to all rows wrong, and a loss near s^2 q (2 - q)"""
    need_speed()
    points = pitfalls('--sweep')['sweep']
    reused = [p for p in points if p['reused'] == 'x']
    check({p['queue'] for p in reused} == {1, 2, 4, 8, 10, 16, 32, 64}, reused)
    check(min(p['wrong_rows'] for p in reused) < 0.05, reused)
    for p in reused:
        q = p['wrong_rows']
        check(abs(p['closed_form'] - S2 * q * (2 - q)) < 1e-9, p)
        check(abs(p['loss'] - p['closed_form']) < 10, p)
        if p['pace'] == 'always':
            check(q > 0.99 and p['queued'] == p['queue'], p)
    both = {p['pace']: p for p in points if p['reused'] != 'x'}
    check(both['always']['wrong_rows'] == 0 and both['1']['wrong_rows'] > 0.3, both)


@claim
def report():
    """the table has a line for each scenario, E1 and E8 side by side, and the costs"""
    need_speed()
    out = everything(1, ())[1]
    for n in range(1, 10):
        check(re.search(fr'^E{n} .* ok: ', out, re.M), n, out)
    side = out[out.index('Alike in the loss'):].splitlines()[1:3]
    check(side[0].startswith('E1') and side[1].startswith('E8'), side)
    check(all('slope' in line and 'loss 41' in line for line in side), side)
    check(re.search(r'^E9  baton, 1 producer +\d+ \(\d+ to \d+\), 0 allocations', out, re.M), out)


BAD = [  # options, what the line must name
    (['E10'], ['"E10"', 'E1 to E9', 'all']),
    (['E0'], ['"E0"']),
    (['e1'], ['"e1"']),
    (['E1', 'everything'], ['"everything"']),
    (['--nonsense'], ['--nonsense']),
    (['--queue', '0'], ['--queue', '"0"', '1 to 1024']),
    (['--queue', 'x'], ['--queue', '"x"']),
    (['--epochs', '0'], ['--epochs', '"0"']),
    (['--seed', '-1'], ['--seed', '"-1"']),
    (['--speed', '0'], ['--speed', '"0"', '0.01 to 100']),
    (['--speed', '1', '--threads'], ['--speed', '--threads']),
    (['--sweep', '--speed', '1'], ['--speed', 'E1 to E5']),
    (['--sweep', '--queue', '10'], ['--queue', 'E1 to E5']),
    (['E6', '--queue', '10'], ['--queue', 'E1 to E5']),
    (['E6', 'E9', '--threads'], ['--threads', 'E1 to E5']),
    (['E1', '--json', 'a.svg', '--plot', './a.svg'], ['--plot', '"./a.svg"', '--json']),
    (['--plot', 'loss.gif'], ['--plot', '"loss.gif"', '.svg', '.png']),
    (['--plot', '.png'], ['--plot', '".png"']),
    (['--plot', '/nonexistent/dir/loss.svg'], ['--plot', '/nonexistent/dir/loss.svg']),
    (['E3', '--plot', 'loss.svg'], ['--plot', 'E1', 'E9']),
    (['--json', '/nonexistent/dir/f.json'], ['--json', '/nonexistent/dir/f.json']),
    (['--json', '/'], ['--json', '"/"']),
]


@claim
def bad_input():
    """bad input is answered by one line that says what would be right, and exit 2"""
    for options, names in BAD:
        status, out, err = run(PROGRAM, *options)
        check(status == 2 and out == '', options, status, out, err)
        check(err.startswith('pitfalls: ') and err.count('\n') == 1, options, repr(err))
        for name in names:
            check(name in err, options, name, repr(err))


@claim
def help_and_version():
    """--help names every option and scenario, --version the version"""
    status, out, err = run(PROGRAM, '--help')
    check(status == 0 and err == '', status, err)
    for word in ('--seed', '--epochs', '--queue', '--speed', '--threads', '--sweep', '--json',
                 '--plot', '[E1..E9|all]', 'E1', 'E9'):
        check(word in out, word)
    status, out, _ = run(PROGRAM, '--version')
    check(status == 0 and re.fullmatch(r'pitfalls \d+\.\d+\.\d+\n', out), out)


def need_gnuplot():
    if not shutil.which('gnuplot'):
        raise Skip('gnuplot is not installed')


@claim
def pictures():
    """--plot makes a picture of the kind that the name says"""
    need_gnuplot()
    kinds = [['E1'], ['E1', 'E2', 'E4', 'E9'], ['--sweep'], ['--sweep', '--threads']]
    for options in kinds[:1] if SLOW else kinds:
        for ending, head in (('svg', b'<?xml'), ('png', b'\x89PNG\r\n')):
            with tempfile.TemporaryDirectory() as place:
                path = os.path.join(place, f"a 'picture'.{ending}")
                status, _, err = run(PROGRAM, '--epochs', 2, '--plot', path, *options)
                check(status == 0 and err == '', status, err)
                check(len(os.listdir(place)) == 1, os.listdir(place))
                with open(path, 'rb') as f:
                    picture = f.read()
                check(picture.startswith(head) and len(picture) > 5000, path, len(picture))
                check(ending == 'png' or picture.rstrip().endswith(b'</svg>'), path)


def with_gnuplot(script, *options):
    """Run with a PATH on which gnuplot is that script, or is not; a file stands already where
    the picture should go. Returns (status, stderr, what is there now)."""
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as path:
        if script is not None:
            program = os.path.join(path, 'gnuplot')
            with open(program, 'w') as f:
                f.write('#!/bin/sh\n' + script)
            os.chmod(program, stat.S_IRWXU)
        picture = os.path.join(place, 'loss.svg')
        with open(picture, 'w') as f:
            f.write('old')
        status, _, err = run(PROGRAM, 'E1', '--epochs', 1, '--plot', picture, *options,
                             env=os.environ | {'PATH': path})
        check(os.listdir(place) == ['loss.svg'], os.listdir(place))
        with open(picture) as f:
            return status, err, f.read()


@claim
def no_picture():
    """without gnuplot, or with one that fails, there is one line and no half of a picture"""
    for script, expected, says in (
            (None, 2, 'gnuplot'),
            ('exit 3\n', 1, 'gnuplot failed'),
            ('echo "<svg"; echo "line 7: undefined variable" >&2; exit 1\n', 1, 'line 7: undefined'),
            ('exit 0\n', 1, 'wrote nothing'),
            ('echo "<svg"; kill -9 $$\n', 1, 'gnuplot failed')):
        status, err, there = with_gnuplot(script)
        check(status == expected and says in err, script, status, err)
        check(err.count('\n') == 1 and there == 'old', repr(err), there)


@claim
def json_file():
    """--json FILE is written beside the table"""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'out.json')
        status, out, err = run(PROGRAM, 'E1', '--epochs', 1, '--json', path)
        check(status == 0 and err == '' and out.count('E1') >= 2, status, out, err)
        with open(path) as f:
            doc = json.load(f)
        check(doc['config'] == {'seed': 1, 'epochs': 1, 'queue': 10, 'form': 'replayed',
                                'speed': None}, doc['config'])


@claim
def sigint():
    """SIGINT says in one line that there is no report, and exits 130"""
    child = subprocess.Popen([PROGRAM, '--epochs', '100000', 'E4'], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    caught = 0
    while not caught & 1 << signal.SIGINT - 1:  # until it would hear of it
        with open(f'/proc/{child.pid}/status') as f:
            caught = int(re.search(r'^SigCgt:\s*(\w+)', f.read(), re.M)[1], 16)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    check(child.returncode == 130 and out == '', child.returncode, out)
    check(err == 'pitfalls: interrupted: there is no report\n', repr(err))


@claim
def full_output():
    """results that can't be written are an error, not a success"""
    status, _, err = run('/bin/sh', '-c', f'exec "{PROGRAM}" E3 > /dev/full')
    check(status == 1 and err.count('\n') == 1, status, err)


main()
