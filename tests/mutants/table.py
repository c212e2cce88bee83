#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The table of mutants: which layer of the tests kills which seeded bug.

    table [--all] [--markdown] [--jobs N] [WORD...]

A mutant is the shipped text with one step changed (mutants.py has the list). For each the
text is laid out in a temporary folder with that change in it; what depends on it is compiled
anew, linked with the rest, and run, layer after layer, until one kills it. --all asks every
layer that knows the text, and prints them all; else one that has a reason to survive is asked
only by the tests that would know it first, if there are such. WORDs choose mutants by name, group or
file.

    layer    what runs                                            killed when
    compile  tests/misuse with clang                              a misuse compiles
    model    the harnesses of tests/model under the explorer      an execution fails
    spin     tests/model/pipeline.pml with a switch               a state fails
    unit     the unit tests, assertions on                        a test fails or hangs
    keras    tests/ref/replay on the recorded runs                it leaves one of them
    value    tests/stress, which recompute every batch            wrong content, or a hang
    fault    tests/fault, every allocation and thread failing     a leak or a wrong answer
    asan     the feed's unit tests with ASan, UBSan, BATON_DEBUG  a report, or as above
    tsan     tests/stress with TSan                               a race, or as above

The unit test that killed a mutant when TABLE.md was made is asked first, alone; it is a hint, no
more: if it sees nothing, or is gone, all are asked.

Before a program may kill anything it must let the unchanged text pass. A program that runs
for more than LIMIT_S, or eight times what it took for the unchanged text, hangs: that is a
kill too, and said so. A kill by tsan or value may take luck, and one by the model time, so a
mutant rests on one of them alone only where it was caught every time; who is not killed is
asked again, up to TRIES times, with more time for the model, and the row says so.

Prints mutant, file, killed by, seconds; the last line is `N of M killed`. A mutant that
survives has its reason beside it. Exit 0; 1 if one without a reason survives, or one with a
reason does not, or a layer that must kill one does not; 2 if the table itself is wrong: a
change whose text is not in the file exactly once, a mutant that does not compile, tests
that fail without one. A layer whose tool is missing is skipped, and so is a mutant that no
other layer kills."""

import argparse
import concurrent.futures
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True # the source is not the place for it
import mutants  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CC = os.environ.get("BATON_CC", "cc").split()
CLANG = os.environ.get("BATON_CLANG", shutil.which("clang") or "")
SPIN = os.environ.get("BATON_SPIN", shutil.which("spin") or "")
MODEL_SECONDS = os.environ.get("MODEL_SECONDS", "5")
LIMIT_S = 6
TRIES = 3 # a machine that others use may keep the one that finds it from running
BUSY_S = 1 # for so long a program is taken to use its CPU; then it may be one that sleeps

CPUS = None # a semaphore: so many compilers and programs at once, but for those that sleep

LAYERS = ("compile", "model", "spin", "unit", "keras", "value", "fault", "asan", "tsan")
KEPT = ("lib/**/*.[ch]", "tests/**/*.[ch]", "tests/model/pipeline.pml", "tests/model/spin.sh",
        "tests/misuse/*.sh")
COMPILE = ["-std=gnu11", "-O1", "-w", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64",
           "-ffp-contract=off", "-fno-math-errno"]
VARIANTS = {
    "plain": [],
    "asan": ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DBATON_DEBUG"],
    "tsan": ["-g", "-fsanitize=thread"],
}
LIBS = ["-lurcu-bp", "-lurcu-common", "-lcjson", "-lm", "-pthread"]
FEED = ["lib/error.c", "lib/thread.c", *sorted(glob.glob("lib/feed/*.c", root_dir=ROOT))]
WHOLE = [*FEED, *sorted(glob.glob("lib/train/*.c", root_dir=ROOT)),
         *sorted(glob.glob("lib/report/*.c", root_dir=ROOT))]
FEED_UNITS = ("ring", "wait", "batch", "delivery", "claim", "pipeline", "cancel", "helping",
              "layout", "poison", "rng", "permutation", "npy", "dlpack", "error", "ledger")
TRAIN_UNITS = ("snapshot", "optimizer", "loss", "dense", "reduce", "fit", "model", "callbacks",
               "advice")



class Wrong(Exception):
    """The table is wrong, not a mutant."""


class Once:
    """A function of its arguments that is computed once, whoever asks."""

    def __init__(self, function):
        self.function, self.lock, self.results = function, threading.Lock(), {}

    def __call__(self, *args):
        with self.lock:
            mine = args not in self.results
            if mine:
                self.results[args] = concurrent.futures.Future()
            result = self.results[args]
        if mine:
            try:
                result.set_result(self.function(*args))
            except BaseException as e:  # whoever waits must hear of it
                result.set_exception(e)
        return result.result()


class Spent:
    """Seconds that this thread's programs ran, not those that it waited for a CPU."""
    of = threading.local()

    def __enter__(self):
        self.begun = time.monotonic()

    def __exit__(self, *_):
        Spent.of.seconds = getattr(Spent.of, "seconds", 0) + time.monotonic() - self.begun


