# SPDX-License-Identifier: GPL-2.0-or-later
# A user exchanges directories while root works in them. SWAPS is how many rounds each case has: 1000 in the
# long form.
# Run by run-cases.sh, on every back end and every kernel; see lib.sh for what a case has.
# shellcheck shell=sh disable=SC2317 # cases are called by name

# start_swapping A B: user 12345 exchanges two names for as long as the case runs.
# shellcheck disable=SC2016 # perl has its own variables
start_swapping() {
    setpriv --reuid=12345 --regid=12345 --clear-groups perl -e '
        my ($one, $other) = @ARGV;
        my $end = time + 3600;
        syscall(316, -100, $one, -100, $other, 2) while time < $end && getppid != 1;' "$1" "$2" &
    swapper=$!
}

stop_swapping() {
    kill "$swapper"
    wait "$swapper" || true
}

# is_mount_point DIRECTORY: by the mount table, for directories that change their names.
is_mount_point() { cut -d ' ' -f 5 /proc/self/mountinfo | grep -q "^$1\$"; }

case_a01_a_mount_point_is_exchanged_with_a_link() {
    if [ "$(uname -m)" != x86_64 ]; then
        echo 'skipped: the number of renameat2(2) is known for x86_64 only'
        return
    fi
    mkdir -m 700 "$WORK/victim"
    mkdir "$WORK/u" "$WORK/u/mnt"
    ln -s "$WORK/victim" "$WORK/u/link"
    chown -h 12345:12345 "$WORK/u" "$WORK/u/mnt" "$WORK/u/link"
    code=0
    ploopu -q mount 101 "$WORK/u/mnt" 2>"$WORK/said" || code=$?
    expect_equal $code 65 'a directory of a stranger'
    grep -q 'belongs to user 12345' "$WORK/said" || fail "$(cat "$WORK/said")"
    start_swapping "$WORK/u/mnt" "$WORK/u/link"
    round=0 mounted=0
    while [ $round -lt "${SWAPS:-20}" ]; do
        round=$((round + 1)) code=0
        ploopu -q mount --allow-any-owner 101 "$WORK/u/mnt" 2>"$WORK/said" || code=$?
        if is_mount_point "$WORK/victim"; then fail "round $round: the victim is covered"; fi
        if [ $code = 0 ]; then
            mounted=$((mounted + 1))
            is_mount_point "$WORK/u/mnt" || is_mount_point "$WORK/u/link" || fail "round $round: nothing is mounted"
        fi
        expect_equal "$(list_field '[.attachments[].mountpoints[]] | length')" $((code == 0)) "round $round: $code"
        ploopu -q detach --all
    done
    stop_swapping
    expect_equal $((mounted > 0)) 1 "a mount in one of $round rounds"
}

# Both have a mount of the same name in them: one of ploopu's and one of root's.
case_a02_the_parent_of_a_mount_is_exchanged() {
    if [ "$(uname -m)" != x86_64 ]; then
        echo 'skipped: the number of renameat2(2) is known for x86_64 only'
        return
    fi
    mkdir -p "$WORK/u/ours/m" "$WORK/u/other/m"
    chown 12345:12345 "$WORK/u" "$WORK/u/ours" "$WORK/u/other"
    mount -t tmpfs other "$WORK/u/other/m"
    others() { grep -c ' - tmpfs other ' /proc/self/mountinfo || true; }
    round=0
    while [ $round -lt "${SWAPS:-20}" ]; do
        round=$((round + 1))
        # Either name may have the other's mount at this moment.
        ploopu -q mount --allow-any-owner 101 "$WORK/u/ours/m"
        start_swapping "$WORK/u/ours" "$WORK/u/other"
        code=0
        ploopu -q detach --all 2>"$WORK/said" || code=$?
        stop_swapping
        expect_equal "$(others)" 1 "round $round: the other mount"
        [ $code = 0 ] || ploopu -q detach --all
        if ! is_mount_point "$WORK/u/other/m"; then
            mv "$WORK/u/other" "$WORK/u/third"
            mv "$WORK/u/ours" "$WORK/u/other"
            mv "$WORK/u/third" "$WORK/u/ours"
        fi
    done
    umount "$WORK/u/other/m"
}

# Before Linux 5.2, mounts are made by mount(2).
case_a01_a_kernel_without_fsopen() {
    mkdir "$WORK/m"
    device=$(attach 101 | device_of)
    strace -qq -o "$WORK/trace" -e trace=fsopen,mount -e inject=fsopen:error=ENOSYS "$PLOOPU" --root "$FIXTURES/root" -q mount -o noexec 101 "$WORK/m"
    grep -q '^mount("' "$WORK/trace" || fail "$(cat "$WORK/trace")"
    expect_equal "$(list_field '.attachments[0].mountpoints[0]')" "$WORK/m"
    grep " $WORK/m ro,nosuid,nodev,noexec," /proc/self/mountinfo >/dev/null || fail "$(cat /proc/self/mountinfo)"
    ploopu -q detach "$device"
}
