#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: rows-test.sh TEST-PROGRAM...
# Every row of the tables of edge cases of the format (1 to 64) and of hostile inputs (1 to 83) is a test that
# has Row or H and its number in its name: Row07_..., H05_H07_..., or case_h76_... of a system test.
set -eu
here=$(dirname "$0")

# Not automated, because
# H31 nothing watches the table of an image that is attached, so there is no event to wait for.
open=' H31 '

names=$(for program; do "$program" --gtest_list_tests; done)
cases=$(sed -n 's/^case_\([a-z0-9_]*\)() .*/_\1/p' "$here"/*-cases.sh | sed 's/_h\([0-9][0-9]\)/_H\1/g')
wrong=

has_test() { printf '%s\n%s\n' "$names" "$cases" | grep -q "[ _]$1_"; }

# check_rows PREFIX LAST
check_rows() {
    for number in $(seq -w 1 "$2"); do
        row=$1$number
        case $open in
        *" $row "*) ! has_test "$row" || wrong="$wrong; $row has a test but is said to have none" ;;
        *) has_test "$row" || wrong="$wrong; $row has no test" ;;
        esac
    done
}

check_rows Row 64
check_rows H 83
[ -z "$wrong" ] || {
    echo "rows: ${wrong#; }" >&2
    exit 1
}
echo 'all rows have tests, but for:'"$open"
