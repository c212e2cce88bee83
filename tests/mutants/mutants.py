# SPDX-License-Identifier: MIT
"""The mutants: what is changed in the text, and who must notice.

A change is a text that must be in its file exactly once, and what takes its place; so a
mutant never outlives the line that it is made from. table.py asks each layer of the tests
that knows the file, the cheapest first. What a row may say besides:

    scenarios  the model's, in place of all of SCENARIOS; an empty list: it knows nothing of it
    must       layers that must kill it, each with a word of what it has to say: they have
               no other row that shows that they can
    spin       sizes of the model of the pipeline, in place of SPIN_SIZES
    layers     ask only these, unless --all
    first      the tests most likely to notice, to save time
    reason     why nobody can notice"""

import dataclasses
import re

RING, WAIT, SPARE = "lib/feed/ring.h", "lib/feed/wait.h", "lib/feed/spare.h"
LEDGER, ACCOUNT = "lib/feed/ledger.c", "lib/feed/account.h"
ADVICE = "lib/report/advice.c"
PRODUCER, CLAIM, DELIVERY = "lib/feed/producer.c", "lib/feed/claim.c", "lib/feed/delivery.c"
BATCH, BLOCK, LAYOUT = "lib/feed/batch.c", "lib/feed/block.c", "lib/feed/layout.c"
HANDLE = "lib/feed/batch.h"
POOL, PIPELINE, RNG = "lib/feed/pool.c", "lib/feed/pipeline.c", "lib/feed/rng.c"
FEED = "lib/feed/feed.h"
PERMUTATION, NPY = "lib/feed/permutation.c", "lib/feed/npy.c"
SOURCE_NPY, DLPACK = "lib/feed/source_npy.c", "lib/feed/dlpack.c"
SNAPSHOT, RECLAIMER = "lib/train/snapshot.c", "lib/train/reclaimer.c"
OPTIMIZER, LINEAR, DENSE, LOSS = (f"lib/train/{name}" for name in (
    "optimizer.c", "linear.c", "layer_dense.c", "loss.h"))
MODEL = "tests/model/harness/model.h"
CYCLE, SLEEPERS = "tests/model/harness/cycle.h", "tests/model/harness/sleepers.h"
STRESS_RING, REUSE = "tests/stress/ring.c", "tests/stress/seeded/reuse.c"
PML = "tests/model/pipeline.pml"

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
HELP = ("helping", "-DN_SLOTS=1", "")
HELP2 = ("helping", "-DN_PRODUCERS=2", "")
HELP_DEAD = ("helping", "-DN_PRODUCERS=2 -DSPARES=2 -DDIE=2", "")
HELP_PARK = ("park", "-DSPARES=1 -DNAPS=1 -DN_PRODUCERS=2 -DN_SLOTS=2 -DN_TICKETS=2", "")
HELP_SLEEP = ("park", "-DSPARES=2 -DNAPS=9 -DDIE=1 -DN_PRODUCERS=2 -DN_SLOTS=2 -DN_TICKETS=2", "")
HELPS = [HELP, HELP2, HELP_DEAD, HELP_PARK, HELP_SLEEP]
LEAVE, LEAVE1 = ("leave", "", ""), ("leave", "-DN_SLOTS=1", "")
CROWD = ("park", "-DCROWD=1 -DN_PRODUCERS=2 -DN_SLOTS=1 -DN_TICKETS=2", "preemptions 0")
BACKWARDS = ("leave", "-DBACKWARDS", "preemptions 1")
CLAIMS, CLAIM_CLOSE = ("claims", "", ""), ("claims", "-DCLOSE", "")
SCENARIOS = [TWO, TWO2, *PARKS, HALT, CLAIMS, CLAIM_CLOSE]

# the model of the pipeline: its sizes
SPIN_SIZES = "-DP=2 -DC=2 -DN=4"
SPIN_HELP = "-DP=2 -DC=1 -DN=3 -DH=2"
SPIN_FREEZE = "-DP=2 -DC=1 -DN=2 -DH=1 -DFREEZE=1"
SPIN_LAST = "-DP=3 -DC=1 -DN=2 -DH=1"

PRODUCERS_LOOK = (
    "atomic_load_explicit(&r->ticket, ORDER_RECHECK);\n"
    "\tuint64_t turn = atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK);\n\n"
    "\treturn baton_ring_past")
PASSERS_TICKET = "\t\tuint64_t t = atomic_load_explicit(&r->ticket, ORDER_RECHECK);\n\n\t\tpast ="
PASSERS_TURN = "atomic_load_explicit(&baton_ring_slot(r, t)->turn, ORDER_RECHECK), t);\n\t} while"


@dataclasses.dataclass
class Mutant:
    group: str
    name: str
    changes: list
    scenarios: list = None
    spin: str = None
    must: dict = dataclasses.field(default_factory=dict)
    layers: tuple = None
    first: tuple = ()
    reason: str = None

    @property
    def file(self):
        return self.changes[0][0].removeprefix("lib/").removeprefix("tests/")


MUTANTS = []


def mutant(group, name, changes, scenarios=None, reason=None, **how):
    if reason and "layers" not in how:
        how["layers"] = ("model", "unit")
    MUTANTS.append(Mutant(group, name, changes, scenarios, reason=reason, **how))


def step(group, name, path, old, new, scenarios=None, reason=None, **how):
    if path == PRODUCER:
        how.setdefault("first", ("pipeline", "wait"))
    mutant(group, name, [(path, old, new)], scenarios, reason, **how)


def order(label, was, to, scenarios, **how):
    if how.get("reason"): # x86 runs the same instructions
        how.setdefault("layers", ("model",))
    path = (SPARE if label in ("PUSH", "POP") else
            ACCOUNT if label.startswith(("SINCE", "DOING")) else
            WAIT if label in ("ASLEEP", "RECHECK") else RING)
    step("orders", f"{label} = {to}", path, f"#define ORDER_{label} memory_order_{was}\n",
         f"#define ORDER_{label} memory_order_{to}\n", scenarios, **how)


def weaker(name, path, text, label, to, scenarios, reason=None, **how):
    step("orders", f"{name}: {to}", path, text, text.replace(label, f"memory_order_{to}"),
         scenarios, reason, layers=("model",) if reason else None, **how)


def switch(group, name, path, macro, **how):
    """A switch in the text of a test: set above its first line."""
    first = "/* SPDX-License-Identifier: MIT */\n"
    step(group, name, path, first, f"{first}#define {macro}\n", **how)



# every label, as a whole
order("CLAIM", "acquire", "relaxed", [TWO], must={"model": "data race", "tsan": "data race"})
order("TAKE", "acquire", "relaxed", [TWO], must={"model": "data race", "tsan": "data race"})
order("PUBLISH", "seq_cst", "acq_rel", PARKS)
order("PUBLISH", "seq_cst", "release", PARKS)
order("PUBLISH", "seq_cst", "relaxed", [TWO], must={"model": "data race", "tsan": "data race"})
order("RELEASE", "seq_cst", "release", PARKS)
order("RELEASE", "seq_cst", "relaxed", [TWO], must={"model": "data race", "tsan": "data race"})
order("ASLEEP", "seq_cst", "acq_rel", PARKS)
order("ASLEEP", "seq_cst", "relaxed", PARKS)
order("RECHECK", "seq_cst", "acquire", PARKS)
order("RECHECK", "seq_cst", "relaxed", PARKS)

# each place where a label stands, alone
weaker("P2 after a publish", WAIT, "&w->trainer_wants, ORDER_ASLEEP); /* P2 */",
       "ORDER_ASLEEP", "acquire", PARKS)
weaker("P2 of the trainer", WAIT, "&w->producers_asleep, ORDER_ASLEEP) > may",
       "ORDER_ASLEEP", "acquire", PARKS)
weaker("S2 of the trainer", WAIT, "&w->trainer_wants, wants, ORDER_ASLEEP)",
       "ORDER_ASLEEP", "release", PARKS)
weaker("S2 of a producer", WAIT, "&w->producers_asleep, 1, ORDER_ASLEEP)",
       "ORDER_ASLEEP", "acq_rel", PARKS)
weaker("S3 of the trainer", WAIT, "->turn, ORDER_RECHECK) == 2 * t + 1",
       "ORDER_RECHECK", "acquire", PARKS)
weaker("S3 of a producer, turn", WAIT,
       "ORDER_RECHECK);\n\n\treturn baton_ring_past(turn, t) < 0;",
       "ORDER_RECHECK", "acquire", PARKS)
step("orders", "S3 of a producer, ticket: relaxed", WAIT, PRODUCERS_LOOK,
     PRODUCERS_LOOK.replace("ORDER_RECHECK", "memory_order_relaxed", 1), PARKS,
     "equivalent: an old ticket's slot is past it, so the producer does not sleep",
     layers=("model",))
step("orders", "who passes on looks at the next slot, ticket: relaxed", WAIT, PASSERS_TICKET,
     PASSERS_TICKET.replace("ORDER_RECHECK", "memory_order_relaxed"),
     [LEAVE, LEAVE1, BACKWARDS, *PARKS],
     "equivalent: a sleeper has tried to claim before it raises the flag, so who reads the flag "
     "sees the ticket that it saw, or a later one", layers=("model",))
step("orders", "who passes on looks at the next slot, turn: relaxed", WAIT, PASSERS_TURN,
     PASSERS_TURN.replace("ORDER_RECHECK", "memory_order_relaxed"),
     [LEAVE, LEAVE1, BACKWARDS, *PARKS],
     "equivalent: that it is free the trainer wrote itself; a producer's old look is one that "
     "came before the release, which wakes for itself", layers=("model",))
weaker("S3 of a producer, state", SLEEPERS,
       "atomic_load_explicit(&state, ORDER_RECHECK) == RUNNING", "ORDER_RECHECK",
       "acquire", [KEPT_CANCEL, KEPT_HALT, CANCEL2],
       "equivalent: who cancels or halts always moves the epoch, and S1 and P3 order the state")
weaker("S3 of the trainer, state", SLEEPERS, "!stopped(ORDER_RECHECK)", "ORDER_RECHECK",
       "acquire", [KEPT_CANCEL, CANCEL2], "the same")
weaker("raise_state", SLEEPERS, "to, memory_order_seq_cst", "memory_order_seq_cst",
       "acq_rel", [KEPT_CANCEL, KEPT_HALT, CANCEL2], "the same")
mutant("orders", "S1 of a producer and its look at the state: relaxed",
 [(WAIT, "&w->producers_epoch, memory_order_acquire",
   "&w->producers_epoch, memory_order_relaxed"),
  (SLEEPERS, "atomic_load_explicit(&state, ORDER_RECHECK)",
   "atomic_load_explicit(&state, memory_order_relaxed)")], [KEPT_CANCEL, KEPT_HALT])
mutant("orders", "S1 of the trainer and its look at the state: relaxed",
 [(WAIT, "&w->trainer_epoch, memory_order_acquire",
   "&w->trainer_epoch, memory_order_relaxed"),
  (SLEEPERS, "!stopped(ORDER_RECHECK)", "!stopped(memory_order_relaxed)")],
 [CANCEL1, CANCEL])
