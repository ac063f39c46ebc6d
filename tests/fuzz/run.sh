#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh DIRECTORY SECONDS: fuzzes each target that was built in DIRECTORY for so long. New inputs
# go to a scratch directory; one that breaks something is left as DIRECTORY/crash-*.
set -eu
corpora=$(cd "$(dirname "$0")" && pwd)/corpus
cd "$1"
for fuzzer in ./fuzz_*; do
    [ -x "$fuzzer" ] || {
        echo "FAILED: no fuzz target in $1"
        exit 1
    }
    name=${fuzzer#./fuzz_}
    scratch=$(mktemp -d)
    echo "== $name"
    result=0
    "$fuzzer" -max_total_time="$2" -max_len=65536 -print_final_stats=1 "$scratch" "$corpora/$name" \
        >"$scratch.log" 2>&1 || result=$?
    grep -e 'ERROR' -e 'SUMMARY' -e 'stat::' -e 'DONE' "$scratch.log" || true
    if [ $result != 0 ] || ! grep -q '^stat::number_of_executed_units: *[1-9]' "$scratch.log"; then
        tail -n 40 "$scratch.log"
        echo "FAILED: $name ended with $result; inputs: $(ls crash-* timeout-* oom-* leak-* 2>/dev/null)"
        exit 1
    fi
    rm -rf "$scratch" "$scratch.log"
done
