#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# manual-test.sh PLOOPU SOURCES: tests that the manual has every verb, option and exit code of the program and no
# others, and that 'ploopu help' opens the manual. manual-cases.sh tests JSON and examples.
set -eu
ploopu=$(realpath "$1")
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# compare WHAT: compares the lines of $work/program and $work/manual, in any order.
compare() {
    sort -u "$work/program" >"$work/a"
    sort -u "$work/manual" >"$work/b"
    diff "$work/a" "$work/b" >"$work/differences" && return
    echo "FAILED: $1: those of the program (<) and of the manual (>):"
    cat "$work/differences"
    status=1
}

# offered WORD...: prints the verbs or options that completion offers after these words.
offered() { "$ploopu" __complete -- "$@" | cut -f 1; }

# flags: prints the options in macro lines on standard input: "Fl s , Fl Fl snapshot Ar GUID" gives -s and --snapshot.
flags() {
    sed -e 's/Fl Fl \([a-z-]*\)/\n--\1\n/g' -e 's/Fl \([A-Za-z]*\)/\n-\1\n/g' | grep -E '^--?[A-Za-z]' |
        # Splits several short options in one word, such as -Hb.
        sed -E -e ':again' -e 's/^-([A-Za-z])([A-Za-z]+)$/-\1\n-\2/' -e 't split' -e 'b' -e ':split' -e 'P;D'
}

offered '' >"$work/verbs"
offered - >"$work/everywhere"

# Every verb has a page. A page with several names has them all in its first section.
cp "$work/verbs" "$work/program"
for page in man/ploopu-*.8; do sed -n '/^\.Nd/q; s/^\.Nm ploopu-\([a-z]*\).*/\1/p' "$page"; done >"$work/manual"
compare 'pages of verbs'
sed -n '/^\.Ss Verbs/,/^\.El/s/^\.It Cm //p' man/ploopu.8 | tr -d ' ' | tr '|' '\n' >"$work/manual"
compare 'verbs in ploopu.8'

# The options of each verb are in the list and in the synopsis of its page.
while read -r verb; do
    page=$(grep -l "^\.Nm ploopu-$verb\( ,\)\{0,1\}\$" man/ploopu-*.8) || continue
    offered "$verb" - | grep -vxFf "$work/everywhere" >"$work/program" || true
    sed -n 's/^\.It \(Fl .*\)/\1/p' "$page" | flags >"$work/manual"
    compare "options in $page"
    # The synopsis needs only one name of each option.
    sed -n 's/^\.It \(Fl .*\)/\1/p' "$page" | while read -r line; do
        echo "$line" | flags >"$work/names"
        sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Op \(Fl .*\)/\1/p' "$page" | flags | grep -xFf "$work/names" ||
            echo "$line"
    done >"$work/program"
    sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Op \(Fl .*\)/\1/p' "$page" | flags >"$work/manual"
    compare "synopsis of $page"
    offered "$verb" - >>"$work/options"
done <"$work/verbs"
grep -vxFf "$work/options" "$work/everywhere" >"$work/program" || true
: >"$work/manual"
compare 'options that no verb has'
cp "$work/everywhere" "$work/program"
sed -n '/^\.Ss Options of all verbs/,/^\.El/s/^\.It \(Fl .*\)/\1/p' man/ploopu.8 | flags >"$work/manual"
compare 'options of all verbs'
# Options that pages name anywhere else exist in the program.
sed -n '/^\.\\"/d; /Fl /p' man/ploopu*.[1-9] | sed 's/"[^"]*"//g' | flags | grep -vxFf "$work/options" >"$work/manual" || true
: >"$work/program"
compare 'options that are named'

# The exit codes of ploopu(8) and of check are complete.
{
    echo 0
    sed -n 's/^ *{ErrorKind::[a-z_]*, \([0-9]*\),.*/\1/p' core/base/exit_code.cpp
} >"$work/program"
sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\).*/\1/p' man/ploopu.8 >"$work/manual"
compare 'exit codes'
{
    echo 0
    sed -n 's/^inline constexpr int kFound[A-Za-z]* = \([0-9]*\);.*/\1/p' core/base/exit_code.hpp
} >"$work/program"
sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\).*/\1/p' man/ploopu-check.8 >"$work/manual"
compare 'exit codes of check'

# On a terminal, help shows the page of the verb; umount has the page of detach.
mkdir "$work/pages"
for section in 5 7 8; do
    mkdir "$work/pages/man$section"
    cp man/*.$section "$work/pages/man$section"
done
# on_terminal COMMAND...: prints the output of the command on a terminal.
on_terminal() {
    MANPATH=$work/pages MANPAGER=cat script -qec "$*" /dev/null </dev/null | sed 's/\x1b\[[0-9;]*m//g' | col -b
}
for words in 'info PLOOPU-INFO' 'umount PLOOPU-DETACH'; do
    on_terminal "$ploopu help ${words% *}" | grep -q "^${words#* }(8)" || {
        echo "FAILED: help ${words% *} doesn't open ${words#* }: $(on_terminal "$ploopu help ${words% *}" | head -n 3)"
        status=1
    }
done
"$ploopu" info --help >"$work/help"
"$ploopu" help info | cmp - "$work/help" || status=1
rm "$work/pages/man8/ploopu-info.8"
on_terminal "$ploopu help info" | grep -q '^Usage: ploopu info' || {
    echo 'FAILED: help without a page'
    status=1
}
exit $status
