#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# manual-width.sh: fails if a manual page has a line of more than 80 characters on a terminal of 80 columns. Prints each
# such line. First it shows that it can fail.
set -eu

# too_wide PAGE...: prints the lines that are too long, as man and mandoc show the pages, and in the sources.
too_wide() {
    for page; do
        {
            mandoc -T utf8 -O width=80 "$page"
            MANWIDTH=80 man -l "$page"
            cat "$page"
        } | col -bx | LC_ALL=C.UTF-8 grep -E '.{81}' | sed "s|^|$page: |" || true
    done
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-width.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
line=$(printf '%080d' 0)
printf '.Dd November 28, 2026\n.Dt X 8\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Sh EXAMPLES\n.Bd -literal\n%s\n.Ed\n' "$line" >"$scratch/x.8"
LC_ALL=C.UTF-8
export LC_ALL
[ "$(too_wide "$scratch/x.8" | wc -l)" = 2 ] || {
    echo "manual-width.sh: should find the line as man shows it and as mandoc does, and finds: $(too_wide "$scratch/x.8")"
    exit 1
}

cd "$(dirname "$0")/.."
too_wide man/*.[1-9] >"$scratch/found"
cat "$scratch/found"
[ ! -s "$scratch/found" ]
