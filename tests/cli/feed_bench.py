#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""feed_bench as its user meets it: feed_bench.py PROGRAM. No test here is of a speed."""
import glob
import json
import re
import signal
import subprocess
import sys
import time

from tap import check, claim, main, run

PROGRAM = sys.argv[1]


@claim
def every_shape():
    """every shape of pipeline hands over what was asked for, checked word by word"""
    slow = ['--source-us', 1]  # under TSan the references of one that costs nothing take seconds
    for options in (['--producers', 0] + slow, ['--producers', 1] + slow,
                    ['--producers', 8, '--block', 4] + slow,
                    ['--producers', 3, '--order', 'completion', '--pool', 2] + slow,
                    ['--producers', 4, '--source-wait-us', 100],
                    ['--producers', 2, '--spares', 2, '--work-conserving', 'on'] + slow,
                    ['--source-us', 2, '--trainer-us', 1, '--bytes', 5000]):
        status, out, err = run(PROGRAM, '--batches', 500, '--json', '-', *options)
        check(status == 0, options, status, err)
        doc = json.loads(out)
        check(doc['run']['batches'] == 500 and doc['run']['batches_per_s'] > 0, doc['run'])
        check(doc['share_of_ceiling'] > 0, doc)


@claim
def report():
    """the report names rate, ceiling, share, CPU time, waits and memory"""
    status, out, err = run(PROGRAM, '--batches', 500)
    check(status == 0 and err == '', status, err)
    for word in ('rate', 'ceiling', 'share', 'inline', 'CPU time', 'waited', 'slept', 'memory'):
        check(word in out, word, out)


@claim
def latency():
    """--latency tells quantiles of next() in their order, from every batch of the run"""
    for producers in (0, 1, 16):
        status, out, err = run(PROGRAM, '--batches', 5000, '--latency', '--json', '-',
                               '--source-us', 1, '--producers', producers)
        check(status == 0 and 'p99.9' in err, status, err)
        doc = json.loads(out)['next_ns']
        times = [doc[q] for q in ('p50', 'p90', 'p99', 'p99_9', 'max')]
        check(times == sorted(times) and times[0] > 0, doc)
        check(doc['n'] == 5000 == sum(n for _, n in doc['buckets']), doc)
        check(doc['buckets'][-1][0] >= doc['max'] > doc['buckets'][-1][0] * 31 / 33 - 1, doc)


@claim
def bad_input():
    """bad input is answered by one line that names option, value and range, and exit 2"""
    for options, names in (
            (['--producers', '1025'], ['--producers', '"1025"', '0 to 1024']),
            (['--source-us', 'nan'], ['--source-us', '"nan"']),
            (['--source-us', '-1'], ['--source-us', '"-1"']),
            (['--bytes', '0'], ['--bytes', '"0"']),
            (['--producers', '0', '--spares', '1'], ['--producers', '--spares', 'at least 1']),
            (['--order', 'x'], ['--order', '"x"', 'ordered or completion']),
            (['--json', '/nonexistent/x'], ['--json', '/nonexistent/x']),
            (['--nonsense'], ['--nonsense']), (['stray'], ['stray'])):
        status, out, err = run(PROGRAM, *options)
        check(status == 2 and out == '' and err.count('\n') == 1, options, status, out, err)
        check(err.startswith('feed_bench: '), err)
        for name in names:
            check(name in err, options, name, err)


def name_of_thread(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:  # it has just ended
        return ''


@claim
def sigint():
    """SIGINT prints what was reached and exits 130"""
    child = subprocess.Popen([PROGRAM, '--source-wait-us', '1000', '--batches', '100000000'],
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not any('baton-' in name_of_thread(path) for path in
                  glob.glob(f'/proc/{child.pid}/task/*/comm')):
        time.sleep(0.01)  # until it feeds
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    check(child.returncode == 130, child.returncode, out, err)


@claim
def help_and_version():
    """--help and --version"""
    status, out, _ = run(PROGRAM, '--help')
    check(status == 0 and '--source-wait-us' in out, status)
    status, out, _ = run(PROGRAM, '--version')
    check(status == 0 and re.fullmatch(r'feed_bench \d+\.\d+\.\d+\n', out), out)


main()
