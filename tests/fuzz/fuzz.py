#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fuzz one target with libFuzzer: fuzz.py CLANG SOURCE BUILD TARGET

Compiles the library, the programs' options and the target with clang's -fsanitize=fuzzer,
address,undefined into BUILD/fuzz, whatever compiler the build has; again only what is older
than a source or header. FUZZ_RUNS (default 20000) is how many executions; what they find to be
new is kept in BUILD/fuzz/found-TARGET for the next time. Then the same target must find each
of the seeded bugs below, within FUZZ_MUTANT_RUNS (default 2000000) executions: the calls from
nothing, the parsers from the kept corpus.

FUZZ_MUTANT_INPUTS=DIRECTORY: also put there what found them."""
import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'cli'))
from tap import Skip, check, claim, main  # noqa: E402

CLANG, ROOT, BUILD, TARGET = sys.argv[1], *map(Path, sys.argv[2:4]), sys.argv[4]
RUNS = int(float(os.environ.get('FUZZ_RUNS', 20000)))
MUTANT_RUNS = int(float(os.environ.get('FUZZ_MUTANT_RUNS', 2000000)))
CORPUS = HERE / 'corpus' / TARGET
OUT = BUILD / 'fuzz'

FEED = ['lib/error.c', 'lib/thread.c', 'lib/feed/*.c']
SOURCES = {
    'calls': FEED + ['tests/fuzz/calls.c', 'tests/fuzz/model.c'],
    'npy': FEED + ['tests/fuzz/npy.c'],
    'options': FEED + ['tests/fuzz/options*.c', 'apps/args.c', 'apps/path.c'],
    'replay': FEED + ['lib/train/*.c', 'tests/fuzz/replay.c', 'tests/ref/replay.c'],
    'safetensors': FEED + ['lib/train/*.c', 'tests/fuzz/safetensors.c'],
}[TARGET]
LONGEST = {'calls': 200, 'npy': 300, 'options': 300, 'replay': 1000, 'safetensors': 1500}[TARGET]
SANITIZE = 'address,undefined'
FLAGS = ['-std=gnu11', '-D_GNU_SOURCE', '-DBATON_DEBUG', '-DMOST_NUMBERS=65536', '-O2', '-g',
         '-ffp-contract=off', '-fno-math-errno', '-fno-sanitize-recover=all',
         '-fno-omit-frame-pointer', f'-I{ROOT}/lib']
ENV = dict(os.environ, ASAN_OPTIONS='quarantine_size_mb=8:malloc_context_size=3')

# name: file, text that is there once, what takes its place
MUTANTS = {
    'calls': {
        'a release leaves its handle full':
            ('lib/feed/delivery.c', '\tlet_go(feed, block, b);\n\t*b = (baton_batch)BATON_BATCH_INIT;',
             '\tlet_go(feed, block, b);'),
        'a batch of a block is given back twice':
            ('lib/feed/delivery.c', '\t*block = baton_batch_block(b);\n',
             '\t*block = s->turn == 2 * b->ticket_ + 1 ? s->block : NULL;\n'),
        'the oldest ticket moves on by one only':
            ('lib/feed/delivery.c', '\twhile (d->oldest != d->head &&', '\tif (d->oldest != d->head &&'),
        'completion order goes on behind a stop':
            ('lib/feed/delivery.c', '\t\tend = d->stop_ticket; /*', '\t\tend += 0; /*'),
        'a detached copy is called by its block\'s number':
            ('lib/feed/delivery.c', 'copy->k = block->k + i;', 'copy->k = block->k;'),
        'a detached copy lacks the last field':
            ('lib/feed/delivery.c', '\tfor (size_t f = 0; f < l->n_fields; f++)\n\t\tmemcpy(',
             '\tfor (size_t f = 0; f + 1 < l->n_fields; f++)\n\t\tmemcpy('),
        'a block runs over a known end':
            ('lib/feed/producer.c', 'if (feed->end_k - block->k < m)', 'if (0)'),
        'misuse is remembered for ever':
            ('lib/feed/delivery.c', 'feed->delivery.misuse = baton_is_misuse(rc) ? rc : BATON_OK;',
             'if (baton_is_misuse(rc))\n\t\tfeed->delivery.misuse = rc;'),
        'close does not count claims':
            ('lib/feed/pipeline.c',
             'atomic_load_explicit(&(*feed)->lent, memory_order_acquire) > 0', '0'),
        'a failed begin stays counted':
            ('lib/feed/claim.c', 'if (rc != BATON_OK) {\n\t\t/* release: as in pass_on() */\n\t\t'
             'atomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);',
             'if (rc != BATON_OK) {'),
        'a claim of another pipeline is taken':
            ('lib/feed/claim.c', 'if (c->w_.at_ != s)', 'if (0)'),
        'a stop says the block after its own':
            ('lib/feed/delivery.c', 'd->stop.batch = block->k + block->n;',
             'd->stop.batch = block->k + block->n + 1;'),
        'rows of an earlier batch in the same place':
            ('lib/feed/producer.c', 'block->cells[block->n] =\n\t\t(struct baton_cell)'
             '{(uint32_t)block->layout->rows, BATON_CELL_FILLED};',
             'if (!block->cells[block->n].rows)\n\t\tblock->cells[block->n].rows = (uint32_t)block->layout->rows;'
             '\n\tblock->cells[block->n].state = BATON_CELL_FILLED;'),
        'a cancel does not hold for begin':
            ('lib/feed/producer.c', 'if (state != BATON_RUNNING)', 'if (state == BATON_HALTED)'),
    },
    'npy': {
        'bytes behind the data are taken': ('lib/feed/npy.c', 'if (there > wanted)', 'if (0)'),
        'missing bytes are not noticed': ('lib/feed/npy.c', 'if (there < wanted)', 'if (0)'),
        'a shape wraps': ('lib/feed/npy.c',
                          '__builtin_mul_overflow(numbers, h->shape[i], &numbers))\n\t\t\tnumbers = 0;',
                          '__builtin_mul_overflow(numbers, h->shape[i], &numbers) && 0)\n\t\t\tnumbers = 0;'),
        'a dimension wraps': ('lib/feed/npy.c', '\t\t\treturn false;\n\t}\n\treturn t->at > begin',
                              '\t\t\tcontinue;\n\t}\n\treturn t->at > begin'),
        'a header is longer than its file': ('lib/feed/npy.c', 'if (length > n - prefix)', 'if (0)'),
        'a header of no letters is read': ('lib/feed/npy.c',
                                           'if (n < prefix || memcmp', 'if (n < 8 || memcmp'),
        'a dtype is quoted as it is': ('lib/feed/npy.c',
                                       "*t->at < ' ' || *t->at > '~' ||", ''),
        'one axis too many is kept': ('lib/feed/npy.c', 'if (said->n_dims < MOST_DIMS)',
                                      'if (said->n_dims <= MOST_DIMS)'),
        'a refused file stays open': ('lib/feed/npy.c',
                                      '\tif (rc < 0)\n\t\tbaton_npy_data_close(d);\n', ''),
        'Fortran order is taken for C\'s': ('lib/feed/npy.c', 'if (said->fortran)', 'if (0)'),
        'a row is too long by a number': ('lib/feed/npy.c', 'h->row_numbers = numbers;',
                                          'h->row_numbers = numbers + 1;'),
        'a shape may have no comma': ('lib/feed/npy.c', 'return said->n_dims != 1 || comma;',
                                      'return true;'),
    },
    'options': {
        'numbers wrap': ('apps/args.c', '\tif (errno)\n\t\treturn false;\n\t*out = value;',
                         '\t*out = value;'),
        'infinity is a number': ('apps/args.c', ' || !isfinite(value))', ')'),
        'a range is open above': ('apps/args.c', ' || value > arg->max', ''),
        'control characters are not quoted': ('apps/args.c', 'c < 0x20 || c > 0x7e ||', ''),
        'a wrong choice is the last': ('apps/args.c', '\t\t\treturn true;\n\t\t}\n\treturn false;',
                                       '\t\t\treturn true;\n\t\t}\n\treturn true;'),
        'quoting runs out of its room': ('apps/args.c', 'at + 8 < size', 'at < size'),
        'the first of two counts': ('apps/args.c', '*(uint64_t *)arg->value = value;',
                                    'if (*(uint64_t *)arg->value == 7)\n\t\t*(uint64_t *)arg->value = value;'),
    },
    'replay': {
        'too little room for units': ('tests/ref/replay.c', 'strlen(in->rest) / 2 + 2',
                                      'strlen(in->rest) / 4 + 1'),
        'a second record is read': ('tests/ref/replay.c', 'if (run->seen & 1u << i)', 'if (0)'),
        'a bad number is not said': ('tests/ref/replay.c', 'if (end == value || *end)\n\t\treturn bad(',
                                     'if (end == value || *end)\n\t\treturn BAD;\n\tif (0)\n\t\treturn bad('),
        'one number too many is stored': ('tests/ref/replay.c',
                                          'i < n; i++) {\n\t\tchar *end', 'i <= n; i++) {\n\t\tchar *end'),
        'a line is not freed': ('tests/ref/replay.c', '\tfree(in.text);\n', ''),
    },
    'safetensors': {
        'a shape is not compared': ('lib/train/safetensors.c',
                                    'if (!shape_is(member(tensor, "shape"), shape))', 'if (0)'),
        'a name is quoted as it is': ('lib/train/safetensors.c',
                                      "text[n] < ' ' || text[n] > '~' ? '?' : text[n]", 'text[n]'),
        'a refused header is not freed': ('lib/train/safetensors.c',
                                          '\tif (rc < 0)\n\t\tbaton_safetensors_close(file);\n', ''),
        'a learning rate becomes infinite': ('lib/train/metadata.c',
                                             ' && run->learning_rate <= (double)FLT_MAX', ''),
        'an epoch has more steps than all': ('lib/train/metadata.c',
                                             'run->epoch_step > run->steps || ', ''),
        'one number too many of callbacks': ('lib/train/metadata.c',
                                             'if (run->n_saved == BATON_RUN_SAVED)', 'if (0)'),
    },
}[TARGET]


# --- compiling --------------------------------------------------------------------------

def call(*command):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True,
                          errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=ENV)
    return done.returncode, done.stdout


def compiled(source, to, *more):
    # the random numbers are hot and have no paths to look for
    guide = [] if source.name == 'rng.c' else ['-fsanitize=fuzzer-no-link']
    status, said = call(CLANG, *FLAGS, f'-fsanitize={SANITIZE}', *guide, *more, '-c', source,
                        '-o', to)
    check(status == 0, said)
    return to


def linked(objects, to):
    status, said = call(CLANG, f'-fsanitize=fuzzer,{SANITIZE}', *objects, '-o', to,
                        '-lurcu-bp', '-lurcu-common', '-lcjson', '-lm', '-lpthread')
    check(status == 0, said)
    return to


def has_libfuzzer():
    """None, or why not."""
    if not CLANG:
        return 'no clang here'
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / 'empty.c'
        source.write_text('#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *d, '
                          'size_t n);\nint LLVMFuzzerTestOneInput(const unsigned char *d, size_t n)'
                          '\n{\n\treturn d && n > 1000 ? 1 : 0;\n}\n')
        status, said = call(CLANG, f'-fsanitize=fuzzer,{SANITIZE}', source, '-o',
                            Path(place) / 'empty')
        return None if status == 0 else f'{CLANG} has no libFuzzer: {said.splitlines()[0]}'


def mtime(path):
    return path.stat().st_mtime


def headers_changed():
    return max(mtime(p) for d in ('lib', 'apps', 'tests/fuzz', 'tests/ref')
               for p in (ROOT / d).rglob('*.h'))


def build():
    """{source: object}, all up to date, and the program. Targets share objects."""
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return built()


def built():
    sources = [p for pattern in SOURCES for p in sorted(ROOT.glob(pattern))]
    # the options are read from the text of the programs' main files
    texts = sorted((ROOT / 'apps').rglob('*.c')) if TARGET == 'options' else []
    newest = max([headers_changed()] + [mtime(p) for p in texts + [Path(__file__)]])
    objects = {s: OUT / f'{"-".join(s.relative_to(ROOT).parts)}.o' for s in sources}
    old = [s for s, o in objects.items()
           if not o.exists() or mtime(o) <= max(newest, mtime(s))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: compiled(s, objects[s]), old))
    program = OUT / TARGET
    if not program.exists() or any(mtime(o) >= mtime(program) for o in objects.values()):
        linked(objects.values(), program)
    return objects, program


def need():
    why = has_libfuzzer()
    if why:
        raise Skip(why)
    return build()


# --- fuzzing ----------------------------------------------------------------------------

def fuzz(program, runs, place, *corpora):
    """Returns (status, output); what it finds goes to place."""
    return call(program, f'-runs={runs}', f'-max_len={LONGEST}', '-timeout=20', '-seed=1',
                '-print_final_stats=1', f'-artifact_prefix={place}/', *corpora)


@claim
def nothing():
    """the target has nothing to find"""
    _, program = need()
    found = OUT / f'found-{TARGET}'
    found.mkdir(exist_ok=True)
    status, said = fuzz(program, RUNS, OUT, found, CORPUS)
    check(status == 0, said[-6000:])
    done = re.search(r'#(\d+)\s+DONE +cov: (\d+) ft: (\d+) corp: (\S+).*exec/s: (\d+)', said)
    check(done and int(done[1]) >= RUNS, said[-2000:])
    nothing.__doc__ += (f' in {done[1]} executions, {done[5]} a second; '
                        f'cov {done[2]}, ft {done[3]}, corpus {done[4]}')


def mutated(objects, name, place):
    file, old, new = MUTANTS[name]
    text = (ROOT / file).read_text()
    check(text.count(old) == 1, f'{file} has {text.count(old)} times:', old)
    source = Path(place) / Path(file).name
    source.write_text(text.replace(old, new))
    mutant = compiled(source, Path(place) / 'mutant.o', '-iquote', (ROOT / file).parent)
    return linked([mutant if s == ROOT / file else o for s, o in objects.items()],
                  Path(place) / 'mutant')


def finds(name):
    objects, _ = need()
    with tempfile.TemporaryDirectory(dir=OUT) as place:
        program = mutated(objects, name, place)
        scratch = Path(place) / 'scratch'
        scratch.mkdir()
        corpora = [scratch] + ([] if TARGET == 'calls' else [CORPUS])
        status, said = fuzz(program, MUTANT_RUNS, place, *corpora)
        inputs = [p for kind in ('crash', 'timeout', 'leak') for p in Path(place).glob(kind + '-*')]
        check(status != 0 and len(inputs) == 1, f'not found: {name}', said[-2000:])
        keep(name, program, inputs[0])
        units = re.search(r'number_of_executed_units: (\d+)', said)
        return units[1] if units else '?'


def keep(name, program, found):
    """The input that found it, as short as it gets."""
    to = os.environ.get('FUZZ_MUTANT_INPUTS')
    if not to:
        return
    short = found.with_name('short')
    call(program, '-minimize_crash=1', '-runs=20000', '-timeout=20', f'-exact_artifact_path={short}',
         found)
    shutil.copy(short if short.exists() else found,
                Path(to) / re.sub(r'\W+', '-', name.replace("'", '')))


@functools.cache
def searches():
    """{mutant: what finds() will say}; what they share has been built."""
    need()
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    return {name: pool.submit(finds, name) for name in MUTANTS}


def finder(name):
    def test():
        test.__doc__ += f' (execution {searches()[name].result()})'
    test.__doc__ = f'it finds: {name}'
    return test


for mutant in MUTANTS:
    claim(finder(mutant))
main()
