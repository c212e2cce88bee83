#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a file of the library as a mutant has it: changed.py ROOT MUTANT FILE OUTPUT.
For seeded bugs that are run many times (tests/stress/seeded): the list stays the one."""

import os
import sys

import mutants

root, name, path, output = sys.argv[1:]
changes = [change for m in mutants.MUTANTS if m.name == name for change in m.changes]
text = open(os.path.join(root, path)).read()
for where, old, new in changes:
    if where == path:
        if text.count(old) != 1:
            sys.exit(f"{name}: its text is not in {path} exactly once")
        text = text.replace(old, new)
if not changes:
    sys.exit(f"there is no mutant {name}")
with open(output, "w") as out:
    out.write(text)
