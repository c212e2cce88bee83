#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh alone COMPILER STANDARD INCLUDE HEADER...
#          prefix LIBRARY
#          no_fence FOLDER
# Exit 0, or 1 after saying what is wrong.
what=$1
shift
wrong=0
case $what in
alone)
	compiler=$1 standard=$2 include=$3
	shift 3
	case $standard in *++*) language=c++ ;; *) language=c ;; esac
	for header; do
		printf '#include <baton/%s>\n#include <baton/%s>\nint unit;\n' \
			"${header##*/}" "${header##*/}" |
			$compiler "$standard" -x $language "$include" -Wall -Wextra -Wpedantic \
				-Wundef -Werror -fsyntax-only - || wrong=1
	done
	;;
prefix)
	# A: the name of the version script's node
	symbols=$(nm -D --defined-only "$1" | awk '$2 != "A" { print $NF }')
	case $symbols in *baton_open*) ;; *) echo "$1: exports no baton_open"; wrong=1 ;; esac
	for symbol in $symbols; do
		case $symbol in
		baton_*) ;;
		*) echo "$1: exports $symbol"; wrong=1 ;;
		esac
	done
	;;
no_fence)
	grep -rn 'atomic_thread_fence *(' "$1" && wrong=1
	;;
esac
exit $wrong
