#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# subjects.sh: fails if the subject of a new commit isn't "area: imperative", is longer than 72 characters, or has no body
# below it. Prints each such commit. First it shows that it can fail.
set -eu

# The rule holds for the commits after this one.
rule_since=f1ab45d14cff6ba635e3723a98bfb501b67b977b

# judge: reads lines "HASH<tab>yes if it has a body<tab>SUBJECT", and prints what is wrong with each.
judge() {
    LC_ALL=C.UTF-8 awk -F '\t' '
        # Words that begin no order. A verb in s, ed or ing is no order either, but for those that end so by themselves.
        function is_order(word) {
            if (word ~ /^(a|an|the|this|that|these|those|what|who|all|both|each|every|no|some|more|new|it|there)$/) return 0
            if (word ~ /([^s]s|[^e]ed|ing)$/ && word !~ /^(focus|alias|bias|embed|shed|bring|ring|ping|string)$/) return 0
            return 1
        }
        function complain(text) { print substr($1, 1, 12) ": " text ": " $3 }
        {
            if ($3 ~ /^(fixup|squash|amend)! /) { complain("squash it before it is merged"); next }
            if (length($3) > 72) complain(length($3) " characters, at most 72")
            if ($3 !~ /^[A-Za-z0-9_.\/-]+(, [A-Za-z0-9_.\/-]+)*: [^ ]/) { complain("does not begin with an area, as in \"attach: \""); next }
            if ($3 ~ /\.$/) complain("ends with a period")
            order = $3
            sub(/^[^:]*: /, "", order)
            sub(/[ ,:;].*/, "", order)
            if (!is_order(order)) complain("\"" order "\" is no order, such as \"add\" or \"reject\"")
            if ($2 != "yes") complain("has no body that says why")
        }'
}

# expect WORDS SUBJECT [BODY]: that is said of such a commit; nothing is said where WORDS are empty.
expect() {
    said=$(printf '0123456789ab\t%s\t%s\n' "${3-yes}" "$2" | judge)
    case $said in
    *"${1:-nothing}"*) return ;;
    '') [ -n "$1" ] || return 0 ;;
    esac
    echo "subjects.sh: of '$2' it should say '$1', and says '$said'"
    exit 1
}
expect '' 'attach: refuse an image below a world-writable directory'
expect '' 'attach, core/nbd: process requests in one place'
expect '' 'README: bring the tasks first'
expect 'an area' 'Refuse an image'
expect 'an area' 'attach:refuse an image'
expect 'is no order' 'attach: refuses an image'
expect 'is no order' 'attach: refused an image'
expect 'is no order' 'attach: refusing an image'
expect 'is no order' 'attach: the image is refused'
expect 'a period' 'attach: refuse an image.'
expect '73 characters' "attach: $(printf '%065d' 0)"
expect '' "attach: $(printf '%064d' 0)"
expect 'squash' 'fixup! attach: refuse an image'
expect 'no body' 'attach: refuse an image' no

# entries COMMIT...: prints such a line for each commit.
entries() {
    for commit; do
        body=$(git log -1 --format=%b "$commit")
        printf '%s\t%s\t%s\n' "$commit" "${body:+yes}" "$(git log -1 --format=%s "$commit")"
    done
}

cd "$(dirname "$0")/.."
if ! git rev-parse --verify -q HEAD >/dev/null 2>&1; then
    echo 'subjects.sh: not a clone: there are no commits to look at'
    exit 0
fi
if git merge-base --is-ancestor "$rule_since" HEAD 2>/dev/null; then
    commits=$(git rev-list --no-merges "$rule_since..HEAD")
elif [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    # The clone has newer commits only.
    commits=$(git rev-list --no-merges HEAD)
else
    commits=$(git rev-list --no-merges -1 HEAD)
fi
# shellcheck disable=SC2086 # a list
wrong=$(entries $commits | judge)
if [ -n "$wrong" ]; then
    printf '%s\n' "$wrong"
    exit 1
fi
echo "subjects.sh: $(echo "$commits" | grep -c .) new commits, all 'area: imperative' with a body"
