#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table itself: selftest.py. What is no kill must not be called one: TAP.

Rows of its own take the place of the list: one that changes nothing, some that can't be
judged, and one that is killed; and three programs that of all of them."""

import contextlib
import io
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import mutants  # noqa: E402
import table  # noqa: E402
from tap import Skip, check, claim, main  # noqa: E402

RING, STRESS, HEADER = "lib/feed/ring.h", "tests/stress/ring.c", "lib/baton/batch.h"
HOLDS_NOT = (STRESS, "wrong += !holds(b, t);", "wrong += holds(b, t);")
os.chdir(table.ROOT)
killers = table.killers
table.programs = lambda: [table.Program("stress_ring", "value", [(STRESS, ())], args=["1000"]),
                          table.Misuse("READ_AFTER_RELEASE", "thread-safety"),
                          table.Program("unit_error", "unit", [("tests/unit/test_error.c", ()),
                                                               ("tests/unit/sanitizers.c", ())],
                                        lib=table.FEED, links=["-lcriterion"],
                                        args=["--verbose", "--fail-fast"])]


def judged(path, old, new, **how):
    """Returns the table's exit status, and what it said."""
    mutants.MUTANTS[:] = [mutants.Mutant("selftest", "a row", [(path, old, new)], **how)]
    sys.argv[1:] = ["--jobs", "1"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = table.main()
    return status, said.getvalue()


@claim
def killed():
    """a mutant that a test sees is killed by it"""
    status, said = judged(*HOLDS_NOT)
    check(status == 0 and "value (stress_ring: 1000 tickets, 1000 wrong)" in said, said)
    check(said.endswith("\n1 of 1 killed\n"), said)


@claim
def hints():
    """one that knew a mutant once hides no kill where it sees nothing, or is gone"""
    row = "lib/error.c", "\t\tif ((unsigned char)*text < ' ')\n", "\t\tif (0)\n"
    sees = "a_name_with_a_line_break_forges_no_second_line"
    for test in (sees, "a_text_that_is_too_long_is_cut", "no_such_test"):
        table.killers = lambda: {("a row", "error.c"): ("unit_error", test)}
        status, said = judged(*row)
        check(status == 0 and f"unit (unit_error: {sees})" in said, test, status, said)
    check(("an error of two lines", "error.c") in killers(), killers())


@claim
def survives():
    """a change that changes nothing survives, and that is a failure"""
    status, said = judged(RING, "/* How far a turn", "/* By how much a turn")
    check(status == 1 and "NOT KILLED" in said and said.endswith("\n0 of 1 killed\n"), said)


@claim
def not_equivalent():
    """a mutant that is killed is not called equivalent"""
    status, said = judged(*HOLDS_NOT, reason="it is said so")
    check(status == 1 and "WRONGLY CALLED EQUIVALENT" in said, said)


@claim
def other_words():
    """a mutant that must be killed for one reason is not killed by another"""
    status, said = judged(*HOLDS_NOT, must={"value": "data race"})
    check(status == 1 and "NOT KILLED BY value" in said, said)


@claim
def no_mutant():
    """a text that is not there, or does not compile, is the table's mistake and no kill"""
    rows = [(RING, "no such text", ""), (RING, "static inline bool baton_ring_ready", "int"),
            (STRESS, "static uint64_t consume(void)", "static uint64_t consume(")]
    if table.CLANG:
        rows.append((HEADER, "#define BATON_MAX_RANK 6\n", ""))
    for row in rows:
        status, said = judged(*row)
        check(status == 2 and re.search("^table: ", said, re.M), row, status, said)
    if not table.CLANG:
        raise Skip("no clang here: nobody compiles the misuse")


main()