def run(command, limit_s, cwd, env=None):
    """Exit status (None: it took too long) and what it said."""
    with CPUS, Spent():
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, cwd=cwd, text=True, errors="replace",
                                 env={**os.environ, **(env or {})}, start_new_session=True)
        said = outcome(child, BUSY_S)
    if said is None:
        with Spent():
            said = outcome(child, limit_s - BUSY_S)
    if said is None:
        os.killpg(child.pid, 9)
        return None, child.communicate()[0]
    return child.returncode, said


def outcome(child, seconds):
    try:
        return child.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        return None


def build(command, cwd):
    """An error of the compiler, or None."""
    with CPUS, Spent():
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else None


# --- the text -------------------------------------------------------------------------

def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


class Tree:
    """The text with a mutant's changes: links, and what was changed."""

    def __init__(self, place, changes, patience):
        self.place, self.changed, self.patience = place, {}, patience
        self.made = {}  # (source, flags) -> its object
        for path, old, new in changes:
            text = self.changed.get(path) or read(path)
            if text.count(old) != 1:
                raise Wrong(f"{path}: {text.count(old)} times, not once:\n{old}")
            self.changed[path] = text.replace(old, new)
        for pattern in KEPT:
            for path in glob.glob(pattern, root_dir=ROOT, recursive=True):
                to = os.path.join(place, path)
                os.makedirs(os.path.dirname(to), exist_ok=True)
                if path in self.changed:
                    with open(to, "w", encoding="utf-8") as f:
                        f.write(self.changed[path])
                else:
                    os.symlink(os.path.join(ROOT, path), to)
        missing = [path for path in self.changed if not os.path.exists(os.path.join(place, path))]
        if missing:
            raise Wrong(f"{missing}: not part of the text")

    def object(self, source, flags):
        """Of the changed text: one for all programs that it is part of."""
        if (source, flags) not in self.made:
            to = os.path.join(self.place, f"{len(self.made)}.o")
            self.made[source, flags] = compile_object(self.place, source, flags, to)
        return self.made[source, flags]


# --- objects --------------------------------------------------------------------------

def compile_object(tree_place, source, flags, to):
    error = build([*CC, *COMPILE, *flags, "-MMD", "-c", source, "-o", to], tree_place)
    if error:
        raise Wrong(f"{source} does not compile:\n{error}")
    return to


class Objects:
    """Objects of the unchanged text, each made when it is first wanted."""

    def __init__(self, place):
        self.place = place
        self.get = Once(self.make)
        os.makedirs(place)

    def make(self, source, flags):
        to = os.path.join(self.place, f"{hash((source, flags)):x}.o")
        compile_object(ROOT, source, flags, to)
        with open(to[:-1] + "d", encoding="utf-8") as f:
            deps = f.read().replace("\\\n", " ").split(":", 1)[1].split()
        return to, frozenset(os.path.normpath(path) for path in deps)


