# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the processes that serve an nbd device: they are killed, hang or are replaced, and readers must not notice.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

# noted ROLE: prints the process ID of the supervisor, standby or worker from the record.
noted() {
    case $1 in supervisor) line=1 ;; standby) line=2 ;; worker) line=3 ;; esac
    cat /run/ploopu/*/servers 2>/dev/null | sed -n "${line}s/ .*//p"
}
# server ROLE: waits until all three processes are there, and prints the process ID from the record.
server() {
    (wait_for three_servers) ||
        fail "there are $(servers | xargs), and noted are $(sed 's/ .*//' /run/ploopu/*/servers | xargs)"
    noted "$1"
}
three_servers() {
    [ "$(servers | sort)" = "$(cat /run/ploopu/*/servers 2>/dev/null | sed 's/ .*//' | sort)" ] &&
        [ "$(servers | wc -l)" = 3 ]
}
# is_another ROLE PID: true if another process than PID has the role now.
is_another() {
    new=$(noted "$1")
    [ -n "$new" ] && [ "$new" != "$2" ] && servers | grep -qx "$new"
}
is_stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
milliseconds() { date +%s%3N; }

# read_on: starts two readers in the background. They compare all of $device with $FIXTURES/raw/103 past the page cache
# until $WORK/enough exists, and write down differences.
read_on() {
    for reader in 1 2; do
        while [ ! -e "$WORK/enough" ]; do
            dd if="$device" bs=64k iflag=direct 2>>"$WORK/wrong" >"$WORK/read.$reader" ||
                echo "reader $reader: an error" >>"$WORK/wrong"
            cmp "$WORK/read.$reader" "$FIXTURES/raw/103" >>"$WORK/wrong" 2>&1 || true
            echo >>"$WORK/rounds"
        done &
    done
}
# stop_reading: stops the readers after at least another round, and expects that they found no difference.
stop_reading() {
    rounds=$(wc -l <"$WORK/rounds" 2>/dev/null || echo 0)
    more_rounds() { [ "$(wc -l <"$WORK/rounds")" -gt $((rounds + 1)) ]; }
    wait_for more_rounds
    : >"$WORK/enough"
    wait
    if grep -v -e 'records in' -e 'records out' -e copied "$WORK/wrong"; then fail 'readers noticed'; fi
}

case_r01_a_worker_that_is_killed_under_load() {
    device=$(attach 103 | device_of)
    supervisor=$(server supervisor)
    read_on
    kills=0
    while [ $kills -lt "${KILLS:-6}" ]; do
        worker=$(server worker)
        # Mostly a request is on its way at this moment.
        kill -9 "$worker"
        before=$(milliseconds)
        wait_for is_another worker "$worker"
        echo $(($(milliseconds) - before)) >>"$WORK/pauses"
        dd if="$device" of=/dev/null bs=4k count=1 skip=$((kills * 7)) iflag=direct 2>>"$WORK/wrong" ||
            echo 'an error' >>"$WORK/wrong"
        stall=$(($(milliseconds) - before))
        echo "$stall" >>"$WORK/stalls"
        kills=$((kills + 1))
    done
    stop_reading
    expect_equal "$(server supervisor)" "$supervisor" 'it stays'
    # Without the driver's timer the longest read takes 30 seconds.
    longest=$(sort -n "$WORK/stalls" | tail -n 1)
    [ "$longest" -le 6000 ] || fail "a read took $longest ms"
    # Prints the figures if KILLS was given, for example KILLS=200.
    [ -z "${KILLS:-}" ] || {
        echo "case: $kills kills; a new worker after at most $(sort -n "$WORK/pauses" | tail -n 1) ms, half of them" \
            "$(sort -n "$WORK/pauses" | sed -n "$((kills / 2))p") ms; a read took at most $longest ms, half of them" \
            "$(sort -n "$WORK/stalls" | sed -n "$((kills / 2))p") ms; rounds of the readers: $(wc -l <"$WORK/rounds")"
    } >/dev/console
    ploopu detach 103
}

case_r02_a_worker_that_is_killed_while_idle() {
    device=$(attach 103 | device_of)
    worker=$(server worker)
    kill -9 "$worker"
    wait_for is_another worker "$worker"
    before=$(milliseconds)
    cmp "$device" "$FIXTURES/raw/103"
    took=$(($(milliseconds) - before))
    [ "$took" -le 4000 ] || fail "reading took $took ms" # a request that got lost takes longer
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu detach 103
}

