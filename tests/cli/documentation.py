#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages and completions say what the programs say: documentation.py ROOT PROGRAM..."""
import glob
import json
import os
import re
import shutil
import sys

from tap import Skip, check, claim, main, run

ROOT, PROGRAMS = sys.argv[1], sys.argv[2:]


def name_of(program):
    return 'baton-' + os.path.basename(program).replace('_', '-')


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def page(program):
    return read('apps', 'man', name_of(program) + '.1')


def helped(text):
    """What --help says: {option: (letter, value)}, and {status}."""
    options = {o: (letter or '', value or '') for letter, o, value in re.findall(
        r'^  (?:-(\w), |    )--([\w-]+)(?: ([^ \n]+))?(?:  .*)?$', text, re.M)}
    statuses = set(re.findall(r'^  (\d+)  ', text.partition('\nExit status:\n')[2], re.M))
    return options, statuses


def written(text):
    """The same of a man page."""
    options = {o: (letter or '', value or '') for letter, o, value in re.findall(
        r'^\.It (?:Fl (\w) , )?Fl -([\w-]+)(?: Ar (\S+))?$', text, re.M)}
    section = re.search(r'^\.Sh EXIT STATUS\n(.*?)^\.Sh', text, re.M | re.S)[1]
    return options, set(re.findall(r'^\.It (\d+)$', section, re.M))


@claim
def man_options():
    """each option of --help is in the man page with its letter and value, and the reverse"""
    for program in PROGRAMS:
        options, statuses = helped(run(program, '--help')[1])
        check(len(options) >= 10 and len(statuses) >= 4, options, statuses)
        check(written(page(program)) == (options, statuses), program,
              written(page(program)), options, statuses)


@claim
def man_differences():
    """an option, a letter, a value or a status that is missing would be noticed"""
    text = page(PROGRAMS[0])
    for line in ('.It Fl -lr Ar F\n', 'Fl p , ', ' Ar mse|mae', '.It 130\n'):
        check(line in text and written(text.replace(line, '\n', 1)) != written(text), line)


@claim
def man_statuses():
    """the statuses that are easily had are had"""
    for program in PROGRAMS:
        _, statuses = helped(run(program, '--help')[1])
        check(run(program, '--version')[0] == 0 and '0' in statuses, program)
        check(run(program, '--nonsense')[0] == 2 and '2' in statuses, program)


@claim
def man_functions():
    """baton(3) names each function that the headers declare, and both pages no other"""
    headers = ''.join(open(h).read() for h in glob.glob(os.path.join(ROOT, 'lib/baton/*.h')))
    headers = re.sub(r'/\*.*?\*/', '', headers, flags=re.S)
    inline = set(re.findall(r'static inline \w+ (baton_\w+)\(', headers))
    declared = set(re.findall(r'BATON_API[^;(]*?(baton_\w+)\(', headers))
    named = set(re.findall(r'Fn (baton_\w+)', read('lib', 'man', 'baton.3')))
    check(len(declared) > 60 and declared - named == set(), declared - named)
    named |= set(re.findall(r'Fn (baton_\w+)', read('lib', 'man', 'baton.7')))
    check(named - declared - inline == set(), named - declared - inline)


@claim
def man_lint():
    """mandoc -Tlint finds nothing to warn of, and would"""
    if not shutil.which('mandoc'):
        raise Skip('there is no mandoc here')
    pages = glob.glob(os.path.join(ROOT, '*', 'man', '*.[1-9]'))
    check(len(pages) == 5, pages)
    status, out, err = run('mandoc', '-Tlint', '-Wwarning', *pages)
    check(status == 0 and out + err == '', out, err)
    status, out, err = run('/bin/sh', '-c', f"sed '/^.Os/d; /^.El/d' '{pages[0]}' | "
                           'mandoc -Tlint -Wwarning')
    check(status != 0 and 'Bl' in out + err, out, err)


def bash_offers(program, word, before):
    """What bash completes word to, behind before."""
    script = ('set -u; source "$1"; f=$(complete -p "$(basename "$2")" | grep -o "[-]F [^ ]*");'
              '${f#-F } "$3" "$4" "$5"; printf "%s\\n" "${COMPREPLY[@]}"')
    status, out, err = run('bash', '--norc', '-c', script, 'bash',
                           os.path.join(ROOT, 'apps', 'completion', 'baton.bash'),
                           name_of(program), program, word, before)
    check(status == 0 and err == '', status, err)
    return set(out.split())


@claim
def bash():
    """bash offers each option of --help and no other, and the values of those that have some"""
    if not shutil.which('bash'):
        raise Skip('there is no bash here')
    for program in PROGRAMS:
        options, _ = helped(run(program, '--help')[1])
        check(bash_offers(program, '--', name_of(program)) == {'--' + o for o in options})
        check(bash_offers(program, '--js', '-x') == {'--json'})
        for option, (_, value) in options.items():
            if '|' in value:
                check(bash_offers(program, '', '--' + option) == set(value.split('|')), option)
            elif value and value != 'FILE':
                check(bash_offers(program, '', '--' + option) == set(), option)
        check(os.path.join(ROOT, 'lib') in bash_offers(program, os.path.join(ROOT, 'li'), '--json'))
    check(bash_offers(PROGRAMS[2], 'E', '--threads') == {f'E{i}' for i in range(1, 10)})
    check(bash_offers(PROGRAMS[0], '', '-h') == set())


@claim
def zsh():
    """zsh offers the same"""
    if not shutil.which('zsh'):
        raise Skip('there is no zsh here')
    for program in PROGRAMS:
        options, _ = helped(run(program, '--help')[1])
        script = ('_arguments() { print -rl -- "$@" }; words=("$2");'
                  'complete_() { source "$1" }; complete_ "$1"')
        status, out, err = run('zsh', '-f', '-c', script, 'zsh',
                               os.path.join(ROOT, 'apps', 'completion', '_baton'), program)
        check(status == 0 and err == '', status, err)
        check(name_of(program) in read('apps', 'completion', '_baton').splitlines()[0].split())
        specs = re.findall(r'^(?:\(.*?\))?(--?)([\w-]+)\[[^]]*\](?::(.*?):(.*))?$', out, re.M)
        check({o for dashes, o, *_ in specs if dashes == '--'} == set(options), out)
        check({o for dashes, o, *_ in specs if dashes == '-'} ==
              {letter for letter, _ in options.values() if letter}, out)
        for dashes, option, message, action in specs:
            if dashes == '--':
                value = options[option][1]
                check(bool(value) == bool(message), option, out)
                check('|' not in value or action == f'({value.replace("|", " ")})', option, action)


@claim
def documents():
    """each program's --json begins with program, version and config"""
    quick = {'train_mean': ['--epochs', 1, '--progress', 'none'], 'feed_bench': ['--batches', 100],
             'pitfalls': ['E3']}
    for program in PROGRAMS:
        name = os.path.basename(program)
        status, out, err = run(program, '--json', '-', *quick[name])
        check(status == 0, program, status, err)
        doc = json.loads(out)
        check(list(doc)[:2] == ['program', 'version'] and doc['program'] == name, list(doc))
        check(isinstance(doc['config'], dict) and 'options' not in doc, list(doc))


main()
