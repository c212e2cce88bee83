#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What replay says of files that are no run: bad.py REPLAY RUN"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
from tap import check, claim, main, run  # noqa: E402

REPLAY, RUN = sys.argv[1:]
LINES = open(RUN).read().splitlines()


def replay(lines, *more):
    """Replay a file of these lines; returns (status, stdout, stderr)."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'run.txt')
        with open(path, 'w') as f:
            f.write('\n'.join(lines) + '\n')
        return run(REPLAY, path, *more)


def line(word, number=1):
    """The index of the number-th line that begins with word."""
    return [i for i, text in enumerate(LINES) if text.split()[0] == word][number - 1]


def changed(word, to, number=1):
    """All lines, with this one replaced; None: left out."""
    lines = list(LINES)
    lines[line(word, number):line(word, number) + 1] = [] if to is None else [to]
    return lines


def shorter(word, number=1):
    return ' '.join(LINES[line(word, number)].split()[:-1])


BAD = [  # lines, what the line on stderr must say
    (['nonsense'], [':1: ', '"nonsense"']),
    ([], ['ends within the head']),
    (changed('optimizer', 'optimizer adagrad'), ['"adagrad"', 'rmsprop, sgd or adam']),
    (changed('optimizer', 'optimizer rmspropper'), ['"rmspropper"']),
    (changed('optimizer', None), ['no optimizer before it']),
    (changed('config', 'config rho=x'), ['rho=x']),
    (changed('config', 'config amsgrad=True'), ['amsgrad=True', 'not supported']),
    (changed('config', 'config weight_decay=0.01'), ['weight_decay=0.01', 'not supported']),
    (changed('config', 'config centered=maybe'), ['centered=maybe', 'True or False']),
    (changed('config', 'config rho=1.5'), ['rho 1.5']),
    (changed('config', 'config rho'), ['"rho"', 'KEY=VALUE']),
    (changed('loss', 'loss huber'), ['"huber"', 'mse or mae']),
    (changed('activation', 'activation tanh'), ['"tanh"', 'linear or relu']),
    (changed('d_in', 'd_in 0'), ['d_in', '"0"']),
    (changed('d_in', 'd_in'), ['d_in']),
    (changed('units', 'units 4 2'), ['2 units']),
    (changed('units', 'units 67108864 1'), ['over']),
    (changed('batch', 'batch -3'), ['batch', '"-3"']),
    (changed('steps', 'steps 1e3'), ['steps', '"1e3"']),
    (changed('steps', 'steps 9'), ['"x" after the last of 9 steps']),
    (changed('steps', LINES[line('steps')] + '\nsteps 5'), ['steps: a second one']),
    (changed('weights', shorter('weights')), ['weights: number 3 of 3 is missing']),
    (changed('weights', 'weights 1 2 3 4'), ['more than 3']),
    (changed('weights', 'weights 1 two 3'), ['number 2 of 3 is no number']),
    (changed('x', shorter('x', 5), 5), ['number 128 of 128 is missing']),
    (changed('l', None, 3), ['"w" in step 3', '"l" must follow']),
    (changed('w', 'w', 2), ['number 1 of 3 is missing']),
    (LINES[:line('x', 8)], ['ends in step 8 of']),
]


@claim
def bad_files():
    """a bad file is answered by one line that says where and what, and exit 2"""
    for lines, says in BAD:
        status, out, err = replay(lines)
        check(status == 2 and out == '', says, status, out, err)
        check(err.startswith('replay: ') and err.count('\n') == 1, repr(err))
        for what in says:
            check(what in err, what, repr(err))


@claim
def other_files():
    """the other files are replayed nevertheless"""
    status, out, err = replay(['nonsense'], RUN, '/nonexistent')
    check(status == 2 and out.count('\n') == 1 and err.count('\n') == 2, status, out, err)
    check(out.split()[3] == 'pass', out)


@claim
def no_file():
    """no file is a wrong usage"""
    for options in ([], ['--tree']):
        status, out, err = run(REPLAY, *options)
        check(status == 2 and out == '' and err.count('\n') == 1, status, out, err)


@claim
def wrong_run():
    """a run of which one number is wrong fails, with exit 1"""
    for word, number in (('w', 7), ('l', 7), ('weights', 1)):
        text = LINES[line(word, number)].split()
        text[1] = repr(float(text[1]) * 1.001)
        status, out, err = replay(changed(word, ' '.join(text), number))
        check(status == 1 and out.split()[3] == 'fail' and err == '', status, out, err)
    for word in ('l', 'w'):
        for wrong in ('inf', '-inf', 'nan'):
            text = LINES[line(word, 7)].split()
            text[1] = wrong
            status, out, err = replay(changed(word, ' '.join(text), 7))
            check(status == 1 and out.split()[3] == 'fail' and err == '', status, out, err)


@claim
def any_layout():
    """comments, empty lines, blanks and what is off in get_config() are fine"""
    lines = changed('config', LINES[line('config')] + ' amsgrad=False weight_decay=None name=rms')
    lines = [text for l in lines for text in ('', '# w 1 2 3', l.replace(' ', '  ') + ' \r')]
    status, out, err = replay(lines)
    check(status == 0 and out.split()[3] == 'pass', status, out, err)


main()
