#!/bin/sh
# SPDX-License-Identifier: MIT
# refused.sh COMPILER INCLUDE FILE MISTAKE WORD: the file compiles without the mistake, and
# with it does not, for the reason that has the word in it. 77: there is no such compiler.
compiler=$1 include=$2 file=$3 mistake=$4 word=$5
[ -n "$compiler" ] || { echo "no clang here: nothing to ask"; exit 77; }
compile() {
	"$compiler" -std=gnu11 "$include" -Wall -Wextra -Wthread-safety -Werror -fsyntax-only \
		"$@" "$file" 2>&1
}
compile || { echo "the correct program does not compile"; exit 1; }
output=$(compile "-D$mistake") && { echo "$mistake compiles"; exit 1; }
case $output in *"$word"*) exit 0 ;; esac
echo "$mistake is refused for another reason than $word:"
echo "$output"
exit 1
