#!/bin/sh
# SPDX-License-Identifier: MIT
# caught.sh PROGRAM TEXT: the program must fail, and say this.
said=$("$1" 2>&1) && echo "nothing was caught" && exit 1
case $said in
*"$2"*) exit 0 ;;
esac
echo "it failed otherwise: $said"
exit 1