mutant("orders", "P3 and raise_state: relaxed",
 [(WAIT, "(epoch, 1, memory_order_release)", "(epoch, 1, memory_order_relaxed)"),
  (SLEEPERS, "to, memory_order_seq_cst", "to, memory_order_relaxed")],
 [KEPT_CANCEL, KEPT_HALT])
weaker("P3", WAIT, "(epoch, 1, memory_order_release)", "memory_order_release", "relaxed",
       [KEPT_CANCEL, KEPT_HALT, PARK], "needed in RC11, where the seq_cst look at the "
       "state may come earlier; not shown by running forward")
weaker("S1 of a producer", WAIT, "&w->producers_epoch, memory_order_acquire",
       "memory_order_acquire", "relaxed", [KEPT_CANCEL, KEPT_HALT, PARK], "as P3")
weaker("S1 of the trainer", WAIT, "&w->trainer_epoch, memory_order_acquire",
       "memory_order_acquire", "relaxed", [CANCEL2, PARK], "as P3")

# the ring's steps
step("ring", "no look at the slot before a claim", RING, "if (past < 0)", "if (0)", [TWO])
step("ring", "a ticket taken without compare-exchange", RING,
     "if (atomic_compare_exchange_weak_explicit(&r->ticket, &at, at + 1, ORDER_TICKET,\n"
     "\t\t                                          memory_order_relaxed)) {",
     "atomic_store_explicit(&r->ticket, at + 1, memory_order_relaxed); {", [TWO, TWO2])
step("ring", "released for a ticket too early", RING, "2 * (t + r->mask + 1), ORDER_RELEASE",
     "2 * (t + r->mask), ORDER_RELEASE", [TWO, TWO2])
step("ring", "released for a turn too late", RING, "2 * (t + r->mask + 1), ORDER_RELEASE",
     "2 * (t + 2 * (r->mask + 1)), ORDER_RELEASE", [TWO, TWO2])
step("ring", "published as the next ticket", RING, "2 * t + 1, ORDER_PUBLISH",
     "2 * t + 3, ORDER_PUBLISH", [TWO])
step("ring", "taken whatever the turn", RING, "->turn, ORDER_TAKE) == 2 * t + 1",
     "->turn, ORDER_TAKE) != 1", [TWO])
step("ring", "turns compared by size, not by difference", RING,
     "return (int64_t)(turn - 2 * t);", "return turn < 2 * t ? -1 : turn > 2 * t;",
     [TWO, TWO2])
step("ring", "tickets compared by size", RING, "(int64_t)(at - limit) < 0", "2 * at < 2 * limit",
     [TWO])
step("ring", "no next turn at a release", RING,
     "atomic_store_explicit(&baton_ring_slot(r, t)->turn, 2 * (t + r->mask + 1), "
     "ORDER_RELEASE);", "(void)r, (void)t;", [TWO])

# the caller's steps
step("callers, in the model", "published before it is filled", CYCLE, "\t\t\tfill(b, t, me);\n",
     "\t\t\tbaton_ring_publish(&ring, t);\n\t\t\tfill(b, t, me);\n", [TWO])
step("callers, in the model", "written after it was published", CYCLE,
     "stories[t - FIRST].published = baton_ring_publish(&ring, t);",
     "stories[t - FIRST].published = baton_ring_publish(&ring, t); b->payload = 0;", [TWO])
step("callers, in the model", "released before it is read", CYCLE, "\t\tconsume(b, t);\n",
     "\t\tbaton_ring_release(&ring, t);\n\t\tconsume(b, t);\n", [TWO])
step("callers, in the model", "released twice", CYCLE, "\t\tbaton_ring_release(&ring, t);\n#ifdef",
     "\t\tbaton_ring_release(&ring, t);\n\t\tbaton_ring_release(&ring, t);\n#ifdef", [TWO])
step("callers, in the model", "detached without a fresh block", CYCLE,
     "atomic_store_explicit(&s->block, &fresh[t - FIRST], memory_order_relaxed);", ";",
     [("two_producers", "-DDETACH -DN_SLOTS=1", "")])
step("callers, in the model", "detached after the release", CYCLE,
     "\t\tbaton_ring_release(&ring, t);\n#ifdef DETACH\n",
     "#ifdef DETACH\n\t\tatomic_store_explicit(&s->block, b, memory_order_relaxed);\n#endif\n"
     "\t\tbaton_ring_release(&ring, t);\n#ifdef DETACH\n"
     "\t\tatomic_store_explicit(&s->block, &fresh[t - FIRST], memory_order_relaxed);\n",
     [("two_producers", "-DDETACH -DN_SLOTS=1", "")])

# helping: ring.h and spare.h
IMM = ("needed where a load may see what is stored after what it comes before (IMM: GenMC "
       "shows it); RC11, which the explorer is held to, and x86 do not allow that")
for label, was in (("SINCE", "release"), ("SINCE_SEEN", "acquire"), ("DOING", "release"),
                   ("DOING_SEEN", "acquire")):
    order(label, was, "relaxed", [("account", "", "")], must={"model": ""})
order("TICKET", "release", "relaxed", HELPS, reason=IMM)
order("CLAIMED", "acquire", "relaxed", HELPS, reason=IMM)
order("PUSH", "release", "relaxed", HELPS, must={"model": "data race"})
order("POP", "acquire", "relaxed", HELPS, must={"model": "data race"})
PUBLISH_TEXT = """	return atomic_compare_exchange_strong_explicit(&baton_ring_slot(r, t)->turn, &free_turn,
	                                               2 * t + 1, ORDER_PUBLISH,
	                                               memory_order_relaxed);
"""
step("helping", "a late publish that overwrites", RING, PUBLISH_TEXT,
     "\tatomic_store_explicit(&baton_ring_slot(r, t)->turn, free_turn + 1, ORDER_PUBLISH);\n"
     "\treturn true;\n", HELPS, must={"model": ""})
step("helping", "a late publish that is told it was in time", RING, PUBLISH_TEXT,
     PUBLISH_TEXT.replace("return ", "") + "\treturn true;\n", HELPS, must={"model": ""})
step("helping", "a slot taken by a plain store", RING,
     """	if (!atomic_compare_exchange_strong_explicit(&s->turn, &free_turn, 2 * t + 1,
	                                             memory_order_relaxed, memory_order_relaxed))
		return false;
""", "\tatomic_store_explicit(&s->turn, free_turn + 1, memory_order_relaxed);\n", HELPS,
     must={"model": ""})
step("helping", "a slot taken without its new block", RING,
     "\tatomic_store_explicit(&s->block, block, memory_order_relaxed);\n\treturn true;",
     "\t(void)block;\n\treturn true;", HELPS, must={"model": ""})
step("helping", "the new block in the slot before it is taken", RING,
     "\t/* relaxed: passes nothing on, but from the trainer to itself */\n",
     "\tatomic_store_explicit(&s->block, block, memory_order_relaxed);\n", HELPS,
     must={"model": ""})
step("helping", "helped before anybody has claimed", RING, "ORDER_CLAIMED) - t) > 0;",
     "ORDER_CLAIMED) - t) >= 0;", HELPS, must={"model": ""})
step("helping", "a push that loses who pushed before", SPARE, "\t\tblock->next = top;\n",
     "\t\tblock->next = NULL;\n", [("helping", "-DN_PRODUCERS=2 -DSPARES=2 -DN_TICKETS=2", "")],
     must={"model": ""})
step("helping", "a push by a plain store", SPARE,
     "\twhile (!atomic_compare_exchange_weak_explicit(&s->returned, &top, block, ORDER_PUSH,\n"
     "\t                                              memory_order_relaxed));\n",
     "\twhile (0);\n\tatomic_store_explicit(&s->returned, block, ORDER_PUSH);\n",
     [("helping", "-DN_PRODUCERS=2 -DSPARES=2 -DN_TICKETS=2", "")], must={"model": ""})
step("helping", "a pop that leaves the stack as it is", SPARE,
     "atomic_exchange_explicit(&s->returned, NULL, ORDER_POP)",
     "atomic_load_explicit(&s->returned, ORDER_POP)", HELPS, must={"model": ""})
step("helping", "a pop of one loses the rest", SPARE, "\t\ts->mine = block->next;\n",
     "\t\ts->mine = NULL;\n", HELPS, must={"model": ""})
step("helping, in the model", "a late block that nobody gives back", MODEL,
     "\t\tbaton_spares_push(&spares, b);\n", "", HELPS, must={"model": ""})
step("helping, in the model", "a spare lost when nobody was late", MODEL,
     "\t\tbaton_spares_keep(&spares, b);\n\t}\n\treturn true;", "\t}\n\treturn true;", HELPS,
     must={"model": ""})
step("helping, in the model", "a late block written after it was given back", MODEL,
     "\t\tbaton_spares_push(&spares, b);\n",
     "\t\tbaton_spares_push(&spares, b);\n\t\tb->payload = 0;\n", HELPS,
     must={"model": "data race"})

# helping: the trainer and its producers
HELPING = {"layers": ("unit",), "first": ("helping",)}
step("helping", "nobody is ever late", DELIVERY, "baton_now_ns() >= feed->delivery.late_ns && help(feed)",
     "0 && help(feed)", **HELPING)
step("helping", "a late batch in a spare that is not taken", DELIVERY,
     "\tif (baton_ring_replace(&feed->ring, d->head, spare)) {", "\tif (0) {", **HELPING)
step("helping", "what nobody has begun is not filled", DELIVERY, "                     : fill_head(feed);",
     "                     : false;", **HELPING)
step("helping", "who takes as long as the trainer is late", DELIVERY,
     "(patience > BATON_LATE_NS ? patience : BATON_LATE_NS)", "BATON_LATE_NS", **HELPING)
step("helping", "a trainer that polls fills", DELIVERY, "work_conserving && !over && fill_next",
     "work_conserving && fill_next", **HELPING)
step("helping", "a late producer keeps its block", PRODUCER,
     "\tbaton_spares_push(&feed->pool.spares, block);\n", "\t(void)block;\n", **HELPING)
step("helping", "a late fill writes where the slot points", PRODUCER, "\tp->slot = p->hand;\n",
     "\tp->slot = baton_ring_slot(&p->feed->ring, t);\n", **HELPING)
step("helping", "the view of a late fill outlives it", PRODUCER,
     "\tatomic_store_explicit(&p->hand->turn, 2 * t + 1, memory_order_relaxed);\n", "", **HELPING)
step("helping", "a trainer that conserves no work", DELIVERY,
     "feed->options.work_conserving && !over && fill_next(feed)", "0", **HELPING)
step("helping", "a trainer sleeps for a cheap source", PIPELINE,
     "return source->cheap && source->pure && !source->start && !source->stop;", "return false;",
     **HELPING)
for lacks, what in ((" && !source->start", "start"), (" && !source->stop", "stop"),
                    (" && source->pure", "pure")):
    step("helping", f"a trainer fills unasked, whatever {what}", PIPELINE,
         "return source->cheap && source->pure && !source->start && !source->stop;",
         "return source->cheap && source->pure && !source->start && !source->stop;".replace(lacks, ""),
         **HELPING)
