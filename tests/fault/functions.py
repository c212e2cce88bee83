#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What fails inside the library comes back as an error: functions.py FAULT LIBRARY HEADER..."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, sys.argv.pop(1))
from tap import Skip, check, claim, main, run  # noqa: E402

FAULT, LIBRARY, *HEADERS = sys.argv[1:]
DECLARED = re.compile(r'^BATON_API[^;(]*?\b(baton_\w+)\(', re.M)
# what would be a fault of another kind, that nothing here makes fail
# files are made by these, and every call that they need fails in saves.c
SAVING = {'baton_model_save', 'baton_snapshot_save', 'baton_model_load', 'baton_weights_load',
          'baton_checkpointer_start', 'baton_checkpointer_stop', 'baton_npy_open',
          'baton_npy_source', 'baton_npy_get', 'baton_npy_identity', 'baton_npy_close'}
SAVES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'saves.c')
SYSTEM = {'open', 'open64', 'openat', 'fopen', 'fopen64', 'write', 'pwrite', 'rename', 'fsync',
          'socket', 'posix_memalign', 'strdup', 'asprintf'}


def functions():
    found = set()
    for header in HEADERS:
        with open(header) as file:
            found |= set(DECLARED.findall(file.read()))
    return found


@claim
def every_fault():
    """every failed allocation or thread comes back as an error, and leaves nothing behind"""
    status, out, err = run(FAULT)
    check(status == 0 and err == '', status, out, err)
    scenarios = re.findall(r'^(.*): (\d+) faults$', out, re.M)
    check(len(scenarios) >= 7 and all(int(n) >= 8 for _, n in scenarios), out)
    met = {name: int(n) for name, n in re.findall(r'^(baton_\w+) +(\d+)$', out, re.M)}
    with open(SAVES) as file:
        saves = file.read()
    check(all(name + '(' in saves for name in SAVING), SAVING)
    check(set(met) == functions() - SAVING, 'not called under faults, or not public:',
          sorted(set(met) ^ functions() - SAVING))
    can_fail = sorted(name for name, n in met.items() if n)
    check('baton_open' in can_fail and 'baton_detach' in can_fail, met)
    every_fault.__doc__ += (f': {sum(int(n) for _, n in scenarios)} faults; of {len(met)} public '
                            f'functions {", ".join(can_fail)} can meet one')


@claim
def leaks():
    """what a scenario leaves behind is seen: a block, a descriptor, a thread"""
    for what, seen in (('block', ': 1 blocks, 0 threads'), ('file', ' 1 files are left'),
                       ('thread', '(the kernel: 1)')):
        if what == 'thread' and os.environ['BATON_SANITIZE'] == 'thread':
            continue  # it has one of its own
        status, out, err = run(FAULT, what, env=os.environ | {'ASAN_OPTIONS': 'detect_leaks=0'})
        check(status == 1 and seen in err, what, status, err)


@claim
def no_other_faults():
    """the library asks the system for no more than saves.c makes fail"""
    if not shutil.which('nm'):
        raise Skip('there is no nm')
    done = subprocess.run(['nm', '-D', '--undefined-only', LIBRARY], capture_output=True,
                          text=True, check=True)
    names = {line.split()[-1].split('@')[0] for line in done.stdout.splitlines()}
    check('pthread_create' in names, sorted(names))
    with open(os.path.join(os.path.dirname(SAVES), 'meson.build')) as file:
        failing = set(re.findall(r"'(\w+)'", file.read()))
    check(not names & SYSTEM - failing, sorted(names & SYSTEM - failing))


main()
