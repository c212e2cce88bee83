#!/bin/sh
# SPDX-License-Identifier: MIT
# spin.sh SPIN CC MODEL safety|progress|fails|endless [-DNAME=VALUE...]: every state of the
# model. safety: no assertion fails and nobody is left asleep; progress: nobody goes round for
# ever; fails, endless: the opposite of each, which must be found where a switch takes a step
# out or too much is asked for. An empty SPIN: skipped.
spin=$1 cc=$2 model=$3 mode=$4
shift 4
if [ -z "$spin" ]; then
	echo "skipped: no spin on PATH"
	exit 77
fi
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
cd "$where" || exit 1
"$spin" "$@" -a "$model" || exit 1
what=-DSAFETY how= optimize=-O2
case $mode in # what fails is soon found: to optimize would take longer
progress) what=-DNP how=-l ;;
fails) optimize=-O0 ;;
endless) what=-DNP how=-l optimize=-O0 ;;
esac
$cc $optimize -w $what -DCOLLAPSE -DMEMLIM=8000 pan.c -o pan || exit 1
./pan $how -m1000000 >said 2>&1
grep -E 'errors:|states, stored|elapsed time|pan:[0-9]*:' said
case $mode in
fails) grep -q 'errors: 1' said; exit ;;
endless) grep -q 'non-progress cycle' said; exit ;;
esac
grep -q 'errors: 0' said && ! grep -qE 'max search depth too small|Search not completed' said