step("helping", "spares of a source that is not pure", PIPELINE, "o->spares > 0 && !source->pure",
     "0", **HELPING)
step("helping", "more spares than producers", PIPELINE, "\tif (o->spares > feed->n_threads)",
     "\tif (0)", **HELPING)
step("helping", "spares that nobody frees", POOL, "\t\tbaton_block_destroy(&spare);\n", "\t\t;\n",
     layers=("fault",))

# the waits' steps
step("waits", "no wake after a publish", WAIT, "\t\tbaton_wait_wake(&w->trainer_epoch, 1);",
     "\t\treturn;", PARKS)
step("waits", "no wake of who wants any", WAIT,
     "if (wants == 2 * t + 1 || wants == BATON_WANTS_ANY)", "if (wants == 2 * t + 1)",
     [ANY])
step("waits", "a wake for the ticket before", WAIT, "if (wants == 2 * t + 1 ||",
     "if (wants == 2 * t - 1 ||", PARKS)
step("waits", "no wake after a release", WAIT,
     "\tw->woken_at = t;\n\tbaton_wait_wake(&w->producers_epoch, 1);",
     "\tw->woken_at = t;", [BUSY])
step("waits", "hysteresis that never wakes", WAIT, "2 * (uint64_t)n_free < n_slots - held",
     "n_free <= (int64_t)(2 * n_slots + held)", [BUSY])
step("waits", "a wake for each release until somebody claims", WAIT, " || t == w->woken_at", "",
     layers=("unit",), first=("wait",))
step("waits", "a crowd of all", WAIT, "&w->producers_asleep, ORDER_ASLEEP) > may",
     "&w->producers_asleep, ORDER_ASLEEP) > may + 1", [CROWD])
step("waits", "no crowd", WAIT, "&w->producers_asleep, ORDER_ASLEEP) > may",
     "&w->producers_asleep, ORDER_ASLEEP) > may * 0", layers=("unit",), first=("wait",))
step("waits", "a trainer about to sleep leaves the crowd asleep", DELIVERY,
     "\tbaton_wait_pass_on(&feed->wait, &feed->ring, 0);\n\tepoch =",
     "\tbaton_wait_pass_on(&feed->wait, &feed->ring, feed->wait.crowd);\n\tepoch =",
     first=("wait",))
step("waits", "a trainer that polls leaves the crowd asleep", DELIVERY,
     "\t\t\tbaton_wait_pass_on(&feed->wait, &feed->ring, 0);\n\t\t\treturn BATON_TIMEOUT;",
     "\t\t\tbaton_wait_pass_on(&feed->wait, &feed->ring, feed->wait.crowd);\n"
     "\t\t\treturn BATON_TIMEOUT;", first=("wait",))
step("waits", "a trainer that fills leaves the crowd asleep", DELIVERY,
     "\tif (feed->wait.crowd > 0) /*", "\tif (false) /*", first=("wait",))
step("waits", "a crowd beside a small pool", WAIT, " && n_slots >= 64", "",
     first=("wait",))
step("waits", "who passes on misses that the next has been claimed", WAIT,
     "\t} while (past > 0);\n", "\t} while (false);\n", [BACKWARDS])
step("waits", "no wake by a trainer about to sleep", SLEEPERS,
     "\tbaton_wait_pass_on(&waits, &ring, 0);\n\tepoch =",
     "\tepoch =", [OUT])
step("waits", "no wake by a producer that was woken", SLEEPERS,
     "\telse if (woken)\n\t\tbaton_wait_pass_on(&waits, &ring, waits.crowd);", "",
     [SLOW])
step("waits", "neither of the two rules wakes", WAIT,
     "baton_wait_next_is_free(r))\n\t\tbaton_wait_wake(&w->producers_epoch, 1);",
     "baton_wait_next_is_free(r))\n\t\treturn;", [OUT])
step("waits", "no wake at a halt", SLEEPERS,
     "\traise_state(HALTED);\n\tbaton_wait_wake_producers(&waits);",
     "\traise_state(HALTED);", [KEPT_HALT])
step("waits", "a halt that wakes one", WAIT, "baton_wait_wake(&w->producers_epoch, INT_MAX)",
     "baton_wait_wake(&w->producers_epoch, 1)", [KEPT_HALT3])
step("waits", "cancel that wakes the trainer only", WAIT,
     "\tbaton_wait_wake_producers(w);\n\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);",
     "\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);", [KEPT_CANCEL])
step("waits", "cancel that wakes producers only", WAIT,
     "\tbaton_wait_wake_producers(w);\n\tbaton_wait_wake(&w->trainer_epoch, INT_MAX);",
     "\tbaton_wait_wake_producers(w);", [CANCEL2, CANCEL])
step("waits", "no second look of a producer", WAIT, "return baton_ring_past(turn, t) < 0;",
     "return (void)turn, true;", PARKS)
step("waits", "no second look of the trainer", WAIT,
     "->turn, ORDER_RECHECK) == 2 * t + 1;", "->turn, ORDER_RECHECK) == 1;", PARKS)
step("waits", "no second look at the state", SLEEPERS,
     "baton_wait_full(&ring) && atomic_load_explicit(&state, ORDER_RECHECK) == RUNNING",
     "baton_wait_full(&ring)", [KEPT_CANCEL])
step("waits", "a wake that does not move the epoch", WAIT,
     "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n", "", PARKS)
step("waits", "a wake without its system call", WAIT, "\tbaton_futex_wake(epoch, n);\n",
     "\t(void)n;\n", PARKS)
step("waits", "the epoch moved after the wake", WAIT,
     "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n"
     "\tbaton_futex_wake(epoch, n);\n",
     "\tbaton_futex_wake(epoch, n);\n"
     "\tatomic_fetch_add_explicit(epoch, 1, memory_order_release);\n", PARKS)
step("waits", "the flag not raised by the trainer", WAIT,
     "\tatomic_store_explicit(&w->trainer_wants, wants, ORDER_ASLEEP); /* S2 */\n",
     "\t(void)wants;\n", PARKS)
step("waits", "the flag not raised by a producer", WAIT,
     "\tatomic_fetch_add_explicit(&w->producers_asleep, 1, ORDER_ASLEEP); /* S2 */\n", "",
     PARKS)
step("waits", "a trainer that goes down for another ticket", SLEEPERS, "2 * head + 1;",
     "2 * head + 3;", PARKS)

# The trainer's nap, which hides a lost wake: gone too, where a wake is lost.
NAP = (WAIT, "#define BATON_TRAINER_NAP_NS 10000000u", "#define BATON_TRAINER_NAP_NS 1000000000000u")


def asleep(group, name, path, old, new, **how):
    mutant(group, name + ", and no nap", [(path, old, new), NAP], scenarios=[], **how)


# the ring alone, under TSan and recomputed
for name, macro in (("publish before fill", "PUBLISH_BEFORE_FILL"),
                    ("release before consumption", "RELEASE_BEFORE_CONSUMPTION"),
                    ("a write after publish", "WRITE_AFTER_PUBLISH"),
                    ("a trainer that does not look whose turn it is", "NO_SLOT_CHECK")):
    switch("callers, under TSan", name, STRESS_RING, "MUTANT_" + macro,
           must={"value": "wrong", "tsan": "data race"})
step("callers, under TSan", "a generator that refills one array (the article's)", REUSE,
     'honest = argc > 2 && strcmp(argv[2], "honest") == 0;', "honest = false;",
     must={"value": "wrong", "tsan": "data race"})

# orders of the feed, besides the ring's
step("orders", "a claim given away: relaxed", CLAIM,
     "then may free everything */\n\tatomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);\n",
     "then may free everything */\n\tatomic_fetch_sub_explicit(&feed->lent, 1, memory_order_relaxed);\n",
     must={"model": "data race", "tsan": "data race"})
step("orders", "close looks at what is lent: relaxed", PIPELINE,
     "atomic_load_explicit(&(*feed)->lent, memory_order_acquire)",
     "atomic_load_explicit(&(*feed)->lent, memory_order_relaxed)",
     must={"tsan": "data race"})
step("orders", "a layout's last reference: release", LAYOUT,
     "atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel)",
     "atomic_fetch_sub_explicit(&l->refs, 1, memory_order_release)",
     must={"tsan": "data race"})
step("orders", "the last of a batch's DLPack tensors: release", DLPACK,
     "atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel)",
     "atomic_fetch_sub_explicit(&all->refs, 1, memory_order_release)",
     must={"tsan": "data race"})
step("orders", "the last of a batch's DLPack tensors: acquire", DLPACK,
     "atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel)",
     "atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acquire)",
     must={"tsan": "data race"})
step("orders", "a producer through with its files: relaxed", SOURCE_NPY,
     "atomic_fetch_sub_explicit(&d->producers, 1, memory_order_release)",
     "atomic_fetch_sub_explicit(&d->producers, 1, memory_order_relaxed)",
     must={"tsan": "data race"})
step("orders", "close looks whose files are in use: relaxed", SOURCE_NPY,
     "atomic_load_explicit(&(*data)->producers, memory_order_acquire)",
     "atomic_load_explicit(&(*data)->producers, memory_order_relaxed)",
     must={"tsan": "data race"})

# producer.c
step("producers", "cancel is an END to a producer", PRODUCER,
     "return state == BATON_STOPPED ? BATON_CANCELED : BATON_END;", "return BATON_END;")
step("producers", "a halt is not seen by a claim", PRODUCER,
     "\tif (state != BATON_RUNNING)\n", "\tif (state == BATON_STOPPED)\n")
asleep("producers", "a producer sleeps without a second look at the slot", PRODUCER,
       "if (baton_wait_full(&feed->ring) &&\n\t    atomic_load_explicit(",
       "if (atomic_load_explicit(")
step("producers", "a producer sleeps without a second look at the state", PRODUCER,
     "if (baton_wait_full(&feed->ring) &&\n"
     "\t    atomic_load_explicit(&feed->state, ORDER_RECHECK) == BATON_RUNNING) {",
     "if (baton_wait_full(&feed->ring)) {")
step("producers", "a producer up again is still counted as asleep", PRODUCER,
     "\tbaton_wait_producer_up(&feed->wait);\n", "")
step("producers", "a producer forgets that it was woken", PRODUCER, "\t\tp->woken = true;\n", "")
step("producers", "a woken producer does not pass on", PRODUCER,
     "\telse if (p->woken)\n\t\tbaton_wait_pass_on(&p->feed->wait, &p->feed->ring, p->feed->wait.crowd);\n", "")
step("producers", "the last ticket claimed does not halt", PRODUCER,
     "\tif (*t + 1 == p->feed->limit)\n", "\tif (0)\n")
step("producers", "the ticket before the last halts", PRODUCER,
     "\tif (*t + 1 == p->feed->limit)\n", "\tif (*t + 2 == p->feed->limit)\n")
step("producers", "a claim ignores its deadline", PRODUCER,
     "if (deadline_ns != BATON_FOREVER && baton_now_ns() >= deadline_ns)", "if (0)")
