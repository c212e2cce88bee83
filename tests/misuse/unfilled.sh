#!/bin/sh
# SPDX-License-Identifier: MIT
# unfilled.sh COMPILER ROOT FILE...: TAP. The program and the feed's sources under MSan:
# an honest source is not accused; whoever leaves part of a batch unwritten is reported at
# the hand-over, in the library's check and before the trainer has it.
compiler=$1 root=$2
shift 2
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -n "$compiler" ] || skip "no clang here, and only clang has MemorySanitizer"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -pthread
	-fsanitize=memory -fsanitize-memory-track-origins"
echo 'int main(void) { return 0; }' >"$folder/empty.c"
"$compiler" $flags "$folder/empty.c" -o "$folder/empty" 2>"$folder/log" ||
	skip "$compiler can't link -fsanitize=memory: its runtime is missing"
"$compiler" $flags -I"$root/lib" "$@" -o "$folder/unfilled" \
	$(pkg-config --libs liburcu-bp 2>/dev/null || echo -lurcu-bp -lurcu-common) \
	>"$folder/log" 2>&1 || {
	sed 's/^/# /' "$folder/log"
	echo "Bail out! it does not compile"
	exit 1
}
export MSAN_OPTIONS=exitcode=77:symbolize=0 # names would need llvm-symbolizer
n=0
wrong=0
judge() { # OK NAME
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' "$folder/log"
	wrong=1
}
for threads in ours own; do
	"$folder/unfilled" nothing $threads >"$folder/log" 2>&1
	judge $? "an honest source is not accused ($threads)"
	# of batch 13, short: x [5, 3] and id [5]; where the first unwritten byte is
	for where in 'element 56 60' 'row 48 60' 'field 0 40' 'batch 0 96'; do
		set -- $where
		"$folder/unfilled" $1 $threads >"$folder/log" 2>&1
		status=$?
		[ $status = 77 ] && grep -q use-of-uninitialized-value "$folder/log" &&
			grep -q "is_initialized at offset $2 inside .*, $3)" "$folder/log" &&
			grep -q 'Memory was marked as uninitialized' "$folder/log"
		judge $? "a forgotten $1 is reported at the hand-over ($threads)"
	done
done
echo "1..$n"
exit $wrong
