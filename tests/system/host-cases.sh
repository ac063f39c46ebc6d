# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of hosts that disturb an nbd device: little memory, a clock that jumps, lost netlink messages, a worker that
# answers nonsense.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2317 # cases are called by name
. "$SOURCES/tests/system/supervisor-cases.sh" # for server, is_another and the readers

# The worker exceeds a memory limit. The next worker is in the group of the supervisor, without the limit.
case_r06_a_worker_that_runs_out_of_memory() {
    mkdir "$WORK/cgroup"
    mount -t cgroup2 none "$WORK/cgroup"
    echo +memory >"$WORK/cgroup/cgroup.subtree_control"
    small=$WORK/cgroup/small
    mkdir "$small"
    device=$(attach 103 | device_of)
    for role in supervisor standby worker; do
        expect_equal "$(cat "/proc/$(server $role)/oom_score_adj")" -900 "$role"
    done
    read_on
    worker=$(server worker)
    echo "$worker" >"$small/cgroup.procs"
    echo 0 >"$small/memory.max"
    wait_for is_another worker "$worker"
    grep -q '^oom_kill 1$' "$small/memory.events" || fail "$(cat "$small/memory.events")"
    stop_reading
    # The peak of the worker's memory, in KiB.
    peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$(server worker)/status")
    [ "$peak" -le 32768 ] || fail "the worker took $peak KiB"
    ploopu detach 103
    rmdir "$small"
    umount "$WORK/cgroup"
}

