#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""train_mean --trace and --stats, held against the format's rules: trace.py TRAIN_MEAN"""
import copy
import json
import os
import sys
import tempfile
from decimal import Decimal

from tap import check, claim, main, run

TRAIN_MEAN = sys.argv[1]
PLACE = tempfile.TemporaryDirectory()


def ns(us):
    """A time of the trace, which has three decimals of a microsecond."""
    value = Decimal(us) * 1000
    check(value == int(value) and value >= 0, 'a time that is no whole number of ns:', us)
    return int(value)


def tracks_of(events):
    """The slices of each thread, in the order of the file, and what is not one."""
    tracks, rest = {}, []
    for e in events:
        check(isinstance(e.get('pid'), int) and isinstance(e.get('tid'), int) and e.get('name'),
              'no pid, tid or name:', e)
        check(e['ph'] in 'MXsf', 'unknown phase:', e)
        if e['ph'] == 'X':
            tracks.setdefault(e['tid'], []).append((ns(e['ts']), ns(e['ts']) + ns(e['dur']), e))
        else:
            rest.append(e)
    return tracks, rest


def enclosing(track, at):
    """The slice that a flow's end at this time is taken to belong to."""
    found = [e for begin, end, e in track if begin <= at < end or begin == at]
    check(found, 'an arrow that ends nowhere, at', at)
    return found[-1]


def lint(document):
    """The rules: raises an AssertionError that says what is wrong. Returns (slices, flows)."""
    tracks, rest = tracks_of(document['traceEvents'])
    named = [e['tid'] for e in rest if e['ph'] == 'M' and e['name'] == 'thread_name']
    check(len(named) == len(set(named)), 'a thread with two names')
    for tid, track in tracks.items():
        check(tid in named, 'a thread without a name:', tid)
        for (_, end, a), (begin, _, b) in zip(track, track[1:]):
            check(end <= begin, 'out of order, or overlapping:', a, b)
    flows = {}
    for e in rest:
        if e['ph'] in 'sf':
            ends = flows.setdefault(e['id'], {})
            check(e['ph'] not in ends, 'an arrow with two ends of a kind:', e)
            ends[e['ph']] = e
    for block, ends in flows.items():
        check(set(ends) == {'s', 'f'}, 'an arrow with one end:', block)
        check(ns(ends['s']['ts']) <= ns(ends['f']['ts']), 'an arrow back in time:', block)
        check(ends['f'].get('bp') == 'e', 'an arrow that would end at the next slice:', block)
        check(ends['s']['cat'] == ends['f']['cat'] and ends['s']['name'] == ends['f']['name'],
              'the ends of an arrow are not called alike:', block)
        for end, name in (('s', 'fill'), ('f', 'train')):
            at = enclosing(tracks[ends[end]['tid']], ns(ends[end]['ts']))
            check(at['name'] == name and at['args']['block'] == block,
                  'an arrow of another block or kind:', block, at)
    return [e for track in tracks.values() for _, _, e in track], flows


def trace(*options):
    path = os.path.join(PLACE.name, 'trace.json')
    status, _, err = run(TRAIN_MEAN, '--progress', 'none', '--trace', path, *options)
    check(status == 0, status, err)
    with open(path) as file:
        return json.load(file, parse_float=Decimal)


def named(slices, name):
    return [e for e in slices if e['name'] == name]


