#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutants of ring.h and wait.h against the explorer.

    mutants.py CC LIB MODEL EXPLORER [NAME...]

Each mutant is the shipped text with one thing changed: a weaker order, or a step taken
out. What is changed is looked up in the text and must be there exactly once, so that a
mutant never outlives the line that it is made from. It is killed if one of its scenarios
has an execution that fails. One that survives does so for the reason beside it. Prints a
table; exit 0 if all were killed that must be, and no other.
MODEL_SECONDS is how long one scenario may take."""

import os
import subprocess
import sys
import tempfile
import time

RING, WAIT = "feed/ring.h", "feed/wait.h"
CYCLE, SLEEPERS = "harness/cycle.h", "harness/sleepers.h"

# scenarios: harness, macros, arguments of the explorer
TWO = ("two_producers", "-DN_SLOTS=1", "")
TWO2 = ("two_producers", "-DN_SLOTS=2", "")
PARK = ("park", "-DN_SLOTS=1 -DN_TICKETS=2", "")
PARK2 = ("park", "-DN_PRODUCERS=2 -DN_SLOTS=2 -DN_TICKETS=2", "")
HALT = ("halt", "-DN_TICKETS=2", "")
ANY = ("park", "-DCOMPLETION -DN_PRODUCERS=2 -DN_SLOTS=2 -DN_TICKETS=2", "")
CANCEL = ("cancel", "-DN_TICKETS=2", "")
CANCEL1 = ("cancel", "-DN_TICKETS=1", "")
CANCEL2 = ("cancel", "-DN_TICKETS=1 -DN_PRODUCERS=2", "")
BUSY = ("busy", "", "")
OUT = ("out_of_order", "", "preemptions 1")
SLOW = ("slow_fill", "", "preemptions 1")
# the trainer goes away with what it holds: nobody but a halt or a cancel wakes anybody
KEPT_HALT = ("halt", "-DTAKES=1 -DN_TICKETS=2", "")
KEPT_HALT3 = ("halt", "-DTAKES=1 -DN_TICKETS=2 -DN_PRODUCERS=3", "preemptions 1")
KEPT_CANCEL = ("cancel", "-DTAKES=1 -DN_TICKETS=2", "")
PARKS = [PARK, PARK2, CANCEL, BUSY]

PRODUCERS_LOOK = (
    "atomic_load_explicit(&r->ticket, ORDER_RECHECK);\n"
    "\tuint64_t turn = atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK);\n\n"
    "\treturn baton_ring_past")


def order(label, to, scenarios):
    return (f"{label} = {to}", [("-D", f"ORDER_{label}=memory_order_{to}")], scenarios, None)


def step(name, path, old, new, scenarios, reason=None):
    return (name, [(path, old, new)], scenarios, reason)


def weaker(name, path, text, label, to, scenarios, reason=None):
    return step(f"{name}: {to}", path, text, text.replace(label, f"memory_order_{to}"),
                scenarios, reason)


MUTANTS = [
    # every label, as a whole
    order("CLAIM", "relaxed", [TWO]),
    order("TAKE", "relaxed", [TWO]),
    order("PUBLISH", "acq_rel", PARKS),
    order("PUBLISH", "release", PARKS),
    order("PUBLISH", "relaxed", [TWO]),
    order("RELEASE", "release", PARKS),
    order("RELEASE", "relaxed", [TWO]),
    order("ASLEEP", "acq_rel", PARKS),
    order("ASLEEP", "relaxed", PARKS),
    order("RECHECK", "acquire", PARKS),
    order("RECHECK", "relaxed", PARKS),
    # each place where a label stands, alone
    weaker("P2 after a publish", WAIT, "&w->trainer_wants, ORDER_ASLEEP); /* P2 */",
           "ORDER_ASLEEP", "acquire", PARKS),
    weaker("P2 of the trainer", WAIT, "&w->producers_asleep, ORDER_ASLEEP) != 0",
           "ORDER_ASLEEP", "acquire", PARKS),
    weaker("S2 of the trainer", WAIT, "&w->trainer_wants, wants, ORDER_ASLEEP)",
           "ORDER_ASLEEP", "release", PARKS),
    weaker("S2 of a producer", WAIT, "&w->producers_asleep, 1, ORDER_ASLEEP)",
           "ORDER_ASLEEP", "acq_rel", PARKS),
    weaker("S3 of the trainer", WAIT, "->turn, ORDER_RECHECK) == 2 * t + 1",
           "ORDER_RECHECK", "acquire", PARKS),
    weaker("S3 of a producer, turn", WAIT,
           "ORDER_RECHECK);\n\n\treturn baton_ring_past(turn, t) < 0;",
           "ORDER_RECHECK", "acquire", PARKS),
    step("S3 of a producer, ticket: relaxed", WAIT, PRODUCERS_LOOK,
         PRODUCERS_LOOK.replace("ORDER_RECHECK", "memory_order_relaxed", 1), PARKS,
         "equivalent: an old ticket's slot is past it, so the producer does not sleep"),
    weaker("S3 of a producer, state", SLEEPERS,
           "atomic_load_explicit(&state, ORDER_RECHECK) == RUNNING", "ORDER_RECHECK",
           "acquire", [KEPT_CANCEL, KEPT_HALT, CANCEL2],
           "equivalent: who cancels or halts always moves the epoch, and S1 and P3 order the state"),
    weaker("S3 of the trainer, state", SLEEPERS, "!stopped(ORDER_RECHECK)", "ORDER_RECHECK",
           "acquire", [KEPT_CANCEL, CANCEL2], "the same"),
    weaker("raise_state", SLEEPERS, "to, memory_order_seq_cst", "memory_order_seq_cst",
           "acq_rel", [KEPT_CANCEL, KEPT_HALT, CANCEL2], "the same"),
    ("S1 of a producer and its look at the state: relaxed",
     [(WAIT, "&w->producers_epoch, memory_order_acquire",
       "&w->producers_epoch, memory_order_relaxed"),
      (SLEEPERS, "atomic_load_explicit(&state, ORDER_RECHECK)",
       "atomic_load_explicit(&state, memory_order_relaxed)")], [KEPT_CANCEL, KEPT_HALT], None),
    ("S1 of the trainer and its look at the state: relaxed",
     [(WAIT, "&w->trainer_epoch, memory_order_acquire",
       "&w->trainer_epoch, memory_order_relaxed"),
      (SLEEPERS, "!stopped(ORDER_RECHECK)", "!stopped(memory_order_relaxed)")],
     [CANCEL1, CANCEL], None),
    ("P3 and raise_state: relaxed",
     [(WAIT, "(epoch, 1, memory_order_release)", "(epoch, 1, memory_order_relaxed)"),
      (SLEEPERS, "to, memory_order_seq_cst", "to, memory_order_relaxed")],
     [KEPT_CANCEL, KEPT_HALT], None),
    weaker("P3", WAIT, "(epoch, 1, memory_order_release)", "memory_order_release", "relaxed",
           [KEPT_CANCEL, KEPT_HALT, PARK], "needed in RC11, where the seq_cst look at the "
           "state may come earlier; not shown by running forward"),
    weaker("S1 of a producer", WAIT, "&w->producers_epoch, memory_order_acquire",
           "memory_order_acquire", "relaxed", [KEPT_CANCEL, KEPT_HALT, PARK], "as P3"),
    weaker("S1 of the trainer", WAIT, "&w->trainer_epoch, memory_order_acquire",
           "memory_order_acquire", "relaxed", [CANCEL2, PARK], "as P3"),
    # the ring's steps
    step("no look at the slot before a claim", RING, "if (past < 0)", "if (0)", [TWO]),
    step("a ticket taken without compare-exchange", RING,
         "if (atomic_compare_exchange_weak_explicit(\n"
         "\t\t\t    &r->ticket, &at, at + 1, memory_order_relaxed, memory_order_relaxed)) {",
         "atomic_store_explicit(&r->ticket, at + 1, memory_order_relaxed); {", [TWO, TWO2]),
    step("released for a ticket too early", RING, "2 * (t + r->mask + 1), ORDER_RELEASE",
         "2 * (t + r->mask), ORDER_RELEASE", [TWO, TWO2]),
    step("released for a turn too late", RING, "2 * (t + r->mask + 1), ORDER_RELEASE",
         "2 * (t + 2 * (r->mask + 1)), ORDER_RELEASE", [TWO, TWO2]),
    step("published as the next ticket", RING, "2 * t + 1, ORDER_PUBLISH",
         "2 * t + 3, ORDER_PUBLISH", [TWO]),
    step("taken whatever the turn", RING, "->turn, ORDER_TAKE) == 2 * t + 1",
         "->turn, ORDER_TAKE) != 1", [TWO]),
    step("turns compared by size, not by difference", RING,
         "return (int64_t)(turn - 2 * t);", "return turn < 2 * t ? -1 : turn > 2 * t;",
         [TWO, TWO2]),
    step("tickets compared by size", RING, "(int64_t)(at - limit) < 0", "2 * at < 2 * limit",
         [TWO]),
    step("no next turn at a release", RING,
         "atomic_store_explicit(&baton_ring_slot(r, t)->turn, 2 * (t + r->mask + 1), "
         "ORDER_RELEASE);", "(void)r, (void)t;", [TWO]),
    # the caller's steps
    step("published before it is filled", CYCLE, "\t\t\tfill(b, t, me);\n",
         "\t\t\tbaton_ring_publish(&ring, t);\n\t\t\tfill(b, t, me);\n", [TWO]),
    step("written after it was published", CYCLE,
         "stories[t - FIRST].published = baton_ring_publish(&ring, t);",
         "stories[t - FIRST].published = baton_ring_publish(&ring, t); b->payload = 0;", [TWO]),
    step("released before it is read", CYCLE, "\t\tconsume(b, t);\n",
         "\t\tbaton_ring_release(&ring, t);\n\t\tconsume(b, t);\n", [TWO]),
    step("released twice", CYCLE, "\t\tbaton_ring_release(&ring, t);\n#ifdef",
         "\t\tbaton_ring_release(&ring, t);\n\t\tbaton_ring_release(&ring, t);\n#ifdef", [TWO]),
    step("detached without a fresh block", CYCLE,
         "atomic_store_explicit(&s->block, &fresh[t - FIRST], memory_order_relaxed);", ";",
         [("two_producers", "-DDETACH -DN_SLOTS=1", "")]),
    step("detached after the release", CYCLE,
         "\t\tbaton_ring_release(&ring, t);\n#ifdef DETACH\n",
         "#ifdef DETACH\n\t\tatomic_store_explicit(&s->block, b, memory_order_relaxed);\n#endif\n"
         "\t\tbaton_ring_release(&ring, t);\n#ifdef DETACH\n"
         "\t\tatomic_store_explicit(&s->block, &fresh[t - FIRST], memory_order_relaxed);\n",
         [("two_producers", "-DDETACH -DN_SLOTS=1", "")]),
    # the waits' steps
    step("no wake after a publish", WAIT, "\t\tbaton_wait_wake(&w->trainer_epoch, 1);",
         "\t\treturn;", PARKS),
    step("no wake of who wants any", WAIT,
         "if (wants == 2 * t + 1 || wants == BATON_WANTS_ANY)", "if (wants == 2 * t + 1)",
         [ANY]),
    step("a wake for the ticket before", WAIT, "if (wants == 2 * t + 1 ||",
         "if (wants == 2 * t - 1 ||", PARKS),
    step("no wake after a release", WAIT,
         "2 * (uint64_t)n_free >= n_slots - held)\n\t\tbaton_wait_wake(&w->producers_epoch, 1);",
         "2 * (uint64_t)n_free >= n_slots - held)\n\t\treturn;", [BUSY]),
    step("hysteresis that never wakes", WAIT, "2 * (uint64_t)n_free >= n_slots - held",
         "n_free > (int64_t)(2 * n_slots + held)", [BUSY]),
    step("no wake by a trainer about to sleep", SLEEPERS,
         "\tbaton_wait_pass_on(&waits, &ring);\n\tepoch =", "\tepoch =", [OUT]),
    step("no wake by a producer that was woken", SLEEPERS,
         "\telse if (woken)\n\t\tbaton_wait_pass_on(&waits, &ring);", "", [SLOW]),
    step("neither of the two rules wakes", WAIT,
         "baton_wait_next_is_free(r))\n\t\tbaton_wait_wake(&w->producers_epoch, 1);",
         "baton_wait_next_is_free(r))\n\t\treturn;", [OUT]),
    step("no wake at a halt", SLEEPERS,
         "\traise_state(HALTED);\n\tbaton_wait_wake_producers(&waits);",
         "\traise_state(HALTED);", [KEPT_HALT]),
    step("a halt that wakes one", WAIT, "baton_wait_wake(&w->producers_epoch, INT_MAX)",
         "baton_wait_wake(&w->producers_epoch, 1)", [KEPT_HALT3]),
    step("cancel that wakes the trainer only", WAIT,
         "\tbaton_wait_wake_producers(w);\n\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);",
         "\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);", [KEPT_CANCEL]),
    step("cancel that wakes producers only", WAIT,
         "\tbaton_wait_wake_producers(w);\n\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);",
         "\tbaton_wait_wake_producers(w);", [CANCEL2, CANCEL]),
    step("no second look of a producer", WAIT, "return baton_ring_past(turn, t) < 0;",
         "return (void)turn, true;", PARKS),
    step("no second look of the trainer", WAIT,
         "->turn, ORDER_RECHECK) == 2 * t + 1;", "->turn, ORDER_RECHECK) == 1;", PARKS),
    step("no second look at the state", SLEEPERS,
         "baton_wait_full(&ring) &&\n\t    atomic_load_explicit(&state, ORDER_RECHECK) == "
         "RUNNING", "baton_wait_full(&ring)", [KEPT_CANCEL]),
    step("a wake that does not move the epoch", WAIT,
         "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n", "", PARKS),
    step("a wake without its system call", WAIT, "\tbaton_futex_wake(epoch, n);\n",
         "\t(void)n;\n", PARKS),
    step("the epoch moved after the wake", WAIT,
         "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n"
         "\tbaton_futex_wake(epoch, n);\n",
         "\tbaton_futex_wake(epoch, n);\n"
         "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n", PARKS),
    step("the flag not raised by the trainer", WAIT,
         "\tatomic_store_explicit(&w->trainer_wants, wants, ORDER_ASLEEP); /* S2 */\n",
         "\t(void)wants;\n", PARKS),
    step("the flag not raised by a producer", WAIT,
         "\tatomic_fetch_add_explicit(&w->producers_asleep, 1, ORDER_ASLEEP); /* S2 */\n", "",
         PARKS),
    step("a trainer that goes down for another ticket", SLEEPERS, "2 * head + 1;",
         "2 * head + 3;", PARKS),
]


class Killer:
    def __init__(self, cc, lib, model, explorer, seconds):
        self.cc, self.lib, self.model = cc, lib, model
        self.explorer, self.seconds = explorer, seconds

    def text(self, path):
        root = self.lib if path.startswith("feed/") else self.model
        with open(os.path.join(root, path), encoding="utf-8") as f:
            return f.read()

    def lay_out(self, where, changes):
        """The headers and harnesses, changed, in a folder of their own."""
        for name in ("ring.h", "wait.h", "futex.h"):
            self.write(where, "feed/" + name)
        for name in sorted(os.listdir(os.path.join(self.model, "harness"))):
            self.write(where, "harness/" + name)
        for path, old, new in changes:
            text = self.text(path)
            if text.count(old) != 1:
                sys.exit(f"{path}: {text.count(old)} times, not once:\n{old}")
            self.write(where, path, text.replace(old, new))

    def write(self, where, path, text=None):
        to = os.path.join(where, path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(to, "w", encoding="utf-8") as f:
            f.write(self.text(path) if text is None else text)

    def run(self, where, macros, scenario):
        """What the explorer says of one scenario: None if nothing fails."""
        harness, sizes, how = scenario
        exe = os.path.join(where, "model")
        subprocess.run(
            [*self.cc.split(), "-std=gnu11", "-O1", "-w", "-U_FORTIFY_SOURCE", "-fsanitize=thread",
             "-include", "explorer.h", "-I" + os.path.join(self.model, "shadow"),
             "-I" + self.model, "-I" + where, *sizes.split(), *macros, "-c",
             os.path.join(where, "harness", harness + ".c"), "-o", exe + ".o"], check=True)
        subprocess.run([*self.cc.split(), "-w", exe + ".o", "-I" + self.model,
                        os.path.join(self.model, "run.c"), self.explorer, "-o", exe], check=True)
        done = subprocess.run([exe, *how.split(), "seconds", str(self.seconds), "quiet", "1"],
                              capture_output=True, text=True, check=False)
        if done.returncode == 3:
            return done.stdout.strip().split(" s: ", 1)[-1]
        if done.returncode not in (0, 4):
            sys.exit(f"{harness}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return None

    def kill(self, mutant):
        _, changes, scenarios, _ = mutant
        macros = [c[0] + c[1] for c in changes if c[0] == "-D"]
        with tempfile.TemporaryDirectory() as where:
            self.lay_out(where, [c for c in changes if c[0] != "-D"])
            for scenario in scenarios:
                said = self.run(where, macros, scenario)
                if said:
                    return f"{scenario[0]}: {said}"
        return None


def main():
    killer = Killer(*sys.argv[1:5], float(os.environ.get("MODEL_SECONDS", "5")))
    killed = wrong = counted = 0
    print(f"{'mutant':46} {'time':>7}  killed by")
    for mutant in MUTANTS:
        name, _, _, reason = mutant
        if len(sys.argv) > 5 and not any(word in name for word in sys.argv[5:]):
            continue
        begun = time.monotonic()
        by = killer.kill(mutant)
        took = time.monotonic() - begun
        if reason:
            print(f"{name:46} {took:6.1f}s  {by or 'survives: ' + reason}", flush=True)
            wrong += by is not None
            continue
        counted += 1
        killed += by is not None
        print(f"{name:46} {took:6.1f}s  {by or 'NOBODY'}", flush=True)
    print(f"{killed} of {counted} killed")
    return wrong or killed != counted


if __name__ == "__main__":
    sys.exit(main())