# --- programs -------------------------------------------------------------------------

class Program:
    """What a layer compiles, links and runs: a test of ours, unchanged or not."""

    def __init__(self, name, layer, sources, variant="plain", lib=(), links=(), args=(), env=None,
                 only=(), trees=("lib/feed", "lib/baton")):
        self.name, self.layer, self.variant, self.args = name, layer, variant, list(args)
        self.flags = tuple(VARIANTS[variant])
        self.units = [(s, ("-Ilib", "-Ilib/feed", "-Ilib/train", *self.flags, *extra))
                      for s, extra in sources]
        self.units += [(s, ("-Ilib", *self.flags, *dict(only).get(s, ()))) for s in lib]
        self.links = [*self.flags, *links, *LIBS]
        self.env = env or {}
        self.trees = trees
        self.limit = Once(self.prove_innocent)

    def knows(self, objects, changed):
        """Does what changed go into it, and is that what it is a test of?"""
        places = {os.path.dirname(source) for source, _ in self.units if source.startswith("tests/")}
        places |= {"lib", *self.trees}
        ours = [path for path in changed if os.path.dirname(path) in places]
        return any(path in objects.get(*unit)[1] for path in ours for unit in self.units)

    def link(self, objects, tree, place):
        parts = []
        for unit in self.units:
            part, deps = objects.get(*unit)
            if tree and not deps.isdisjoint(tree.changed):
                part = tree.object(*unit)
            parts.append(part)
        exe = os.path.join(place, self.name)
        error = build([*CC, *parts, *self.links, "-o", exe], place)
        if error:
            raise Wrong(f"{self.name} does not link:\n{error}")
        return exe

    def prove_innocent(self, objects):
        """Runs the unchanged text, which must pass; returns what a mutant may take."""
        exe = self.link(objects, None, objects.place)
        begun = time.monotonic()
        status, said = run([exe, *self.args], 600, ROOT, self.env)
        if status != 0:
            raise Wrong(f"{self.name} fails without any mutant: exit status {status}\n{said}")
        limit = LIMIT_S if self.variant == "plain" else 3 * LIMIT_S
        return max(limit, 8 * (time.monotonic() - begun))

    def kill(self, objects, tree, only=None):
        """By one of its tests only, if it is a program of Criterion's."""
        limit = self.limit(objects)
        exe = self.link(objects, tree, tree.place)
        args = [*self.args, f"--filter=*/{only}"] if only else self.args
        status, said = run([exe, *args], limit, tree.place, self.env)
        return None if status == 0 else f"{self.name}: {self.cause(status, said)}"

    def cause(self, status, said):
        """In a few words, what it was killed by."""
        race = re.search(r"WARNING: ThreadSanitizer: (data race|[\w -]+?) \(", said)
        poison = re.search(r"ERROR: (?:Address|Leak)Sanitizer: ([\w -]+?)(?: on| \(|:|$)", said, re.M)
        failed = re.search(r"\[FAIL\] \w+::(\w+)", said)
        broken = re.search(r"Assertion [`'](.+?)' failed", said)
        if race:
            return race.group(1)
        if failed and self.layer == "unit":
            return failed.group(1)
        if poison or broken:
            return (poison or broken).group(1)
        if status is None:
            runs = set(re.findall(r"\[RUN *\] \w+::(\w+)", said))
            runs -= set(re.findall(r"\[(?:PASS|FAIL|SKIP)\] \w+::(\w+)", said))
            return " ".join(["hang", *sorted(runs)[:1]])
        if failed:
            return failed.group(1)
        undefined = re.search(r"runtime error: (.+)", said)
        if undefined:
            return undefined.group(1)
        if status < 0:
            return f"signal {-status}"
        last = said.strip().splitlines()
        return re.sub(r" \(seed.*|^\w+: ", "", last[-1])[:60] if last else f"exit status {status}"


