#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much of lib its tests run: lines, branches, MC/DC.

    coverage.py BUILD [--fail] [--mcdc] [--of FOLDER REASONS]

BUILD was set up for it and its tests have run there (run.sh). Prints a
table by folder, then each line and each side of a branch that no test went through, with
the reason from uncovered.txt. --fail: exit 1 if one has no reason, if a reason is stale, or
if less than 95 % of the branches were gone through, reasons or not. So lib/feed is run
whole, but for what has a reason. --mcdc: also each condition that was never seen to decide
alone. --of: another folder than lib, with reasons of its own (selftest.py).

Text that is inlined into many programs counts as run if one of them ran it: llvm-cov's own
report takes each copy for itself."""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
GOAL = 0.95  # of all branches


class File:
    def __init__(self, path):
        self.text = open(path).read().split("\n")
        self.regions = defaultdict(int)  # (l1, c1, l2, c2): times
        self.branches = defaultdict(lambda: [0, 0])  # the same: times true, times false
        self.decisions = {}  # the same: [condition shown to decide]

    def line_count(self, line):
        """Of the innermost region that holds the line's first character; None: no code."""
        text = self.text[line - 1]
        at = (line, len(text) - len(text.lstrip()) + 1)
        held = [r for r in self.regions if r[:2] <= at < r[2:]]
        return self.regions[max(held, key=lambda r: (r[:2], -r[2], -r[3]))] if held else None

    def lines(self):
        """Those that say something of their own; a macro's body is run where it is used."""
        inside = False
        for line, text in enumerate(self.text, 1):
            code, in_macro = text.strip(), inside
            inside = code.endswith("\\") and (inside or code.startswith("#"))
            if in_macro or code in ("", ";", "{", "}", "};", "else", "} else {", "do {"):
                continue
            if code.startswith(("/*", "*", "#", "//")):
                continue
            count = self.line_count(line)
            if count is not None:
                yield line, count

    def function_of(self, line):
        """The name of the one whose text the line is in."""
        heads = (re.findall(r"(\w+)\(", text) for text in reversed(self.text[:line])
                 if text[:1] not in ("", " ", "\t", "{", "}", "#", "/"))
        return next((names[-1] for names in heads if names), "")

    def source(self, key):
        l1, c1, l2, c2 = key
        if l1 != l2:
            return self.text[l1 - 1][c1 - 1 :].strip()
        inside, behind = self.text[l1 - 1][c1 - 1 : c2 - 1], self.text[l1 - 1][c2 - 1 :]
        if inside == "" or behind.startswith("("):  # a macro's use: without its end
            inside += re.match(r"\w*(\([^()]*\))?", behind).group()
        return inside.strip()


