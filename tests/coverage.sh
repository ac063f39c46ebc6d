#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh DIRECTORY: runs the unit tests and the corpora of the fuzz targets that were built in
# DIRECTORY by the preset "coverage", and prints how many lines of each parser they reach. Fails if
# they reach less than 95 % of the lines of all parsers. DIRECTORY/coverage.txt shows the others.
set -eu
corpora=$(cd "$(dirname "$0")" && pwd)/fuzz/corpus
least=95
# The parsers of bytes from strangers, as files and as folders.
parsers='core/attach/dm_name core/base/guid core/base/text core/check/check_table core/confine/answer_codec
    core/disk/ core/format/ core/nbd/ core/overlay/overlay_file core/volume/ core/vz/
    platform/probe/blkid_prober platform/serve/runtime_dir'
cd "$1"
rm -rf profiles
export LLVM_PROFILE_FILE="$PWD/profiles/%p-%m"

# A tenth of the random chains is enough: more chains reach no new line.
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

pattern=$(echo "$parsers" | xargs | sed 's,/\( \|$\),/[a-z_]+\1,g' | tr ' ' '|')
missing=$(for parser in $parsers; do grep -qE "/${parser%/}(/[a-z_]+)?[.]cpp	" lines.tsv || echo "$parser"; done)
[ -z "$missing" ] || {
    echo "FAILED: no lines of $missing: was it renamed?"
    exit 1
}
sed -nE "s,^(.*/)?($pattern)\.[ch]pp\t,\2\t,p" lines.tsv | sort | awk -F '\t' -v least=$least '
    function print_line(name, part, whole) {
        printf "%-32s %5d of %5d lines  %5.1f %%\n", name, part, whole, 100 * part / whole
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
