#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A table of seeded mistakes in the trainer, and which runs tell it from Keras:
trainer.py DIRECTORY OF replay_NAME... -- NAME... -- RUN...

Each replay_NAME is tests/ref/replay with one mistake (lib/train/mutant.h). A run of Keras
itself should notice; where only one of float64.py's does, the table says so."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from tap import check, claim, main, run  # noqa: E402

first = sys.argv.index('--')
second = sys.argv.index('--', first + 1)
PLACE, = sys.argv[1:first]
MUTANTS, RUNS = sys.argv[first + 1:second], sys.argv[second + 1:]


def failing(program):
    """The names of the runs that it does not follow."""
    status, out, err = run(os.path.join(PLACE, program), *RUNS)
    rows = [row.split() for row in out.splitlines()]
    check(status in (0, 1) and err == '' and len(rows) == len(RUNS), program, status, err)
    return [row[0].removesuffix('.txt') for row in rows if row[3] == 'fail']


def told_apart(name):
    def test():
        seen = failing('replay_' + name)
        by_keras = [run for run in seen if not run.startswith('float64_')]
        test.__doc__ = f'{name:19} {" ".join(by_keras or seen) or "is not seen"}'
        check(seen, name, 'passes every run')
    test.__doc__ = name
    return test


@claim
def innocent():
    """no mistake         passes every run"""
    check(failing('replay_none') == [], failing('replay_none'))


for mutant in MUTANTS:
    claim(told_apart(mutant))
main()
