#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh alone COMPILER STANDARD INCLUDE HEADER...
#          prefix LIBRARY
#          probes HEADER LIBRARY       HEADER is empty where there is none
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
probes)
	[ "$1" ] || { echo 'no sys/sdt.h here (Debian: systemtap-sdt-dev)'; exit 77; }
	[ "$(command -v readelf)" ] || { echo 'no readelf here'; exit 77; }
	for probe in claim publish take release park wake; do
		readelf -n "$2" | grep -A1 'Provider: baton$' | grep -q "Name: $probe\$" ||
			{ echo "$2: no probe $probe"; wrong=1; }
	done
	;;
no_fence)
	grep -rn 'atomic_thread_fence *(' "$1" && wrong=1
	;;
esac
exit $wrong
