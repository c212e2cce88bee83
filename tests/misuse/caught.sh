#!/bin/sh
# SPDX-License-Identifier: MIT
# caught.sh HOW[,HOW...] PROGRAM [ARG...]: a seeded bug must be caught, by one of what is
# named and by nothing else: a crash or a hang is no catch.
#   tsan    ThreadSanitizer reports a data race
#   assert  an assertion of the library fails
#   value   the program's own value check finds wrong content (exit status 3)
# Exit 0 if it was; 1 with the program's output if not.
hows=$1
shift
output=$(TSAN_OPTIONS=halt_on_error=1:exitcode=66 "$@" 2>&1)
status=$?
by=nothing
case $status in
66) case $output in *'ThreadSanitizer: data race'*) by=tsan ;; esac ;;
134) case $output in *': Assertion '*) by=assert ;; esac ;;
3) by=value ;;
esac
case ,$hows, in *,$by,*) exit 0 ;; esac
echo "caught by $by, not by $hows: exit status $status"
echo "$output"
exit 1
