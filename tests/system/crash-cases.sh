# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of power cuts: images of containers that lost power while they wrote (crash-disks.sh), and hosts that lose power
# while they read such an image (power-guest.sh).
# run-cases.sh runs them, with each back end that can write; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2317 # cases are called by name

count_files() { find "$1" -path "$1/lost+found" -prune -o -type f -print | wc -l; }

# expect_safe DIR: expects the files that were synced before the power cut.
expect_safe() {
    (cd "$1" && sha256sum --quiet -c "$FIXTURES/crash/safe.sha256") || fail "not all 20 files are in $1"
}

# expect_judgement CTID DIR: expects exactly the files that e2fsprogs finds after its own replay.
expect_judgement() {
    [ "$1" != 123 ] || return 0 # an xfs, which e2fsprogs can't replay
    (cd "$2" && sha256sum --quiet -c "$FIXTURES/crash/$1.sha256") || fail "$1: e2fsprogs replays it differently"
    expect_equal "$(count_files "$2")" "$(wc -l <"$FIXTURES/crash/$1.sha256")" "files of $1"
}

case_all_that_was_safe_is_there_after_a_power_cut() {
    mkdir "$WORK/m"
    for ctid in 121 122 123; do
        cp -r "$(bundle $ctid)" "$WORK/image"
        mount_image "$WORK/image" "$WORK/m" --json >"$WORK/json"
        expect_equal "$(jq -r .journal "$WORK/json")" replayed "journal of $ctid"
        echo 3 >/proc/sys/vm/drop_caches # the replayed blocks must come from the overlay, not from memory
        expect_safe "$WORK/m"
        expect_judgement $ctid "$WORK/m"
        ploopu umount "$WORK/m"
        diff -r "$(bundle $ctid)" "$WORK/image" || fail "the image of $ctid was written to"
        rm -r "$WORK/image"
    done
}

# Shows that the case above can fail.
case_without_the_journal_a_power_cut_took_all() {
    mkdir "$WORK/m"
    for ctid in 121 122 123; do
        mount_image $ctid "$WORK/m" --journal skip --json >"$WORK/json" 2>"$WORK/notes"
        expect_equal "$(jq -r .journal "$WORK/json")" skipped "journal of $ctid"
        expect_equal "$(count_files "$WORK/m")" 0 "files of $ctid"
        ploopu umount "$WORK/m"
    done
}

# The kernel replays the journal on a writable device, and fsck finds no damage.
case_what_is_replayed_is_a_sound_file_system() {
    mkdir "$WORK/m"
    for ctid in 121 122 123; do
        partition=$(attach -q --overlay $ctid | tail -n 1)
        mount "$partition" "$WORK/m"
        expect_safe "$WORK/m"
        expect_judgement $ctid "$WORK/m"
        umount "$WORK/m"
        case $ctid in
        123) judge='xfs_repair -n' ;;
        *) judge='e2fsck -fn' ;;
        esac
        $judge "$partition" >"$WORK/said" 2>&1 || fail "$ctid: $(cat "$WORK/said")"
        ploopu detach $ctid
    done
}

# cut_off_guest: starts a guest and kills it at a random moment after all its work has begun.
cut_off_guest() {
    mkfifo "$WORK/console"
    env -u TMPDIR linux.uml mem=192M rootfstype=hostfs rootflags=/ rw init="$SOURCES/tests/system/power-guest.sh" \
        "PLOOPU=$PLOOPU" "WORK=$WORK" "CUT=$cut" \
        uml_dir="$WORK" quiet con=null con0=fd:0,fd:1 </dev/null >"$WORK/console" 2>&1 &
    guest=$!
    exec 3<"$WORK/console"
    timeout 60 sed "/is at work/q" <&3 >"$WORK/log" || true
    sleep "0.$((cut * 37 % 100))"
    # The guest makes a session of its own.
    kill -KILL -$guest $guest 2>/dev/null || true
    timeout 20 cat <&3 >>"$WORK/log"
    exec 3<&-
    wait $guest || true
    rm "$WORK/console"
    grep -q 'is at work' "$WORK/log" || fail "the guest: $(cat "$WORK/log")"
    if grep -a 'POWER: failed' "$WORK/log"; then fail "after $cut cuts: $(cat "$WORK/log")"; fi
}

# CUTS is the number of power cuts. After each, the host starts as the first time: nothing is left to clear away, and
# an overlay file has everything that was synced to it.
case_r37_a_host_that_loses_power() {
    if [ -n "${GUEST:-}" ]; then
        echo 'skipped: in a guest there is no guest to cut off'
        return 0
    fi
    if [ -n "${SANITIZER:-}" ]; then
        echo "skipped: a sanitizer's program finds no room in user-mode Linux; the release build does this"
        return 0
    fi
    cp -r "$(bundle 101)" "$WORK/image"
    # The time of access isn't compared: the guest's driver reads the files without O_NOATIME.
    facts() { stat -c '%n %s %Y %Z %i' "$WORK"/image/*; }
    facts >"$WORK/before"
    mkdir "$WORK/kept"
    cut=0
    while [ $cut -lt "${CUTS:-2}" ]; do
        cut=$((cut + 1))
        cut_off_guest
        facts | diff "$WORK/before" - || fail 'the image was touched'
    done
    (cd "$WORK/image" && sha256sum ./*) >"$WORK/sums"
    (cd "$(bundle 101)" && sha256sum --quiet -c "$WORK/sums") || fail 'the image was written to'
}
