#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checkpoints as the user of train_mean meets them: checkpoint.py PROGRAM

BATON_KILLS (20): how often a training is killed."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from tap import Skip, check, claim, main, run

PROGRAM = sys.argv[1]
FAST = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
# a sanitizer's programs take many times as long
SANITIZED = os.environ.get('BATON_SANITIZE', 'none') != 'none'
KILLS = int(os.environ.get('BATON_KILLS', 5 if SANITIZED else 20))
SHORT = ['--steps-per-epoch', 500, '--epochs', 4, '--hidden', 4, '--validation-steps', 3,
         '--patience', 3]


def train(*options, status=0, **more):
    """Train quietly; returns the JSON document and what was said on stderr."""
    code, out, err = run(PROGRAM, '--progress', 'none', '--json', '-', *options, **more)
    check(code == status, options, code, err)
    check(status or err == '', err)
    return json.loads(out), err


def metadata(path):
    with open(path, 'rb') as f:
        return json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))['__metadata__']


def step_of(path):
    return int(metadata(path)['step'])


def data(path):
    with open(path, 'rb') as f:
        return f.read()


@claim
def goes_on():
    """a run that was ended by SIGINT goes on to the digest of one that was not"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        epochs = 5 if SANITIZED else 30
        options = ['--steps-per-epoch', 20000, '--epochs', epochs, '--validation-steps', 3]
        whole, _ = train(*options)
        statuses = []
        for i in range(3):
            with subprocess.Popen([str(c) for c in (
                    PROGRAM, '--producers', i, '--progress', 'none', '--checkpoint', path,
                    '--checkpoint-every', 1, *options)], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True) as p:
                while not os.path.exists(path):  # it must come
                    time.sleep(0.001)
                p.send_signal(signal.SIGINT)
                out, err = p.communicate(timeout=60)
                # done already, or past the training: then it is finished
                check(p.returncode in (0, 130), p.returncode, err)
                check(p.returncode != 130 or 'interrupted' in out, out)
                statuses.append(p.returncode)
            at = step_of(path)
            check(0 < at <= 20000 * epochs, at)
            rest, _ = train('--producers', 3 - i, '--block', 5, '--resume', path, *options)
            check(rest['digest'] == whole['digest'], at, rest['digest'], whole['digest'])
            check(rest['weights'] == whole['weights'])
            check(rest['resumed_at_step'] == at and rest['steps'] == 20000 * epochs - at, rest)
            os.unlink(path)
    goes_on.__doc__ += f' (statuses {statuses})'


@claim
def any_optimizer():
    """with every optimizer and loss, and more epochs than it was made for, it goes on"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        for optimizer in ('sgd', 'rmsprop', 'adam'):
            for loss in ('mse', 'mae'):
                how = ['--steps-per-epoch', 200, '--optimizer', optimizer, '--loss', loss]
                whole, _ = train('--epochs', 3, *how)
                train('--epochs', 1, '--checkpoint', path, *how)
                rest, _ = train('--epochs', 3, '--resume', path, *how)
                check(rest['digest'] == whole['digest'], optimizer, loss)
                check([e['epoch'] for e in rest['epochs']] == [2, 3], rest['epochs'])


@claim
def stopped():
    """a run that has stopped early stays so, and one that is done has nothing to do"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        options = ['--steps-per-epoch', 300, '--epochs', 30, '--patience', 1]
        whole, _ = train('--checkpoint', path, *options)
        check(whole['stopped'] and len(whole['epochs']) < 30, whole)
        before = data(path)
        rest, _ = train('--resume', path, '--checkpoint', path, *options)
        check(rest['stopped'] and rest['steps'] == 0 and rest['digest'] == whole['digest'], rest)
        check(data(path) == before, 'the checkpoint has changed')


@claim
def progress_is_free():
    """bar, lines or no progress: a run goes on with any of them"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        status, _, err = run(PROGRAM, '--checkpoint', path, '--progress', 'lines', *SHORT)
        check(status == 0, err)
        for mode in ('none', 'lines', 'bar'):
            status, _, err = run(PROGRAM, '--resume', path, '--progress', mode, *SHORT)
            check(status == 0, mode, err)


