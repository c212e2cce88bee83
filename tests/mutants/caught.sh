#!/bin/sh
# SPDX-License-Identifier: MIT
# caught.sh HOW PROGRAM [ARG...]: a seeded bug must be caught, and by what is named.
#   tsan   ThreadSanitizer reports a data race (and only that will do: no crash, no hang)
#   assert an assertion of the library fails
#   value  the program's own value check finds wrong content (exit status 3)
# Exit 0 if it was; 1 with the program's output if not.
how=$1
shift
output=$(TSAN_OPTIONS=halt_on_error=1:exitcode=66 "$@" 2>&1)
status=$?
case $how in
tsan)
	[ $status = 66 ] && case $output in *'ThreadSanitizer: data race'*) exit 0 ;; esac
	;;
assert)
	[ $status = 134 ] && case $output in *'Assertion'*) exit 0 ;; esac
	;;
value)
	[ $status = 3 ] && exit 0
	;;
esac
echo "not caught by $how: exit status $status"
echo "$output"
exit 1
