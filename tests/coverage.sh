#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh DIRECTORY: runs the unit tests and the corpora of the fuzz targets that were built in
# DIRECTORY by the preset "coverage", and prints which part of the lines of each parser they reach.
# Fails when it is less than 95 % of all of them. What is not reached is in DIRECTORY/coverage.txt.
set -eu
corpora=$(cd "$(dirname "$0")" && pwd)/fuzz/corpus
least=95
# Everything that takes apart what a stranger wrote.
parsers='core/bundle core/check_table core/container core/container_config core/container_name
    core/delta core/disk core/disk_descriptor core/dm_name core/ext_superblock
    core/format_extension core/gpt core/nbd_server core/nbd_wire core/overlay_file core/partitions
    core/ploop_header core/snapshots core/text core/vz_config core/vz_disks core/xml
    platform/blkid_prober platform/runtime_dir'
cd "$1"
rm -rf profiles
export LLVM_PROFILE_FILE="$PWD/profiles/%p-%m"

# A tenth of the random chains: they reach nothing new after that.
export PLOOPU_SEEDS=1200
for tests in core_tests cmd_tests platform_tests; do
    "tests/$tests" --gtest_brief=1 >"$tests.log" 2>&1 || {
        cat "$tests.log"
        exit 1
    }
done
objects=
for target in tests/fuzz_*; do
    [ -x "$target" ] || continue
    "$target" -runs=0 "$corpora/${target##*/fuzz_}" >fuzz.log 2>&1 || {
        cat fuzz.log
        exit 1
    }
    objects="$objects -object $target"
done

llvm-profdata-14 merge -sparse -o merged.profdata profiles/*
rm -rf profiles
# shellcheck disable=SC2086 # a list
set -- tests/core_tests -object tests/cmd_tests -object tests/platform_tests $objects \
    -instr-profile=merged.profdata
llvm-cov-14 export -summary-only "$@" >summary.json 2>/dev/null
jq -r '.data[0].files[] | [.filename, .summary.lines.covered, .summary.lines.count] | @tsv' \
    summary.json >lines.tsv
llvm-cov-14 show "$@" -ignore-filename-regex='/(tests|cmd)/|^/usr/' >coverage.txt 2>/dev/null

pattern=$(echo "$parsers" | xargs | tr ' ' '|')
missing=$(for parser in $parsers; do grep -q "/${parser}[.]cpp	" lines.tsv || echo "$parser"; done)
[ -z "$missing" ] || {
    echo "FAILED: no lines of $missing: was it renamed?"
    exit 1
}
sed -nE "s,^(.*/)?($pattern)\.[ch]pp\t,\2\t,p" lines.tsv | sort | awk -F '\t' -v least=$least '
    function print_line(name, part, whole) {
        printf "%-24s %5d of %5d lines  %5.1f %%\n", name, part, whole, 100 * part / whole
    }
    $1 != name {
        if (name != "") print_line(name, reached, lines)
        name = $1
        reached = lines = 0
    }
    { reached += $2; lines += $3; all_reached += $2; all += $3 }
    END {
        print_line(name, reached, lines)
        print_line("all parsers", all_reached, all)
        if (100 * all_reached < least * all) {
            print "FAILED: must be at least " least " %"
            exit 1
        }
    }'
