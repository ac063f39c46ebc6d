#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh DIRECTORY SECONDS [TARGET...]: fuzzes the targets that were built in DIRECTORY for so long
# each, two at a time. New inputs go to a scratch directory; one that breaks something is left as
# DIRECTORY/TARGET-crash-*.
set -eu
corpora=$(cd "$(dirname "$0")" && pwd)/corpus

# fuzz TARGET SECONDS, in the directory of the targets.
fuzz() {
    scratch=$(mktemp -d)
    log=$(mktemp)
    result=0
    "./fuzz_$1" -max_total_time="$2" -max_len=65536 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$1-" "$scratch" "$corpora/$1" >"$log" 2>&1 || result=$?
    if [ $result = 0 ] && grep -q '^stat::number_of_executed_units: *[1-9]' "$log"; then
        sed -n "s/^#[0-9]*[[:space:]]*DONE */$1: &/p" "$log"
    else
        tail -n 60 "$log"
        echo "FAILED: $1 ended with $result; inputs that break it: $(echo "$1"-*-*)"
        result=1
    fi
    rm -rf "$scratch" "$log"
    return $result
}

if [ "$1" = --one ]; then
    fuzz "$3" "$2"
    exit
fi
directory=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)/${0##*/}
cd "$directory"
if [ $# = 0 ]; then
    for target in fuzz_*; do
        [ ! -x "$target" ] || set -- "$@" "${target#fuzz_}"
    done
fi
[ $# != 0 ] || {
    echo "FAILED: no fuzz target in $directory"
    exit 1
}
printf '%s\n' "$@" | xargs -P 2 -n 1 "$here" --one "$seconds"
