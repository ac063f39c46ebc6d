#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# links.sh: checks that the targets of links exist: links of Markdown files, docs/PAGE.md#heading in any file, pages that
# are only named, and tests that docs/CASES.md names. Prints a line for each broken link and fails, or prints the number
# of links. First it tests itself.
set -eu

# anchors PAGE: prints the names that links to its headings use.
anchors() {
    awk '/^```/ { code = !code } !code && /^#+ / {
        sub(/^#+ +/, ""); $0 = tolower($0); gsub(/[^a-z0-9 _-]/, ""); gsub(/ /, "-"); print
    }' "$1"
}

# references FILE...: prints a line "FILE TARGET" for each link, with paths relative to the root.
references() {
    for file; do
        case $file in
        *.md)
            # Code has brackets and parentheses of its own.
            awk '/^```/ { code = !code } !code' "$file" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' | grep -vE '^(https?|mailto):' | while read -r target; do
                case $target in
                '#'*) echo "$file $file$target" ;;
                *) [ "${file%/*}" = "$file" ] && echo "$file $target" || echo "$file ${file%/*}/$target" ;;
                esac
            done || true
            ;;
        esac
        grep -oE 'docs/[A-Z]+\.md(#[a-z0-9_-]*)?' "$file" | sed "s|^|$file |" || true
        # A page that is only named is one of the root or of docs/.
        { grep -oE '(^|[^/A-Za-z])[A-Z][A-Z_]+\.md' "$file" || true; } | sed 's/^[^A-Z]//' | sort -u | while read -r page; do
            [ -e "$page" ] && echo "$file $page" || echo "$file docs/$page"
        done
    done
}

# broken: reads lines of references(), and prints an error for each whose target does not exist.
broken() {
    sort -u | while read -r file target; do
        page=${target%%#*}
        if [ ! -e "$page" ]; then
            echo "$file: there is no $page"
        elif [ "$page" != "$target" ] && ! anchors "$page" | grep -qxF "${target#*#}"; then
            echo "$file: $page has no heading #${target#*#}"
        fi
    done
}

# tests_named: prints the tests that docs/CASES.md names and tests/ lacks.
tests_named() {
    grep -ohE '(TEST|TEST_F|TEST_P)\([A-Za-z0-9_]+, *[A-Za-z0-9_]+' -r tests --include='*.cpp' |
        sed -E 's/^[A-Z_]+\(//; s/, */./' | sort -u >"$scratch/tests"
    grep -ohE '^case_[a-z0-9_]+' -r tests/system | sort -u >>"$scratch/tests"
    # shellcheck disable=SC2016 # Markdown
    grep -oE '`([A-Za-z0-9]+\.[A-Z][A-Za-z0-9_]+|case_[a-z0-9_]+)`' docs/CASES.md | tr -d '`' | sort -u |
        grep -vxFf "$scratch/tests" | grep -vE '\.(md|xml|Dir|XML)$' | sed 's/^/docs\/CASES.md: there is no test /' || true
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-links.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# expect PATTERN LINE: fails unless the errors of a page with LINE match PATTERN, or there are none if it is empty.
expect() {
    mkdir -p "$scratch/tree/docs"
    (
        cd "$scratch/tree"
        printf '# The page\n\n## A heading: one\n' >docs/FACTS.md
        echo "$2" >docs/PAGE.md
        references docs/PAGE.md | broken
    ) >"$scratch/said"
    if [ -n "$1" ]; then grep -qe "$1" "$scratch/said"; else [ ! -s "$scratch/said" ]; fi || {
        echo "links.sh: of '$2' it should say '$1', and says: $(cat "$scratch/said")"
        exit 1
    }
}
expect 'no docs/NOWHERE.md' 'see [this](NOWHERE.md)'
expect 'no docs/NOWHERE.md' 'see NOWHERE.md'
expect 'docs/FACTS.md has no heading #another' 'see docs/FACTS.md#another'
expect 'docs/FACTS.md has no heading #another' 'see [this](FACTS.md#another)'
expect 'docs/PAGE.md has no heading #a-heading-one' 'see [this](#a-heading-one)'
# shellcheck disable=SC2016 # Markdown
expect '' "$(printf '```cpp\n[this](int what) {}\n```')"
expect '' 'see [this](FACTS.md#a-heading-one), docs/FACTS.md#the-page and [that](https://example.org/#x)'

cd "$(dirname "$0")/.."
# shellcheck disable=SC2046 # names without blanks
references $(git ls-files -co --exclude-standard -- ':!tests/links.sh' ':!tests/fuzz/corpus' ':!LICENSES') >"$scratch/references"
{
    broken <"$scratch/references"
    tests_named
} >"$scratch/broken"
cat "$scratch/broken"
[ ! -s "$scratch/broken" ] || exit 1
echo "links.sh: $(sort -u "$scratch/references" | wc -l) links, all there"
