#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""train_mean as its user meets it: train_mean.py PROGRAM"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from tap import Skip, check, claim, main, run

PROGRAM = sys.argv[1]
SANITIZED = os.environ.get('BATON_SANITIZE', 'none') != 'none'


def train(*options, timeout=120):
    """Train quietly; returns the JSON document."""
    status, out, err = run(PROGRAM, '--progress', 'none', '--json', '-', *options, timeout=timeout)
    check(status == 0 and err == '', options, status, err)
    return json.loads(out)


@claim
def default_run():
    """by itself it trains ten epochs with a producer, and predicts two means"""
    status, out, err = run(PROGRAM)
    check(status == 0, status, err)
    check(re.search(r'\(60, 70\) -> 6[45]\.\d\d +\(73, 57\) -> 6[45]\.\d\d', out), out)
    check(re.search(r'^[1-9]\d* producers? filled( \d+)+( \.\.\.)? batches(, the trainer \d+)?$', out, re.M), out)
    check(len(re.findall(r'^Epoch \d+/10 - 1000/1000 \[=+\].*loss: ', err, re.M)) == 10, err)


@claim
def learns_for_any_seed():
    """twenty seeds learn as the closed form says"""
    for seed in list(range(1, 20)) + [2**64 - 1]:
        doc = train('--seed', seed)
        loss = {e['epoch']: e['loss'] for e in doc['epochs']}
        check(sorted(loss) == list(range(1, 11)), loss)
        check(loss[3] <= 0.4, seed, loss)
        for epoch in range(6, 11):
            check(0.0026 <= loss[epoch] <= 0.0032, seed, epoch, loss)
        output = {tuple(p['input']): p['output'] for p in doc['predictions']}
        check(abs(output[73, 57] - 65) <= 0.2, seed, output)
        check(abs(output[60, 70] - 65) <= 0.2, seed, output)


@claim
def golden_digest():
    """the digest of the default run is the one that every build gives"""
    check(train()['digest'] == '23b61733e86fa6ed', train()['digest'])


@claim
def one_digest():
    """one digest at any number of producers, block and pool size"""
    short = ['--steps-per-epoch', 700, '--epochs', 2]
    digests = {}
    for producers in (0, 1, 2, 3, 8, 64):
        for block in (1, 4, 64):
            for pool in (2, 8, 64):
                doc = train('--producers', producers, '--block', block, '--pool', pool, *short)
                digests.setdefault(doc['digest'], []).append((producers, block, pool))
    check(len(digests) == 1, digests)


@claim
def helping_digest():
    """one digest whoever fills: with spares, and a trainer that fills too"""
    short = ['--steps-per-epoch', 700, '--epochs', 2]
    digests = {train('--producers', p, '--block', 1, *more, *short)['digest']
               for p in (1, 3, 16) for more in ([], ['--spares', p], ['--work-conserving', 'off'],
                                                ['--spares', 1, '--work-conserving', 'on'])}
    check(len(digests) == 1, digests)


@claim
def digest_can_differ():
    """another seed, batch size, learning rate or length gives another digest"""
    short = ['--steps-per-epoch', 50, '--epochs', 1]
    docs = [train(*short), train(*short, '--seed', 2), train(*short, '--batch-size', 63),
            train(*short, '--lr', '0.002'), train('--steps-per-epoch', 51, '--epochs', 1)]
    check(len({d['digest'] for d in docs}) == len(docs), [d['digest'] for d in docs])


@claim
def completion_learns():
    """completion order trains on every batch once and learns as well"""
    doc = train('--order', 'completion', '--producers', 8, '--block', 1)
    check(doc['feed']['batches'] == 10000, doc['feed'])
    check(0.0026 <= doc['epochs'][-1]['loss'] <= 0.0032, doc['epochs'])