class Replay(Program):
    def cause(self, status, said):
        runs = re.findall(r"^(\S+)\.txt .* fail$", said, re.M)
        by_keras = [r for r in runs if not r.startswith("float64_")] or runs
        if not by_keras:
            return super().cause(status, said)
        more = f" and {len(by_keras) - 1} more" if len(by_keras) > 1 else ""
        return by_keras[0] + more


class Scenario:
    """A harness of tests/model, in every execution that the explorer finds."""
    layer = "model"

    def __init__(self, harness, sizes="", how=""):
        self.name = harness
        self.source = f"tests/model/harness/{harness}.c"
        self.flags = ("-U_FORTIFY_SOURCE", "-fsanitize=thread", "-include", "explorer.h",
                      "-Itests/model/shadow", "-Itests/model", "-Ilib", *sizes.split())
        self.how = how.split()

    def knows(self, objects, changed):
        return any(path in objects.get(self.source, self.flags)[1] for path in changed)

    def kill(self, objects, tree):
        place = tree.place if tree else objects.place
        part = os.path.join(place, "harness.o")
        compile_object(tree.place if tree else ROOT, self.source, self.flags, part)
        exe = os.path.join(place, "harness")
        parts = [part, objects.get("tests/model/run.c", ("-O2",))[0],
                 objects.get("tests/model/explorer.c", ("-O2", "-U_FORTIFY_SOURCE"))[0]]
        error = build([*CC, *parts, "-o", exe], place)
        if error:
            raise Wrong(f"{self.name} does not link:\n{error}")
        seconds = int(MODEL_SECONDS) * (tree.patience ** 2 if tree else 1)
        status, said = run([exe, *self.how, "seconds", str(seconds), "quiet", "1"], 600, place)
        if status == 3:
            return f"{self.name}: " + said.strip().split(" s: ", 1)[-1]
        if status not in (0, 4):
            raise Wrong(f"{self.name}: exit status {status}\n{said}")
        return None


class Misuse:
    """A mistake that must not compile."""
    layer = "compile"

    def __init__(self, mistake, word):
        self.name, self.mistake, self.word = mistake.lower().replace("_", " "), mistake, word

    def knows(self, _objects, changed):
        return any(path.startswith("lib/baton/") for path in changed)

    def kill(self, _objects, tree):
        source = "tests/misuse/misuse.c"
        error = build([CLANG, "-std=gnu11", "-Ilib", "-w", "-fsyntax-only", source], tree.place)
        if error:
            raise Wrong(f"{source} does not compile even without warnings:\n{error}")
        status, said = run(["tests/misuse/refused.sh", CLANG, "-Ilib", source, self.mistake,
                            self.word], 60, tree.place)
        return said.strip().splitlines()[0].lower().replace("_", " ") if status else None


class Spin:
    """Every state of the sequentially consistent model."""
    layer, name = "spin", "spin"

    def __init__(self, sizes=mutants.SPIN_SIZES):
        self.sizes = sizes.split()

    def knows(self, _objects, changed):
        return "tests/model/pipeline.pml" in changed

    def kill(self, _objects, tree):
        status, said = run(["sh", "tests/model/spin.sh", SPIN, " ".join(CC),
                            os.path.join(tree.place, "tests/model/pipeline.pml"), "fails",
                            *self.sizes], 300, tree.place)
        if status == 0:
            pan = re.search(r"pan:\d+: (.+?)(?: \(at depth.*)?$", said, re.M)
            return "spin: " + (pan.group(1) if pan else "an error")
        if "errors: 0" not in said:
            raise Wrong(f"spin: exit status {status}\n{said}")
        return None


