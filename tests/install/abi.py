#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared library's interface against that of the last tag: abi.py SOURCE C

Both are built with debugging information, in a temporary folder, and compared by abidiff
(Debian: abigail-tools). While the soname is the same, functions may be added and nothing
else may change; with another soname anything may."""
import os
import re
import shutil
import sys
import tempfile

from tap import Skip, check, claim, main, run

SOURCE, C = sys.argv[1], sys.argv[2].split()
PLACE = tempfile.TemporaryDirectory()


def must(*command):
    status, out, err = run(*command, timeout=600)
    check(status == 0, command, out, err)
    return out


def need(tool, package):
    if not shutil.which(tool):
        raise Skip(f'there is no {tool} here (Debian: {package})')


def changes(old, new):
    """What abidiff says of (library, headers) twice; '' if users of old can have new."""
    status, out, err = run('abidiff', '--no-added-syms', '--headers-dir1', old[1],
                           '--headers-dir2', new[1], old[0], new[0], timeout=600)
    check(status & 3 == 0, 'abidiff failed', status, out, err)
    return out if status else ''


def small(name, text):
    """A library of one function or two, with its header."""
    folder = os.path.join(PLACE.name, name)
    os.mkdir(folder)
    with open(folder + '/small.h', 'w') as header:
        header.write(text)
    must(*C, '-g', '-shared', '-fPIC', '-include', folder + '/small.h', '-x', 'c',
         os.path.join(PLACE.name, 'small.c'), '-o', folder + '/libsmall.so')
    return folder + '/libsmall.so', folder


@claim
def control():
    """a function that is gone or takes something else, and a struct that grew, are noticed"""
    need('abidiff', 'abigail-tools')
    with open(PLACE.name + '/small.c', 'w') as source:
        source.write('int f(struct s *p) { return p->a; }\n'
                     '#ifdef G\nint g(G a) { return (int)a; }\n#endif\n')
    old = small('old', 'struct s { int a; };\n#define G int\n')
    check(changes(old, small('same', 'struct s { int a; };\n#define G int\n')) == '')
    check('f' in changes(old, small('gone', 'struct s { int a; };\n')))
    check(changes(old, small('other', 'struct s { int a; };\n#define G long\n')) != '')
    check(changes(old, small('grown', 'struct s { int a; int b; };\n#define G int\n')) != '')
    check(changes(small('less', 'struct s { int a; };\n'), old) == '', 'an addition is none')


def build(name, commit):
    """Build a commit's library, returns (library, headers, soname)."""
    tree, folder = (os.path.join(PLACE.name, name + part) for part in ('', '-build'))
    os.mkdir(tree)
    must('/bin/sh', '-c', f'git -C "{SOURCE}" archive {commit} | tar -x -C "{tree}"')
    must(os.environ['BATON_MESON'], 'setup', folder, tree, '-Dapps=false', '-Dtests=false',
         '--buildtype=debugoptimized')
    must(os.environ['BATON_MESON'], 'compile', '-C', folder)
    library = os.path.realpath(folder + '/lib/libbaton.so')
    soname = re.search(r'SONAME.*\[(.*)\]', must('readelf', '-d', library))[1]
    return library, tree + '/lib/baton', soname


@claim
def since_the_last_tag():
    """programs that were linked with the last tag's library run with this one"""
    need('abidiff', 'abigail-tools')
    need('git', 'git')
    status, tag, _ = run('git', '-C', SOURCE, 'describe', '--tags', '--abbrev=0')
    if status != 0:
        raise Skip('no version has been tagged here yet')
    old, new = build('old-tree', tag.strip()), build('new-tree', 'HEAD')
    if old[2] != new[2]:
        raise Skip(f'{tag.strip()} has another soname, {old[2]}')
    found = changes(old, new)
    check(found == '', tag, found)


main()
