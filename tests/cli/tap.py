# SPDX-License-Identifier: MIT
"""A few lines of TAP for tests of whole programs: functions whose docstring is the claim."""
import subprocess
import sys
import traceback

_claims = []


class Skip(Exception):
    """Raised by a test that can't run here; its text is the reason."""


def claim(function):
    _claims.append(function)
    return function


def run(*command, timeout=120, **more):
    """Run a program with no standard input; returns (status, stdout, stderr)."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=timeout, **more)
    return done.returncode, done.stdout, done.stderr


def check(condition, *what):
    if not condition:
        raise AssertionError(' '.join(str(w) for w in what))


def main():
    failed = 0
    print(f'1..{len(_claims)}')
    for number, function in enumerate(_claims, 1):
        def name():  # a test may say in it what it found
            return f'{number} - {function.__doc__}'
        try:
            function()
            print('ok', name())
        except Skip as reason:
            print('ok', name(), '# SKIP', reason)
        except Exception:
            failed += 1
            print('not ok', name())
            print(name(), traceback.format_exc(), sep='\n', file=sys.stderr)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
