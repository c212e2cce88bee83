#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program behind baton's row of reuse.py: baton_row.py PROGRAM BATCHES"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'cli'))
from tap import check, claim, main, run  # noqa: E402

PROGRAM = sys.argv[1]
BATCHES = int(sys.argv[2])


@claim
def no_stranger():
    """inline and with 1, 4 and 16 producers, every row is what its label was made from"""
    for rows, columns in ((64, 2), (64, 1024)):
        status, out, err = run(PROGRAM, 'rows', rows, columns, BATCHES)
        check(status == 0 and err == '', status, err)
        doc = json.loads(out)
        check(doc['rows'] == 4 * BATCHES * rows and doc['strangers'] == 0, doc)


@claim
def learns():
    """it learns the article's mean"""
    status, out, err = run(PROGRAM, 'fit')
    check(status == 0 and err == '', status, err)
    doc = json.loads(out)
    check(len(doc['losses']) == 10 and 0.0026 <= doc['losses'][-1] <= 0.0032, doc)
    check(abs(doc['prediction'] - 65) < 0.2, doc)


main()
