#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# comments.sh [-v]: counts the comment blocks of the C++ sources that begin without a subject (docs/STYLE.md), and fails
# if more than 1.0 % do. With -v it prints each. First it tests itself.
set -eu

# count FILE...: prints "BLOCKS BAD", after a line for each bad block if $verbose is set. A block is a run of comment
# lines, or a comment at the end of a line of code.
count() {
    awk -v verbose="$verbose" '
        function look(text) {
            blocks++
            if (text ~ /^(What|Who|Whom|Whose|Of|Those|These|It|One|Ones|That)([^A-Za-z]|$)/ ||
                text ~ /^(The same|As above)([^A-Za-z]|$)/ ||
                text ~ /^This([.,:;]| (is|are|was|were|has|have|can|cannot|may|must|does|will|would|one|also|alone|too)([^A-Za-z]|$))/) {
                bad++
                if (verbose) print FILENAME ":" FNR ": " text
            }
        }
        FNR == 1 { in_block = 0 }
        /^[ \t]*\/\/( |$)/ {
            if ($0 ~ /SPDX|NOLINT|clang-format/) next
            if (!in_block) look(substr($0, index($0, "//") + 3))
            in_block = 1
            next
        }
        {
            in_block = 0
            # A comment at the end of code describes a member or a constant.
            if (match($0, /[;,{}] +\/\/ /)) {
                text = substr($0, RSTART + RLENGTH)
                if (text !~ /NOLINT/) look(toupper(substr(text, 1, 1)) substr(text, 2))
            }
        }
        END { print blocks + 0, bad + 0 }' "$@"
}

scratch=$(mktemp "${TMPDIR:-/tmp}/ploopu-comments.XXXXXX")
trap 'rm -f "$scratch"' EXIT
trap 'exit 130' INT TERM
verbose=
printf '%s\n' '// SPDX-License-Identifier: x' '// The disk has one size.' '// What follows is no block of its own.' 'int a;  // of the disk' \
    '// This is bad' '' '// The same.' '// One more line of that block' 'int b;  // bytes' >"$scratch"
[ "$(count "$scratch")" = '5 3' ] || {
    echo "comments.sh: counts $(count "$scratch") where 5 blocks are and 3 are bad"
    exit 1
}

cd "$(dirname "$0")/.."
[ "${1:-}" != -v ] || verbose=yes
# shellcheck disable=SC2046 # names without blanks
found=$(count $(git ls-files 'cmd/*pp' 'core/*pp' 'platform/*pp' 'tests/*pp' 'bench/*pp'))
blocks=$(echo "$found" | tail -n 1 | cut -d ' ' -f 1)
bad=$(echo "$found" | tail -n 1 | cut -d ' ' -f 2)
echo "$found" | sed '$d'
echo "comments.sh: $bad of $blocks comment blocks begin without a subject"
[ $((bad * 100)) -le "$blocks" ] || {
    echo "comments.sh: at most one in a hundred may: 'tests/comments.sh -v' prints them, docs/STYLE.md says how to mend them"
    exit 1
}
