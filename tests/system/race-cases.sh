# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of many commands at the same time. RACES is the number of attaches of an image that race; use less than 100 on a
# slow host.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2317 # cases are called by name

# make_small_image FILE TEXT: makes an image that is attached quickly: one cluster, which begins with TEXT.
make_small_image() {
    { echo "$2" && head -c 65536 /dev/zero; } >"$WORK/raw"
    truncate -s 1M "$WORK/raw"
    qemu-img convert -f raw -O parallels -o cluster_size=64k "$WORK/raw" "$1"
}

# wait_for_all PIDS: waits for all processes, and expects that each succeeds.
wait_for_all() {
    bad=0
    for pid in $1; do wait "$pid" || bad=$((bad + 1)); done
    [ $bad = 0 ] || fail "$bad failed: $(cat "$WORK"/*.error)"
}

case_r24_many_images_attached_at_once() {
    # More images than nbd has devices at first.
    many=64
    if [ "${RACES:-200}" -lt 100 ]; then many=20; fi
    pids=
    for number in $(seq $many); do make_small_image "$WORK/$number.hds" "image $number"; done
    for number in $(seq $many); do
        attach -q "$WORK/$number.hds" >"$WORK/$number.device" 2>"$WORK/$number.error" &
        pids="$pids $!"
    done
    wait_for_all "$pids"
    for number in $(seq $many); do
        expect_equal "$(head -n 1 "$(cat "$WORK/$number.device")" | tr -d '\0')" "image $number"
    done
    expect_equal "$(sort -u "$WORK"/*.device | wc -l)" $many 'devices'
    expect_equal "$(list_field '.attachments | length')" $many
    ploopu detach --all
}

# Either the mount or detach succeeds, and the other one gets an error.
case_r22_a_mount_races_with_detach() {
    truncate -s 1M "$WORK/raw"
    mke2fs -q -F -t ext4 -O ^has_journal "$WORK/raw"
    qemu-img convert -f raw -O parallels -o cluster_size=64k "$WORK/raw" "$WORK/image"
    mkdir "$WORK/m"
    round=0 mounted=0
    while [ $((round * 10)) -lt "${RACES:-200}" ]; do
        round=$((round + 1)) code=0
        device=$(attach -q "$WORK/image" | device_of)
        # The delay varies over the time that detach takes.
        (sleep "0.0$((round * 7 % 10))" && exec mount -o ro "$device" "$WORK/m") 2>/dev/null &
        mount=$!
        ploopu -q detach "$device" 2>"$WORK/said" || code=$?
        if wait $mount; then
            mounted=$((mounted + 1))
            expect_equal $code 75 'detach of what was mounted'
            grep -q "mounted on $WORK/m\|mount (pid\|can't be named" "$WORK/said" || fail "$(cat "$WORK/said")"
            expect_equal "$(list_field '.attachments[0].mountpoints[0]')" "$WORK/m"
            umount "$WORK/m"
            ploopu -q detach "$device"
        fi
        expect_equal "$(list_field '.attachments | length')" 0 "after $round rounds, $mounted mounts"
    done
}

# The image is attached by all its names, and in every second round detached at the same time.
case_r23_one_image_attached_by_many_at_once() {
    make_small_image "$WORK/image" 'the image'
    ln -s image "$WORK/link"
    ln "$WORK/image" "$WORK/other"
    round=0
    while [ $((round * 20)) -lt "${RACES:-200}" ]; do
        round=$((round + 1))
        pids=
        if [ $((round % 2)) = 0 ]; then attach -q "$WORK/image" >/dev/null; fi
        for number in $(seq 20); do
            case $((number % 4)) in
            1) name='link' ;;
            2) name=other ;;
            *) name=image ;;
            esac
            attach -q "$WORK/$name" >"$WORK/$number.device" 2>"$WORK/$number.error" &
            pids="$pids $!"
        done
        # detach may come first and find nothing.
        if [ $((round % 2)) = 0 ]; then ploopu -q detach --all >/dev/null 2>&1 || true; fi
        wait_for_all "$pids"
        left=$(list_field '.attachments | length')
        [ "$left" -le 1 ] || fail "two devices: $(ploopu list)"
        [ $((round % 2)) = 0 ] || expect_equal "$(cat "$WORK"/*.device | sort -u | wc -l)" 1 devices
        ploopu detach --all
    done
}