def programs():
    """Every program of every layer, the cheapest first."""
    tsan = {"TSAN_OPTIONS": "halt_on_error=1:exitcode=66"}
    unit = ["--verbose", "--fail-fast", "-j2", "--color=never"]
    train = ("lib/train", "lib/report", "lib/baton")
    runs = sorted(os.path.join(ROOT, path)
                  for path in glob.glob("tests/ref/*.txt", root_dir=ROOT))

    def tests(name):
        return [(f"tests/unit/test_{name}.c", ()), ("tests/unit/sanitizers.c", ())]

    wrapped = re.findall(r"'(\w+)'", re.search(r"wrapped = \[(.*?)\]",
                                               read("tests/fault/meson.build"), re.S)[1])
    found = [Misuse(*found) for found in
             re.findall(r"'([A-Z_]+)': '([a-z-]+)'", read("tests/misuse/meson.build"))]
    found += [Scenario(*s) for s in mutants.SCENARIOS] + [Spin()]
    found += [Program("unit_" + name, "unit", tests(name), lib=FEED, links=["-lcriterion"],
                      args=unit) for name in FEED_UNITS]
    found += [Program("unit_" + name, "unit", tests(name), lib=WHOLE, links=["-lcriterion"],
                      args=unit, trees=train) for name in TRAIN_UNITS]
    found += [Program("unit_trace", "unit", tests("trace"), lib=WHOLE, links=["-lcriterion"],
                      args=unit, trees=("lib/feed", "lib/report", "lib/baton"))]
    found += [Replay("replay", "keras", [("tests/ref/main.c", ()), ("tests/ref/replay.c", ())], lib=WHOLE, args=runs,
                     trees=train)]
    found += [
        Program("stress_ring", "value", [("tests/stress/ring.c", ())], args=["100000"]),
        Program("reuse", "value", [("tests/stress/seeded/reuse.c", ())], lib=FEED, args=["reuse", "honest"],
                trees=()),
        Program("stress_own", "value", [("tests/stress/own.c", ())], lib=FEED, args=["20000"]),
        Program("stress_pipeline", "value", [("tests/stress/pipeline.c", ())], lib=FEED,
                args=["200000"]),
        Program("fault", "fault", [("tests/fault/fault.c", ())], lib=WHOLE,
                links=["-Wl,--wrap=" + name for name in wrapped],
                trees=("lib/feed", "lib/train", "lib/baton")),
    ]
    found += [Program("asan_" + name, "asan", tests(name), "asan", FEED, ["-lcriterion"], unit)
              for name in ("poison", "batch", "delivery", "claim", "layout", "cancel", "pipeline")]
    found += [
        Program("tsan_ring", "tsan", [("tests/stress/ring.c", ())], "tsan", args=["100000"],
                env=tsan),
        Program("tsan_reuse", "tsan", [("tests/stress/seeded/reuse.c", ())], "tsan", FEED,
                args=["reuse", "honest"], env=tsan, trees=()),
        Program("tsan_own", "tsan", [("tests/stress/own.c", ())], "tsan", FEED, args=["10000"],
                env=tsan),
        Program("tsan_pipeline", "tsan", [("tests/stress/pipeline.c", ())], "tsan", FEED,
                args=["50000"], env=tsan),
        Program("tsan_snapshot", "tsan", [("tests/stress/snapshot.c", ())], "tsan", WHOLE,
                args=["20000", "4"], env=tsan, trees=("lib/train",),
                only={"lib/train/snapshot.c": ("-DBATON_TEST_GAP",)}.items()),
    ]
    return found


# --- the table ------------------------------------------------------------------------

GOOD = ("killed", "survives", "skipped") # verdicts; the others say what is wrong


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def killers():
    """{(mutant, file): (program, unit test)}, from when TABLE.md was made."""
    row = r"^\| (.+) \| (\S+) \| \*\*unit\*\*: (\w+): (?:hang )?(\w+) \|"
    return {(name, file): (program, test)
            for name, file, program, test in re.findall(row, read("tests/mutants/TABLE.md"), re.M)}


