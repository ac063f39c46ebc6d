#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mutants.sh [PATTERN | --sample N | --check]: shows that the unit tests see faults. Each patch of tests/mutants plants
# one. Builds a copy of the sources with one fault after the other, and fails if all tests pass with a fault, or if the
# test that fails does so without it. Takes the patches with PATTERN in their name, or N that the commit chooses, or all.
# --check only looks whether all patches apply.
set -eu
cd "$(dirname "$0")/.."
# Seconds for the tests of a layer, which take 80, and for a fault that is an endless loop. It may take memory as well.
limit=300
memory_kib=4194304

patches() { ls tests/mutants/*"${1:-}"*.patch; }

# sample N: as many patches; another commit has others.
sample() {
    local seed patch
    seed=$(git rev-parse HEAD)
    for patch in $(patches); do
        printf '%s %s\n' "$(printf '%s %s' "$seed" "$patch" | sha256sum | cut -c 1-16)" "$patch"
    done | sort | sed "$1q" | cut -d ' ' -f 2
}

check() {
    local patch
    for patch in $(patches); do
        git apply --check "$patch" || {
            echo "$patch: does not apply: plant the fault in the new code, or remove the patch" >&2
            return 1
        }
    done
    echo "mutants.sh: all $(patches | grep -c .) patches apply"
}

# copy_sources: the files of the working tree, with changes and new files, to build/mutants. Its path stays the same, so
# that ccache finds again what was compiled before.
copy_sources() {
    rm -rf build/mutants
    mkdir -p build/mutants
    git ls-files -co --exclude-standard -z | tar --null -T - --ignore-failed-read -c 2>/dev/null | tar -x -C build/mutants
    cd build/mutants
    # The patches are not for the repository around it.
    export GIT_CEILING_DIRECTORIES=${PWD%/*}
    ! command -v ccache >/dev/null ||
        export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
    cmake --preset clang -DPLOOPU_FUZZ=OFF -DPLOOPU_STATIC_PARSER=OFF >/dev/null
    log=$PWD/build/log
}

# build LAYER: prints what the compiler says only when it fails.
build() {
    cmake --build --preset clang --target "$1_tests" -- --quiet >"$log" 2>&1 && return
    grep -E -m 5 'error:' "$log" || tail -n 5 "$log"
    return 1
}

# fails LAYER FILTER: runs these tests. If one fails, sets `seen` to its name, and returns 0.
fails() {
    local code=0
    # bash would say that a test crashed.
    {
        (ulimit -v $memory_kib && PLOOPU_SEEDS=50 exec timeout -k 5 $limit "build/clang/tests/$1_tests" \
            --gtest_fail_fast --gtest_filter="$2") >"$log" 2>&1
    } 2>/dev/null || code=$?
    [ $code != 0 ] || return 1
    seen=$(sed -n 's/^\[  FAILED  \] \([^ ,]*\).*/\1/p' "$log" | sed 1q)
    # A test that ends its process, or never ends, is the last one that began.
    [ -n "$seen" ] || seen=$(sed -n 's/^\[ RUN      \] //p' "$log" | tail -n 1)
    end=
    [ $code != 124 ] || end=", which did not end in $limit s,"
}

# filter FOLDER: matches the suites of the tests of that folder.
filter() {
    cat tests/"$1"/*_test.cpp 2>/dev/null | sed -n 's/^TEST[_FP]*(\([A-Za-z0-9_]*\),.*/\1.*:*\/\1.*/p' | sort -u |
        paste -s -d :
}

# look_at FOLDER: sets `seen` and `layer` if a test fails, and returns 0: first the tests of the folder, then those of
# its layer, then all others. Returns 2 if the sources can't be built.
look_at() {
    local beside other
    layer=${1%%/*}
    beside=$(filter "$1")
    build "$layer" || return 2
    [ -z "$beside" ] || ! fails "$layer" "$beside" || return 0
    ! fails "$layer" "-$beside" || return 0
    for other in core cmd platform; do
        [ "$other" != "${1%%/*}" ] || continue
        layer=$other
        build "$layer" || return 2
        ! fails "$layer" '*' || return 0
    done
    return 1
}

# plant PATCH: prints what becomes of the fault. Returns 1 if no test sees it.
plant() {
    local name folder began code=0
    name=$(basename "$1" .patch)
    folder=$(sed -n 's,^+++ b/\(.*\)/.*,\1,p' "$1" | sed 1q)
    began=$(date +%s)
    git apply "$1" || code=3
    [ $code = 3 ] || look_at "$folder" || code=$?
    [ $code = 3 ] || git apply -R "$1"
    case $code in
    0)
        build "$layer"
        if fails "$layer" "$seen"; then
            echo "NOT CAUGHT $name: $seen fails without it"
            return 1
        fi
        echo "caught $name by $seen$end ($(($(date +%s) - began)) s)"
        return
        ;;
    1) echo "NOT CAUGHT $name: $(sed 1q "$1")" ;;
    2) echo "DOES NOT COMPILE $name" ;;
    3) echo "DOES NOT APPLY $name" ;;
    esac
    return 1
}

case ${1:-} in
--check)
    check
    exit
    ;;
--sample) chosen=$(sample "$2") ;;
*) chosen=$(patches "${1:-}") ;;
esac
copy_sources
wrong=
for patch in $chosen; do
    plant "$patch" || wrong=yes
done
[ -z "$wrong" ]