# Reads and writes through the page cache take memory that the worker needs as well.
case_r07_little_memory() {
    available() { awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo; }
    mkdir "$WORK/m" "$WORK/tree" "$WORK/scratch"
    for number in 1 2; do head -c 16M /dev/urandom >"$WORK/tree/$number"; done
    truncate -s 64M "$WORK/raw"
    mke2fs -q -F -t ext4 -d "$WORK/tree" "$WORK/raw"
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    (cd "$WORK/tree" && sha256sum ./*) >"$WORK/sums"
    rm -r "$WORK/raw" "$WORK/tree"
    mount_image "$WORK/image" "$WORK/m" --writable --overlay-dir "$WORK/scratch" >/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    mkdir "$WORK/hog"
    mount -t tmpfs -o size=100% none "$WORK/hog"
    trap 'umount "$WORK/hog"' EXIT
    # Leaves 48 MiB, of which the overlay takes 16.
    head -c "$(($(available) - 48))M" /dev/zero >"$WORK/hog/hog"
    (cd "$WORK/m" && sha256sum --quiet -c "$WORK/sums") || fail 'wrong bytes'
    cp "$WORK/m/1" "$WORK/m/copy"
    sync -f "$WORK/m/copy"
    cmp "$WORK/m/1" "$WORK/m/copy"
    [ "$(available)" -lt 56 ] || fail "$(available) MiB are available: the test tests nothing"
    rm "$WORK/hog/hog"
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu -q umount "$WORK/m"
}

# hang_all MOST SECONDS: freezes each worker of $device for SECONDS, and expects that at most MOST hang at once. Nothing
# ends a process in a frozen group, just as nothing ends a process that waits for storage.
hang_all() {
    mkdir "$WORK/freezer"
    mount -t cgroup -o freezer none "$WORK/freezer"
    mkdir "$WORK/freezer/hung"
    echo FROZEN >"$WORK/freezer/hung/freezer.state"
    read_on
    end=$(($(date +%s) + $2)) most=0
    while [ "$(date +%s)" -lt "$end" ]; do
        for pid in $(pgrep -x ploopu-nbd-work); do echo "$pid" >"$WORK/freezer/hung/cgroup.procs" || true; done
        count=$(wc -l <"$WORK/freezer/hung/cgroup.procs")
        [ "$count" -le "$most" ] || most=$count
        sleep 0.2
    done
    echo THAWED >"$WORK/freezer/hung/freezer.state"
    stop_reading
    expect_equal "$most" "$1" 'workers that hung at once'
}
release_hung() {
    echo THAWED >"$WORK/freezer/hung/freezer.state"
    ploopu -q detach --all
    rmdir "$WORK/freezer/hung"
    umount "$WORK/freezer"
}

# The old worker may hang in a write, which must not follow a write of the next worker: so no worker is started before
# the old one has ended.
case_r15_a_writing_worker_that_can_not_be_killed() {
    device=$(attach --overlay --overlay-dir "$WORK" 103 | device_of)
    worker=$(server worker)
    trap release_hung EXIT
    hang_all 1 9
    [ "$(server worker)" != "$worker" ] || fail 'it was not given up'
    compare_with_raw "$device" "$FIXTURES/raw/103"
}

# Hanging workers take memory and are of no use, so their number is limited.
case_r15_readers_that_can_not_be_killed() {
    if [ "${STALL:-0}" -lt 30 ]; then
        echo 'skipped: takes half a minute; STALL=30 runs it'
        return 0
    fi
    device=$(attach 103 | device_of)
    trap release_hung EXIT
    hang_all 4 "$STALL"
    compare_with_raw "$device" "$FIXTURES/raw/103"
}

case_r12_a_new_worker_when_the_image_is_not_there_any_more() {
    cp -r "$(bundle 103)" "$WORK/image"
    device=$(attach "$WORK/image" | device_of)
    worker=$(server worker)
    rm -r "$WORK/image"
    kill -9 "$worker"
    wait_for is_another worker "$worker"
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach "$device"
}

# The clock jumps by one and two days, forward and back, during a request: neither the driver nor the supervisor gives
# up.
case_r40_a_clock_that_jumps() {
    device=$(attach 103 | device_of)
    before="$(server supervisor) $(server standby) $(server worker)"
    worker=$(server worker)
    for seconds in 86400 -172800 86400; do
        kill -STOP "$worker"
        dd if="$device" of="$WORK/read" bs=4k count=1 iflag=direct 2>"$WORK/said" &
        reader=$!
        wait_for grep -q 'State:.D' "/proc/$reader/status"
        date -s "@$(($(date +%s) + seconds))" >/dev/null
        sleep 1 # time for a wrong reaction
        kill -CONT "$worker"
        wait $reader || fail "$(cat "$WORK/said")"
        cmp -n 4096 "$WORK/read" "$FIXTURES/raw/103"
        expect_equal "$(noted supervisor) $(noted standby) $(noted worker)" "$before" 'who is there'
    done
    # A jump back doesn't delay the next worker.
    kill -9 "$worker"
    date -s "@$(($(date +%s) - 3600))" >/dev/null
    wait_for is_another worker "$worker"
    date -s "@$(($(date +%s) + 3600))" >/dev/null
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

# worker_of DEVICE: prints the process ID of its worker.
worker_of() { sed -n '3s/ .*//p' "/run/ploopu/$(sed 's/^ploopu://' "/sys/block/${1##*/}/backend")/servers"; }

# tamper PID OPTION...: traces the process with strace and these options; $tracer is strace. Returns when it is
# attached.
tamper() {
    tampered=$1
    shift
    strace -f -qq -xx -s 16 -o "$WORK/trace" "$@" -p "$tampered" &
    tracer=$!
    traced() { grep -q '^TracerPid:.[1-9]' "/proc/$tampered/status"; }
    wait_for traced
}
untamper() {
    kill "$tracer" 2>/dev/null || true
    wait "$tracer" || true
}

# Each worker answers a reader with a wrong reply: the driver drops the socket or waits in vain, and the reader gets the
# right data from the next worker.
case_r41_a_worker_that_answers_nonsense() {
    head -c 1M /dev/urandom >"$WORK/raw"
    for what in magic handle twice cut; do
        qemu-img convert -f raw -O parallels -o cluster_size=64k "$WORK/raw" "$WORK/$what"
        device=$(attach -q "$WORK/$what" | device_of)
        wait_for has_worker
        worker=$(worker_of "$device")
        echo "$device $worker" >"$WORK/$what.device"
        size=4
        case $what in
        magic) tamper "$worker" -e trace=sendto -e inject=sendto:poke_enter=@arg2=00000000 ;;
        handle)
            tamper "$worker" -e trace=sendto -e inject=sendto:poke_enter=@arg2=6744669800000000ffffffffffffffff
            ;;
        twice) # repeats a reply, to another request
            tamper "$worker" -e trace=sendto
            dd if="$device" of=/dev/null bs=4k count=1 iflag=direct status=none
            untamper
            answer=$(sed -n 's/.*sendto([0-9]*, "\([^"]*\)".*/\1/p' "$WORK/trace" | tail -n 1 | sed 's/\\x//g')
            tamper "$worker" -e trace=sendto -e "inject=sendto:poke_enter=@arg2=$answer"
            ;;
        cut) # splice claims to have sent everything
            size=64
            tamper "$worker" -e trace=splice -e inject=splice:retval=65536:when=2
            ;;
        esac
        dd if="$device" of="$WORK/$what.read" bs=${size}k count=1 skip=1 iflag=direct 2>"$WORK/$what.said" &
        echo $! >"$WORK/$what.reader"
    done
    for what in magic handle twice cut; do
        wait "$(cat "$WORK/$what.reader")" || fail "$what: $(cat "$WORK/$what.said")"
        size=$(stat -c %s "$WORK/$what.read")
        cmp -n "$size" -i "0:$size" "$WORK/$what.read" "$WORK/raw" || fail "$what: wrong bytes"
        read -r device worker <"$WORK/$what.device"
        [ "$(worker_of "$device")" != "$worker" ] || fail "$what: it is the same worker"
        cmp "$device" "$WORK/raw" || fail "$what: wrong bytes later"
    done
    ploopu detach --all
    wait
}
has_worker() { [ -n "$(worker_of "$device")" ]; }