class Table:
    def __init__(self, objects, every):
        self.objects, self.every = objects, every
        self.probes = programs()
        self.killers = {} if every else killers()
        self.skipped = {layer for layer, tool in (("compile", CLANG), ("spin", SPIN)) if not tool}

    def probes_of(self, mutant, layer):
        """What of a layer knows the mutant's text: the test named like the file first."""
        changed = {path for path, _, _ in mutant.changes}
        if layer == "model" and mutant.scenarios is not None:
            return [Scenario(*s) for s in mutant.scenarios]
        if layer == "spin" and mutant.spin:
            return [Spin(mutant.spin)]
        known = [p for p in self.probes if p.layer == layer and p.knows(self.objects, changed)]
        stems = {stem(path) for path in changed} | set(mutant.first)
        first = [p for p in known if p.name.split("_", 1)[-1] in stems]
        if mutant.reason and first and not self.every:
            return first  # the others say nothing, a minute long
        return first + [p for p in known if p not in first]

    def ask(self, mutant, layer, tree):
        """Returns (was there anything to ask, killed by)."""
        probes = self.probes_of(mutant, layer)
        for probe in probes:
            by = probe.kill(self.objects, tree)
            if by:
                return True, by
        return bool(probes), None

    def judge(self, mutant):
        """Returns {layer: killed by, None if not}, the seconds it took, and how many tries."""
        Spent.of.seconds = 0
        for tries in range(1, TRIES + 1):
            kills = self.try_all(mutant, tries)
            if self.verdict(mutant, kills) in GOOD:
                break
        return kills, Spent.of.seconds, tries

    def try_all(self, mutant, patience):
        kills = {}
        with tempfile.TemporaryDirectory(dir=self.objects.place) as place:
            tree = Tree(place, mutant.changes, patience)
            name, test = self.killers.get((mutant.name, mutant.file), (None, None))
            probe = next((p for p in self.probes_of(mutant, "unit") if p.name == name), None)
            by = probe and not mutant.must and probe.kill(self.objects, tree, test)
            if by:
                return {"unit": by}
            must = [layer for layer in LAYERS if layer in mutant.must]
            for layer in must + [layer for layer in LAYERS if layer not in must]:
                killed = any(kills.values()) and not set(must) - set(kills)
                if layer in self.skipped or (killed and not self.every):
                    continue
                if mutant.layers and layer not in mutant.layers and not self.every:
                    continue
                asked, by = self.ask(mutant, layer, tree)
                if asked:
                    kills[layer] = by
        return kills

    def verdict(self, mutant, kills):
        """killed, survives, skipped; or what is wrong."""
        unkilled = [layer for layer, word in mutant.must.items() if layer not in self.skipped and
                    not (kills.get(layer) and word in kills[layer])]
        if mutant.reason:
            return "WRONGLY CALLED EQUIVALENT" if any(kills.values()) else "survives"
        if unkilled:
            return f"NOT KILLED BY {' '.join(unkilled)}"
        if any(kills.values()):
            return "killed"
        changed = {path for path, _, _ in mutant.changes}
        if any(p.layer in self.skipped and p.knows(self.objects, changed) for p in self.probes):
            return "skipped"
        return "NOT KILLED"


def cell(kills):
    return "; ".join(f"{layer} ({by})" for layer, by in kills.items() if by)


class Plain:
    """One line a mutant, as they are done."""

    def head(self, _every):
        print(f"{'mutant':58} {'file':22} {'time':>6}  killed by")

    def group(self, name):
        print(f"-- {name}")

    def row(self, mutant, kills, seconds, tries, verdict):
        again = f" at try {tries}" if tries > 1 else ""
        word = {"killed": "", "survives": f"nobody: {mutant.reason}",
                "skipped": "skipped: its tool is missing"}.get(verdict, verdict + " ")
        print(f"{mutant.name:58} {mutant.file:22} {seconds:5.1f}s  {word}{cell(kills)}{again}",
              flush=True)


