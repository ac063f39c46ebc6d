#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: rows-test.sh LAST TEST-PROGRAM...
# Every row of the format notes' table of edge cases (1 to LAST) is a test that has Row and its number in its name.
set -eu
last=$1
shift
names=$(for program; do "$program" --gtest_list_tests; done)
missing=
for row in $(seq -w 1 "$last"); do
    printf '%s\n' "$names" | grep -q "Row$row" || missing="$missing $row"
done
[ -z "$missing" ] || {
    echo "rows without a test:$missing" >&2
    exit 1
}
echo "all $last rows have tests"
