#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-cases.sh BACKEND [PATTERN]: runs the cases of a back end on this kernel, as root. Prints a line for each case, and
# a verdict at the end. The back end "module" stands for the cases of loading nbd.
# Needs PLOOPU and FIXTURES in the environment. GUEST is set if nothing but the cases uses this kernel.
set -eu
here=$(dirname "$0")
export BACKEND="$1"
SOURCES=$(cd "$here/../.." && pwd)
export SOURCES
pattern=${2:-.}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-cases.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch" # for the cases that aren't root

# Attachments that exist already look like leftovers of a case, which would be removed.
export WORK="$scratch"
found=$(. "$here/lib.sh" && leftovers)
if [ -n "$found" ]; then
    echo "VERDICT: $BACKEND: failed: other attachments are there: $found"
    exit 1
fi
passed=0
common='reading-cases.sh checking-cases.sh detaching-cases.sh fault-cases.sh kill-cases.sh race-cases.sh swap-cases.sh'
servers='server-cases.sh journal-cases.sh overlay-cases.sh crash-cases.sh'
case $BACKEND in
module) scripts=module-cases.sh ;;
dm) scripts="$common dm-cases.sh outcome-cases.sh" ;;
nbd) scripts="$common $servers nbd-cases.sh supervisor-cases.sh host-cases.sh" ;;
fuse) scripts="$common $servers fuse-cases.sh manual-cases.sh manners-cases.sh outcome-cases.sh" ;;
esac
# All cases of fuse run on the kernel of the host. The guest is slow, so it runs only those about fuse itself.
[ "$BACKEND.${GUEST:-}" != fuse.1 ] || [ "$pattern" != . ] || scripts='server-cases.sh fuse-cases.sh'
# Cases that use no back end run once, on the kernel of the host.
[ -z "${GUEST:-}" ] || [ "$pattern" != . ] || scripts=$(echo "$scripts" | sed 's/checking-cases.sh//')
[ -z "${GUEST:-}" ] || [ "$BACKEND" = module ] || scripts="$scripts udev-cases.sh"
# run_case SCRIPT CASE: runs a case in a shell of its own.
run_case() { sh -euc '. "$1/lib.sh"; . "$1/$2"; "case_$3"' case "$here" "$1" "$2"; }
for script in $scripts; do
    for case in $(sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$here/$script" | grep -e "$pattern" || true); do
        export WORK="$scratch/$case"
        mkdir "$WORK"
        start=$(date +%s%N)
        result=ok
        run_case "$script" "$case" >"$scratch/log" 2>&1 || result=FAILED
        remains=$(. "$here/lib.sh" && leftovers)
        if [ -n "$remains" ]; then
            result=FAILED
            echo "left behind: $remains" >>"$scratch/log"
        fi
        echo "$BACKEND: $result $case ($((($(date +%s%N) - start) / 1000000)) ms)"
        if [ $result = ok ]; then
            sed -n 's/^skipped: /    &/p' "$scratch/log"
            passed=$((passed + 1))
        else
            sed 's/^/    /' "$scratch/log"
            (. "$here/lib.sh" && clean_by_force)
            echo "VERDICT: $BACKEND: failed: $case"
            exit 1
        fi
        rm -rf "$WORK"
    done
done
if [ $passed -eq 0 ] && [ "$pattern" = . ]; then
    echo "VERDICT: $BACKEND: failed: no case was run"
    exit 1
fi
echo "VERDICT: $BACKEND: all $passed passed"
