#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a work-conserving trainer gains: conserving.py FEED_BENCH [PAIRS [SOURCE_US TRAINER_US]]

One producer, a source of 20 us and a trainer of 2: the producer's CPU is full, the trainer's
nearly idle. Runs feed_bench without and with --work-conserving on in turns, and prints medians with
their ranges: the rate of each, the ceiling that each run measured beside itself (the same work
on so many threads at once, nothing handed over), and the gain beside what the second CPU is
worth, which is the ceiling of two who fill over that of one. On a machine that others use the
ceiling moves; compare the pairs' ratios. Judges nothing: exit 0 if all runs were good."""
import json
import statistics
import subprocess
import sys

if len(sys.argv) < 2:
    sys.exit(__doc__.split('\n')[0])
PROGRAM, PAIRS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9
SOURCE, TRAINER = sys.argv[3:5] if len(sys.argv) > 4 else ('20', '2')


def run(*more):
    done = subprocess.run([PROGRAM, '--producers', '1', '--source-us', SOURCE, '--trainer-us',
                           TRAINER, '--json', '-', *more], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    doc = json.loads(done.stdout)
    before, after = doc['ceiling_before'], doc['ceiling_after']
    return {'rate': doc['run']['batches_per_s'], 'share': doc['share_of_ceiling'],
            'ceiling': (before['batches_per_s'] + after['batches_per_s']) / 2,
            'cpus': doc['run']['cpus_used']}


def line(name, values, form):
    print(f'{name:42}' + form.format(statistics.median(values)) +
          f'  ({form.format(min(values))} to {form.format(max(values))})')


pairs = [(run('--work-conserving', 'off'), run('--work-conserving', 'on')) for _ in range(PAIRS)]
line('asleep: batches/s', [a['rate'] for a, _ in pairs], '{:10.0f}')
line('work-conserving: batches/s', [b['rate'] for _, b in pairs], '{:10.0f}')
line('gain', [b['rate'] / a['rate'] for a, b in pairs], '{:10.3f}')
line('what the second CPU is worth', [b['ceiling'] / a['ceiling'] for a, b in pairs], '{:10.3f}')
line('asleep: share of its ceiling', [a['share'] for a, _ in pairs], '{:10.3f}')
line('work-conserving: share of its ceiling', [b['share'] for _, b in pairs], '{:10.3f}')
line('asleep: CPUs used', [a['cpus'] for a, _ in pairs], '{:10.2f}')
line('work-conserving: CPUs used', [b['cpus'] for _, b in pairs], '{:10.2f}')
