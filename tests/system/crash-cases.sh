# SPDX-License-Identifier: GPL-2.0-or-later
# Images of containers that lost power while they wrote; see crash-disks.sh.
# Run by run-cases.sh, of the back ends that can be written to; see lib.sh for what a case has.
# shellcheck shell=sh disable=SC2317 # cases are called by name

count_files() { find "$1" -path "$1/lost+found" -prune -o -type f -print | wc -l; }

# expect_safe DIR: what was safe when the power went.
expect_safe() {
    (cd "$1" && sha256sum --quiet -c "$FIXTURES/crash/safe.sha256") || fail "not all 20 files are in $1"
}

# expect_judgement CTID DIR: there is just what e2fsprogs finds, of the last moment, too.
expect_judgement() {
    [ "$1" != 123 ] || return 0 # it knows no xfs
    (cd "$2" && sha256sum --quiet -c "$FIXTURES/crash/$1.sha256") || fail "$1: e2fsprogs replays it differently"
    expect_equal "$(count_files "$2")" "$(wc -l <"$FIXTURES/crash/$1.sha256")" "files of $1"
}

case_all_that_was_safe_is_there_after_a_power_cut() {
    mkdir "$WORK/m"
    for ctid in 121 122 123; do
        cp -r "$(bundle $ctid)" "$WORK/image"
        mount_image "$WORK/image" "$WORK/m" --json >"$WORK/json"
        expect_equal "$(jq -r .journal "$WORK/json")" replayed "journal of $ctid"
        echo 3 >/proc/sys/vm/drop_caches # what was replayed is in the overlay, not just in memory
        expect_safe "$WORK/m"
        expect_judgement $ctid "$WORK/m"
        ploopu umount "$WORK/m"
        diff -r "$(bundle $ctid)" "$WORK/image" || fail "the image of $ctid was written to"
        rm -r "$WORK/image"
    done
}

# Else the case above would test nothing.
case_without_the_journal_a_power_cut_took_all() {
    mkdir "$WORK/m"
    for ctid in 121 122 123; do
        mount_image $ctid "$WORK/m" --journal skip --json >"$WORK/json" 2>"$WORK/notes"
        expect_equal "$(jq -r .journal "$WORK/json")" skipped "journal of $ctid"
        expect_equal "$(count_files "$WORK/m")" 0 "files of $ctid"
        ploopu umount "$WORK/m"
    done
}

# Replayed by hand, on a device that can be written to.
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
