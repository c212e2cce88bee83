#!/bin/sh
# SPDX-License-Identifier: MIT
# genmc.sh GENMC MODEL LIB HARNESS [-DNAME=VALUE...]: a second opinion, where there is one.
# An empty GENMC: skipped. MODEL is rc11 or imm; IMM stands for ARM and POWER too. Nothing
# found in no complete execution is a failure: everybody was blocked.
genmc=$1 model=$2 lib=$3 harness=$4
shift 4
if [ -z "$genmc" ]; then
	echo "skipped: no genmc on PATH"
	exit 77
fi
said=$("$genmc" "--$model" --check-liveness --disable-spin-assume --disable-estimation -- \
	-std=c11 "-I$lib" "$@" "$harness" 2>&1)
status=$?
echo "$said"
[ $status -eq 0 ] || exit $status
echo "$said" | grep -q 'complete executions explored: [1-9]'