case_r03_a_worker_that_hangs() {
    device=$(attach 103 | device_of)
    worker=$(server worker)
    kill -STOP "$worker"
    before=$(milliseconds)
    dd if="$device" of="$WORK/read" bs=4k count=1 iflag=direct 2>/dev/null || fail 'an error'
    took=$(($(milliseconds) - before))
    cmp -n 4096 "$WORK/read" "$FIXTURES/raw/103"
    [ "$took" -le 6000 ] || fail "it took $took ms"
    is_another worker "$worker" || fail 'it is still the same'
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

# Signals that stop a process are noticed like those that end it.
case_a05_each_process_that_is_stopped_or_killed_under_load() {
    device=$(attach 103 | device_of)
    read_on
    for signal in STOP KILL; do
        for role in worker supervisor standby; do
            hit=$(server "$role")
            kill -$signal "$hit"
            before=$(milliseconds)
            [ $signal = KILL ] || expect_equal "$(list_field '.attachments[0].state')" hung "with a stopped $role"
            dd if="$device" of=/dev/null bs=4k count=1 iflag=direct 2>>"$WORK/wrong" || fail "an error ($role)"
            took=$(($(milliseconds) - before))
            [ $took -le 6000 ] || fail "after SIG$signal of the $role a read took $took ms"
            wait_for is_another "$role" "$hit"
        done
    done
    stop_reading
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu detach 103
}

case_a05_a_stopped_supervisor_and_a_dead_or_stopped_worker() {
    device=$(attach 103 | device_of)
    for signal in KILL STOP; do
        supervisor=$(server supervisor)
        worker=$(server worker)
        kill -STOP "$supervisor"
        kill -$signal "$worker"
        before=$(milliseconds)
        dd if="$device" of="$WORK/read" bs=4k count=1 iflag=direct 2>/dev/null || fail 'an error'
        took=$(($(milliseconds) - before))
        cmp -n 4096 "$WORK/read" "$FIXTURES/raw/103"
        [ "$took" -le 6000 ] || fail "after SIG$signal of the worker it took $took ms"
        wait_for is_another supervisor "$supervisor"
        wait_for is_another worker "$worker"
    done
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

case_r04_a_supervisor_that_is_killed() {
    device=$(attach 103 | device_of)
    worker=$(server worker)
    for round in 1 2 3; do
        supervisor=$(server supervisor)
        standby=$(server standby)
        kill -9 "$supervisor"
        wait_for is_another supervisor "$supervisor"
        expect_equal "$(server supervisor)" "$standby" "round $round: the standby is the next one"
        expect_equal "$(server worker)" "$worker" "round $round: it goes on"
        expect_equal "$(list_field '.attachments[0] | "\(.state) \(.pid)"')" "serving $standby"
    done
    kill -9 "$worker"
    wait_for is_another worker "$worker"
    compare_with_raw "$device" "$FIXTURES/raw/103"
    # A standby that dies is replaced, too.
    standby=$(server standby)
    kill -9 "$standby"
    wait_for is_another standby "$standby"
    ploopu detach 103
}

# The supervisor has noticed that the worker hangs. Its successor has watched the worker, too, so that it replaces the
# worker at once: later, the driver would have sent the request to another connection of the stopped worker.
case_r04_a_supervisor_that_is_killed_before_it_acts() {
    device=$(attach 103 | device_of)
    supervisor=$(server supervisor)
    worker=$(server worker)
    strace -qq -o /dev/null -e trace=shutdown -e inject=shutdown:signal=KILL -p "$supervisor" &
    is_traced() { grep -q '^TracerPid:.*[1-9]' "/proc/$supervisor/status"; }
    wait_for is_traced
    kill -STOP "$worker"
    before=$(milliseconds)
    dd if="$device" of="$WORK/read" bs=4k count=1 iflag=direct 2>"$WORK/said" || fail "$(cat "$WORK/said")"
    took=$(($(milliseconds) - before))
    [ "$took" -le 6000 ] || fail "it took $took ms"
    wait_for is_another supervisor "$supervisor"
    wait_for is_another worker "$worker"
    cmp -n 4096 "$WORK/read" "$FIXTURES/raw/103"
    ploopu detach 103
}

# R05: without servers readers wait for 300 seconds, in case a new server comes. detach ends their wait.
case_r05_all_of_them_are_killed() {
    device=$(attach 101 | device_of)
    kill_servers
    wait_for is_stale
    expect_equal "$(list_field '.attachments[0].device')" "$device"
    dd if="$device" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
    reader=$!
    wait_for grep -q 'State:.D' "/proc/$reader/status"
    expect_refusal 75 "dd (pid $reader) has it open" ploopu detach "$device"
    ploopu detach --force "$device"
    if wait $reader; then fail 'it read something'; fi
    expect_equal "$(list_field '.attachments | length')" 0

    # Without a reader the device is free.
    attach 101 >/dev/null
    kill_servers
    wait_for is_stale
    ploopu detach 101
}

# A server dies just before detach, which must end its successors as well.
case_r08_servers_that_die_while_a_command_works() {
    for role in supervisor worker; do
        device=$(attach 103 | device_of)
        pid=$(server "$role")
        kill -9 "$pid"
        ploopu detach 103
        wait_for no_servers_run
        expect_equal "$(list_field '.attachments | length')" 0
    done
}
no_servers_run() { [ -z "$(servers)" ]; }

# The worker writes more than it holds back from the disk at once, and is killed in a flush.
case_a_kept_overlay_whose_worker_is_killed_in_a_flush() {
    device=$(attach 103 --overlay-file "$WORK/kept" | device_of)
    worker=$(server worker)
    head -c 12582912 /dev/urandom >"$WORK/pieces"
    dd if="$WORK/pieces" of="$device" bs=1M oflag=direct status=none
    expect_equal "$(server worker)" "$worker" 'it stays'
    strace -qq -o "$WORK/trace" -e trace=fdatasync -e inject=fdatasync:delay_enter=3000000 -p "$worker" -f &
    tracer=$!
    wait_for grep -q '^TracerPid:.[1-9]' "/proc/$worker/status"
    dd if="$WORK/pieces" of="$device" bs=4k count=1 seek=3500 oflag=direct conv=fsync,notrunc status=none &
    writer=$!
    wait_for grep -q fdatasync "$WORK/trace"
    kill -9 "$worker"
    wait $tracer || true
    wait $writer || fail 'an error'
    ploopu -q detach "$device"
    device=$(attach 103 --overlay-file "$WORK/kept" | device_of)
    cmp -n 12582912 "$device" "$WORK/pieces"
    dd if="$device" bs=4k skip=3500 count=1 status=none | cmp -n 4096 - "$WORK/pieces"
    ploopu -q detach "$device"
}

case_what_was_written_outlives_a_worker() {
    head -c 5242880 /dev/urandom >"$WORK/raw"
    qemu-img convert -f raw -O parallels -o cluster_size=65536 "$WORK/raw" "$WORK/image"
    cp "$WORK/raw" "$WORK/model"
    for options in "--overlay" "--overlay-file $WORK/kept"; do
        # shellcheck disable=SC2086 # words
        device=$(attach "$WORK/image" $options | device_of)
        for offset in 100 65536 1000000 2000001; do
            head -c 70000 /dev/urandom >"$WORK/piece"
            dd if="$WORK/piece" of="$device" bs=1M oflag=seek_bytes seek=$offset conv=notrunc,fsync status=none
            patch "$WORK/model" $offset <"$WORK/piece"
            worker=$(server worker)
            kill -9 "$worker"
            wait_for is_another worker "$worker"
        done
        blkdiscard --force --offset 131072 --length 65536 "$device"
        head -c 65536 /dev/zero | patch "$WORK/model" 131072
        blockdev --flushbufs "$device"
        cmp "$device" "$WORK/model" || fail "$options: it differs"
        ploopu -q detach "$device"
    done
    device=$(attach "$WORK/image" --overlay-file "$WORK/kept" 2>"$WORK/said" | device_of)
    [ ! -s "$WORK/said" ] || fail "$(cat "$WORK/said")"
    cmp "$device" "$WORK/model" || fail 'it differs when attached again'
    ploopu -q detach "$device"
}

# are_of PROGRAM: true if all three servers run this program.
are_of() {
    three_servers || return 1
    for pid in $(servers); do
        [ "$(readlink /proc/"$pid"/exe)" = "$1" ] || return 1
    done
}

case_r39_servers_exchanged_under_load() {
    device=$(attach 103 | device_of)
    wait_for three_servers
    read_on
    for version in 1 2 3; do
        cp "$PLOOPU" "$WORK/ploopu$version"
        old=$(server supervisor)
        before=$(milliseconds)
        "$WORK/ploopu$version" reload "$device"
        dd if="$device" of=/dev/null bs=4k count=1 skip=$version iflag=direct 2>>"$WORK/wrong"
        echo $(($(milliseconds) - before)) >>"$WORK/pauses"
        wait_for are_of "$WORK/ploopu$version"
        [ ! -e /proc/"$old" ] || fail 'the old one is still there'
    done
    stop_reading
    expect_equal "$(list_field '.attachments[0].state')" serving
    # A worker that replaces a dead one runs the new program, too.
    kill -9 "$(server worker)"
    wait_for are_of "$WORK/ploopu3"
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

case_r39_a_device_whose_servers_are_all_dead_is_served_again() {
    device=$(attach 103 | device_of)
    kill_servers
    wait_for is_stale
    dd if="$device" of="$WORK/read" bs=64k iflag=direct 2>/dev/null &
    reader=$!
    ploopu reload 103
    wait $reader || fail 'the reader that waited got an error'
    cmp "$WORK/read" "$FIXTURES/raw/103"
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu detach 103
}

case_r39_what_can_not_be_reloaded_is_left_alone() {
    cp -r "$(bundle 101)" "$WORK/image"
    device=$(attach "$WORK/image" | device_of)
    written=$(attach --overlay 103 | device_of)
    before=$(servers | sort)
    expect_refusal 65 'only its server can write' ploopu reload "$written"
    touch "$WORK"/image/*.hds
    expect_refusal 65 'attach the new state' ploopu reload "$device"
    for file in "$WORK"/image/*.hds; do cp "$file" "$file.new" && mv "$file.new" "$file"; done
    expect_refusal 65 'other files now' ploopu reload "$device"
    ploopu reload --all 2>"$WORK/notes"
    expect_equal "$(grep -c '(not reloaded)' "$WORK/notes")" 2 "$(cat "$WORK/notes")"
    expect_equal "$(servers | sort)" "$before" 'the same servers'
    expect_refusal 66 'not attached or mounted by ploopu' ploopu reload /dev/null
    expect_refusal 64 'no target given' ploopu reload
    ploopu detach --all
}
