# SPDX-License-Identifier: GPL-2.0-or-later
# Stages of a test run, for ./dev: each is a function that is timed. The first that fails ends the run. Needs TMPDIR, a
# directory of this run alone.
# shellcheck shell=sh
stages=$TMPDIR/stages
mkdir "$stages"
trap give_up TERM

# timed NAME FUNCTION: runs it, and adds a line to the table: name, seconds, seconds of processor time, exit code.
timed() {
    began=$(date +%s)
    # Nothing here is a condition, in which the function would go on after a command that fails.
    set +e
    (
        set -e
        "$2"
    )
    code=$?
    set -e
    times >"$stages/$1.times"
    # "0m1.5s 0m0.5s", first of this shell, then of the programs that it ran.
    processor=$(tr 'ms' '  ' <"$stages/$1.times" | awk '{ sum += 60 * $1 + $2 + 60 * $3 + $4 } END { printf "%d", sum }')
    echo "$1 $(($(date +%s) - began)) $processor $code" >>"$stages/table"
}

# stage NAME FUNCTION
stage() {
    printf '\n== %s\n' "$1"
    timed "$1" "$2" 2>&1 | tee "$stages/$1.log" &
    wait $!
    awk -v name="$1" '$1 == name { printf "== %s: %d s, %d s of processor time\n", $1, $2, $3 }' "$stages/table"
    [ -z "$(failed_stage)" ] || give_up
}

# start NAME FUNCTION: runs it beside the stages that follow. Its output is in $stages/NAME.log.
start() {
    {
        timed "$1" "$2"
        [ -z "$(failed_stage)" ] || kill -TERM $$
    } >"$stages/$1.log" 2>&1 &
    started="${started:-} $1"
}

# finish: waits for what was started.
finish() {
    wait
    for name in $started; do
        printf '\n== %s\n' "$name"
        grep -e 'VERDICT' -e '^skipped' "$stages/$name.log" || true
    done
}

failed_stage() { awk '$4 != 0 { print $1; exit }' "$stages/table"; }

# what_failed LOG: the case, the test, the file or the message.
what_failed() {
    {
        grep -o -E '(module|nbd|fuse|dm): FAILED [a-z0-9_]+' "$1" ||
            sed -n '/The following tests FAILED/,$s/^[[:space:]]*[0-9]* - \([^ ]*\) .*/\1/p' "$1" | grep . ||
            grep 'error:' "$1" ||
            grep 'FAILED' "$1" ||
            grep . "$1" | tail -n 1
    } | sed 1q
}

print_times() {
    printf '\n%-14s %8s %20s\n' stage seconds 'of processor time'
    awk '{ printf "%-14s %8d %20d\n", $1, $2, $3; sum += $3 } END { printf "%-14s %8s %20d\n", "all", "", sum }' "$stages/table"
}

give_up() {
    trap '' TERM
    name=$(failed_stage)
    case " ${started:-} " in
    *" $name "*) cat "$stages/$name.log" ;;
    esac
    print_times
    printf '\nFAILED: %s: %s\n' "$name" "$(what_failed "$stages/$name.log")"
    exit 1
}