step("producers", "a claim that times out too soon", PRODUCER,
     "if (deadline_ns != BATON_FOREVER && baton_now_ns() >= deadline_ns)",
     "if (deadline_ns != BATON_FOREVER)")
step("producers", "batches numbered from 0 wherever the run starts", PRODUCER,
     "block->k = p->feed->options.first_batch + t *", "block->k = t *")
step("producers", "one number for the batches of a block", PRODUCER,
     "+ t * p->feed->pool.block_batches;", "+ t;")
step("producers", "a block opened where the last lap ended", PRODUCER, "\tblock->n = 0;\n", "")
step("producers", "a batch opened with its last lap's rows", PRODUCER,
     "\tblock->cells[block->n] =\n\t\t(struct baton_cell){(uint32_t)block->layout->rows, "
     "BATON_CELL_FILLED};\n",
     "\tblock->cells[block->n].state = BATON_CELL_FILLED;\n")
step("producers", "a batch opened with an older failure's text", PRODUCER,
     "\tif (block->text[0]) /* else its line is not written */\n\t\tblock->text[0] = '\\0';\n",
     "")
step("producers", "a batch opened and still poisoned", PRODUCER,
     "int rc = baton_block_own(block, block->n);", "int rc = BATON_OK;",
     must={"asan": ""}, first=("poison",))
step("producers", "a filled batch not poisoned", PRODUCER,
     "\tbaton_block_disown(block, block->n);\n", "",
     must={"asan": ""}, first=("poison",))
step("producers", "numbers keyed by producer", PRODUCER,
     "p->feed->options.seed, block->k + block->n);",
     "p->feed->options.seed + (uint64_t)p->index, block->k + block->n);")
step("producers", "one stream of numbers for a block", PRODUCER,
     "p->feed->options.seed, block->k + block->n);", "p->feed->options.seed, block->k);")
step("producers", "whatever a fill returns is taken for good", PRODUCER,
     "\tif (rc == BATON_OK || rc == BATON_END)\n\t\treturn rc;\n",
     "\tif (rc >= BATON_OK)\n\t\treturn rc;\n")
step("producers", "a known length that a block crosses", PRODUCER,
     "if (feed->end_k - block->k < m)", "if (0)")
step("producers", "a known length one off in its last block", PRODUCER,
     "m = (uint32_t)(feed->end_k - block->k);", "m = (uint32_t)(feed->end_k - block->k) - 1;")
step("producers", "a canceled run is filled on", PRODUCER,
     "if (block->n < m && baton_state_of(feed) == BATON_STOPPED)", "if (0)")
step("producers", "a failed batch counted as filled", PRODUCER,
     "block->n += rc == BATON_OK;", "block->n++;")
step("producers", "a block filled on after a failure", PRODUCER,
     "while (block->n < m && rc == BATON_OK);", "while (block->n < m && rc >= BATON_OK);")
step("producers", "error ticket dropped: the error is not told", PRODUCER,
     "\tblock->stop = rc;\n", "")
step("producers", "error ticket dropped: not published", PRODUCER,
     "\t\tbaton_producer_fill(p, t, block);\n\t\tbaton_producer_publish(feed, t, block);\n",
     "\t\tbaton_producer_fill(p, t, block);\n\t\tif (block->stop == BATON_OK)\n"
     "\t\t\tbaton_producer_publish(feed, t, block);\n")
step("producers", "an error does not halt the others", PRODUCER,
     "\tif (rc != BATON_OK)\n\t\tbaton_halt(feed); /* every", "\tif (0)\n\t\tbaton_halt(feed); /* every")
step("producers", "publish before fill", PRODUCER,
     "\t\tbaton_producer_fill(p, t, block);\n\t\tbaton_producer_publish(feed, t, block);\n",
     "\t\tbaton_producer_publish(feed, t, block);\n\t\tbaton_producer_fill(p, t, block);\n")
asleep("producers", "no wake after a publish", PRODUCER,
       "\tbaton_wait_published(&feed->wait, t);\n", "", first=("wait",))
step("producers", "a start that returns neither ok nor an error is ok", PRODUCER,
     "\tif (rc > 0)\n\t\trc = -EINVAL;\n", "")
step("producers", "a producer whose start failed goes on", PRODUCER,
     "\tif (rc < 0)\n\t\treturn NULL;\n", "")
step("producers", "no stop hook", PRODUCER, "\tbaton_producer_stop(p);\n\treturn NULL;", "\treturn NULL;")

# claim.c
step("own threads", "a thread inside begin is not counted", CLAIM,
     "\tatomic_fetch_add_explicit(&feed->lent, 1, memory_order_relaxed);\n"
     "\trc = baton_producer_claim(&me, deadline_ns, &t, &block);\n",
     "\trc = baton_producer_claim(&me, deadline_ns, &t, &block);\n"
     "\tatomic_fetch_add_explicit(&feed->lent, 1, memory_order_relaxed);\n")
step("own threads", "a begin that got nothing is counted for ever", CLAIM,
     "\t\tatomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);\n\t\treturn rc;",
     "\t\treturn rc;")
step("own threads", "a claim given away is counted for ever", CLAIM,
     "then may free everything */\n\tatomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);\n",
     "then may free everything */\n")
step("own threads", "no longer counted before it is published", CLAIM,
     "\tbaton_producer_publish(feed, t, block);\n",
     "\tatomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);\n"
     "\tbaton_producer_publish(feed, t, block);\n"
     "\tatomic_fetch_add_explicit(&feed->lent, 1, memory_order_relaxed);\n",
     must={"model": ""})
step("own threads", "begin beside a fill", CLAIM,
     "\tif (feed->source.fill)\n\t\treturn BATON_MISUSE_FILLED;\n", "")
step("own threads", "begin into a claim that is out", CLAIM,
     "\tif (c->w_.kind_ != BATON_EMPTY)\n\t\treturn BATON_MISUSE_OCCUPIED;\n", "")
step("own threads", "a claim of another pipeline accepted", CLAIM,
     "\tif (c->w_.at_ != s)\n\t\treturn BATON_MISUSE_FOREIGN;\n", "")
step("own threads", "a claim not noted", CLAIM,
     "\tatomic_store_explicit(&me.slot->claim, t + 1, memory_order_relaxed);\n", "")
step("own threads", "a claim not cleared: submitted twice", CLAIM,
     "atomic_compare_exchange_strong_explicit(&s->claim, &out, 0, memory_order_relaxed,",
     "atomic_compare_exchange_strong_explicit(&s->claim, &out, out, memory_order_relaxed,")
step("own threads", "a claim taken back without compare-exchange", CLAIM,
     "\tif (!atomic_compare_exchange_strong_explicit(&s->claim, &out, 0, memory_order_relaxed,\n"
     "\t                                             memory_order_relaxed))\n"
     "\t\treturn BATON_MISUSE_STALE;\n",
     "\tif (atomic_load_explicit(&s->claim, memory_order_relaxed) != out)\n"
     "\t\treturn BATON_MISUSE_STALE;\n"
     "\tatomic_store_explicit(&s->claim, 0, memory_order_relaxed);\n",
     must={"model": ""})
step("own threads", "a stale claim accepted", CLAIM,
     "\t\treturn BATON_MISUSE_STALE;\n", "\t\t(void)0;\n")
step("own threads", "a submitted batch not poisoned", CLAIM, "\tbaton_block_disown(block, 0);\n", "",
     must={"asan": ""}, first=("poison",))
step("own threads", "an end said by own threads does not halt", CLAIM,
     "\tif (block->stop != BATON_OK)\n\t\tbaton_halt(feed);", "\tif (0)\n\t\tbaton_halt(feed);")
step("own threads", "a claim given away is not published", CLAIM,
     "\tbaton_producer_publish(feed, t, block);\n", "")
step("own threads", "a claim given away stays in the caller's hands", CLAIM,
     "\t*c = (baton_claim)BATON_CLAIM_INIT;\n", "")
step("own threads", "a batch submitted after baton_fail() has failed", CLAIM,
     "\tblock->stop = BATON_OK;\n", "")
step("own threads", "a submitted batch is not there", CLAIM, "\tblock->n = 1;\n", "")
step("own threads", "error ticket dropped by discard", CLAIM,
     "\tbaton_block_fail(block, code, text);\n", "")
step("own threads", "finish is no END", CLAIM, "\tblock->stop = BATON_END;\n", "")

# delivery.c
step("delivery", "one too few slots", DELIVERY,
     "uint64_t end = d->oldest + feed->ring.mask + 1;", "uint64_t end = d->oldest + feed->ring.mask;")
step("delivery", "one slot more than there are", DELIVERY,
     "uint64_t end = d->oldest + feed->ring.mask + 1;",
     "uint64_t end = d->oldest + feed->ring.mask + 2;",
     reason="equivalent: the slot of a ticket that was not released is not ready for the next one",
     first=("pipeline",))
step("delivery", "any order where order was asked for", DELIVERY,
     "feed->options.order == BATON_ORDERED && before(d->head + 1, end)", "0", first=("ledger",))
step("delivery", "order where any was asked for", DELIVERY,
     "feed->options.order == BATON_ORDERED && before(d->head + 1, end)",
     "before(d->head + 1, end)")
step("delivery", "tickets past the known end may be taken", DELIVERY,
     "\tif (before(feed->limit, end))\n\t\tend = feed->limit;\n", "",
     reason="equivalent: nobody claims one, so none is ever ready", first=("pipeline",))
step("delivery", "batches past a stop may be taken", DELIVERY,
     "\tif (d->stopping)\n\t\tend =", "\tif (0)\n\t\tend =")
step("delivery", "a ticket taken twice", DELIVERY,
     "if (untaken(feed, *t) && baton_ring_ready(&feed->ring, *t))",
     "if (baton_ring_ready(&feed->ring, *t))")
step("delivery", "a ticket taken before it is ready", DELIVERY,
     "if (untaken(feed, *t) && baton_ring_ready(&feed->ring, *t))", "if (untaken(feed, *t))")
asleep("delivery", "the trainer sleeps without a second look", DELIVERY,
       "if (untaken(feed, t) && baton_wait_ready(&feed->ring, t))\n\t\t\treturn true;",
       "if (untaken(feed, t) && baton_wait_ready(&feed->ring, t))\n\t\t\treturn false;")
asleep("delivery", "the trainer sleeps for what it has taken", DELIVERY,
       "if (untaken(feed, t) && baton_wait_ready(&feed->ring, t))",
       "if (baton_wait_ready(&feed->ring, t))")
step("delivery", "slot not given back", DELIVERY, "\tbaton_ring_release(&feed->ring, t);\n", "")
step("delivery", "double release of a slot", DELIVERY, "\tbaton_ring_release(&feed->ring, t);\n",
     "\tbaton_ring_release(&feed->ring, t);\n\tbaton_ring_release(&feed->ring, t + 1);\n")
step("delivery", "blocks given back are counted as taken", DELIVERY, "\td->taken--;\n", "")
step("delivery", "the oldest ticket is never forgotten", DELIVERY,
     "while (d->oldest != d->head && baton_ring_released(&feed->ring, d->oldest))\n\t\td->oldest++;",
     ";")
