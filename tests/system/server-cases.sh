# SPDX-License-Identifier: GPL-2.0-or-later
# The process that answers reads, of the back ends that have one.
# Run by run-cases.sh, on every kernel; see lib.sh for what a case has.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_the_server_outlives_its_shell() {
    setsid sh -c "\"$PLOOPU\" --root \"$FIXTURES/root\" attach --backend $BACKEND 101 >\"$WORK/out\" 2>&1
        kill -HUP -\$\$" || true
    device=$(grep -v ^ploopu: "$WORK/out" | device_of)
    expect_equal "$(list_field '.attachments[0].state')" serving
    pid=$(list_field '.attachments[0].pid')
    expect_equal "$(cut -d ' ' -f 6 "/proc/$pid/stat")" "$pid" 'its session'
    for fd in 0 1 2; do expect_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null; done
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_dead_server_is_seen_and_cleared_away() {
    device=$(attach 101 | device_of)
    pid=$(list_field '.attachments[0].pid')
    kill -9 "$pid"
    stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
    wait_for stale
    expect_equal "$(list_field '.attachments[0].device')" "$device"
    expect_refusal 75 'detach that first' attach 101
    ploopu detach 101
    attach 101 >/dev/null
    ploopu detach 101
}

# It can't be asked to end, but the device is free, so it may be killed.
case_a_stopped_server_can_be_detached() {
    attach 101 >/dev/null
    pid=$(list_field '.attachments[0].pid')
    kill -STOP "$pid"
    timeout 60 "$PLOOPU" --root "$FIXTURES/root" detach 101
}

# The driver keeps its devices: what is set for ours must not stay for the next one.
case_the_queue_is_set_for_us_and_then_set_back() {
    settings() { (cd "/sys/block/$1/queue" && head scheduler max_sectors_kb read_ahead_kb); }
    device=$(attach -q 101 | device_of)
    name=${device#/dev/}
    expect_equal "$(cat "/sys/block/$name/queue/read_ahead_kb")" 8192
    grep -q '\[none\]' "/sys/block/$name/queue/scheduler"
    limit=$(cat "/sys/block/$name/queue/max_hw_sectors_kb")
    [ "$limit" -le 4096 ] || limit=4096
    expect_equal "$(cat "/sys/block/$name/queue/max_sectors_kb")" "$limit"
    ploopu detach 101
    echo 128 >"/sys/block/$name/queue/read_ahead_kb"
    settings "$name" >"$WORK/before"
    device=$(attach -q 101 | device_of)
    expect_equal "${device#/dev/}" "$name"
    ploopu detach 101
    settings "$name" | diff "$WORK/before" - || fail 'the settings were not set back'
}
