#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD [--fail]: build with clang's coverage in the folder BUILD, run the tests that
# need no other build, and say what of lib they did not run (coverage.py). 77: no clang-19.
# With --fail they run up to three times, and the profiles are added up: what a thread goes
# through only if another is slow is covered in one run and not in the next.
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
for tool in clang-19 clang++-19 llvm-cov-19 llvm-profdata-19; do
	command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
# asserts are no branches: they are what must not happen; and probes hide those around them
flags='-UBATON_SDT -g -O0 -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc -fprofile-update=atomic'
export LLVM_PROFILE_FILE=/dev/null # of the programs that meson tries
test -d "$build" || CC=clang-19 CXX=clang++-19 meson setup "$build" "$here/../.." --buildtype=plain \
	-Db_ndebug=true -Dc_args="$flags" -Dc_link_args=-fprofile-instr-generate >/dev/null
rm -rf "$build/raw"
build=$(cd "$build" && pwd)
LLVM_PROFILE_FILE=$build/raw/%p-%m.profraw
programs='fault/fault fault/fault_functions fault/fault_saves misuse/stale misuse/stale_poison
	stress/stress_pipeline stress/stress_snapshot'
run_tests() {
	meson test -C "$build" --suite unit --suite examples --suite ref && cd "$build" &&
		ninja $(printf 'tests/%s ' $programs) && cd tests &&
		fault/fault && fault/fault_functions && fault/fault_saves &&
		misuse/stale guard 100 && misuse/stale_poison poison 100 &&
		stress/stress_pipeline 300000 && stress/stress_snapshot 1000 4 4000
}
rounds=1
case " $* " in *' --fail '*) rounds=3 ;; esac
for round in $(seq $rounds); do
	(run_tests) >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
	python3 "$here/coverage.py" "$build" "$@" && exit 0
done
exit 1