@claim
def killed():
    """killed at any moment it leaves a whole checkpoint or none, and goes on to the same digest"""
    options = ['--steps-per-epoch', 10000, '--epochs', 4, '--hidden', 8, '--progress', 'none']
    random.seed(KILLS)
    begin = time.monotonic()
    whole, _ = train(*options)
    took = time.monotonic() - begin
    resumed = none = done = 0
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        for i in range(KILLS):
            again = ['--resume', path] if os.path.exists(path) else []
            with subprocess.Popen([str(c) for c in (
                    PROGRAM, *options, *again, '--checkpoint', path, '--checkpoint-every', 1,
                    '--keep', 1 + i % 3)], stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE, text=True) as p:
                time.sleep(random.random() * took)
                p.kill()
                _, err = p.communicate()
                check(p.returncode in (0, -signal.SIGKILL) and err == '', p.returncode, err)
            if not os.path.exists(path):
                none += 1
                continue
            resumed += 1
            at = step_of(path)
            rest, _ = train(*options, '--resume', path)
            check(rest['digest'] == whole['digest'] and rest['resumed_at_step'] == at, at, rest)
            for older in ('.1', '.2'):
                check(not os.path.exists(path + older) or step_of(path + older) <= at, older)
            if at == 40000:
                done += 1
                for entry in os.listdir(name):
                    os.unlink(os.path.join(name, entry))
    check(resumed > 0, 'no checkpoint was ever written')
    killed.__doc__ += (f' ({resumed} of {KILLS} went on, '
                       f'{done} of them from the end; {none} had not written yet)')


@claim
def keeps():
    """--keep K keeps K files, the newest without a number"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        for steps in range(1, 6):
            train('--steps-per-epoch', steps, '--epochs', 1, '--checkpoint', path, '--keep', 3)
        check(sorted(os.listdir(name)) == ['a', 'a.1', 'a.2'], os.listdir(name))
        check([step_of(path + s) for s in ('', '.1', '.2')] == [5, 4, 3])


@claim
def saved_and_loaded():
    """--save writes the trained model, --load predicts with it and does not train"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'model')
        doc, _ = train('--save', path, '--predict', '1,9', *SHORT)
        check(os.listdir(name) == ['model'], os.listdir(name))
        back, _ = train('--load', path, '--predict', '1,9', '--hidden', 4)
        check(back['predictions'] == doc['predictions'] and back['layers'] == doc['layers'])
        check(back['steps'] == 0 and back['epochs'] == [], back)
        status, out, err = run(PROGRAM, '--load', path, '--predict', '1,9', '--hidden', 4)
        check(status == 0 and err == '' and out.startswith('(1, 9) -> '), out, err)
        check(out.count('\n') == 1, out)
        status, out, err = run(PROGRAM, '--load', path)
        check(status == 1 and out == '' and err.count('\n') == 1 and 'dense_1.kernel' in err, err)
        train('--resume', path, *SHORT)  # it is a checkpoint


@claim
def refused():
    """another run's checkpoint is refused by one line that names what differs, and exit 1"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        train('--checkpoint', path, *SHORT)
        before = data(path)
        for options, word in ((['--seed', 2], '--seed is "1" there, "2" here'),
                              (['--batch-size', 63], '--batch-size'),
                              (['--steps-per-epoch', 501], '--steps-per-epoch'),
                              (['--epochs', 5], '--epochs'), (['--patience', 4], '--patience'),
                              (['--validation-steps', 4], '--validation-steps'),
                              (['--lr', '0.002'], '--lr is "0.001" there, "0.002" here'),
                              (['--hidden', '5'], 'dense dense_1 5'),
                              (['--optimizer', 'adam'],
                               '"rmsprop: momentum 0" there, "adam: momentum 0" here'),
                              (['--hidden', '3'], 'dense dense_1 3 -> relu relu_1 3 -> ..."'),
                              (['--loss', 'mae'], '"mse" there, "mae" here')):
            status, out, err = run(PROGRAM, '--resume', path, '--checkpoint', path, *SHORT,
                                   *options)
            check(status == 1 and out == '' and err.count('\n') == 1, options, status, err)
            check(path in err and word in err, word, err)
        check(data(path) == before)
        for wrong in (name, '/dev/null', os.path.join(name, 'none'), PROGRAM):
            status, out, err = run(PROGRAM, '--resume', wrong)
            check(status == 1 and out == '' and err.count('\n') == 1, wrong, status, err)


@claim
def nothing_left():
    """who goes on where no epoch is left is told so, and loses nothing"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        train('--checkpoint', path, *SHORT)
        before = data(path)
        status, out, err = run(PROGRAM, '--resume', path, '--checkpoint', path, *SHORT)
        check(status == 0 and '--epochs leaves none' in out and 'nan' not in out, status, out, err)
        check(data(path) == before)


