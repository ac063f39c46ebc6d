# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the fuse back end alone.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2317 # $holder comes from hold; cases are called by name

case_the_disk_as_a_file() {
    file=$(attach 104 --no-loop)
    [ -f "$file" ] || fail "$file is not a file"
    compare_with_raw "$file" "$FIXTURES/raw/104"
    expect_equal "$(losetup -j "$file" | wc -l)" 0
    hold "$file"
    expect_refusal 75 "sleep (pid $holder) has it open" ploopu detach "$file"
    let_go
    if (: >"$file") 2>/dev/null; then fail 'it can be written to'; fi
    ploopu detach "$file"
    expect_refusal 64 'fuse' ploopu attach 104 --no-loop --backend nbd
}

case_without_root_as_a_file() {
    cp "$PLOOPU" "$WORK/ploopu"
    cp -r "$(bundle 102)" "$WORK/image"
    mkdir "$WORK/xdg"
    chmod -R a+rX "$WORK"
    chown 65534 "$WORK/xdg"
    # On this machine /dev/fuse may be for root alone; udev gives it mode 0666 elsewhere.
    mknod "$WORK/fuse" c 10 229
    chmod 666 "$WORK/fuse"
    mount --bind "$WORK/fuse" /dev/fuse
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$WORK/xdg/" "$@"; }
    # The kernel shows the path without the second slash.
    expect_equal "$(ls "$WORK/xdg")" ''
    file=$(nobody "$WORK/ploopu" attach --backend fuse --no-loop "$WORK/image")
    # Nobody may be unable to reach a checkout in root's home, so root opens the original.
    nobody cmp "$file" - <"$FIXTURES/raw/102" || fail 'the file differs'
    expect_equal "$(nobody "$WORK/ploopu" list --json | jq -r '.attachments[0].device')" "$file"
    nobody "$WORK/ploopu" detach "$file"
    expect_equal "$(nobody "$WORK/ploopu" list --json | jq '.attachments | length')" 0
    umount /dev/fuse
}

case_a_loop_device_of_others_on_our_file() {
    device=$(attach 101 | device_of)
    other=$(losetup -f --show -r /run/ploopu/*/disk)
    expect_refusal 75 "used by $other" ploopu detach 101
    expect_equal "$(list_field '.attachments[0].device')" "$device"
    compare_with_raw "$device" "$FIXTURES/raw/101"
    losetup -d "$other"
    ploopu detach 101
}

case_a_loop_device_that_others_freed() {
    losetup -d "$(attach 101 | device_of)"
    # The server notices a moment later.
    nothing_is_attached() { [ "$(list_field '.attachments | length')" = 0 ]; }
    wait_for nothing_is_attached
}

case_a_file_whose_server_died_or_hangs() {
    for signal in KILL STOP; do
        file=$(attach 101 --no-loop)
        kill -$signal "$(list_field '.attachments[0].pid')"
        timeout 60 "$PLOOPU" --root "$FIXTURES/root" detach "$file"
    done
}

case_who_is_not_root_and_what_is_roots() {
    cp "$PLOOPU" "$WORK/ploopu"
    mkdir "$WORK/xdg"
    chmod a+rX "$WORK" "$WORK/ploopu"
    chown 65534 "$WORK/xdg"
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$WORK/xdg" "$WORK/ploopu" "$@"; }
    device=$(attach 101 | device_of)
    expect_equal "$(nobody list --json | jq '.attachments | length')" 0
    expect_equal "$(ls "$WORK/xdg")" '' 'list made something'
    expect_refusal 77 'only root' nobody detach "$device"
    ploopu detach 101
}

# The image is on a file system whose server is a stopped process: only readers of this image wait.
case_h35_an_image_whose_file_system_hangs() {
    qemu-img convert -f raw -O parallels "$(bundle 103)/root.hds" "$WORK/outer"
    file=$(attach "$WORK/outer" --no-loop)
    device=$(attach -q "$file" | device_of)
    outer=$(list_field ".attachments[] | select(.device == \"$file\") | .pid")
    kill -STOP "$outer"
    dd if="$device" of="$WORK/read" bs=1M status=none &
    reader=$!
    expect_equal "$(timeout 20 "$PLOOPU" list --json | jq '.attachments | length')" 2
    timeout 20 "$PLOOPU" --root "$FIXTURES/root" attach --backend "$BACKEND" 101 >"$WORK/other"
    compare_with_raw "$(device_of <"$WORK/other")" "$FIXTURES/raw/101"
    timeout 20 "$PLOOPU" --root "$FIXTURES/root" detach 101
    kill -0 $reader || fail 'it did not wait'
    kill -CONT "$outer"
    wait $reader
    cmp "$WORK/read" "$FIXTURES/raw/103"
    ploopu detach "$device"
    ploopu detach "$file"
}

# A reader waits for a stopped server. --force gives it an error, and nothing is left.
case_a05_a_server_that_hangs_is_detached_by_force() {
    mkdir "$WORK/m"
    for options in '' --no-loop; do
        # shellcheck disable=SC2086 # no word, or one
        file=$(attach 101 $options | device_of)
        kill -STOP "$(list_field '.attachments[0].pid')"
        expect_equal "$(list_field '.attachments[0].state')" hung
        dd if="$file" of=/dev/null bs=64k iflag=direct 2>/dev/null &
        reader=$!
        waits() { grep -q 'State:.[DS]' "/proc/$reader/status" && grep -q 'request_wait\|folio\|bio\|dio' "/proc/$reader/stack"; }
        wait_for waits
        before=$(milliseconds)
        timeout 20 "$PLOOPU" --root "$FIXTURES/root" detach --force "$file"
        took=$(($(milliseconds) - before))
        [ $took -le 6000 ] || fail "detach took $took ms"
        if wait $reader; then fail 'it read everything'; fi
        expect_equal "$(list_field '.attachments | length')" 0
    done
    # A mount that ploopu made goes as well, but not before the last user has left it.
    mount_image 101 "$WORK/m" >/dev/null
    kill -STOP "$(list_field '.attachments[0].pid')"
    # shellcheck disable=SC2217 # it keeps the directory in use
    sleep 1000 <"$WORK/m" &
    holder=$!
    holds() { [ "$(readlink "/proc/$holder/fd/0")" = "$WORK/m" ]; }
    wait_for holds
    expect_refusal 75 'in use by something' timeout 20 "$PLOOPU" --root "$FIXTURES/root" detach --force "$WORK/m"
    let_go
    timeout 20 "$PLOOPU" --root "$FIXTURES/root" detach --force 101
    expect_equal "$(list_field '.attachments | length')" 0
    expect_equal "$(losetup -n -O BACK-FILE | grep -c ploopu || true)" 0
}
milliseconds() { date +%s%3N; }