step("delivery", "a block given back moves the oldest on, whichever it was", DELIVERY,
     "while (d->oldest != d->head && baton_ring_released(&feed->ring, d->oldest))",
     "if (d->oldest != d->head)")
step("delivery", "no wake after a release", DELIVERY,
     "\t\tbaton_wait_released(&feed->wait, &feed->ring, d->oldest, d->taken);\n", "\t\t;\n")
step("delivery", "own threads wait for half of the pool", DELIVERY,
     "\tif (feed->source.fill)\n\t\tbaton_wait_released", "\tif (1)\n\t\tbaton_wait_released")
step("delivery", "own threads' wake missing", DELIVERY,
     "\telse\n\t\tbaton_wait_pass_on(&feed->wait, &feed->ring, 0);\n", "")
step("delivery", "error ticket dropped by the trainer", DELIVERY,
     "\tif (block->stop == BATON_OK)\n", "\tif (block->stop <= BATON_OK)\n")
step("delivery", "an end at its block's first batch", DELIVERY,
     "d->stop.batch = block->k + block->n;", "d->stop.batch = block->k;")
step("delivery", "an error without its text", DELIVERY,
     "\tmemcpy(d->stop.text, block->text, sizeof(d->stop.text));\n", "")
step("delivery", "a taken slot is due at once again", DELIVERY,
     "\ts->due = t + feed->ring.mask + 1;\n\twhile (!untaken(feed, d->head))\n\t\td->head++;",
     "\td->head++;")
step("delivery", "a block counts one batch more", DELIVERY,
     "d->n = block->left = block->n;", "d->n = block->left = block->n, d->n += d->n < block->capacity;")
step("delivery", "an empty block is not given back", DELIVERY,
     "\tif (d->n == 0)\n\t\tgive_back(feed, t); /* nothing in it but its stop */\n\telse\n",
     "\tif (d->n > 0)\n",
     reason="equivalent: only a stop comes without a batch, and after it nobody claims a slot",
     first=("pipeline",))
step("delivery", "a trainer about to sleep wakes nobody", DELIVERY,
     "\tbaton_wait_pass_on(&feed->wait, &feed->ring, 0);\n\tepoch =", "\tepoch =")
asleep("delivery", "a trainer that wants any sleeps for the lowest", DELIVERY,
       "feed->options.order == BATON_ORDERED ? 2 * d->head + 1 : BATON_WANTS_ANY",
       "2 * d->head + 1")
asleep("delivery", "the trainer sleeps without a second look at the state", DELIVERY,
       "if (!any_ready_recheck(feed) &&\n"
       "\t    atomic_load_explicit(&feed->state, ORDER_RECHECK) != BATON_STOPPED) {",
       "if (!any_ready_recheck(feed)) {")
step("delivery", "a trainer up again still wants to be woken", DELIVERY,
     "\tbaton_wait_trainer_up(&feed->wait);\n", "")
mutant("delivery", "no nap: a publisher stopped before its wake stops the trainer", [NAP],
       scenarios=[], first=("wait",))
step("delivery", "cancel is not seen by who waits", DELIVERY,
     "\t\tif (baton_state_of(feed) == BATON_STOPPED)\n\t\t\treturn BATON_CANCELED;\n", "")
step("delivery", "a deadline is not seen by who waits", DELIVERY,
     "bool over = deadline_ns != BATON_FOREVER && baton_now_ns() >= deadline_ns;",
     "bool over = false;")
step("delivery", "a trainer that polls wakes nobody", DELIVERY,
     "\t\t\tbaton_wait_pass_on(&feed->wait, &feed->ring, 0);\n\t\t\treturn BATON_TIMEOUT;",
     "\t\t\treturn BATON_TIMEOUT;")
step("delivery", "time waited for a fill put down to claims", DELIVERY,
     "if (*claimed_ns == 0 && (turn % 32 == 31 || turn >= turns) &&\n\t\t    head_is_claimed(feed)) {",
     "if (0) {")
step("delivery", "time waited for a claim put down to fills", DELIVERY,
     "claimed = parks == baton_counter_read(&d->parks) ? begun : UINT64_MAX;",
     "claimed = begun;")
# ledger.c, and who calls it
def charge(name, path, old, new, **how):
    how.setdefault("first", ("ledger",))
    step("ledger", name, path, old, new, [], **how)


charge("a turn puts nothing down", ACCOUNT,
       "\tbaton_counter_add(&a->ns[baton_account_doing(a)], now - "
       "baton_counter_read(&a->since_ns));\n", "")
charge("a turn puts it down to what comes next", ACCOUNT,
       "a->ns[baton_account_doing(a)], now", "a->ns[doing], now")
charge("a turn forgets when it was", ACCOUNT,
       "\tatomic_store_explicit(&a->since_ns, now, ORDER_SINCE);\n",
       "\tif (a->since_ns == 0)\n"
       "\t\tatomic_store_explicit(&a->since_ns, now, ORDER_SINCE);\n")
charge("what goes on is left out", LEDGER, "\t\tns[doing] += now - since;\n", "\t\t;\n")
charge("an account is read while it is turned", ACCOUNT,
       "return sum == *since || *since == 0;", "return true;")
charge("what goes on is added twice over, being turned", LEDGER,
       "if (whole && since != 0", "if (since != 0")
charge("a thread that is done goes on", LEDGER,
       "doing != BATON_NO_TIME && now > since)\n\t\tns[doing] +=",
       "now > since)\n\t\tns[doing < 0 ? 0 : doing] +=")
charge("a clock that is behind", LEDGER, " && now > since)", ")")
charge("the trainer's time begins anew", LEDGER,
       "if (!baton_account_begun(&time->account))\n", "")
charge("the trainer's time has no end", LEDGER,
       "\tif (inside(&time->account))\n\t\tbaton_account_turn(&time->account, BATON_NO_TIME, "
       "baton_now_ns());\n", "")
charge("the trainer's time ends before it begins", LEDGER,
       "\tif (inside(&time->account))\n", "")
charge("time charged after the end", LEDGER, "\tif (!inside(a))\n", "\tif (0)\n")
charge("the trainer may say anything", LEDGER,
       "(time == BATON_TIME_TRAIN || (time", "(time < BATON_TIME_SNAPSHOT || (time")
charge("a cause that there is not", LEDGER, " && time < BATON_TIMES)))", ")))")
charge("a batch begun late counts as filled all the time", LEDGER,
       "\tparts.wake_ns = claimed - begun;\n\tparts.fill_ns = ended - claimed;\n",
       "\tparts.wake_ns = 0;\n\tparts.fill_ns = ended - begun;\n")
charge("no wait is the pool's", LEDGER,
       "parts.pool_ns = lacked < parts.fill_ns ? lacked : parts.fill_ns;", "parts.pool_ns = 0;")
charge("a wait is the pool's for longer than the fill", LEDGER,
       "parts.pool_ns = lacked < parts.fill_ns ? lacked : parts.fill_ns;",
       "parts.pool_ns = lacked;")
charge("a wait is the pool's and the producer's", LEDGER,
       "\tparts.fill_ns -= parts.pool_ns;\n", "")
charge("a block lacked while the trainer waits is the pool's", LEDGER,
       "lacked = claimed < begun ? claimed : begun;", "lacked = claimed;")
charge("a claim of after the wait", LEDGER,
       "claimed < begun ? begun : claimed > ended ? ended : claimed", "claimed < begun ? begun : claimed")
charge("a claim of before the wait", LEDGER,
       "claimed < begun ? begun : claimed > ended", "claimed > ended")
charge("a producer's word for when it began is not heard", LEDGER,
       "if (block && block->claimed_ns) {", "if (0) {")
charge("who waits goes on training", LEDGER,
       "baton_account_turn(&time->account, BATON_TIME_WAKE, now);",
       "baton_account_turn(&time->account, BATON_TIME_TRAIN, now);")
charge("nobody is blamed", LEDGER,
       "\tbaton_counter_add(&feed->producers[block->producer].blamed_ns, time->nameless_ns);\n", "")
charge("blamed twice", LEDGER, "\ttime->nameless_ns = 0;\n", "")
charge("a wait in vain is nobody's for ever", LEDGER,
       "\ttime->nameless_ns += ns;\n", "\ttime->nameless_ns = ns;\n")
charge("the pool's part is blamed on the producer", LEDGER,
       "blame(feed, block, parts.fill_ns);", "blame(feed, block, parts.fill_ns + parts.pool_ns);")
charge("after a wait it trains, whatever it did before", LEDGER,
       "baton_account_go_on(a, before, ", "baton_account_go_on(a, 0, ")
charge("filling inline is training", LEDGER,
       "baton_account_turn(&time->account, BATON_TIME_INLINE, baton_now_ns());",
       "baton_account_turn(&time->account, before, baton_now_ns());")
charge("after filling inline it fills on", LEDGER,
       "\tbaton_account_turn(&time->account, before, now);\n", "\t(void)before;\n")
charge("after filling inline it trains, whatever it did before", LEDGER,
       "\tbaton_account_turn(&time->account, before, now);\n",
       "\t(void)before;\n\tbaton_account_turn(&time->account, 0, now);\n")
charge("a producer asleep is awake", LEDGER,
       "baton_account_turn(&p->account, BATON_PRODUCER_PARKS, baton_now_ns());",
       "baton_account_turn(&p->account, BATON_PRODUCER_LACKS, baton_now_ns());")
charge("a producer awake is asleep", LEDGER,
       "baton_account_turn(&p->account, BATON_PRODUCER_LACKS, baton_now_ns());",
       "baton_account_turn(&p->account, BATON_PRODUCER_PARKS, baton_now_ns());")
charge("a producer that has a block lacks one", LEDGER,
       "baton_account_turn(&p->account, BATON_PRODUCER_FILLS, p->claimed_ns);",
       "baton_account_turn(&p->account, BATON_PRODUCER_LACKS, p->claimed_ns);")
charge("callers' threads are not counted", CLAIM,
       "\tif (me.claimed_ns)\n\t\tnote_wait(feed->producers, &me.account);\n", "")
charge("the last claim's lack is this one's", PRODUCER, "\tp->claimed_ns = 0;\n", "")
charge("a block without its producer's word", PRODUCER,
       "\tblock->claimed_ns = p->claimed_ns;\n", "")
charge("a block without its producer's name", PRODUCER,
       "\tblock->producer = (uint32_t)p->index;\n", "")
charge("a producer that is done goes on filling", PRODUCER,
       "\tbaton_account_turn(&p->account, BATON_NO_TIME, baton_now_ns());\n", "")
for event, call in (("an epoch's beginning", "on_epoch_begin(c->state, epoch)"),
                    ("a step", "on_step(c->state, &progress)"),
                    ("an epoch's end", "on_epoch_end(c->state, epoch)"),
                    ("the end", "on_fit_end(c->state, o->net)")):
    tail = f"c->{call});\n\t}}\n\tbaton_ledger_charge(o->net->feed, before);\n"
    charge(f"callbacks told of {event} are charged for ever", "lib/train/observers.c", tail,
           tail.replace("\tbaton_ledger_charge(o->net->feed, before);\n", ""), first=("fit",))