@claim
def names_beside():
    """of the names beside a checkpoint only those are refused that it needs"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'f')
        for keep, free in ((3, '.3'), (3, '.02'), (3, '.0'), (3, '.tmp2'), (3, '2'), (1, '.1'),
                           (1, '.old')):
            status, _, err = run(PROGRAM, '--checkpoint', path, '--keep', keep, '--save', path + free,
                                 '--epochs', 1, '--steps-per-epoch', 2)
            check(status == 0 and os.path.exists(path + free), free, status, err)


@claim
def bad_usage():
    """options that do not go together are answered by one line and exit 2"""
    here = os.path.basename(os.getcwd())
    for options, word in (*((['--load', 'f', option, value],
                             f'{option}: does nothing with --load, which does not train\n')
                            for option, value in (('--checkpoint', 'g'), ('--resume', 'g'),
                                                  ('--save', 'g'), ('--epochs', '3'),
                                                  ('--seed', '1'), ('--producers', '2'))),
                          (['--stats', '--load', 'f'], '--stats: does nothing with --load'),
                          (['--checkpoint', 'g', '--order', 'completion'], 'ordered'),
                          (['--resume', 'g', '--order', 'completion'], 'ordered'),
                          *((['--json', 'f', model, 'f'], f'json: "f" is what {model} ')
                            for model in ('--load', '--save', '--resume', '--checkpoint')),
                          *((['--json', './f', model, '../' + here + '/f'],
                             f'json: "./f" is what {model} ') for model in ('--load', '--save')),
                          (['--save', './f', '--json', 'f.tmp'], '"f.tmp" is a name that'),
                          (['--checkpoint', 'f', '--save', 'f'], 'is what --checkpoint writes'),
                          (['--resume', 'f', '--save', 'f'], 'is what --resume reads'),
                          *((['--checkpoint', 'f', '--keep', '3', option, 'f.' + beside],
                             f'{option}: "f.{beside}" is a name that --checkpoint')
                            for option in ('--save', '--json', '--log-csv')
                            for beside in ('1', '2', 'tmp', 'old')),
                          (['--save', 'f', '--json', 'f.tmp'], '"f.tmp" is a name that'),
                          (['--save', 'f', '--resume', 'f.tmp'], '"f.tmp" is a name that'),
                          (['--checkpoint-every', '0'], '--checkpoint-every'),
                          (['--checkpoint-every', '7'], '--checkpoint-every'),
                          (['--keep', '1'], '--keep: does nothing without --checkpoint'),
                          (['--trace-events', '5'], '--trace-events: does nothing without --trace'),
                          (['--keep', '2', '--save', 'f'], '--keep'),
                          (['--keep', '0'], '1 to 1000'), (['--keep', '1001'], '1 to 1000'),
                          (['--checkpoint', ''], '--checkpoint'), (['--resume', ''], '--resume')):
        status, out, err = run(PROGRAM, *options)
        check(status == 2 and out == '' and err.count('\n') == 1, options, status, err)
        check(err.startswith('train_mean: ') and word in err, err)


@claim
def unwritable():
    """a file that can't be written is told in one line before the first step; the old one stays"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        old = os.path.join(name, 'old')
        train('--checkpoint', old, '--steps-per-epoch', 10)
        os.mkfifo(os.path.join(name, 'pipe'))
        before, there = data(old), sorted(os.listdir(name))
        for path, says in (('/dev/full', 'not a regular file'), (name, 'not a regular file'),
                           (os.path.join(name, 'pipe'), 'not a regular file'),
                           (os.path.join(name, 'no', 'such'), 'No such file or directory'),
                           (os.path.join(old, 'x'), 'Not a directory'),
                           ('/proc/x', 'No such file')):
            for option in ('--checkpoint', '--save'):
                status, out, err = run(PROGRAM, option, path)
                check(status == 2 and out == '' and err.count('\n') == 1, option, path, status, err)
                check(err.startswith(f'train_mean: {option}: "{path}" ') and says in err, err)
        os.mkdir(old + '.tmp')  # in the way of its temporary file
        status, out, err = run(PROGRAM, '--checkpoint', old)
        check(status == 1 and out == '' and err.count('\n') == 1, status, out, err)
        check(f'{old}: ' in err and 'File exists' in err, err)
        os.rmdir(old + '.tmp')
        check(data(old) == before and sorted(os.listdir(name)) == there, os.listdir(name))


@claim
def no_right():
    """who may not write there is told so before the first step"""
    who = []
    if os.geteuid() == 0:
        who = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
        if not shutil.which('setpriv') or run(*who, PROGRAM, '--version')[0] != 0:
            raise Skip('root may write anywhere, and nobody else can be had here')
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        os.chmod(name, 0o555)
        for option in ('--checkpoint', '--save'):
            status, out, err = run(*who, PROGRAM, option, os.path.join(name, 'x'))
            check(status == 2 and out == '' and err.count('\n') == 1, status, out, err)
            check(option in err and 'Permission denied' in err, err)
        os.chmod(name, 0o755)