def export(build):
    raw = glob.glob(os.path.join(build, "raw", "*.profraw"))
    if not raw:
        sys.exit(f"coverage: no profiles in {build}/raw: set LLVM_PROFILE_FILE and run the tests")
    merged = os.path.join(build, "all.profdata")
    listed = os.path.join(build, "raw.txt")
    with open(listed, "w") as f:
        f.write("\n".join(raw))
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", "-f", listed, "-o", merged], check=True)
    programs = []
    for path in glob.glob(os.path.join(build, "**"), recursive=True):
        if os.path.isfile(path) and os.access(path, os.X_OK) and not path.endswith((".so", ".py")):
            with open(path, "rb") as f:
                if f.read(4) == b"\x7fELF" and ".so" not in os.path.basename(path):
                    programs += ["-object", path]
    out = subprocess.run(
        ["llvm-cov-19", "export", *programs, f"-instr-profile={merged}", "-format=text"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
    return json.loads(out)["data"][0]


def collect(data, folder):
    files = {}
    def file(path):
        path = os.path.realpath(path)
        if not path.startswith(folder + os.sep):
            return None
        name = os.path.relpath(path, folder)
        if name not in files:
            files[name] = File(path)
        return files[name]

    for function in data["functions"]:
        paths = function["filenames"]
        for l1, c1, l2, c2, count, f, _, kind in function["regions"]:
            if kind == 0 and file(paths[f]):
                file(paths[f]).regions[l1, c1, l2, c2] += count
        for l1, c1, l2, c2, yes, no, f, _, _ in function["branches"]:
            if file(paths[f]):
                sides = file(paths[f]).branches[l1, c1, l2, c2]
                sides[0] += yes
                sides[1] += no
        for l1, c1, l2, c2, *rest in function.get("mcdc_records", []):
            f = file(paths[0])
            if f:
                old = f.decisions.get((l1, c1, l2, c2), [False] * len(rest[-1]))
                f.decisions[l1, c1, l2, c2] = [a or b for a, b in zip(old, rest[-1])]
    # what no program was linked with is in no profile
    for path in glob.glob(os.path.join(folder, "**", "*.c"), recursive=True) if files else ():
        file(path)
    return files


def reasons(path):
    """file, text of the line, what is not run there: why, once for each place that has them."""
    given = defaultdict(list)
    for row in open(path):
        if row.strip() and not row.startswith("#"):
            name, text, what, why = row.rstrip("\n").split("\t")
            given[name, text, what].append(why)
    return given


def gaps(files):
    for name in sorted(files):
        f = files[name]
        if not f.regions:
            yield name, 1, "the whole file", "in no program"
        for line, count in f.lines():
            if count == 0:
                yield name, line, f.text[line - 1].strip(), "never run"
        for key, (yes, no) in sorted(f.branches.items()):
            if f.line_count(key[0]) == 0:
                continue  # told by its line
            if yes + no == 0:
                yield name, key[0], f.source(key), "never asked"
            elif yes == 0:
                yield name, key[0], f.source(key), "never true"
            elif no == 0:
                yield name, key[0], f.source(key), "never false"


def undecided(files):
    """Conditions that never decided alone, by their place in the decision."""
    for name in sorted(files):
        f = files[name]
        for key, shown in sorted(f.decisions.items()):
            missing = [str(i + 1) for i, one in enumerate(shown) if not one]
            if missing:
                yield name, key[0], " ".join(missing), f.source(key)


def table(files):
    """Prints it; returns which share of all branches was gone through."""
    print(f"{'':16}{'lines':>16}{'branches':>18}{'MC/DC':>18}")
    totals = defaultdict(lambda: [0, 0, 0, 0, 0, 0])
    for name, f in files.items():
        line = [c for _, c in f.lines()]
        side = [s for sides in f.branches.values() for s in sides]
        deciding = [d for ds in f.decisions.values() for d in ds]
        add = [len(line), sum(map(bool, line)), len(side), sum(map(bool, side)),
               len(deciding), sum(deciding)]
        for room in (name.split(os.sep)[0] if os.sep in name else ".", "all"):
            totals[room] = [a + b for a, b in zip(totals[room], add)]
    for room, t in sorted(totals.items(), key=lambda x: (x[0] == "all", x[0])):
        cells = [f"{t[i + 1]}/{t[i]} {100 * t[i + 1] / max(1, t[i]):6.2f} %" for i in (0, 2, 4)]
        print(f"{room:12}" + "".join(f"{c:>20}" for c in cells))
    return totals["all"][3] / max(1, totals["all"][2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--mcdc", action="store_true")
    parser.add_argument("--of", nargs=2, metavar=("FOLDER", "REASONS"),
                        default=(os.path.join(HERE, "..", "..", "lib"),
                                 os.path.join(HERE, "uncovered.txt")))
    args = parser.parse_args()
    files = collect(export(args.build), os.path.realpath(args.of[0]))
    if not files:
        sys.exit("coverage: nothing of it was instrumented")
    share = table(files)
    given, n, bare = reasons(args.of[1]), 0, 0
    for n, (name, line, text, what) in enumerate(gaps(files), 1):
        whole = name, "the function " + files[name].function_of(line), what
        why = (given[name, text, what].pop(0) if given.get((name, text, what))
               else given[whole][0] if given.get(whole) else None)
        bare += why is None
        print(f"{name}:{line}: {what}: {text}: {why or 'NO REASON GIVEN'}")
    # what only a race or another machine reaches may be run or not
    stale = [g for g, whys in given.items()
             if any(not why.startswith("sometimes:") for why in whys)]
    for name, text, what in stale:
        print(f"{name}: {what}: {text}: a reason is given, but it is run")
    if args.mcdc:
        for name, line, which, text in undecided(files):
            print(f"{name}:{line}: never decides alone: condition {which}: {text}")
    print(f"{n} gaps, {bare} without a reason, {len(stale)} stale reasons")
    if share < GOAL:
        print(f"branches: below the goal of {100 * GOAL:g} %")
    if args.fail and (bare or stale or share < GOAL):
        sys.exit(1)


main()
