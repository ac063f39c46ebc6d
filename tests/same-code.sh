#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# same-code.sh REVISION: checks a commit that only moves files. Builds the program from the working tree and from
# REVISION with the same options, and compares the code and constants of the object files regardless of their names.
# Prints the object files that only one side has, and fails if there are any.
set -eu
work=$PWD/build/same-code
mkdir -p "$work"
rm -rf "$work/source"
git worktree prune
git worktree add -q --detach --force "$work/source" "$1"
trap 'git worktree remove --force "$work/source"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# build NAME SOURCE: builds the directory SOURCE, and writes a line to $work/NAME.sums for each object file: its hash and
# its name.
build() {
    cmake -S "$2" -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE=Release '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG' >/dev/null
    cmake --build "$work/$1" --target ploopu -- --quiet
    (cd "$work/$1" && find . -name '*.cpp.o') | while read -r object; do
        # The first lines hold the name of the object file, and clang names a function after the source file.
        {
            objdump -dr "$work/$1/$object" | tail -n +4 | sed "s/_GLOBAL__sub_I_[a-z_]*[.]cpp/_GLOBAL__sub_I/"
            objdump -s -j .rodata -j .data.rel.ro.local "$work/$1/$object" 2>/dev/null | tail -n +4
        } | sha256sum | sed "s,-\$,$object,"
    done | sort >"$work/$1.sums"
}

build old "$work/source"
build new .
cut -d ' ' -f 1 "$work/old.sums" >"$work/old.hashes"
cut -d ' ' -f 1 "$work/new.sums" >"$work/new.hashes"
# Sources that generate no code have object files with the same hash, so a hash may occur several times.
if cmp -s "$work/old.hashes" "$work/new.hashes"; then
    echo "The $(wc -l <"$work/new.sums") object files are the same."
    exit 0
fi
comm -23 "$work/old.hashes" "$work/new.hashes" | grep -Ff - "$work/old.sums" | sed 's/^[^ ]*/only in '"$1"':/'
comm -13 "$work/old.hashes" "$work/new.hashes" | grep -Ff - "$work/new.sums" | sed 's/^[^ ]*/only here:/'
exit 1
