#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh DIRECTORY SECONDS: fuzzes each target that was built in DIRECTORY for so long. New inputs
# go to a scratch directory; one that breaks something is left as DIRECTORY/crash-*.
set -eu
corpora=$(cd "$(dirname "$0")" && pwd)/corpus
cd "$1"
for fuzzer in ./fuzz_*; do
    [ -x "$fuzzer" ] || continue
    name=${fuzzer#./fuzz_}
    scratch=$(mktemp -d)
    echo "== $name"
    "$fuzzer" -max_total_time="$2" -max_len=65536 -print_final_stats=1 "$scratch" "$corpora/$name" 2>&1 |
        grep -e 'ERROR' -e 'SUMMARY' -e 'stat::' -e 'DONE' || true
    rm -rf "$scratch"
    if ls crash-* timeout-* oom-* >/dev/null 2>&1; then
        echo "FAILED: $(ls crash-* timeout-* oom-* 2>/dev/null)"
        exit 1
    fi
done
