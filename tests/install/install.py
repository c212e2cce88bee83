#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The installed copy, as who builds upon it meets it: install.py MODE SOURCE BUILD C C++

MODE staged: `meson install` of BUILD with a DESTDIR.
MODE fresh:  the archive of `meson dist`, unpacked, configured with a --prefix of its own,
             and installed there; minutes rather than seconds.
C++ may be empty, C is a command with blanks between its words."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

from tap import Skip, check, claim, main, run

MODE, SOURCE, BUILD, C, CXX = sys.argv[1:6]
C = C.split()
HERE = os.path.dirname(os.path.abspath(__file__))
MESON = os.environ['BATON_MESON'].split()
PLACE = tempfile.TemporaryDirectory()
WARN = ['-Wall', '-Wextra', '-Werror']


def must(*command, **more):
    status, out, err = run(*command, timeout=600, **more)
    check(status == 0, command, out, err)
    return out


def staged():
    """Returns the prefix as it lies on this disk."""
    must(*MESON, 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', PLACE.name)
    text = open(must_find(PLACE.name, 'baton.pc')).read()
    return PLACE.name + re.search(r'^prefix=(.*)$', text, re.M)[1]


def fresh():
    # the commit, not the working tree: what an archive of it holds
    copy, build, prefix = (os.path.join(PLACE.name, n) for n in ('copy', 'build', 'prefix'))
    must(*MESON, 'setup', build + '-dist', SOURCE, '-Dapps=false', '-Dtests=false')
    must(*MESON, 'dist', '-C', build + '-dist', '--no-tests', '--formats', 'gztar',
         '--allow-dirty')
    archive, = glob.glob(build + '-dist/meson-dist/*.tar.gz')
    with tarfile.open(archive) as tar:
        tar.extractall(copy)
    tree, = glob.glob(copy + '/*')
    must(*MESON, 'setup', build, tree, '--prefix', prefix, '-Dtests=false', '--werror')
    must(*MESON, 'compile', '-C', build)
    must(*MESON, 'install', '-C', build, '--no-rebuild', '--quiet')
    return prefix


def must_find(top, name):
    found = [os.path.join(f, name) for f, _, names in os.walk(top) if name in names]
    check(len(found) == 1, name, found)
    return found[0]


def config(*options):
    """pkg-config's answer, for a copy that may lie under a DESTDIR."""
    env = os.environ | {'PKG_CONFIG_PATH': os.path.dirname(must_find(PREFIX, 'baton.pc'))}
    return must('pkg-config', f'--define-variable=prefix={PREFIX}', *options, 'baton',
                env=env).split()


def library():
    return os.path.dirname(must_find(PREFIX, 'baton.pc')) + '/..'


def build_and_run(compiler, language, options):
    """Compile the outside program with the installed copy only, and run it."""
    program = os.path.join(PLACE.name, 'outside')
    must(*compiler, '-x', language, os.path.join(HERE, 'outside.c'), *WARN,
         '-o', program, *options)
    out = must(program, env=os.environ | {'LD_LIBRARY_PATH': library()})
    check(out.startswith('loss '), out)
    return must('readelf', '-d', program)


def archive():
    """As config(), of the static library. (Not -static: Debian's cJSON is a shared one.)"""
    return ['-l:libbaton.a' if option == '-lbaton' else option
            for option in config('--static', '--cflags', '--libs')]


@claim
def in_c():
    """a C program compiles, links and runs with the shared library, by its soname"""
    needs = build_and_run(C, 'c', ['-std=c11', '-pedantic'] + config('--cflags', '--libs'))
    check(re.search(r'NEEDED.*\[libbaton\.so\.(0\.)?\d+\]', needs), needs)
    check('urcu' not in needs, 'its own dependencies are not its users\'', needs)


@claim
def in_c_static():
    """a C program links the archive, and needs no libbaton to run"""
    needs = build_and_run(C, 'c', archive())
    check('NEEDED' in needs and 'libbaton' not in needs, needs)


@claim
def in_cxx():
    """a C++ program does both"""
    if not CXX:
        raise Skip('there is no C++ compiler here')
    for options in (config('--cflags', '--libs'), archive()):
        build_and_run([CXX], 'c++', ['-std=c++11', '-pedantic', *options])


def cmake(version):
    """Configure and build the outside program by CMake; its exit status and words."""
    folder = os.path.join(PLACE.name, 'cmake-' + version)
    os.mkdir(folder)
    with open(folder + '/CMakeLists.txt', 'w') as project:
        project.write(f'cmake_minimum_required(VERSION 3.10)\nproject(outside C)\n'
                      f'find_package(baton {version} REQUIRED)\n'
                      f'add_executable(outside {HERE}/outside.c)\n'
                      f'target_link_libraries(outside baton::baton)\n')
    status, out, err = run('cmake', '-S', folder, '-B', folder, '-DCMAKE_C_COMPILER=' + C[0],
                           '-DCMAKE_PREFIX_PATH=' + PREFIX, timeout=120)
    if status == 0:
        must('cmake', '--build', folder)
        check(must(folder + '/outside').startswith('loss '))
    return status, err


@claim
def by_cmake():
    """CMake finds it, and builds a program that runs; a newer version it does not find"""
    if not shutil.which('cmake'):
        raise Skip('there is no cmake here')
    here = must('pkg-config', '--modversion', must_find(PREFIX, 'baton.pc')).strip()
    major, minor, patch = map(int, here.split('.'))
    for version in (here, f'{major}.{minor}', ''):
        status, said = cmake(version)
        check(status == 0, version, said)
    for version in (f'{major}.{minor}.{patch + 1}', f'{major}.{minor + 1}', f'{major + 1}'):
        status, said = cmake(version)
        check(status != 0 and f'version: {here}' in said, version, said)


def links(function):
    """Does a program link that calls it?"""
    program = subprocess.run(
        [*C, '-x', 'c', '-', '-o', os.path.join(PLACE.name, 'hidden'), *config('--libs')],
        input=f'int {function}(void); int main(void) {{ return {function}(); }}', text=True,
        capture_output=True, timeout=60)
    check(program.returncode == 0 or f'undefined reference to `{function}\'' in program.stderr
          or f'undefined symbol: {function}' in program.stderr, program.stderr)
    return program.returncode == 0


@claim
def hidden():
    """what is hidden does not link against the shared library; what is public does"""
    inside = must('nm', '--defined-only', must_find(PREFIX, 'libbaton.a'))
    check(' T baton_error_set\n' in inside, 'no such function: what is tested?')
    check(links('baton_version') and not links('baton_error_set'), 'baton_error_set')


@claim
def exported():
    """the shared library exports exactly the functions that the installed headers declare"""
    shared, = [n for n in glob.glob(library() + '/libbaton.so.*') if not os.path.islink(n)]
    symbols = {line.split()[-1].split('@')[0] for line in
               must('nm', '-D', '--defined-only', shared).splitlines() if ' A ' not in line}
    if not shutil.which('gcc'):
        raise Skip('there is no gcc here to list what a header declares')
    listing = os.path.join(PLACE.name, 'declared')
    must('gcc', '-std=c11', '-x', 'c', '-fsyntax-only', '-aux-info', listing,
         *config('--cflags'), '-include', 'baton/baton.h', '/dev/null')
    declared = set(re.findall(r'^/\*.*\*/ extern .*?\b(baton_\w+) \(', open(listing).read(), re.M))
    check(len(declared) > 60, declared)
    check(symbols == declared, symbols ^ declared)


@claim
def headers():
    """each public header is installed, and nothing else is"""
    here = {os.path.basename(h) for h in glob.glob(os.path.join(SOURCE, 'lib/baton/*.h'))}
    check(here == set(os.listdir(PREFIX + '/include/baton')), here)
    check(os.listdir(PREFIX + '/include') == ['baton'], os.listdir(PREFIX + '/include'))


@claim
def programs():
    """programs, man pages and completions are where a shell and man look for them"""
    if not os.path.isdir(PREFIX + '/bin'):
        raise Skip('built without the programs')
    names = ['baton-feed-bench', 'baton-pitfalls', 'baton-train-mean']
    check(sorted(os.listdir(PREFIX + '/bin')) == names, os.listdir(PREFIX + '/bin'))
    for name in names:
        check(must(f'{PREFIX}/bin/{name}', '--help').startswith(f'Usage: {name} '), name)
        must_find(PREFIX + '/share/man/man1', name + '.1')
        must_find(PREFIX + '/share/bash-completion/completions', name)
    must_find(PREFIX + '/share/zsh/site-functions', '_baton')
    for page in ('man3/baton.3', 'man7/baton.7'):
        check(os.path.exists(f'{PREFIX}/share/man/{page}'), page)


@claim
def nothing_else():
    """nothing is installed outside of the prefix"""
    if MODE != 'staged':
        raise Skip('without a DESTDIR there is no telling')
    outside = [os.path.join(f, n) for f, _, names in os.walk(PLACE.name) for n in names
               if not os.path.join(f, n).startswith((PREFIX + '/', PLACE.name + '/cmake-'))]
    ours = {'outside', 'hidden', 'declared'}
    check({os.path.basename(n) for n in outside} <= ours, outside)


if MODE == 'fresh' and not os.path.exists(SOURCE + '/.git'):
    print('1..0 # SKIP meson dist wants a git repository')
    sys.exit(0)
PREFIX = {'staged': staged, 'fresh': fresh}[MODE]()
main()