@claim
def limited():
    """a file size limit is an error, and does not kill"""
    if os.environ.get('BATON_SANITIZE') == 'thread':
        raise Skip("ThreadSanitizer's own files are killed by such a limit")
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        old = os.path.join(name, 'old')
        train('--checkpoint', old, '--steps-per-epoch', 10)
        before = data(old)
        status, out, err = run('/bin/sh', '-c', 'ulimit -f 0; exec "$0" --progress none '
                               '--checkpoint "$1" --steps-per-epoch 10', PROGRAM, old)
        check(status == 1 and 'File too large' in err and '->' in out, status, out, err)
        check(data(old) == before and os.listdir(name) == ['old'], os.listdir(name))


def fails_at_the_end(path, what):
    """Training goes on, one line says so, exit 1; what it reports is whole."""
    for option in ('--checkpoint', '--save'):
        often = ['--checkpoint-every', 1] if option == '--checkpoint' else []
        doc, err = train(option, path, *often, '--steps-per-epoch', 400, '--epochs', 2, status=1)
        check(doc['steps'] == 800 and err.count('\n') == 1, what, err)
        check(err.startswith(f'train_mean: {option}: {path}: ') and what in err, what, err)
        check(sum(doc['feed']['by_producer']) >= 800 == doc['feed']['batches'], doc['feed'])


@claim
def full():
    """a disk that gets full is an error, and the old checkpoint stays"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        status, _, err = run('mount', '-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', name)
        if status:
            raise Skip(f'no tmpfs can be mounted here: {err.strip()}')
        try:
            old = os.path.join(name, 'old')
            train('--checkpoint', old, '--steps-per-epoch', 10)
            before = data(old)
            with open(os.path.join(name, 'filler'), 'wb') as f:
                try:
                    while True:
                        os.write(f.fileno(), bytes(4096))
                except OSError:
                    pass
            fails_at_the_end(old, 'No space left on device')
            check(data(old) == before and sorted(os.listdir(name)) == ['filler', 'old'])
        finally:
            run('umount', name)


@claim
def diverged():
    """a training that diverges does not replace a checkpoint that is good"""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        status, _, err = run(PROGRAM, '--progress', 'none', '--optimizer', 'sgd', '--lr', 1,
                             '--checkpoint', path)
        check(status == 1 and 'not finite' in err and 'smaller --lr' in err, status, err)
        check(not os.path.exists(path) or 'nan' not in metadata(path)['loss_sum'])


def need_safetensors():
    try:
        import numpy
        import safetensors.numpy
    except ImportError as error:
        raise Skip(f'no safetensors for Python here: {error}') from None
    return numpy, safetensors


@claim
def others_read_ours():
    """safetensors for Python reads our file: names, shapes, numbers"""
    numpy, safetensors = need_safetensors()
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        doc, _ = train('--save', path, *SHORT)
        tensors = safetensors.numpy.load_file(path)
        shapes = {'dense_1.kernel': (2, 4), 'dense_1.bias': (4,), 'dense_2.kernel': (4, 1),
                  'dense_2.bias': (1,)}
        shapes |= {'optimizer.velocity.' + k: v for k, v in shapes.items()}
        check({k: t.shape for k, t in tensors.items()} == shapes, tensors)
        for layer in doc['layers']:
            for part in ('kernel', 'bias'):
                ours = numpy.array(layer[part], numpy.float32)
                check((tensors[f'{layer["name"]}.{part}'].ravel() == ours).all(), layer)
        with safetensors.safe_open(path, 'np') as f:
            check(f.metadata()['step'] == '2000', f.metadata())


@claim
def we_read_others():
    """a file that safetensors for Python has written is loaded, more tensors and all"""
    numpy, safetensors = need_safetensors()
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        path = os.path.join(name, 'a')
        tensors = {'dense_1.kernel': numpy.array([[0.25], [0.5]], numpy.float32),
                   'dense_1.bias': numpy.array([3], numpy.float32),
                   'another': numpy.zeros((3, 0, 2)), 'bytes': numpy.arange(7, dtype=numpy.int8)}
        safetensors.numpy.save_file(tensors, path, {'by': 'numpy'})
        doc, _ = train('--load', path, '--predict', '4,8')
        check(doc['predictions'][0]['output'] == 8, doc['predictions'])
        status, _, err = run(PROGRAM, '--resume', path)
        check(status == 1 and 'not a checkpoint' in err, err)
        tensors['dense_1.bias'] = tensors['dense_1.bias'].astype(numpy.float64)
        safetensors.numpy.save_file(tensors, path)
        status, _, err = run(PROGRAM, '--load', path)
        check(status == 1 and 'dense_1.bias is F64, not F32' in err, err)


main()