class Markdown:
    """The whole table, to be kept."""

    def head(self, every):
        version = subprocess.run([*CC, "--version"], capture_output=True, text=True, check=True)
        how = " --all" if every else ""
        print("# Mutants\n\nEach a step of the shipped text changed, and the layers of the tests that "
              f"noticed.\nMade on {time.strftime('%Y-%m-%d')} by `build/tests/mutants/table{how} "
              "--markdown`\n"
              f"({version.stdout.splitlines()[0]}, {platform.machine()}, "
              f"{len(os.sched_getaffinity(0))} CPUs that other work\nshared; the seconds are what "
              "all the layers took). What the layers are, and when a mutant is\nkilled by one, "
              "[table.py](table.py) says; what is changed, [mutants.py](mutants.py).")

    def group(self, name):
        print(f"\n## {name}\n\n| mutant | file | killed by | not by | s |\n| --- | --- | --- | --- | --- |")

    def row(self, mutant, kills, seconds, _tries, verdict):
        by = [f"**{layer}**: {said}" for layer, said in kills.items() if said]
        spared = ", ".join(layer for layer, said in kills.items() if not said)
        if not by:
            by = [f"nobody: {mutant.reason}" if verdict == "survives" else verdict]
        text = "<br>".join(by).replace("|", "\\|")
        print(f"| {mutant.name} | {mutant.file} | {text} | {spared} | {seconds:.0f} |", flush=True)


def chosen(words):
    groups = list(dict.fromkeys(m.group for m in mutants.MUTANTS))
    return sorted((m for m in mutants.MUTANTS
                   if not words or any(w in f"{m.group}: {m.name} {m.file}" for w in words)),
                  key=lambda m: groups.index(m.group))


def main():
    parser = argparse.ArgumentParser(prog="table", description="Which layer of the tests kills "
                                     "which seeded bug.")
    parser.add_argument("--all", action="store_true", help="ask every layer, not until one kills")
    parser.add_argument("--markdown", action="store_true", help="print it to be kept")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("words", nargs="*", metavar="WORD", help="mutants with it in name or file")
    args = parser.parse_args()
    global CPUS
    CPUS = threading.BoundedSemaphore(args.jobs)
    rows, counts, wrong, group = chosen(args.words), {}, [], None
    if not rows:
        parser.error(f"no mutant has {' or '.join(args.words)} in its name, group or file")
    if args.jobs < 1:
        parser.error(f"--jobs is {args.jobs}: at least 1")
    with tempfile.TemporaryDirectory(prefix="baton-mutants-") as place:
        table = Table(Objects(os.path.join(place, "unchanged")), args.all)
        form = Markdown() if args.markdown else Plain()
        form.head(args.all)
        pool = concurrent.futures.ThreadPoolExecutor(4 * args.jobs)
        try:
            for mutant, (kills, seconds, tries) in zip(rows, pool.map(table.judge, rows)):
                if mutant.group != group:
                    group = mutant.group
                    form.group(group)
                verdict = table.verdict(mutant, kills)
                counts[verdict] = counts.get(verdict, 0) + 1
                form.row(mutant, kills, seconds, tries, verdict)
                if verdict not in GOOD:
                    wrong.append(f"{mutant.name}: {verdict}")
        except Wrong as e:
            print(f"table: {e}", file=sys.stderr)
            return 2
        finally:
            pool.shutdown(cancel_futures=True)
    print("", *wrong, sep="\n")
    for word, text in (("survives", "survive for the reason beside them"),
                       ("skipped", "skipped: the tool of the only layer that knows them is missing")):
        if counts.get(word):
            print(f"{counts[word]} {text}")
    print(f"{counts.get('killed', 0)} of {len(rows) - counts.get('survives', 0)} killed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