charge("a validation is training", "lib/train/fit.c",
       "int before = baton_ledger_charge(fit->feed, BATON_TIME_VALIDATE), rc",
       "int before = BATON_TIME_TRAIN, rc", first=("fit",))
charge("a snapshot is training", "lib/train/step.c",
       "int before = baton_ledger_charge(net->feed, BATON_TIME_SNAPSHOT);",
       "int before = BATON_TIME_TRAIN;", first=("fit",))
charge("to wait a little is to be the limit", ADVICE, "#define LITTLE 0.05", "#define LITTLE 0.02",
       first=("advice",))
charge("a producer too few is advised", ADVICE,
       "filling / training + (filling % training != 0)", "filling / training", first=("advice",))
TRACE, OBSERVE_H = "lib/report/trace.c", "lib/feed/observe.h"
charge("a publish is told after it", PRODUCER,
       "\tbaton_observe(feed, PUBLISH, publish, baton_thread_of(feed, block->producer), t, block);\n"
       "\tif (baton_ring_publish(&feed->ring, t)) {\n",
       "\tif (baton_ring_publish(&feed->ring, t)) {\n\t\tfor (int i = 0; i < 20000; i++)\n"
       "\t\t\tbaton_pause();\n\t\tbaton_observe(feed, PUBLISH, publish, "
       "baton_thread_of(feed, block->producer), t, block);\n",
       first=("trace",))
charge("late is not told", PRODUCER,
       "\tbaton_observe(feed, LATE, late, baton_thread_of(feed, block->producer), t, block);\n", "",
       first=("helping",))
charge("what the trainer replaced is not told", DELIVERY,
       "\t\tbaton_observe(feed, PUBLISH, publish, BATON_THREAD_TRAINER, d->head, spare);\n", "",
       first=("helping",))
charge("a late filling has an arrow", "lib/report/trace.c", " && !s->late;", ";", first=("trace",))
charge("all events are producer 0's", OBSERVE_H, "(int)producer;", "0;", first=("trace",))
charge("the callers' threads are producers", OBSERVE_H,
       "\t\treturn BATON_THREAD_OWN;\n", "\t\treturn 0;\n", first=("trace",))
charge("a take is not told", DELIVERY,
       "\tbaton_observe(feed, TAKE, take, BATON_THREAD_TRAINER, t, block);\n", "", first=("trace",))
charge("a wake of the trainer is not told", DELIVERY,
       "\t\tbaton_observe(feed, WAKE, wake, BATON_THREAD_TRAINER, 0, NULL);\n", "", first=("trace",))
charge("a trace keeps the first events", TRACE,
       "\t\tr->events[r->n++ % t->n_events] = *event;\n",
       "\t\tif (r->n < t->n_events)\n\t\t\tr->events[r->n++] = *event;\n", first=("trace",))
charge("a trace is read from its newest on", TRACE,
       "(r->n - kept(t, r) + i) % t->n_events", "(r->n + i) % t->n_events", first=("trace",))
charge("a train ends with any release", TRACE,
       "b->what != BATON_EVENT_RELEASE || b->ticket == a->ticket", "true", first=("trace",))
charge("an arrow begins past its slice", TRACE, "ns = s->to->ns - 1;", "ns = s->to->ns + 1;",
       first=("trace",))
charge("a part of a wait below 0", LEDGER, "\tsettle_waits(ledger->ns);\n", "")

step("delivery", "END delivered early", DELIVERY,
     "if (d->stopping && !before(d->head, d->stop_ticket))", "if (d->stopping)")
mutant("delivery", "END delivered before its block's batches", [
    (DELIVERY, "\telse if (d->index == d->n)\n", "\telse if (d->index == d->n || d->stopping)\n"),
    (DELIVERY, "while (rc == BATON_OK && d->index == d->n)",
     "while (rc == BATON_OK && (d->index == d->n || d->stopping))")])
step("delivery", "waits past the known end", DELIVERY,
     "\tif (d->head == feed->limit)\n\t\treturn BATON_END;\n", "")
step("delivery", "waits for the slot that it holds itself", DELIVERY,
     "\tif (d->head == d->oldest + feed->ring.mask + 1)\n\t\treturn BATON_MISUSE_HELD;\n", "")
step("delivery", "an end is said once", DELIVERY, "\t\td->ended = rc;\n", "")
step("delivery", "misuse ends a run", DELIVERY,
     "(rc < 0 && !baton_is_misuse(rc))) {", "rc < 0) {")
step("delivery", "a batch handed out is not marked as held", DELIVERY,
     "\tblock->cells[i].state = BATON_CELL_HELD;\n", "")
step("delivery", "a batch handed out is still poisoned", DELIVERY,
     "if (baton_block_own(block, i) != BATON_OK)", "if (0)",
     must={"asan": ""}, first=("poison",))
step("delivery", "a batch handed out twice", DELIVERY, "\td->index = i + 1;\n",
     "\td->index += d->batches % 7 != 3;\n")
step("delivery", "a batch held is not counted", FEED, "\treturn out > back ? out - back : 0;\n",
     "\treturn out > back ? 0 : 0;\n")
step("delivery", "next into a handle that holds", DELIVERY,
     "\tif (b->kind_ != BATON_EMPTY)\n\t\treturn BATON_MISUSE_OCCUPIED;\n", "")
step("delivery", "after its end a run goes on", DELIVERY,
     "\tif (d->ended != BATON_OK)\n\t\treturn d->ended;\n", "")
step("delivery", "a canceled run delivers what was ready", DELIVERY,
     "\tif (baton_state_of(feed) == BATON_STOPPED)\n\t\trc = BATON_CANCELED;\n\telse if", "\tif")
step("delivery", "status forgets misuse", DELIVERY,
     "feed->delivery.misuse = baton_is_misuse(rc) ? rc : BATON_OK;", "")
step("delivery", "a batch of another pipeline accepted", DELIVERY,
     "\tif (s != baton_ring_slot(&feed->ring, b->ticket_))\n\t\treturn BATON_MISUSE_FOREIGN;\n", "")
step("delivery", "a detached batch released", DELIVERY,
     "\tif (b->kind_ != BATON_POOLED)\n", "\tif (b->kind_ == BATON_EMPTY)\n")
step("delivery", "stale handle accepted by release", DELIVERY,
     "\treturn *block ? BATON_OK : BATON_MISUSE_STALE;",
     "\t*block = atomic_load_explicit(&((struct baton_slot *)s)->block, memory_order_relaxed);\n"
     "\treturn BATON_OK;")
step("delivery", "double release: a batch given back is not marked", DELIVERY,
     "\tblock->cells[b->index_].state = BATON_CELL_RETURNED;\n", "")
step("delivery", "a batch given back is not scrubbed", DELIVERY,
     "\tbaton_block_scrub(block, b->index_);\n", "",
     must={"asan": ""}, first=("poison",))
step("delivery", "a batch given back is not poisoned", DELIVERY,
     "\tbaton_block_disown(block, b->index_);\n", "",
     must={"asan": ""}, first=("poison",))
step("delivery", "release before consumption: a block goes with its first batch", DELIVERY,
     "\tif (--block->left == 0)\n", "\tif (block->left-- == block->n)\n")
step("delivery", "a batch released is counted as held", DELIVERY,
     "\tbaton_counter_add(&feed->delivery.back, 1);\n\tlet_go(feed, block, b);\n", "\tlet_go(feed, block, b);\n")
step("delivery", "a released handle stays in the caller's hands", DELIVERY,
     "\tlet_go(feed, block, b);\n\t*b = (baton_batch)BATON_BATCH_INIT;\n",
     "\tlet_go(feed, block, b);\n")
step("delivery", "a copy with another number", DELIVERY, "copy->k = block->k + i;",
     "copy->k = block->k;")
step("delivery", "a copy without its row count", DELIVERY, "\tcopy->cells[0] = block->cells[i];\n",
     "\tcopy->cells[0].rows = (uint32_t)l->rows;\n")
step("delivery", "a copy of the block's first batch", DELIVERY,
     "baton_block_batch(block, i) + l->offset[f],\n", "baton_block_batch(block, 0) + l->offset[f],\n")
step("delivery", "detach without a fresh block", DELIVERY,
     "\tatomic_store_explicit(&baton_ring_slot(&feed->ring, t)->block, fresh, "
     "memory_order_relaxed);\n", "")
step("delivery", "detach after the release", DELIVERY,
     "\t\tif (!replace_block(feed, b->ticket_))\n\t\t\treturn -ENOMEM;\n"
     "\t\tgive_back(feed, b->ticket_);\n",
     "\t\tgive_back(feed, b->ticket_);\n"
     "\t\tif (!replace_block(feed, b->ticket_))\n\t\t\treturn -ENOMEM;\n")
step("delivery", "a detached batch is counted as held", DELIVERY,
     "\tbaton_counter_add(&feed->delivery.back, 1);\n\t*b = (baton_batch){mine", "\t*b = (baton_batch){mine")
step("delivery", "a copied batch's block is not given back", DELIVERY,
     "\t\tlet_go(feed, block, b);\n\t}\n", "\t}\n")

# batch.c
step("batches", "stale handle accepted: the turn is not asked", HANDLE,
     "\tif (baton_batch_turn(s) != 2 * b->ticket_ + 1)\n\t\treturn NULL;\n", "")
step("batches", "stale handle accepted: the cell is not asked", HANDLE,
     "b->index_ < block->n && block->cells[b->index_].state == BATON_CELL_HELD ? block",
     "b->index_ < block->n ? block")
step("batches", "stale view accepted: the turn is not asked", BATCH,
     "\tif (baton_batch_turn(s) != 2 * w->ticket_)\n\t\treturn NULL;\n", "")
step("batches", "stale view accepted: the batch in hand is not asked", BATCH,
     "return block->n == w->index_ ? block : NULL;", "return block;")
step("batches", "every layout has one number", LAYOUT,
     "1 + atomic_fetch_add_explicit(&n_layouts, 1, memory_order_relaxed)", "1", first=("layout",))
step("batches", "any dtype read as float32", BATCH,
     " && block->layout->fields[i].dtype == BATON_F32", "")
step("batches", "a field past the last", BATCH,
     "\tif (i >= block->layout->n_fields)\n", "\tif (i > block->layout->n_fields)\n")
step("batches", "a batch of a block read as its first", BATCH,
     "return baton_block_batch(block, index) + block->layout->offset[i];",
     "return baton_block_batch(block, 0) + block->layout->offset[i];")
step("batches", "free of a batch that was not detached", BATCH,
     "\tif (b->kind_ != BATON_DETACHED)\n\t\treturn BATON_MISUSE_DETACHED;\n", "")
step("batches", "a batch freed is not freed", BATCH, "\tbaton_block_destroy(&block);\n", "",
     layers=("fault",))
step("batches", "a batch freed stays in the caller's hands", BATCH,
     "\t*b = (baton_batch)BATON_BATCH_INIT;\n", "")