@claim
def json_is_complete():
    """--json has every member, and its numbers agree with each other"""
    doc = train('--producers', 3, '--epochs', 4, '--predict', '1,2', '--predict', '-3,4.5',
                '--work-conserving', 'off')
    check(re.fullmatch(r'\d+\.\d+\.\d+', doc['version']), doc['version'])
    check(doc['config'] == doc['config'] | {
        'producers': 3, 'batch_size': 64, 'steps_per_epoch': 1000, 'epochs': 4, 'seed': 1,
        'lr': 0.001, 'optimizer': 'rmsprop', 'loss': 'mse', 'hidden': [], 'validation_steps': 0,
        'patience': 0, 'pool': 8, 'block': 64, 'order': 'ordered',
        'spares': 0, 'work_conserving': 'off', 'progress': 'none', 'json': '-',
        'predict': [[1, 2], [-3, 4.5]]}, doc['config'])
    check([e['epoch'] for e in doc['epochs']] == [1, 2, 3, 4], doc['epochs'])
    check(re.fullmatch('[0-9a-f]{16}', doc['digest']), doc['digest'])
    feed = doc['feed']
    check(feed['batches'] == 4000 == sum(feed['by_producer']), feed)
    check(len(feed['by_producer']) == 3 and feed['blocks'] == 8, feed)
    check(feed['bytes'] >= 8 * 64 * 768, feed)
    spent = sum(e['seconds'] for e in doc['epochs'])
    check(0 < spent <= doc['train_seconds'] * 1.01, spent, doc['train_seconds'])
    check(len(train('--producers', 3)['feed']['by_producer']) == 4, 'the trainer fills, too')
    check(0 <= feed['trainer_wait_seconds'] <= doc['train_seconds'], feed)
    (a, b), (c,) = doc['weights']['kernel'], doc['weights']['bias']
    for p in doc['predictions']:
        x, y = p['input']
        check(abs(a * x + b * y + c - p['output']) < 1e-4, p)


@claim
def json_file():
    """--json FILE replaces a file as a whole, and prints the report as well"""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'out.json')
        with open(path, 'w') as f:
            f.write('old')
        status, out, err = run(PROGRAM, '--json', path, '--progress', 'none', '--epochs', 1)
        check(status == 0 and '->' in out and err == '', status, out, err)
        check(json.load(open(path))['steps'] == 1000)
        check(os.listdir(place) == ['out.json'], os.listdir(place))
        status, out, err = run(PROGRAM, '--json', path, '--epochs', 'x')
        check(status == 2 and json.load(open(path))['steps'] == 1000, 'a bad option destroyed it')
        check(os.listdir(place) == ['out.json'], os.listdir(place))


BAD = [  # options, what the line must name
    (['--nonsense'], ['--nonsense']),
    (['stray'], ['stray']),
    (['--producers'], ['--producers']),
    (['--producers', 'x'], ['--producers', '"x"', '0 to 1024']),
    (['--producers', '-1'], ['--producers', '"-1"', '0 to 1024']),
    (['--producers', '1e9'], ['--producers', '"1e9"', '0 to 1024']),
    (['--producers', '1025'], ['--producers', '"1025"', '0 to 1024']),
    (['--producers', ''], ['--producers', '""', '0 to 1024']),
    (['--producers', ' 1'], ['--producers', '" 1"']),
    (['--producers', '18446744073709551617'], ['--producers', '18446744073709551617']),
    (['--batch-size', '0'], ['--batch-size', '"0"', '1 to 1048576']),
    (['--steps-per-epoch', '0'], ['--steps-per-epoch', '"0"']),
    (['--epochs', '0'], ['--epochs', '"0"']),
    (['--epochs', '1.5'], ['--epochs', '"1.5"']),
    (['--seed', '-5'], ['--seed', '"-5"']),
    (['--lr', 'nan'], ['--lr', '"nan"']),
    (['--lr', 'inf'], ['--lr', '"inf"']),
    (['--lr', '0'], ['--lr', '"0"']),
    (['--lr', '-1'], ['--lr', '"-1"']),
    (['--lr', '1e-3x'], ['--lr', '"1e-3x"']),
    (['--pool', '1048577'], ['--pool', '"1048577"', '0 to 1048576']),
    (['--block', '65537'], ['--block', '"65537"', '0 to 65536']),
    (['--order', 'random'], ['--order', '"random"', 'ordered', 'completion']),
    (['--predict', '3'], ['--predict', '"3"']),
    (['--predict', '1,2,3'], ['--predict', '"1,2,3"']),
    (['--predict', 'a,b'], ['--predict', '"a,b"']),
    (['--predict', 'nan,1'], ['--predict', '"nan,1"']),
    (['--predict', ','], ['--predict', '","']),
    (['--optimizer', 'adagrad'], ['--optimizer', '"adagrad"', 'rmsprop', 'sgd', 'adam']),
    (['--loss', 'huber'], ['--loss', '"huber"', 'mse', 'mae']),
    (['--hidden', '0'], ['--hidden', '"0"', '1 to 4096']),
    (['--hidden', ''], ['--hidden', '""']),
    (['--hidden', '4,'], ['--hidden', '"4,"']),
    (['--hidden', '4,,4'], ['--hidden', '"4,,4"']),
    (['--hidden', '4,x'], ['--hidden', '"4,x"']),
    (['--hidden', '-4'], ['--hidden', '"-4"']),
    (['--hidden', '4097'], ['--hidden', '"4097"', '1 to 4096']),
    (['--hidden', '1,1,1,1,1,1,1,1,1'], ['--hidden', '1 to 8']),
    (['--hidden', '18446744073709551617'], ['--hidden', '18446744073709551617']),
    (['--validation-steps', '0'], ['--validation-steps', '"0"']),
    (['--patience', '0'], ['--patience', '"0"']),
    (['--watch', '60'], ['--watch', '"60"']),
    (['--watch', 'nan,1'], ['--watch', '"nan,1"']),
    (['--progress', 'maybe'], ['--progress', '"maybe"', 'auto', 'bar', 'lines', 'none']),
    (['--json', ''], ['--json', '""']),
    (['--json', '/nonexistent/dir/f.json'], ['--json', '/nonexistent/dir/f.json']),
    (['--json', '/'], ['--json', '"/"']),
    (['--producers', 'a\nb'], ['--producers']),
]


