#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""train_pairs.py PROGRAM [PAIRS]: training time of train_mean with producers against the
same run filled inline, in interleaved pairs. Exit 1 if a median ratio is above its goal."""
import json
import statistics
import subprocess
import sys

GOALS = {1: 1.25, 2: 1.25, 64: 2.0}  # producers: most times the inline run
PROGRAM = sys.argv[1]
PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 9


def train_seconds(producers):
    out = subprocess.run([PROGRAM, '--producers', str(producers), '--steps-per-epoch', '100000',
                          '--progress', 'none', '--json', '-'], check=True, capture_output=True)
    return json.loads(out.stdout)['train_seconds']


def main():
    missed = 0
    print('producers   inline s      s   ratio: median (min to max)   goal')
    for producers, goal in GOALS.items():
        pairs = [(train_seconds(0), train_seconds(producers)) for _ in range(PAIRS)]
        ratios = sorted(b / a for a, b in pairs)
        median = statistics.median(ratios)
        inline, fed = (statistics.median(side) for side in zip(*pairs))
        missed += median > goal
        print(f'{producers:9}   {inline:8.4f} {fed:6.4f}   {median:13.3f} '
              f'({ratios[0]:.3f} to {ratios[-1]:.3f})   {goal:.2f} '
              f'{"met" if median <= goal else "MISSED"}')
    sys.exit(1 if missed else 0)


main()
