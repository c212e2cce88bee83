#!/bin/sh
# SPDX-License-Identifier: MIT
# analyzer.sh GCC LIB CRIME: gcc's static analyzer finds nothing in any file of the library,
# and does find the double free in CRIME. 77: there is no gcc. -O1: at -O2 it guesses at
# the binary counter of reduce.h, which it can't follow.
gcc=$1 lib=$2 crime=$3
[ -n "$gcc" ] || { echo "no gcc here: nothing to ask"; exit 77; }
"$gcc" --version | grep -q 'Free Software Foundation' || { echo "$gcc is not gcc"; exit 77; }
analyze() {
	"$gcc" -std=gnu11 -D_GNU_SOURCE -O1 -Wall -fanalyzer -Werror -I"$lib" -I"$lib/feed" \
		-I"$lib/train" -c "$1" -o /dev/null
}
failed=0
for file in "$lib"/*.c "$lib"/*/*.c; do
	analyze "$file" || failed=1
done
output=$(analyze "$crime" 2>&1) && { echo "the analyzer finds nothing in $crime"; exit 1; }
case $output in
*analyzer-double-free*) exit $failed ;;
esac
echo "$output"
exit 1
