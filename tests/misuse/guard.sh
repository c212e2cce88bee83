#!/bin/sh
# SPDX-License-Identifier: MIT
# guard.sh TRAIN_MEAN FEED_BENCH BUGGY_TRAIN_MEAN: TAP. Whole programs under BATON_GUARD:
# honest ones give what they give without, and one with the article's bug ends at its
# first stale write, after saying whose batch that was.
train_mean=$1 feed_bench=$2 buggy=$3
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
n=0
wrong=0
judge() { # OK NAME
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' "$folder/out" "$folder/err"
	wrong=1
}
# run GUARD PROGRAM [ARG...]
run() {
	guard=$1
	shift
	BATON_GUARD=$guard "$@" >"$folder/out" 2>"$folder/err"
}

for how in '' '--producers 0' '--producers 3' '--producers 3 --block 4 --pool 4'; do
	for guard in 0 1; do
		run $guard "$train_mean" --json - --epochs 2 $how
		status=$?
		digest=$(grep '"digest"' "$folder/out")
		[ $guard = 0 ] && without=$digest
	done
	[ $status = 0 ] && [ -n "$digest" ] && [ "$digest" = "$without" ]
	judge $? "train_mean $how: the same digest under BATON_GUARD=1"
done
run 1 "$feed_bench" --producers 2 --batches 500 --source-us 200
judge $? "feed_bench takes its checked batches under BATON_GUARD=1"

run yes "$train_mean"
[ $? = 1 ] && grep -q 'BATON_GUARD is "yes"' "$folder/err"
judge $? "another value is refused, and named"

for guard in '' 0; do
	run "$guard" "$buggy" --epochs 1 --producers 1 # debug builds meet a NaN
	[ $? -le 1 ] && ! grep -q touched "$folder/err"
	judge $? "the article's bug faults nowhere with BATON_GUARD=$guard"
done
for producers in 0 1 3; do
	run 1 "$buggy" --epochs 1 --producers $producers
	[ $? = 139 ] && grep -q "^train_mean: thread [0-9]* touched a batch that is not its own: \
address 0x[0-9a-f]* is in field 0 \"x\" of batch [0-9]*, as .*thread [0-9]*)* filled it; \
now batch [0-9]* .*thread [0-9]*" "$folder/err" && grep -q '(.*+0x[0-9a-f]*) *\[0x' "$folder/err"
	judge $? "the article's bug ends at once with BATON_GUARD=1, $producers producers"
done
echo "1..$n"
exit $wrong
