#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""checks.py CHECKED UNCHECKED SEEDED POISON [ROUNDS]: what it costs that misuse is a named error
in every build. Each is checks.c: as it is, without what protects (unchecked.py lists it), with
one check that takes 50 instructions more, and with the debug build's poison.

Prints instructions for each round trip (by valgrind, which counts them exactly: the difference of
a longer and a shorter run; it knows no AVX-512, so they are those of the library's AVX2) and,
beside it, the time of both in turns. Exit 1 if the checks are more than 3 % of the instructions
of the article's training step, or if those of the seeded program are not, or are not the 50 more
that they are. 77: there is no valgrind."""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

CHECKED, UNCHECKED, SEEDED, POISON = sys.argv[1:5]
ROUNDS = int(sys.argv[5]) if len(sys.argv) > 5 else 9
GOAL = 0.03
SHORT, LONG = 4096, 20480  # whole turns of every pool
TIMED = 2_000_000
CASES = {'handoff': 'bare hand-off, a batch a block', 'own': 'the same, claimed by the caller',
         'feed': "the article's feed, no training", 'train': "the article's training step"}


def count(program, case, n):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'out')
        subprocess.run(['valgrind', '-q', '--tool=callgrind', '--callgrind-out-file=' + path,
                        program, case, str(n)], check=True, stdout=subprocess.DEVNULL)
        with open(path) as f:
            return int(re.search(r'^(?:summary|totals): (\d+)', f.read(), re.M)[1])


def instructions(program, case):
    return (count(program, case, LONG) - count(program, case, SHORT)) / (LONG - SHORT)


def ns(program, case):
    return float(subprocess.run([program, case, str(TIMED)], check=True, text=True,
                                capture_output=True).stdout)


def spread(values):
    return f'{statistics.median(values):7.1f} ({min(values):.1f} to {max(values):.1f})'


def main():
    if not shutil.which('valgrind'):
        print('there is no valgrind here')
        sys.exit(77)
    print('instructions for each round trip  checked  without   checks   share')
    share, whole = {}, {}
    for case, name in CASES.items():
        whole[case], without = instructions(CHECKED, case), instructions(UNCHECKED, case)
        share[case] = 1 - without / whole[case]
        print(f'{name:32} {whole[case]:8.1f} {without:8.1f} {whole[case] - without:8.1f}'
              f' {100 * share[case]:6.1f} %')
    print('All inline or claimed by the caller, spares = 0: these are the figures of helping off.')
    poison = {case: instructions(POISON, case) - whole[case] for case in ('handoff', 'train')}
    print(f'debug poison of 768 bytes: {poison["handoff"]:+.1f} in a bare hand-off, '
          f'{poison["train"]:+.1f} in a training step ({100 * poison["train"] / whole["train"]:.1f} %)')
    for case in CASES:
        pairs = [(ns(CHECKED, case), ns(UNCHECKED, case)) for _ in range(ROUNDS)]
        print(f'{CASES[case]:32} ns: checked {spread([a for a, _ in pairs])}, without '
              f'{spread([b for _, b in pairs])}, difference {spread([a - b for a, b in pairs])}')
    dear = instructions(SEEDED, 'train')
    more, seeded = dear - whole['train'], 1 - (1 - share['train']) * whole['train'] / dear
    found = 49 <= more <= 51 and seeded > GOAL
    print(f'a check that takes 50 more: {more:+.1f}, {100 * seeded:.1f} %,'
          f' {"found" if found else "NOT FOUND"}')
    good = share['train'] <= GOAL
    print(f'training step: {100 * share["train"]:.1f} %; goal {100 * GOAL:.0f} %:'
          f' {"met" if good else "MISSED"}')
    sys.exit(0 if good and found else 1)


main()