# attributes TRACE: prints the command and the attributes of each message to nbd, as linux/nbd-netlink.h numbers them.
# Messages to nlctrl (0x10) are left out.
attributes() {
    awk '
        function number(hex) { return 16 * digit(substr(hex, 1, 1)) + digit(substr(hex, 2, 1)) }
        function digit(hex) { return index("0123456789abcdef", hex) - 1 }
        /nlmsg_type=/ && !/nlmsg_type=(nlctrl|0x10)[^0-9a-f]/ {
            sub(/.*nlmsg_pid=[-0-9]*[}], "/, "")
            sub(/".*/, "")
            count = split($0, byte, /\\x/)
            line = number(byte[2]) ":"
            for (at = 6; at < count; at += int((size + 3) / 4) * 4) {
                size = number(byte[at]) + 256 * number(byte[at + 1])
                line = line " " number(byte[at + 2])
            }
            print line
        }' "$1" | sort -u
}

# CONNECT has size, block size, server flags, timeout, dead connection timeout, identifier and sockets, but no client
# flags (6), such as DISCONNECT_ON_CLOSE. RECONFIGURE has index, identifier and sockets, but no size (2).
case_r29_r33_what_the_driver_is_told_by_netlink() {
    strace -qq -f -xx -s 512 -o "$WORK/trace" -e trace=sendmsg \
        "$PLOOPU" --root "$FIXTURES/root" attach --backend nbd 103 >"$WORK/out" 2>&1 &
    attached() { [ "$(list_field '.attachments | length')" = 1 ]; }
    wait_for attached
    worker=$(server worker)
    kill -9 "$worker"
    wait_for is_another worker "$worker"
    # A process that opens and closes the device, as udev does, changes nothing.
    for _ in 1 2 3; do : <"$(device_of <"$WORK/out")"; done
    compare_with_raw "$(device_of <"$WORK/out")" "$FIXTURES/raw/103"
    ploopu detach 103
    wait
    expect_equal "$(attributes "$WORK/trace")" '1: 2 3 5 4 8 10 7
3: 1 10 7' "$(cut -c 1-300 "$WORK/trace")"
}

# strace makes shutdown(2) of the old sockets succeed without effect, so the driver drops new sockets without an error.
# A new worker serves only after the driver has given up the old sockets.
case_r30_a_driver_that_ignores_new_sockets() {
    device=$(attach 103 | device_of)
    worker=$(server worker)
    tamper "$(server supervisor)" -e trace=shutdown -e inject=shutdown:retval=0
    kill -9 "$worker"
    wait_for [ ! -e "/proc/$worker" ]
    before=$(milliseconds)
    dd if="$device" of="$WORK/read" bs=4k count=1 iflag=direct 2>/dev/null || fail 'an error'
    took=$(($(milliseconds) - before))
    cmp -n 4096 "$WORK/read" "$FIXTURES/raw/103"
    [ $took -ge 3000 ] || fail "it took $took ms only: the test tests nothing"
    [ $took -le 20000 ] || fail "it took $took ms"
    untamper
    wait_for is_another worker "$worker"
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

# reconfigure INDEX [IDENTIFIER]: gives a device a new socket; prints the driver's answer, 0 or an errno value.
reconfigure() {
    perl -e '
        my ($index, $identifier) = @ARGV;
        socket(my $netlink, 16, 3, 16) or die;
        sub attribute { pack("SS", 4 + length $_[1], $_[0]) . $_[1] . "\0" x (-length($_[1]) % 4) }
        sub ask {
            my ($family, $command, $attributes) = @_;
            my $header = pack("LSSLLCCS", 20 + length $attributes, $family, 5, 1, 0, $command, 1, 0);
            send($netlink, $header . $attributes, 0);
            recv($netlink, my $answer, 65536, 0);
            return $answer;
        }
        ask(16, 3, attribute(2, "nbd\0")) =~ /\x06\0\x01\0(..)/s or die;
        my $family = unpack("S", $1);
        recv($netlink, my $acknowledged, 65536, 0);
        socketpair(my $ours, my $theirs, 1, 1, 0) or die;
        my $answer = ask($family, 3, attribute(1, pack("L", $index)) .
            (defined $identifier ? attribute(10, "$identifier\0") : "") .
            attribute(0x8007, attribute(0x8001, attribute(1, pack("L", fileno $theirs)))));
        print -unpack("l", substr($answer, 16, 4)), "\n";' "$@"
}

case_r31_another_tool_that_gives_the_device_a_socket() {
    device=$(attach 103 | device_of)
    number=${device#/dev/nbd}
    expect_equal "$(reconfigure "$number")" 22 'without our identifier'
    expect_equal "$(reconfigure "$number" ploopu:0123456789abcdef)" 22 'with another one'
    # With the right identifier the driver takes the socket.
    expect_equal "$(reconfigure "$number" "$(cat "/sys/block/nbd$number/backend")")" 0
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
}

# answer_to_connect TRACE: prints which recvmsg(2) of its process, counted from 1, gets the answer to NBD_CMD_CONNECT.
answer_to_connect() {
    awk '/ recvmsg\(/ { ++answers[$1] }
        / recvmsg\(/ && $1 == server { print answers[$1]; exit }
        / sendmsg\(.*nlmsg_type=/ && !/nlmsg_type=(nlctrl|0x10)[^0-9a-f]/ { server = $1 }' "$1"
}

# The driver obeys, but its answer doesn't come: after ten seconds recvmsg(2) fails with EAGAIN.
case_r34_a_netlink_answer_that_does_not_come() {
    strace -qq -f -o "$WORK/trace" -e trace=sendmsg,recvmsg \
        "$PLOOPU" --root "$FIXTURES/root" attach --backend nbd 103 >"$WORK/out" 2>&1 &
    attached() { [ "$(list_field '.attachments | length')" = 1 ]; }
    wait_for attached
    ploopu detach 103
    wait
    number=$(answer_to_connect "$WORK/trace")
    expect_refusal 1 'nbd: connecting a device: Connection timed out' timeout 20 \
        strace -qq -f -o "$WORK/trace" -e trace=recvmsg -e "inject=recvmsg:error=EAGAIN:when=$number" \
        "$PLOOPU" --root "$FIXTURES/root" attach --backend nbd 103
    [ -z "$(leftovers)" ] || fail "left: $(leftovers)"
}

# The supervisor can't give the device a new worker. Its standby does so a little later, and other commands work
# meanwhile.
case_r34_a_supervisor_that_hangs_in_a_netlink_call() {
    device=$(attach 103 | device_of)
    worker=$(server worker)
    supervisor=$(server supervisor)
    tamper "$supervisor" -e trace=sendmsg -e inject=sendmsg:delay_enter=15000000
    kill -9 "$worker"
    wait_for grep -qs sendmsg "$WORK/trace"
    expect_equal "$(timeout 10 "$PLOOPU" list --json | jq -r '.attachments[0].state')" hung
    timeout 10 "$PLOOPU" --root "$FIXTURES/root" attach --backend nbd 101 >/dev/null
    timeout 20 "$PLOOPU" --root "$FIXTURES/root" detach 101
    wait_for is_another supervisor "$supervisor"
    wait_for is_another worker "$worker"
    compare_with_raw "$device" "$FIXTURES/raw/103"
    ploopu detach 103
    untamper
}

# Each host has a /run/ploopu of its own.
case_r35_two_hosts_read_one_image() {
    cp -r "$(bundle 103)" "$WORK/image"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount sh -c 'mkdir -p /run/ploopu && mount -t tmpfs -o mode=0700 tmpfs /run/ploopu &&
        "$0" attach --backend nbd "$1"' "$PLOOPU" "$WORK/image" >"$WORK/theirs"
    theirs=$(device_of <"$WORK/theirs")
    their_server=$(pgrep -o ploopu-nbd)
    they() { nsenter --mount --target "$their_server" "$PLOOPU" "$@"; }
    ours=$(attach "$WORK/image" | device_of)
    [ "$ours" != "$theirs" ] || fail 'it is the same device'
    for device in "$ours" "$theirs"; do compare_with_raw "$device" "$FIXTURES/raw/103"; done
    printf x | patch "$WORK/image/root.hds" 1048576
    expect_equal "$(list_field '.attachments[0].image_changed')" true
    expect_equal "$(they list --json | jq '.attachments[0].image_changed')" true
    they detach --all
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu detach "$ours"
}