step("batches", "no rows at all", BATCH, "if (rows == 0 || rows > block->layout->rows)",
     "if (rows > block->layout->rows)")
step("batches", "more rows than there are", BATCH, "if (rows == 0 || rows > block->layout->rows)",
     "if (rows == 0)")
step("batches", "a failure that looks like a success", BLOCK,
     "block->stop = code >= 0 || baton_is_misuse(code) ? -EINVAL : code;", "block->stop = code;")

# block.c, layout.c, pool.c
step("memory", "poison missing when memory is handed on", BLOCK,
     "\t\tASAN_POISON_MEMORY_REGION(baton_block_batch(b, i), b->layout->stride);\n",
     "\t\t(void)b, (void)i;\n",
     must={"asan": ""}, first=("poison",))
step("memory", "red zone missing behind a field", LAYOUT,
     "bytes = baton_align_up(bytes) + BATON_RED_ZONE;", "bytes = baton_align_up(bytes) + 0;",
     must={"asan": ""}, first=("poison",))
step("memory", "red zone missing before the first field", BLOCK,
     "ASAN_POISON_MEMORY_REGION(b->data - BATON_RED_ZONE,\n"
     "\t\t                          capacity * layout->stride + BATON_RED_ZONE);\n",
     "ASAN_POISON_MEMORY_REGION(b->data, capacity * layout->stride);\n",
     must={"asan": ""}, first=("poison",))
step("memory", "padding handed out with a field", BLOCK,
     "ASAN_UNPOISON_MEMORY_REGION(baton_block_batch(b, i) + l->offset[f], l->used[f]);",
     "ASAN_UNPOISON_MEMORY_REGION(baton_block_batch(b, i) + l->offset[f],\n"
     "\t\t                            baton_align_up(l->used[f]));",
     must={"asan": ""}, first=("poison",))
step("memory", "memory freed with its poison", BLOCK,
     "\tASAN_UNPOISON_MEMORY_REGION(b, heap_bytes(b->layout, b->capacity));\n", "",
     reason="equivalent: ASan's free() clears what it takes back; said for other allocators",
     layers=("asan",), first=("poison",))
step("memory", "a block without its layout's reference", BLOCK,
     "b->layout = baton_layout_ref(layout);", "b->layout = layout;")
step("memory", "scrubbed no further than the first field", BLOCK,
     "l->memory_fd < 0 && f < l->n_fields; f++)\n\t\tmemset(",
     "l->memory_fd < 0 && f < 1; f++)\n\t\tmemset(",
     must={"asan": ""}, first=("poison",))
step("memory", "a block one batch short", BLOCK,
     "__builtin_mul_overflow(layout->stride, (size_t)capacity, &bytes)",
     "__builtin_mul_overflow(layout->stride, (size_t)capacity - (capacity > 1), &bytes)")
step("memory", "a block whose size may wrap", BLOCK,
     "\tif (__builtin_mul_overflow(layout->stride, (size_t)capacity, &bytes) ||\n"
     "\t    __builtin_add_overflow(bytes, header_bytes(capacity), &bytes))\n\t\treturn 0;\n",
     "\tbytes = layout->stride * capacity + header_bytes(capacity);\n")
step("memory", "fields that are not aligned", LAYOUT, "baton_align_up(bytes) + BATON_RED_ZONE",
     "bytes + BATON_RED_ZONE")
step("memory", "a layout that nobody frees", LAYOUT, "\t\tfree(l);\n", "\t\t;\n", layers=("fault",))
step("memory", "a layout freed by the first to let go", LAYOUT, "memory_order_acq_rel) == 1)",
     "memory_order_acq_rel) >= 1)")
step("memory", "a layout freed when opening a pool fails, twice", POOL,
     "\tpool->layout = NULL; /* still the caller's */\n", "", layers=("fault",))
step("memory", "a pool that stays when opening it fails", POOL,
     "\tbaton_pool_fini(pool);\n\treturn baton_error_set", "\treturn baton_error_set",
     reason="equivalent: who opens destroys what is half built, the pool too",
     layers=("fault",))

# pipeline.c
step("pipeline", "a state that falls back", PIPELINE, "while (now < to &&", "while (now != to &&")
step("pipeline", "a halt wakes nobody", PIPELINE,
     "\traise_state(feed, BATON_HALTED);\n\tbaton_wait_wake_producers(&feed->wait);\n",
     "\traise_state(feed, BATON_HALTED);\n")
step("pipeline", "cancel that wakes the trainer only", PIPELINE,
     "\tbaton_wait_wake_all(&feed->wait);\n",
     "\tbaton_wait_wake(&feed->wait.trainer_epoch, INT_MAX);\n")
asleep("pipeline", "cancel that wakes producers only", PIPELINE,
       "\tbaton_wait_wake_all(&feed->wait);\n", "\tbaton_wait_wake_producers(&feed->wait);\n")
step("pipeline", "cancel that wakes before it says so", PIPELINE,
     "\traise_state(feed, BATON_STOPPED);\n\tbaton_wait_wake_all(&feed->wait);\n",
     "\tbaton_wait_wake_all(&feed->wait);\n\traise_state(feed, BATON_STOPPED);\n")
step("pipeline", "cancel leaves its errno", PIPELINE, "\terrno = saved;\n", "\t(void)saved;\n",
     reason="equivalent as long as no wake of a futex fails", first=("cancel", "wait"))
step("pipeline", "what is not known in a struct is ignored", PIPELINE,
     "\t\tif (bytes[i])\n", "\t\tif (0)\n")
step("pipeline", "an older struct read past its end", PIPELINE,
     "memcpy(to, from, size < to_size ? size : to_size);", "memcpy(to, from, to_size);")
step("pipeline", "a pool that is no power of two", PIPELINE,
     "\to->blocks = power_of_two(o->blocks);\n", "")
step("pipeline", "a known length one batch too long", PIPELINE,
     "n = feed->end_k > first ? feed->end_k - first : 0;",
     "n = feed->end_k > first ? feed->end_k - first + 1 : 0;")
step("pipeline", "a known length without its last, short block", PIPELINE,
     "n = n / m + (n % m != 0);", "n = n / m;")
step("pipeline", "a known length counted from the run's first batch", PIPELINE,
     "n = feed->end_k > first ? feed->end_k - first : 0;", "n = feed->end_k;")
step("pipeline", "open does not wait for start", PIPELINE,
     "\tif (!feed->source.start)\n\t\treturn BATON_OK;\n\tfor", "\tif (1)\n\t\treturn BATON_OK;\n\tfor")
step("pipeline", "open succeeds though a start failed", PIPELINE,
     "\t\tif (e->code < 0)\n", "\t\tif (0)\n")
step("pipeline", "no state before the pipeline is freed", PIPELINE,
     "\t\tpthread_join(feed->producers[i].thread, NULL);\n", "\t\t;\n")
step("pipeline", "close does not cancel", PIPELINE, "\tbaton_cancel(feed);\n\tfor", "\tfor")
step("pipeline", "no stop hook inline", PIPELINE,
     "\tif (feed->started_inner)\n\t\tbaton_producer_stop(feed->inner);\n", "")
step("pipeline", "threads joined that never ran", PIPELINE,
     "\t\tfeed->n_threads = 0; /* none is running yet */\n\t\tbaton_layout_unref",
     "\t\tbaton_layout_unref")
step("pipeline", "close with batches held", PIPELINE,
     "\tif (baton_held(*feed) > 0 ||\n", "\tif (0 ||\n")
step("pipeline", "close with claims out", PIPELINE,
     "atomic_load_explicit(&(*feed)->lent, memory_order_acquire) > 0)", "0)")

# rng.c, error.c, thread.c
step("numbers, errors, threads", "a biased bound", RNG,
     "(uint32_t)product < excess; attempt++)", "0; attempt++)")
step("numbers, errors, threads", "many at once, and the rejected not drawn again", RNG,
     "for (int i = 0; rejected && i < GROUP; i++)", "for (int i = 0; 0 && i < GROUP; i++)")
step("numbers, errors, threads", "one stream for every k", RNG, "\trng->stream_ = k;\n",
     "\trng->stream_ = 0, (void)k;\n")
step("numbers, errors, threads", "nine rounds", "lib/feed/philox.c",
     "#define ROUNDS 10\n", "#define ROUNDS 9\n")
step("numbers, errors, threads", "an error of two lines", "lib/error.c",
     "\t\tif ((unsigned char)*text < ' ')\n", "\t\tif (0)\n")
step("numbers, errors, threads", "producers take the caller's signals", "lib/thread.c",
     "\tpthread_sigmask(SIG_SETMASK, &most, &before);\n",
     "\tpthread_sigmask(SIG_SETMASK, NULL, &before);\n", first=("pipeline",))
step("numbers, errors, threads", "open leaves signals blocked", "lib/thread.c",
     "\tpthread_sigmask(SIG_SETMASK, &before, NULL);\n", "", first=("pipeline",))

step("waits", "a release of which the caller's own threads hear nothing", SLEEPERS,
     "#ifdef OWN\n\tbaton_wait_pass_on(&waits, &ring, 0);", "#ifdef OWN\n", [("busy", "-DOWN", "")])

# snapshots
step("snapshots", "snapshot freed without a grace period", RECLAIMER,
     "\tbaton_rcu_synchronize();\n", "", must={"tsan": ""})
step("snapshots", "a put that counts nothing", SNAPSHOT,
     "\trefs = atomic_fetch_sub_explicit(&held->refs, 1, memory_order_release);\n"
     "\tassert(refs & ~PUBLISHED);\n",
     "\trefs = 0;\n")
mutant("snapshots", "a snapshot that nobody counts", [
    (SNAPSHOT, "uint32_t refs = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);\n",
     "uint32_t refs = PUBLISHED;\n"),
    (SNAPSHOT, "refs = atomic_fetch_sub_explicit(&held->refs, 1, memory_order_release);\n",
     "refs = 1;\n")], must={"tsan": "data race"})
mutant("snapshots", "a snapshot written after publish", [
    (SNAPSHOT, "\tfill(s, run, weights, state);\n", ""),
    (SNAPSHOT, "\tif (old)\n\t\tbaton_reclaimer_retire",
     "\tfill(s, run, weights, state);\n\tif (old)\n\t\tbaton_reclaimer_retire")],
       must={"tsan": "data race"})
RC11 = "needed in RC11, which TSan's runs do not show, and the explorer knows no grace periods"
for name, path, old, reason in (
        ("R1", "lib/train/reclaimer.h", "1u << i, memory_order_release", RC11),
        ("A1", RECLAIMER, "&r->retired, 0, memory_order_acquire", RC11),
        ("R2", SNAPSHOT, "&set->current, s, memory_order_release", None),
        ("A2", SNAPSHOT, "s = atomic_load_explicit(&set->current, memory_order_acquire", None),
        ("R3", SNAPSHOT, "&held->refs, 1, memory_order_release", None),
        ("A3", SNAPSHOT, "if (atomic_load_explicit(&set->all[i].refs, memory_order_acquire) == 0",
         None),
        ("R4", SNAPSHOT, "PUBLISHED,\n\t\t\t                          memory_order_release", RC11),
        ("A3 of destroy", SNAPSHOT,
         "if (atomic_load_explicit(&set->all[i].refs, memory_order_acquire) & ~PUBLISHED",
         "for callers who err: put may not be called beside destroy")):
    step("snapshots", f"{name}: relaxed", path, old,
         re.sub("memory_order_(release|acquire)", "memory_order_relaxed", old), reason=reason,
         **({"layers": ("tsan",)} if reason else {"must": {"tsan": "data race"}}))