@claim
def whole():
    """each block is filled once, trained once, and has an arrow between"""
    for options in (['-p', '1'], ['-p', '4'], ['-p', '0'], ['-p', '3', '--order', 'completion'],
                    ['-p', '2', '--pool', '1', '--block', '10']):
        slices, flows = lint(trace(*options))
        batches = 10 if '--block' in options else 64
        blocks = list(range(-(-10000 // batches)))
        for name in ('fill', 'train'):
            found = named(slices, name)
            check(sorted(e['args']['block'] for e in found) == blocks, options, name, len(found))
            check(sum(e['args']['batches'] for e in found) == 10000, options, name)
            for e in found:
                check(e['args']['batch'] == e['args']['block'] * batches, e)
        check(sorted(flows) == blocks, options, 'arrows:', len(flows))


@claim
def ring():
    """a long run keeps the last events of each thread, and only whole arrows"""
    for n in (1, 2, 7, 100):
        document = trace('-p', '2', '--block', '1', '--trace-events', str(n))
        slices, flows = lint(document)
        for tid in {e['tid'] for e in slices}:
            check(sum(e['tid'] == tid for e in slices) <= n, n, tid)
        trained = [e['args']['block'] for e in named(slices, 'train')]
        check(n < 2 or 9999 in trained, n, trained) # the last one
        check(set(flows) <= set(trained), n)
        if n == 100:
            check(flows, 'no arrow is left')


@claim
def crimes():
    """the rules are kept by no document that breaks one (control)"""
    good = trace('-p', '1', '--work-conserving', 'off')
    lint(good)

    def broken(what, change):
        document = copy.deepcopy(good)
        change(document['traceEvents'])
        try:
            lint(document)
        except AssertionError:
            return
        raise AssertionError('not noticed: ' + what)

    def first(events, ph):
        return next(e for e in events if e['ph'] == ph)

    def last(events, ph):
        return next(e for e in reversed(events) if e['ph'] == ph)

    for ph in 'Msf':
        broken('without its first ' + ph, lambda es: es.remove(first(es, ph)))
    for ph in 'sf':
        broken('two of ' + ph, lambda es: es.append(dict(first(es, ph))))
        broken('of another block: ' + ph, lambda es: first(es, ph).update(ts=last(es, ph)['ts']))
        broken('elsewhere: ' + ph, lambda es: first(es, ph).update(tid=first(es, ph)['tid'] ^ 1))
        broken('called otherwise: ' + ph, lambda es: first(es, ph).update(cat='other'))
    broken('without a slice', lambda es: es.remove(first(es, 'X')))
    broken('a track out of order', lambda es: es.append(es.pop(es.index(first(es, 'X')))))
    broken('a slice over the next', lambda es: first(es, 'X').update(dur=Decimal('1e9')))
    broken('half a nanosecond', lambda es: first(es, 'X').update(dur=Decimal('0.0005')))
    broken('back in time', lambda es: first(es, 'f').update(ts=Decimal(0)))
    broken('no binding point', lambda es: first(es, 'f').pop('bp'))
    broken('an unknown phase', lambda es: first(es, 'X').update(ph='Q'))
    broken('no thread', lambda es: first(es, 'X').pop('tid'))


@claim
def unwritable():
    """a trace that can't be written is said before a step is made, and without training none is"""
    status, out, err = run(TRAIN_MEAN, '--trace', PLACE.name + '/no/where')
    check(status == 2 and out == '' and '--trace' in err and 'No such file' in err, status, err)
    status, out, err = run(TRAIN_MEAN, '--trace', PLACE.name + '/t', '--load', 'x')
    check(status == 2 and '--trace' in err, status, err)
    status, out, err = run(TRAIN_MEAN, '--progress', 'none', '--trace', '/dev/full')
    check(status == 1 and 'No space' in err, status, err)


@claim
def same_digest():
    """who is watched trains to the same bits"""
    digests = set()
    for options in ([], ['--stats'], ['--trace', os.path.join(PLACE.name, 't')]):
        status, out, err = run(TRAIN_MEAN, '--progress', 'none', '--json', '-', *options)
        check(status == 0, err)
        digests.add(json.loads(out)['digest'])
    check(len(digests) == 1, digests)


CAUSES = ('train_ns', 'wait_fill_ns', 'wait_pool_ns', 'wait_wake_ns', 'inline_ns', 'snapshot_ns',
          'checkpoint_ns', 'callbacks_ns', 'validate_ns')


def add_up(document):
    ledger = document['ledger']
    trainer = ledger['trainer']
    check(set(trainer) == {'wall_ns', *CAUSES}, trainer)
    check(trainer['wall_ns'] == sum(trainer[c] for c in CAUSES), trainer)
    for p in ledger['producers']:
        check(p['wall_ns'] == p['fill_ns'] + p['no_block_ns'] + p['parked_ns'], p)
    check(sum(p['blamed_ns'] for p in ledger['producers']) <= trainer['wait_fill_ns'], ledger)
    check(len(ledger['advice']) > 20, ledger)
    return ledger


@claim
def sums():
    """the ledger's causes add up to the trainer's time"""
    for producers, fills in ((0, 'auto'), (1, 'off'), (3, 'off'), (1, 'on')):
        status, out, err = run(TRAIN_MEAN, '-p', producers, '--progress', 'none', '--json', '-',
                               '--validation-steps', '3', '--work-conserving', fills)
        check(status == 0, err)
        document = json.loads(out)
        ledger = add_up(document)
        trainer = ledger['trainer']
        check(trainer['validate_ns'] > 0 and trainer['train_ns'] > 0, trainer)
        if fills != 'on':
            check((trainer['inline_ns'] > 0) == (producers == 0), trainer)
        check(len(ledger['producers']) == max(producers, 1) + (fills == 'on'), ledger)


@claim
def in_words():
    """--stats says it in words, and what would help"""
    status, out, err = run(TRAIN_MEAN, '-p', '2', '--progress', 'none')
    check(status == 0 and "the trainer's" not in out, out)
    status, out, err = run(TRAIN_MEAN, '-p', '2', '--progress', 'none', '--stats')
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("the trainer's "))
    shares = [float(line.split()[0]) for line in lines[start + 1:] if line.startswith('  ')]
    check(shares and abs(sum(shares) - 100) < 0.1, lines) # rounded to 0.01, ten at most
    check(any(line.endswith('% training') for line in lines), lines)
    check(lines[-2].startswith("the producers' ") and '% filling' in lines[-2], lines)
    check(any(word in lines[-1] for word in ('help', 'limit', 'would')), lines)


main()
