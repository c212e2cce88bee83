#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same bits on processors that this machine is not: widths.py QEMU PROGRAM CPU

QEMU runs PROGRAM (train_mean) and CPU (cpu.c) one process at a time, as on the processor that
-cpu names: qemu64 has no vectors beyond SSE2, max has all that QEMU knows of, AVX2 among them."""
import functools
import json
import platform
import sys

from tap import Skip, check, claim, main, run

QEMU, PROGRAM, CPU = sys.argv[1:]
# batches of whole groups of random numbers, and of parts; with layers, and the short way
RUNS = (['-b', '64'], ['-b', '50'], ['-b', '131', '--hidden', '7'],
        ['-b', '64', '--loss', 'mae', '--optimizer', 'adam'])


def on(processor):
    """What starts a program there; here: nothing."""
    if processor == 'here':
        return []
    if not QEMU:
        raise Skip('no qemu-x86_64 (qemu-user)')
    if platform.machine() != 'x86_64':
        raise Skip(f'widths are of x86-64, this is {platform.machine()}')
    return [QEMU, '-cpu', processor]


def vectors(processor):
    status, out, err = run(*on(processor), CPU)
    check(status == 0, status, err)
    return out.split()


@functools.lru_cache(maxsize=None)
def digests(processor, *more):
    """Of all RUNS."""
    found = []
    for options in RUNS:
        status, out, err = run(*on(processor), PROGRAM, '-p', '1', '-e', '1', '--steps-per-epoch',
                               '300', '--progress', 'none', '--json', '-', *options, *more)
        check(status == 0, status, err)
        found.append(json.loads(out)['digest'])
    return found


@claim
def without():
    """on a processor without AVX2, the digests of this one"""
    check(vectors('qemu64') == [], vectors('qemu64'))
    check(digests('qemu64') == digests('here'), vectors('here'))


@claim
def with_avx2():
    """on one with AVX2, the same"""
    if 'avx2' not in vectors('max'):
        raise Skip('this QEMU has no AVX2')
    check(digests('max') == digests('here'), vectors('max'))


@claim
def with_avx512():
    """with AVX-512, the digests of a processor without AVX2"""
    if 'avx512' not in vectors('here'):
        raise Skip('no AVX-512 here, and QEMU has none')
    check(digests('here') == digests('qemu64'))


@claim
def control():
    """control: numbers of another seed have other digests"""
    check(not set(digests('here')) & set(digests('here', '--seed', '2')))


main()