step("snapshots", "a replaced snapshot never comes back", SNAPSHOT,
     "\tif (old)\n\t\tbaton_reclaimer_retire", "\tif (0)\n\t\tbaton_reclaimer_retire")
step("snapshots", "a snapshot refilled while it is held", SNAPSHOT,
     "&set->all[i].refs, memory_order_acquire) == 0)", "&set->all[i].refs, memory_order_acquire) < 2)")
step("snapshots", "destroy while one is held", SNAPSHOT,
     "\tif (lent(*set))\n\t\treturn BATON_MISUSE_LENT;\n", "")
step("snapshots", "nobody wakes the reclaimer", RECLAIMER,
     "memory_order_relaxed))\n\t\tfutex_async((int32_t *)&r->mode, FUTEX_WAKE_PRIVATE, 1, NULL, "
     "NULL, 0);", "memory_order_relaxed))\n\t\t;")
step("snapshots", "an ask that is not noted", SNAPSHOT, "atomic_store_explicit(&set->asked, true,",
     "atomic_store_explicit(&set->asked, false,")

# the trainer, against Keras
for name, changes in (
        ("rmsprop: epsilon beside the root", [
            (OPTIMIZER, "root = with.outside ?", "root = 1 ?")]),
        ("rmsprop: not centered", [(OPTIMIZER, "\t\trule->centered,\n", "\t\tfalse,\n")]),
        ("rmsprop: momentum forgotten", [
            (OPTIMIZER, "\t\trule->momentum != 0,\n", "\t\tfalse,\n")]),
        ("sgd: momentum forgotten", [
            (OPTIMIZER, "\tif (rule->momentum == 0)\n", "\tif (1)\n")]),
        ("sgd: nesterov without its look-ahead", [
            (OPTIMIZER, "w[i] += rule->nesterov ? m[i] * momentum - g[i] * rate : m[i];",
             "w[i] += m[i];")]),
        ("adam: biased", [
            (OPTIMIZER, "\treturn rule->learning_rate * sqrtf(1 - power(rule->beta_2, step)) /\n"
             "\t       (1 - power(rule->beta_1, step));",
             "\t(void)step;\n\treturn rule->learning_rate;")]),
        ("loss: the mean over a row's values, the sum over the rows", [
            (LOSS, "return (float)rows * (float)units;", "(void)rows;\n\treturn (float)units;")]),
        ("dense: a bias that is not trained", [
            (LINEAR, "dw[d_in] = baton_lanes_sum(sums.bias);", "dw[d_in] = 0;"),
            (DENSE, "*dw++ = baton_pass_sum(pass, dy + j * column, NULL);", "*dw++ = 0;")])):
    mutant("the trainer", name, changes, must={"keras": ""})
for path, old, new in (
        (LINEAR, "dw[d_in] = baton_lanes_sum(sums.bias);", "dw[d_in] = 0;"),
        (DENSE, "*dw++ = baton_pass_sum(pass, dy + j * column, NULL);", "*dw++ = 0;")):
    step("the trainer", "a bias that is not trained, here alone", path, old, new,
         first=("dense",))

# what does not compile
ATTRIBUTES, BATCH_H, PIPELINE_H = (f"lib/baton/{name}.h" for name in (
    "attributes", "batch", "pipeline"))
for name, path, old, new in (
        ("a batch is no capability", BATCH_H, "typedef struct BATON_CAPABILITY(\"batch\") ",
         "typedef struct "),
        ("a claim is no capability", PIPELINE_H, "typedef struct BATON_CAPABILITY(\"claim\") ",
         "typedef struct "),
        ("next acquires nothing", PIPELINE_H,
         "int baton_next(baton_pipeline *feed, baton_batch *b) BATON_ACQUIRES(*b);",
         "int baton_next(baton_pipeline *feed, baton_batch *b);"),
        ("next acquires whatever it returns", ATTRIBUTES,
         "__attribute__((try_acquire_capability(0, __VA_ARGS__)))",
         "__attribute__((acquire_capability(__VA_ARGS__)))"),
        ("release releases nothing", PIPELINE_H,
         "int baton_release(baton_pipeline *feed, baton_batch *b) BATON_RELEASES(*b);",
         "int baton_release(baton_pipeline *feed, baton_batch *b);"),
        ("submit releases nothing", PIPELINE_H,
         "int baton_submit(baton_pipeline *feed, baton_claim *c) BATON_RELEASES(*c);",
         "int baton_submit(baton_pipeline *feed, baton_claim *c);"),
        ("discard releases nothing", PIPELINE_H,
         "const char *text)\n\tBATON_RELEASES(*c);", "const char *text);"),
        ("begin acquires nothing", PIPELINE_H,
         "int baton_begin(baton_pipeline *feed, baton_claim *c) BATON_ACQUIRES(*c);",
         "int baton_begin(baton_pipeline *feed, baton_claim *c);"),
        ("free releases nothing", BATCH_H, "int baton_free(baton_batch *b) BATON_RELEASES(*b);",
         "int baton_free(baton_batch *b);"),
        ("a read needs no batch", BATCH_H,
         "const float *baton_f32(const baton_batch *b, size_t i) BATON_REQUIRES(*b);",
         "const float *baton_f32(const baton_batch *b, size_t i);"),
        ("a claim's view needs no claim", PIPELINE_H,
         "baton_writable *baton_claimed(baton_claim *c) BATON_REQUIRES(*c);",
         "baton_writable *baton_claimed(baton_claim *c);"),
        ("a batch may be written by who reads", BATCH_H,
         "BATON_API const float *baton_f32(const", "BATON_API float *baton_f32(const"),
        ("close need not be checked", PIPELINE_H,
         "BATON_API BATON_MUST_CHECK int baton_close(", "BATON_API int baton_close(")):
    step("what must not compile", name, path, old, new, layers=("compile",))

# permutation.c, source_npy.c, npy.c, dlpack.c
for name, path, old, new in (
        ("four rounds", "lib/baton/permutation.h", "#define BATON_PERMUTATION_ROUNDS 8",
         "#define BATON_PERMUTATION_ROUNDS 4"),
        ("too few bits for small sizes", PERMUTATION, "#define LEAST_BITS 6u", "#define LEAST_BITS 4u"),
        ("every epoch in one order", PERMUTATION, "(uint32_t)epoch,\n", "0,\n"),
        ("one order for every seed", PERMUTATION, "{(uint32_t)seed, (uint32_t)(seed >> 32)}",
         "{0, 0}"),
        ("a round that is no bijection", PERMUTATION, "\t\thigh ^= scramble(low,",
         "\t\thigh = scramble(low,"),
        ("one turn only", PERMUTATION, "\twhile (i >= p->n_);\n", "\twhile (0);\n"),
        ("places of other shards", SOURCE_NPY, "* d->options.n_shards + d->options.shard;",
         "+ d->options.shard * d->places;"),
        ("a short batch said to be full", SOURCE_NPY, "return baton_set_rows(b, rows);",
         "return BATON_OK;"),
        ("epochs run over their end", SOURCE_NPY, "d->options.epochs && epoch >= d->options.epochs",
         "0"),
        ("columns by different orders", SOURCE_NPY, "copy(&d->columns[c], samples, n,",
         "copy(&d->columns[c], samples + (c > 0 && n > 1), n - (c > 0 && n > 1),"),
        ("the second chunk over the first", SOURCE_NPY, "baton_writable_data(b, c) + i * bytes);",
         "baton_writable_data(b, c) + 0 * i * bytes);"),
        ("a seed of its own", SOURCE_NPY, "d->samples, rng->seed_, epoch)", "d->samples, 0, epoch)"),
        ("a file that shrinks is not looked for", SOURCE_NPY,
         "\tif (check_whole(d, &err) < 0)\n", "\tif (0)\n"),
        ("files are let go in use", SOURCE_NPY,
         "atomic_load_explicit(&(*data)->producers, memory_order_acquire) > 0", "0"),
        ("lengths need not agree", SOURCE_NPY, "if (d->n_columns > 1 && h->n != d->samples)",
         "if (0)"),
        ("drop_last keeps", SOURCE_NPY, "\tif (o->drop_last)\n", "\tif (0)\n"),
        ("infinity of float16 is a number", SOURCE_NPY,
         "bool finite = (half & 0x7c00) != 0x7c00;", "bool finite = true;"),
        ("identity without the data", SOURCE_NPY, "return mix_data(hash, &c->data);",
         "return hash;"),
        ("identity without the last piece", SOURCE_NPY, "(i + 1 < PIECES ? at : bytes - PIECE)",
         "at"),
        ("bytes behind the data", NPY, "if (there > wanted)", "if (0)"),
        ("Fortran order", NPY, "\tif (said->fortran)\n", "\tif (0)\n"),
        ("big-endian numbers", NPY,
         "if (i == n || (order != '<' && (order != '|' || dtypes[i].item > 1)))", "if (i == n)"),
        ("waits for a pipe", NPY, " | O_NONBLOCK", ""),
        ("the first tensor's end frees all", DLPACK, "memory_order_acq_rel) > 1)",
         "memory_order_acq_rel) > 2)"),
        ("a detached batch given away stays in the caller's hands", DLPACK,
         "\t*b = (baton_batch)BATON_BATCH_INIT;\n", ""),
        ("any batch can be given away", DLPACK, "\tif (b->kind_ != BATON_DETACHED)\n", "\tif (0)\n"),
        ("tensors of a full batch", DLPACK, "(int64_t)baton_rows(b);", "3;")):
    step("samples from files", name, path, old, new, layers=("unit", "asan"),
         first=("permutation", "dlpack", "npy"))

# the model of the pipeline
for macro in ("NO_WAKE_PUBLISHED", "NO_SLOT_CHECK", "NO_RECHECK_PRODUCER", "NO_RECHECK_TRAINER",
              "EARLY_RELEASE"):
    switch("the model of the pipeline", macro.lower().replace("_", " "), PML, macro)
for macro in ("STORE_PUBLISH", "NO_PUSH", "STORE_PUSH", "PUSH_SLOTS_BLOCK", "POP_IN_TWO",
              "REPLACE_UNCLAIMED", "REPLACE_ANYWAY", "NO_KEEP", "BLOCK_AFTER_CLAIM"):
    switch("the model of the pipeline", "helping: " + macro.lower().replace("_", " "), PML, macro,
           spin=SPIN_HELP)
switch("the model of the pipeline", "helping: no deadline", PML, "NO_DEADLINE", spin=SPIN_FREEZE)
switch("the model of the pipeline", "helping: no halt wake", PML, "NO_HALT_WAKE", spin=SPIN_LAST)
