#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""While both sides are busy, nobody asks for memory or calls the system: quiet.py PROGRAM"""
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'cli'))
from tap import Skip, check, claim, main, run

PROGRAM = sys.argv[1]
PRODUCERS = (1, 2, 16)


def memory(*args):
    status, out, err = run(PROGRAM, *args)
    check(status == 0, status, out, err)
    return int(re.match(r'memory asked for: (\d+)', out)[1])


def calls(*args):
    """The system calls between the marks, of all threads."""
    if not shutil.which('strace'):
        raise Skip('there is no strace here')
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'calls')
        status, out, err = run('strace', '-f', '-o', path, PROGRAM, *args)
        if 'ptrace' in err.lower() and not os.path.getsize(path):
            raise Skip('strace may not trace here: ' + err.splitlines()[0])
        with open(path) as f:
            lines = f.read().splitlines()
    check(status == 0, status, out, err)
    at = [next(i for i, line in enumerate(lines) if f'write(-1, "{word}"' in line)
          for word in ('begin', 'end')]
    return [line for line in lines[at[0] + 1:at[1]]
            if not re.search(r'exited with|<\.\.\. write resumed>|--- SIG', line)]


@claim
def no_memory():
    """1, 2 and 16 producers: nobody asks for memory"""
    for p in PRODUCERS:
        check(memory(p) == 0, p, memory(p))


@claim
def no_calls():
    """1, 2 and 16 producers: nobody calls the system"""
    for p in PRODUCERS:
        check(calls(p) == [], p, calls(p))


@claim
def crimes():
    """a fill that asks for memory, or calls the system, would be found"""
    check(memory(2, 'malloc') > 1000, memory(2, 'malloc'))
    for crime in ('getppid', 'sleep'):
        found = [line for line in calls(2, crime) if crime in line]
        check(len(found) > 1000, crime, found[:3])


main()
