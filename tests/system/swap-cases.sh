# SPDX-License-Identifier: GPL-2.0-or-later
# A user exchanges directories while root works in them. SWAPS is how many rounds each case has: 1000 in the
# long form.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
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

# What the superblock says is checked once, and is what the kernel gets.
case_a03_a_superblock_that_changes_after_its_check() {
    truncate -s 16M "$WORK/raw"
    mke2fs -q -F -t ext4 -O ^has_journal "$WORK/raw"
    mkdir "$WORK/u" "$WORK/m"
    qemu-img convert -f raw -O parallels -o cluster_size=64k "$WORK/raw" "$WORK/u/image.hds"
    chown -R 12345:12345 "$WORK/u"
    # s_mount_opts, 512 bytes into the superblock.
    start=$(($("$PLOOPU" map --json "$WORK/u/image.hds" | jq '.extents[0].offset') + 1024 + 512))
    setpriv --reuid=12345 --regid=12345 --clear-groups perl -e '
        my ($file, $start) = @ARGV;
        open(my $image, "+<", $file) or die;
        my $end = time + 3600;
        for (my $round = 0; time < $end; $round++) {
            sysseek($image, $start, 0);
            syswrite($image, $round % 2 ? "\0" x 64 : "errors=panic" . "\0" x 52);
            select(undef, undef, undef, 0.001);
        }' "$WORK/u/image.hds" "$start" &
    swapper=$!
    round=0 mounted=0
    while [ $round -lt "${SWAPS:-20}" ]; do
        round=$((round + 1)) code=0
        mount_image -q "$WORK/u/image.hds" "$WORK/m" 2>"$WORK/said" || code=$?
        if [ $code = 0 ]; then
            mounted=$((mounted + 1))
            device=$(list_field '.attachments[0].device')
            expect_equal "$(dd if="$device" bs=512 skip=3 count=1 iflag=direct 2>/dev/null | head -c 64 | tr -d '\0')" '' "round $round"
            ploopu -q umount "$WORK/m"
        else
            grep -q s_mount_opts "$WORK/said" || fail "round $round: $(cat "$WORK/said")"
        fi
        expect_equal "$(list_field '.attachments | length')" 0
    done
    stop_swapping
    expect_equal $((mounted > 0)) 1 "a mount in one of $round rounds"
    expect_equal $((mounted < round)) 1 "a refusal in one of $round rounds"
}

case_a04_a_bundle_that_is_exchanged() {
    if [ "$(uname -m)" != x86_64 ]; then
        echo 'skipped: the number of renameat2(2) is known for x86_64 only'
        return
    fi
    mkdir "$WORK/u"
    cp -r "$(bundle 102)" "$WORK/u/bundle"
    cp -r "$(bundle 107)" "$WORK/u/other"
    chown -R 12345:12345 "$WORK/u"
    for name in other bundle; do
        chain=$("$PLOOPU" info --json "$WORK/u/$name" | jq '.deltas | length')
        [ "$chain" -gt 1 ] || fail "$name has $chain deltas: the test tests nothing"
    done
    # The bundle is named by the name that it had when it was opened.
    look() { "$PLOOPU" info --json "$WORK/u/bundle" | sed 's|/u/other/|/u/bundle/|'; }
    look >"$WORK/one"
    mv "$WORK/u/bundle" "$WORK/u/third"
    mv "$WORK/u/other" "$WORK/u/bundle"
    mv "$WORK/u/third" "$WORK/u/other"
    look >"$WORK/two"
    start_swapping "$WORK/u/bundle" "$WORK/u/other"
    round=0
    while [ $round -lt "${SWAPS:-20}" ]; do
        round=$((round + 1))
        look >"$WORK/seen" || fail "round $round"
        cmp -s "$WORK/seen" "$WORK/one" || cmp -s "$WORK/seen" "$WORK/two" || fail "round $round: $(cat "$WORK/seen")"
    done
    stop_swapping
}

# Before Linux 5.2, mounts are made by mount(2).
case_a01_a_kernel_without_fsopen() {
    mkdir "$WORK/m"
    device=$(attach 101 | device_of)
    # The search for leaks doesn't work under strace.
    strace -qq -E ASAN_OPTIONS=detect_leaks=0 -o "$WORK/trace" -e trace=fsopen,mount -e inject=fsopen:error=ENOSYS \
        "$PLOOPU" --root "$FIXTURES/root" -q mount -o noexec 101 "$WORK/m"
    grep -q '^mount("' "$WORK/trace" || fail "$(cat "$WORK/trace")"
    expect_equal "$(list_field '.attachments[0].mountpoints[0]')" "$WORK/m"
    grep " $WORK/m ro,nosuid,nodev,noexec," /proc/self/mountinfo >/dev/null || fail "$(cat /proc/self/mountinfo)"
    ploopu -q detach "$device"
}
