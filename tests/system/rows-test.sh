#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rows-test.sh TEST-PROGRAM...: fails if a case of docs/CASES.md has no test with its number in the name, such as
# Row07_..., H05_H07_..., or case_h76_... and case_r01_... of the system tests.
set -eu
here=$(dirname "$0")

# These cases are not automated here:
# R16: the guest has an NFS client only, and no server to restart.
# R36: only systemd as the first process shows in which order it ends processes. systemd-test.sh tests that, in
#      ./dev package-test.
open=' R16 R36 '
# These cases are automated in part:
# R26: there is no kernel in lockdown.
# R28: on one processor, the rule that looks for the attribute loses its race each time.
# R35: the two hosts are two namespaces of a kernel.

names=$(for program; do "$program" --gtest_list_tests; done)
cases=$(sed -n 's/^case_\([a-z0-9_]*\)() .*/_\1/p' "$here"/*-cases.sh |
    sed 's/_h\([0-9][0-9]\)/_H\1/g; s/_r\([0-9][0-9]\)/_R\1/g; s/_a\([0-9][0-9]\)/_A\1/g')
wrong=

has_test() { printf '%s\n%s\n' "$names" "$cases" | grep -q "[ _]$1_"; }

rows=$(sed -n 's/^### \(\(Row\|H\|R\|A\)[0-9]*\)$/\1/p' "$here/../../docs/CASES.md")
[ -n "$rows" ]
for row in $rows; do
    case $open in
    *" $row "*) ! has_test "$row" || wrong="$wrong; $row has a test but is said to have none" ;;
    *) has_test "$row" || wrong="$wrong; $row has no test" ;;
    esac
done
[ -z "$wrong" ] || {
    echo "rows: ${wrong#; }" >&2
    exit 1
}
echo 'all rows have tests, but for:'"$open"