@claim
def bad_input():
    """bad input is answered by one line that names option, value and range, and exit 2"""
    for options, names in BAD:
        status, out, err = run(PROGRAM, *options)
        check(status == 2, options, status, err)
        check(out == '' and err.endswith('\n') and err.count('\n') == 1, options, repr(err))
        check(err.startswith('train_mean: '), err)
        for name in names:
            check(name in err, options, name, repr(err))


@claim
def learns_with_every_optimizer():
    """every optimizer and loss learns the mean, each with a digest of its own"""
    digests = set()
    for optimizer, epochs in (('rmsprop', 10), ('sgd', 10), ('adam', 60)):
        for loss in ('mse', 'mae'):
            rate = ['--lr', '0.00001'] if (optimizer, loss) == ('sgd', 'mae') else []
            doc = train('--optimizer', optimizer, '--loss', loss, '--epochs', epochs, *rate)
            check(doc['config']['optimizer'] == optimizer and doc['config']['loss'] == loss)
            check(abs(doc['predictions'][0]['output'] - 65) < 0.3, optimizer, loss, doc)
            digests.add(doc['digest'])
    check(len(digests) == 6, digests)


@claim
def hidden_layers():
    """--hidden puts layers with relu below the last one, and JSON has all their weights"""
    doc = train('--hidden', '16,3', '--epochs', 2)
    check('weights' not in doc and doc['config']['hidden'] == [16, 3], doc['config'])
    layers = doc['layers']
    check([(l['name'], l['inputs'], l['units']) for l in layers] ==
          [('dense_1', 2, 16), ('dense_2', 16, 3), ('dense_3', 3, 1)], layers)
    for p in doc['predictions']:
        values = p['input']
        for l in layers:
            n = l['units']
            check(len(l['kernel']) == l['inputs'] * n and len(l['bias']) == n, l)
            values = [sum(v * w for v, w in zip(values, l['kernel'][j::n])) + l['bias'][j]
                      for j in range(n)]
            values = values if l is layers[-1] else [max(v, 0) for v in values]
        check(abs(values[0] - p['output']) < 1e-3, values, p)
    again = train('--hidden', '16,3', '--epochs', 2, '--producers', 3)
    check(again['digest'] == doc['digest'], again['digest'])


@claim
def validation():
    """--validation-steps evaluates after each epoch, and changes nothing else"""
    plain, doc = train('--epochs', 4), train('--epochs', 4, '--validation-steps', 20)
    check(plain['digest'] == doc['digest'], doc['digest'])
    check('val_loss' not in plain['epochs'][0], plain['epochs'])
    check(0 < doc['epochs'][0]['val_loss'] < doc['epochs'][0]['loss'], doc['epochs'])
    check(doc['epochs'][3]['val_loss'] < 0.02, doc['epochs'])
    status, out, err = run(PROGRAM, '--validation-steps', 2, '--epochs', 1)
    check(re.search(r'of the validation \d+\.\d+$', out, re.M), out)


@claim
def patience():
    """--patience stops after so many epochs without a better loss, with exit 0"""
    doc = train('--epochs', 1000, '--patience', 3, '--validation-steps', 10)
    losses = [e['val_loss'] for e in doc['epochs']]
    best = losses.index(min(losses))
    check(doc['stopped'] and not doc['interrupted'], doc['stopped'])
    check(len(losses) == best + 4 < 1000, best, losses)
    status, out, err = run(PROGRAM, '--epochs', 1000, '--patience', 3, '--progress', 'none')
    check(status == 0, status)
    check(re.search(r'^stopped after epoch \d+ of 1000: the best was epoch \d+$', out, re.M), out)


