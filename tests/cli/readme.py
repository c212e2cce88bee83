#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""README holds what it promises: readme.py ROOT [PROGRAM...]"""
import os
import re
import subprocess
import sys

from tap import check, claim, main

ROOT, PROGRAMS = sys.argv[1], sys.argv[2:]
TEXT = open(os.path.join(ROOT, 'README.md')).read()


@claim
def examples():
    """README's C code stands in an example that is compiled and run"""
    folder = os.path.join(ROOT, 'tests', 'examples')
    sources = [open(os.path.join(folder, n)).read() for n in os.listdir(folder)]
    blocks = re.findall(r'^```c\n(.*?)^```$', TEXT, re.M | re.S)
    check(len(blocks) >= 2, len(blocks))
    for block in blocks:
        check(any(block in source for source in sources), block)


@claim
def links():
    """every file that README links is there"""
    paths = re.findall(r'\]\(([^)#:]+)\)', TEXT)
    check(len(paths) >= 8, paths)
    for path in paths:
        check(os.path.exists(os.path.join(ROOT, path)), path)


@claim
def options():
    """every option that README names, some program has"""
    known = set()
    for program in PROGRAMS:
        known |= set(re.findall(r'--[a-z-]+', subprocess.run(
            [program, '--help'], capture_output=True, text=True).stdout))
    named = set(re.findall(r'`(?:[^`\n]* )?(--[a-z][a-z-]+)[^`\n]*`', TEXT))
    for option in named - {'--benchmark', '--suite', '--verbose', '--quick'}:
        check(option in known, option)


main()
