# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of commands that are killed, interrupted, or get an error at one system call after the other: at each call that
# changes something outside the process, and at every KILL_STEP-th of the others. KILL_STEP=1 means all of them, and 0
# none. Above 999, for slow hosts, it also skips calls that change something: one in KILL_STEP/500 is tested.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2317 # cases are called by name

step=${KILL_STEP:-100}
# points COMMAND...: runs the command, and writes its system calls to points, as NAME:K for the K-th call of that name.
# Calls of the dynamic linker, before main() opens /dev/null, are left out.
points() {
    point=whole
    strace -qq -E ASAN_OPTIONS=detect_leaks=0 -o "$WORK/trace" "$PLOOPU" --root "$FIXTURES/root" "$@" >"$WORK/out"
    awk -F'(' -v step="$step" '
        /^[a-z0-9_]+\(/ { calls[$1]++ }
        /"\/dev\/null", O_RDWR/ { begun = 1 }
        /^(exit_group|exit)\(/ { exit }
        /^[a-z0-9_]+\(/ && begun {
            changes = $1 ~ /^(clone|flock|ftruncate|ioctl|mkdir|mount|poll|rename|send.*|umount2|unlink.*|write)$/
            if (changes && step >= 1000) changes = ++seen % int(step / 500) == 0
            if (changes || NR % step == 0) print $1 ":" calls[$1]
        }' "$WORK/trace" >"$WORK/points"
    [ -s "$WORK/points" ] || fail "$*: no system calls"
}

# at POINT WHAT COMMAND...: runs the command and injects WHAT at POINT; its exit code is in $code.
# It tells point and error in the log, which run-cases.sh shows if the case fails.
at() {
    point=$1 what=$2 code=0
    echo "at $point: $what"
    shift 2
    # The search for leaks doesn't work under strace.
    strace -q -ttt -E ASAN_OPTIONS=detect_leaks=0 -o "$WORK/trace" -e "trace=${point%:*}" \
        -e "inject=${point%:*}:$what:when=${point#*:}" "$PLOOPU" --root "$FIXTURES/root" "$@" \
        >"$WORK/out" 2>"$WORK/err" || code=$?
}

listed() { list_field '.attachments | length'; }
# nothing: true if no record and no server is left. The slower search of leftovers comes at the end of the case.
nothing() {
    set -- /run/ploopu/*
    [ "$*" = /run/ploopu/lock ] && [ -z "$(servers)" ]
}
# expect_nothing WHERE: waits until a server has removed its unfinished work, and fails if something is left, even if
# list would clear it away.
expect_nothing() { (wait_for nothing) || fail "$1: left: $(ls /run/ploopu) $(servers) $(leftovers)"; }
settled() {
    left=$(listed)
    [ "$left" != 0 ] || nothing
}

# repeat COMMAND...: runs the command, which must do its work or find it done.
repeat() {
    repeated=0
    ploopu -q "$@" >"$WORK/out" 2>"$WORK/err" || repeated=$?
    case $repeated in
    0 | 66) ;;
    *) fail "at $point: exit code $repeated: $(cat "$WORK/err")" ;;
    esac
}

# before_VERB makes what the command needs; after_VERB checks that the command can be repeated.
before_attach() { :; }
before_mount() { :; }
before_detach() { attach -q 101 >/dev/null; }
before_umount() { mount_image -q 101 "$WORK/m" >/dev/null; }

after_attach() {
    attach -q 101 >"$WORK/out"
    expect_equal "$(listed)" 1 "attachments, $point"
    cmp -n 1048576 "$(device_of <"$WORK/out")" "$FIXTURES/raw/101"
    ploopu detach 101
}
after_mount() {
    if ! mount_image -q 101 "$WORK/m" >"$WORK/out" 2>"$WORK/err"; then
        grep -q 'already mounted there' "$WORK/err" || fail "at $point: $(cat "$WORK/err")"
    fi
    expect_equal "$(list_field '.attachments[].mountpoints[]')" "$WORK/m" "mounts, $point"
    cmp "$WORK/m/etc/hostname" "$FIXTURES/tree/etc/hostname"
    ploopu umount "$WORK/m"
}
after_detach() {
    # A detach that was killed halfway doesn't prevent another attach.
    [ $((number % 4)) -lt 2 ] || attach -q 101 >/dev/null
    [ "$(listed)" -le 1 ] || fail "at $point: two devices: $(ploopu list)"
    repeat detach 101
}
after_umount() { repeat umount "$WORK/m"; }

# kill_at_every_point VERB ARGUMENT...: kills the command at each point. The next command is in turn the same command at
# once, and list.
kill_at_every_point() {
    [ "$step" != 0 ] || return 0
    mkdir "$WORK/m"
    number=0 clean=0
    "before_$1"
    points "$@"
    "after_$1"
    while read -r point; do
        "before_$1"
        at "$point" signal=KILL "$@"
        # A command that waits for others makes a different number of calls each time.
        [ $code = 137 ] || [ $code = 0 ] || fail "killed at $point: exit code $code: $(cat "$WORK/err")"
        number=$((number + 1)) left=
        [ $((number % 2)) = 0 ] && wait_for settled
        if [ "$left" = 0 ]; then
            clean=$((clean + 1))
        else
            "after_$1"
        fi
        expect_nothing "killed at $point"
    done <"$WORK/points"
    echo "$1: killed at $number points; of $((number / 2)), $clean left nothing, the others something to finish"
}
case_r08_attach_killed_at_every_point() { kill_at_every_point attach --backend "$BACKEND" 101; }
case_r09_mount_killed_at_every_point() { kill_at_every_point mount --backend "$BACKEND" 101 "$WORK/m"; }
case_r09_detach_killed_at_every_point() { kill_at_every_point detach 101; }
case_r09_umount_killed_at_every_point() { kill_at_every_point umount "$WORK/m"; }

# took: prints the seconds from $point to the end of the command that was traced last.
took() {
    awk -v name="${point%:*}(" -v number="${point#*:}" '
        index($2, name) == 1 && ++n == number { begin = $1 }
        END { print $1 - begin }' "$WORK/trace"
}

# A command that is interrupted ends within a second (five on a slow host) and removes everything that it made, unless
# it had finished its work and only had to print the result.
interrupt_at_every_point() {
    [ "$step" != 0 ] || return 0
    mkdir "$WORK/m"
    number=0 late=0 limit=1
    [ "$step" -lt 1000 ] || limit=5
    # The first mount of a host makes /run/mount, a system call more.
    point=first
    "after_$1"
    points "$@"
    "after_$1"
    while read -r point; do
        number=$((number + 1))
        case $((number % 3)) in
        0) name=INT expected=130 ;;
        1) name=TERM expected=143 ;;
        2) name=HUP expected=129 ;;
        esac
        at "$point" "signal=$name" "$@"
        if [ $code = 0 ]; then
            expect_equal "$(listed)" 1 "attachments, SIG$name at $point"
            late=$((late + 1))
            "after_$1"
        fi
        [ $code = 0 ] || expect_equal $code "$expected" "SIG$name at $point: $(cat "$WORK/err")"
        expect_nothing "SIG$name at $point"
        seconds=$(took)
        [ "${seconds%%.*}" -lt $limit ] || fail "SIG$name at $point: it took $seconds seconds"
    done <"$WORK/points"
    [ $((late * 4)) -lt $number ] || fail "$late of $number signals came too late"
    echo "$1: $number signals, $late of them too late"
}
case_r10_attach_interrupted_at_every_point() { interrupt_at_every_point attach --backend "$BACKEND" 101; }
case_r10_mount_interrupted_at_every_point() { interrupt_at_every_point mount --backend "$BACKEND" 101 "$WORK/m"; }

# errors_of NAME: prints errors that the system call can return in practice; nothing for a call that never fails.
errors_of() {
    case $1 in
    get*id) ;;
    open* | socket* | memfd_create | pidfd_open | signalfd4 | accept*) echo EMFILE ENOMEM EINTR ;;
    read* | pread* | getdents64) echo EIO EINTR ;;
    write* | pwrite* | ftruncate | mkdir | rename) echo ENOSPC EIO ;;
    mmap | mprotect) echo ENOMEM ;;
    clone*) echo EAGAIN ENOMEM ;;
    flock | poll | recv* | send*) echo EINTR ENOMEM ;;
    ioctl | mount | umount2) echo ENOMEM EIO EINTR EBUSY ;;
    *) echo EIO ENOMEM ;;
    esac
}

# refuse_at_every_point VERB ARGUMENT...: makes each call fail once. close(2) is left out: it never fails without
# closing, and strace skips the call, so that the file stays open. So are futex(2), because libc aborts at errors that the
# kernel never returns for its locks, and brk(2), because the kernel refuses that without an error number.
refuse_at_every_point() {
    if [ "$step" = 0 ] || [ "$step" -gt 999 ]; then return 0; fi
    # A sanitizer ends the program if memory is refused.
    ! grep -q __asan_init "$PLOOPU" || return 0
    mkdir "$WORK/m"
    number=0 done=0
    "before_$1"
    points "$@"
    "after_$1"
    grep -v -e '^close:' -e '^munmap:' -e '^futex:' -e '^brk:' "$WORK/points" >"$WORK/refusable"
    while read -r point; do
        for error in $(errors_of "${point%:*}"); do
            "before_$1"
            at "$point" "error=$error" "$@"
            number=$((number + 1))
            case $code in
            0) done=$((done + 1)) ;;
            1 | 64 | 65 | 66 | 69 | 75 | 77)
                grep -v -e 'warning:' -e 'instead$' "$WORK/err" >"$WORK/errors" || true
                expect_equal "$(wc -l <"$WORK/errors")" 1 "lines, $error of $point: $(cat "$WORK/err")"
                grep -q '^ploopu: ' "$WORK/errors" || fail "$error of $point: $(cat "$WORK/err")"
                case $1 in attach | mount) expect_nothing "$error of $point ($(cat "$WORK/err"))" ;; esac
                ;;
            *) fail "$error of $point: exit code $code: $(cat "$WORK/err")" ;;
            esac
            case $1 in attach | mount) [ $code != 0 ] || "after_$1" ;; *) "after_$1" ;; esac
            expect_nothing "$error of $point"
        done
    done <"$WORK/refusable"
    echo "$1: $number calls failed; $done times it did its work all the same"
}
case_r19_attach_refused_at_every_point() { refuse_at_every_point attach --backend "$BACKEND" 101; }
case_r19_mount_refused_at_every_point() { refuse_at_every_point mount --backend "$BACKEND" 101 "$WORK/m"; }
case_r19_detach_refused_at_every_point() { refuse_at_every_point detach 101; }
case_r19_umount_refused_at_every_point() { refuse_at_every_point umount "$WORK/m"; }

# A server whose start time can't be read is not left behind under a record that calls it dead.
case_r19_attach_refused_a_look_at_its_server() {
    [ "$BACKEND" != dm ] || return 0
    ! grep -q __asan_init "$PLOOPU" || return 0
    points attach --backend "$BACKEND" 101
    ploopu detach 101
    number=$(awk -F'(' '$1 == "openat" { n++ } /"\/proc\/[0-9]*\/stat"/ { print n; exit }' "$WORK/trace")
    for error in EMFILE ENOMEM; do
        at "openat:$number" "error=$error" attach --backend "$BACKEND" 101
        grep -q '/proc/[0-9]*/stat.*INJECTED' "$WORK/trace" || fail "another call failed: $(cat "$WORK/trace")"
        expect_equal $code 1 "exit code, $error"
        expect_equal "$(grep -c '^ploopu: .*/proc/[0-9]*/stat: ' "$WORK/err")" 1 "$(cat "$WORK/err")"
        expect_nothing "$error of a look at the server"
    done
}