@claim
def not_a_number():
    """a loss that is not finite ends the run, with one line that says where, and exit 1"""
    for rate in ('0.01', '1', '1000000'):
        status, out, err = run(PROGRAM, '--optimizer', 'sgd', '--lr', rate, '--progress', 'none',
                               '--json', '-')
        check(status == 1 and out == '' and err.count('\n') == 1, status, out, err)
        check(re.match(r'train_mean: epoch 1, step \d+: the loss is (nan|inf); try', err), err)


@claim
def watch():
    """--watch prints predictions of later and later steps, at most one every 100 ms"""
    child = subprocess.Popen([PROGRAM, '--epochs', '1000000', '--progress', 'none',
                              '--watch', '60,70'], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines, times = [], []
    while len(lines) < 6:
        lines.append(child.stderr.readline())
        times.append(time.monotonic())
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    check(child.returncode == 130, child.returncode)
    found = [re.fullmatch(r'step (\d+): \(60, 70\) -> (-?\d+\.\d{4})', l)
             for l in ''.join(lines + [err]).splitlines()]
    check(all(found), lines, err)
    steps = [int(m[1]) for m in found]
    check(steps == sorted(set(steps)), steps)
    check(times[-1] - times[0] >= 0.08 * (len(times) - 1), times)
    check(abs(float(found[-1][2]) - 65) < 0.3, found[-1][0])
    plain, watched = train(), run(PROGRAM, '--progress', 'none', '--json', '-', '--watch', '1,2')
    check(json.loads(watched[1])['digest'] == plain['digest'], 'watching changes the run')


@claim
def zero_is_automatic():
    """--pool 0 and --block 0 are the defaults, as in the library"""
    doc = train('--epochs', 1, '--producers', 2)
    check(doc['config'] == train('--epochs', 1, '--producers', 2, '--pool', 0,
                                 '--block', 0)['config'])
    check(doc['config']['pool'] > 1 and doc['config']['block'] > 1, doc['config'])


@claim
def too_large():
    """a pool that does not fit in memory is refused in one line"""
    status, out, err = run(PROGRAM, '--batch-size', 1048576, '--block', 65536, '--pool', 1048576)
    check(status in (1, 2) and out == '' and err.count('\n') == 1, status, out, err)
    check('pool' in err or 'memory' in err, err)


@claim
def short_options():
    """usual options have a short form, which is the same"""
    long = train('--producers', 2, '--batch-size', 32, '--epochs', 1, '--seed', 5)
    short = train('-p2', '-b', 32, '-e', 1, '-s5')
    check(long['digest'] == short['digest'] and long['config'] == short['config'], short)
    status, _, err = run(PROGRAM, '-p', 'x')
    check(status == 2 and '--producers: "x"' in err and err.count('\n') == 1, err)
    for bad in (['-x'], ['-p']):
        status, out, err = run(PROGRAM, *bad)
        check(status == 2 and out == '' and err.count('\n') == 1, bad, err)
    check(run(PROGRAM, '-h') == run(PROGRAM, '--help'), '-h')
    check(run(PROGRAM, '-V') == run(PROGRAM, '--version'), '-V')


@claim
def help_and_version():
    """--help names every option on stdout, --version the version"""
    status, out, err = run(PROGRAM, '--help')
    check(status == 0 and err == '', status, err)
    for option in {o[0] for o, _ in BAD if o[0].startswith('--') and o != ['--nonsense']}:
        check(option in out, option)
    status, out, err = run(PROGRAM, '--version')
    check(status == 0 and re.fullmatch(r'train_mean \d+\.\d+\.\d+\n', out), out)


def interrupt(*options, by=signal.SIGINT):
    """Interrupt a run that can't end by itself, after its first epoch."""
    child = subprocess.Popen([PROGRAM, '--epochs', '1000000', '--progress', 'lines', *options],
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(child.stderr.readline().startswith('Epoch 1/'), 'no first epoch')
    child.send_signal(by)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


@claim
def sigint():
    """SIGINT stops after the step in hand, reports what was reached, and exits 130; SIGTERM 143"""
    for producers in ('0', '1', '8'):
        status, out, err = interrupt('--producers', producers, '--json', '-')
        check(status == 130, status, err)
        doc = json.loads(out)
        check(doc['interrupted'] and doc['steps'] >= 1000, doc['steps'])
        # the batch in hand when it was interrupted may have been taken and not trained on
        check(doc['feed']['batches'] - doc['steps'] in (0, 1), doc['feed'], doc['steps'])
        check(len(doc['epochs']) == -(-doc['steps'] // 1000), len(doc['epochs']), doc['steps'])
    for by, wanted in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        status, out, err = interrupt(by=by)
        check(status == wanted, by, status)
        check(re.search(r'^interrupted in epoch \d+ of 1000000$', out, re.M), out)


@claim
def sigterm_in_validation():
    """SIGTERM stops the run in a validation that would take for ever, too, in the last epoch as well"""
    with tempfile.TemporaryDirectory() as name:
        path = os.path.join(name, 'log')
        child = subprocess.Popen([PROGRAM, '--epochs', '1', '--steps-per-epoch', '2', '--log-csv',
                                  path, '--log-every', '1', '--validation-steps', '1000000000',
                                  '--progress', 'none'], text=True, stdout=subprocess.PIPE)
        while child.poll() is None and not (os.path.exists(path) and
                                            open(path).read().count('\n') > 1):
            time.sleep(0.01)  # until its first step is made
        child.send_signal(signal.SIGTERM)
        try:
            out, _ = child.communicate(timeout=60)
        finally:
            child.kill()  # one that did not hear
        check(child.returncode == 143, child.returncode, out)
        check(re.search(r'^interrupted in epoch 1 of 1$', out, re.M), out)


def on_terminal(*options, columns=80, until=None, **env):
    """What the program writes to a terminal on stderr; interrupted once until(text)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    child = subprocess.Popen([PROGRAM, *options], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=slave,
                             env=os.environ | {'TERM': 'xterm', 'NO_COLOR': ''} | env)
    os.close(slave)
    text = ''
    while select.select([master], [], [], 60)[0]:
        try:
            text += os.read(master, 65536).decode()
        except OSError:  # the other end is closed
            break
        if until and until(text):
            child.send_signal(signal.SIGINT)
            until = None
    os.close(master)
    check(child.wait(60) in (0, 130), child.returncode)
    return text


def redraws(text):
    return re.findall(r'\r\x1b\[K *\d+/1000000000 \[[=>.]* *\] - ETA: ', text)


@claim
def terminal():
    """on a terminal there is a bar, redrawn in place, that fits"""
    endless = ['--steps-per-epoch', '1000000000']
    text = on_terminal(*endless, until=lambda text: len(redraws(text)) >= 3)
    check('\x1b[1mEpoch 1/10\x1b[0m' in text, repr(text[:200]))
    check(len(redraws(text)) >= 3, repr(text[-400:]))
    check(text.count('Epoch') == 1, 'drawn again', repr(text))
    text = on_terminal('--epochs', '3')
    check([int(n) for n in re.findall(r'Epoch (\d+)/3', text)] == [1, 2, 3], repr(text))
    check(len(re.findall(r' 1000/1000 \[={30}\]|\x1b\[K1000/1000 \[={30}\]', text)) == 3,
          repr(text))
    narrow = on_terminal(*endless, columns=50, until=lambda text: text.count('loss: ') >= 2)
    for line in re.split(r'\r\x1b\[K|\r\n', narrow):
        check(len(re.sub(r'\x1b\[\d*m', '', line)) < 50, repr(line))
        check('/1000000000' not in line or 'loss: ' in line, 'the time is to give way', repr(line))


@claim
def no_color():
    """NO_COLOR is respected"""
    text = on_terminal('--epochs', '2', NO_COLOR='1')
    check('Epoch 1/2' in text and not re.search(r'\x1b\[\d+m', text), repr(text[:200]))


@claim
def constant_memory():
    """memory is the same from the first step to the last"""
    if SANITIZED:
        raise Skip('a sanitizer keeps memory of its own')

    def peak(steps):
        child = subprocess.Popen([PROGRAM, '--epochs', '1', '--steps-per-epoch', str(steps),
                                  '--progress', 'none', '--producers', '4'],
                                 stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        check(status == 0, status)
        return usage.ru_maxrss
    short, long = peak(2000), peak(2000000)
    check(long <= short + 512, 'KiB', short, long)


@claim
def full_output():
    """results that can't be written are an error, not a success"""
    with open('/dev/full', 'w') as full:
        child = subprocess.run([PROGRAM, '--epochs', '1', '--progress', 'none'], stdout=full,
                               stderr=subprocess.PIPE, text=True, timeout=60)
    check(child.returncode == 1 and child.stderr.count('\n') == 1, child)


main()
