#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# manual-test.sh PLOOPU MANUAL: every verb and option of the program is in the manual, and no other.
set -eu
ploopu=$1
manual=$(mandoc -T utf8 "$2" | col -b)

verbs='info map check snapshots attach mount detach list'
{
    "$ploopu" --help
    for verb in $verbs; do "$ploopu" "$verb" --help; done
} | grep -oE -- '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sort -u >"${TMPDIR:-/tmp}/options.$$"
trap 'rm -f "${TMPDIR:-/tmp}/options.$$"' EXIT

status=0
while read -r option; do
    printf '%s\n' "$manual" | grep -qE -- "(^|[^a-zA-Z-])$option([^a-zA-Z-]|\$)" || {
        echo "FAILED: $option is not in the manual"
        status=1
    }
done <"${TMPDIR:-/tmp}/options.$$"
for option in $(printf '%s\n' "$manual" | grep -oE -- '(^|[ [])--[a-z][a-z-]*' | tr -d ' [' | sort -u); do
    grep -qx -- "$option" "${TMPDIR:-/tmp}/options.$$" || {
        echo "FAILED: the manual has $option, the program has not"
        status=1
    }
done
for verb in $verbs umount; do
    "$ploopu" "$verb" --help >/dev/null
    printf '%s\n' "$manual" | grep -qw "$verb" || status=1
done
# The table of exit codes is the program's own.
codes=$(sed -n '/^int exit_code/,/^}/s/.*return \([0-9]*\);.*/\1/p' "$(dirname "$2")/../core/result.cpp" | sort -nu)
written=$(sed -n '/^.Sh EXIT STATUS/,/^.El/s/^.It \([0-9]*\).*/\1/p' "$2")
[ "$written" = "$(printf '0\n%s' "$codes")" ] || {
    echo "FAILED: exit codes: the manual has $written, the program $codes"
    status=1
}
exit $status
