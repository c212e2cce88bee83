#!/bin/sh
# SPDX-License-Identifier: MIT
# selftest.sh: coverage.py finds the gaps of gaps.c, all and no others, and --fail fails for
# each kind of them. 77: no clang-19.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for tool in clang-19 llvm-cov-19 llvm-profdata-19 python3; do
	command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cp "$here/gaps.c" "$room"
cd "$room"
run() {
	clang-19 -O0 -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc "$@" gaps.c -o gaps ||
		{ echo 'skipped: clang-19 has no profile runtime (libclang-rt-19-dev)'; exit 77; }
	rm -rf raw
	LLVM_PROFILE_FILE=$room/raw/1.profraw ./gaps
}
run

fail() { echo "$*"; cat got; exit 1; }
# look WANTED_STATUS CLAIM: by the rows that are in reasons
look() {
	status=0
	python3 "$here/../coverage.py" "$room" --fail --mcdc --of "$room" reasons >got 2>&1 || status=$?
	test "$status" = "$1" || fail "exit status $status, not $1: $2"
}

: >reasons
look 1 'gaps without a reason'
grep '^[a-z]*\.c:' got | cut -d: -f3- >said
cat >expected <<'END'
 never run: int twice[] = TWICE(n);: NO REASON GIVEN
 never run: return n > 0 ? twice[0] : twice[1];: NO REASON GIVEN
 never run: return never_called(n);: NO REASON GIVEN
 never true: n-- > 3: NO REASON GIVEN
 never true: n < 0: NO REASON GIVEN
 never true: isnan(x): NO REASON GIVEN
 never false: x > 0: NO REASON GIVEN
 never decides alone: condition 1 2: n < 0 || isnan(x)
 never decides alone: condition 2: n == 1 && x > 0
END
diff expected said || fail 'not the gaps that it has'

# each of them with a reason: text of the line, what
sed -n 's/^ \(never [a-z]*\): \(.*\): NO REASON GIVEN$/gaps.c\t\2\t\1\tthis is a test/p' said >all
cp all reasons
look 1 'a reason for each, but far from the goal'
grep -q '^7 gaps, 0 without a reason, 0 stale reasons$' got || fail 'reasons are not taken'
grep -q '^branches: below the goal' got || fail 'the goal is not looked at'

run -DWHOLE
: >reasons
look 0 'a program without a gap'
echo 'int nobody_links_this(void) { return 1; }' >absent.c
look 1 'a file that no program was linked with'
grep -q '^absent.c:1: in no program: the whole file: NO REASON GIVEN$' got || fail 'it is not named'
rm absent.c
head -1 all >reasons
look 1 'a reason for what is run'
printf 'gaps.c\tn == 1\tnever true\tsometimes: a race\n' >reasons
look 0 'a reason for what is run sometimes'

run -DWHOLE -DALMOST
: >reasons
look 1 'one line that is not run'
printf 'gaps.c\treturn 7;\tnever run\tthis is a test\n' >reasons
look 0 'one line that is not run, and why'
cat reasons reasons >twice && mv twice reasons
look 1 'a reason is for one place only'
printf 'gaps.c\tthe function last\tnever run\tsometimes: another machine\n' >reasons
look 0 'the lines of a function that is not run, and why'
printf 'gaps.c\tthe function half\tnever run\tsometimes: another machine\n' >reasons
look 1 'a reason for another function'
