# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of terminals, pipes and other programs that commands meet.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154 # cases are called by name

# on_terminal COLUMNS COMMAND...: prints the output of the command on a terminal of that width.
on_terminal() {
    columns=$1
    shift
    script -qec "stty cols $columns; $*" /dev/null </dev/null | tr -d '\r'
}

make_long_container() {
    host=$WORK/host
    make_host "$host"
    private=$host/vz/private/a-name-that-is-rather-long-and-goes-on-for-a-while-so-that-no-terminal-has-room
    cp -r "$FIXTURES/root/vz/private/101" "$private"
    echo "VE_PRIVATE=/vz/private/${private##*/}" >"$host/etc/vz/conf/301.conf"
}

case_tables_fit_the_terminal() {
    make_long_container
    on_terminal 60 "$PLOOPU" --root "$host" list --all -o CTID,SIZE,STATE,PATH >"$WORK/shown"
    [ "$(wc -l <"$WORK/shown")" -gt 2 ] || fail "nothing is folded: $(cat "$WORK/shown")"
    [ "$(wc -L <"$WORK/shown")" -le 60 ] || fail "too wide: $(cat "$WORK/shown")"
    "$PLOOPU" --root "$host" list --all -o CTID,SIZE,STATE,PATH >"$WORK/piped"
    expect_equal "$(wc -l <"$WORK/piped")" 2 'lines without a terminal'
    grep -q "${private#"$host"}/root.hdd/DiskDescriptor.xml\$" "$WORK/piped"
    grep -q '301 .* closed ' "$WORK/shown" || fail "a short word is folded: $(cat "$WORK/shown")"
}

case_colours_are_for_terminals() {
    escape=$(printf '\033')
    ploopu attach --backend fuse 101 >"$WORK/device"
    kill_servers
    export TERM=xterm
    on_terminal 200 "$PLOOPU" list >"$WORK/shown"
    grep -q "${escape}\[.*stale" "$WORK/shown" || fail "no colour: $(cat -v "$WORK/shown")"
    (export NO_COLOR=1 && on_terminal 200 "$PLOOPU" list) >"$WORK/shown"
    grep -q stale "$WORK/shown"
    ! grep -q "$escape" "$WORK/shown" || fail 'NO_COLOR'
    (export TERM=dumb && on_terminal 200 "$PLOOPU" list) >"$WORK/shown"
    ! grep -q "$escape" "$WORK/shown" || fail 'a dumb terminal'
    "$PLOOPU" list >"$WORK/shown"
    ! grep -q "$escape" "$WORK/shown" || fail 'a pipe'
    ploopu detach --all
}

# A reader that closes the pipe early gets no error message.
case_a_pipe_that_closes_is_quiet() {
    for verb in 'map 102' 'list --all' 'info 102' 'snapshots 102' 'doctor' 'help' '--help'; do
        # shellcheck disable=SC2086 # words
        { ploopu $verb 2>"$WORK/errors" || true; } | true
        expect_equal "$(cat "$WORK/errors")" '' "$verb"
    done
}

case_a_full_standard_output_is_an_error() {
    for verb in 'map 102' 'info 102' 'list --all' 'snapshots 102' 'doctor' 'check 102' '--help' '--version'; do
        code=0
        # shellcheck disable=SC2086 # words
        ploopu $verb >/dev/full 2>"$WORK/errors" || code=$?
        expect_equal "$code" 1 "$verb"
        grep -q 'cannot write to standard output' "$WORK/errors" || fail "$verb: $(cat "$WORK/errors")"
    done
}

case_a_program_for_a_verb_that_ploopu_has_not() {
    mkdir "$WORK/bin"
    cat >"$WORK/bin/ploopu-backup" <<'SH'
#!/bin/sh
echo "$# $1 $2"
exit 9
SH
    chmod +x "$WORK/bin/ploopu-backup"
    code=0
    PATH=$PATH:$WORK/bin "$PLOOPU" backup 101 --to=x >"$WORK/said" || code=$?
    expect_equal "$code $(cat "$WORK/said")" '9 2 101 --to=x'
    expect_refusal 64 "'backup' is not a verb" "$PLOOPU" backup 101
    # A program can't replace a verb of ploopu's own.
    cp "$WORK/bin/ploopu-backup" "$WORK/bin/ploopu-list"
    PATH=$WORK/bin:$PATH "$PLOOPU" list >"$WORK/said"
    expect_equal "$(cat "$WORK/said")" ''
}

case_errors_are_json_when_that_is_wanted() {
    for words in '64 usage frobnicate' '64 usage info' '66 not-found info 999' '66 not-found detach /dev/null' \
        '64 usage mount 101 /mnt --journal maybe' '66 not-found mount 101 /nowhere/at/all'; do
        code=0
        # shellcheck disable=SC2086 # words
        set -- $words
        expected=$1 kind=$2
        shift 2
        ploopu --json "$@" >"$WORK/out" 2>"$WORK/errors" || code=$?
        expect_equal "$code $(jq -r .error.kind "$WORK/errors") $(wc -c <"$WORK/out")" "$expected $kind 0" "$words"
    done
}
