# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of dirty journals, and of hostile ext superblocks.
# run-cases.sh runs them, with each back end that can write; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2317 # cases are called by name

# compare_files DIR STATE: expects the files of journal/STATE and no others.
compare_files() {
    (cd "$1" && sha256sum --quiet -c "$FIXTURES/journal/$2.sha256") || fail "not the $2 files in $1"
    expect_equal "$(find "$1" -path "$1/lost+found" -prune -o -type f -print | wc -l)" \
        "$(wc -l <"$FIXTURES/journal/$2.sha256")" "files in $1"
}

# mount_and_look JOURNAL FILES OPTION...: mounts the copy of the image, compares mount's report on the journal and the
# files that it shows, and unmounts.
mount_and_look() {
    journal=$1 files=$2
    shift 2
    mkdir "$WORK/m"
    mount_image "$WORK/image" "$WORK/m" --json "$@" >"$WORK/json" 2>"$WORK/notes" ||
        fail "mount $*: $(cat "$WORK/notes")"
    expect_equal "$(jq -r .journal "$WORK/json")" "$journal" "journal, with '$*'"
    compare_files "$WORK/m" "$files"
    if touch "$WORK/m/x" 2>/dev/null; then fail 'it can be written to'; fi
    ploopu umount "$WORK/m"
    rmdir "$WORK/m"
    expect_equal "$(leftovers)" '' "after mount $*"
}

# expect_mounted CTID JOURNAL FILES OPTION...: runs mount_and_look, and expects that the image is unchanged.
expect_mounted() {
    original=$(bundle "$1")
    shift
    cp -r "$original" "$WORK/image"
    touch -a -d '2001-01-01' "$WORK"/image/*
    facts() { (cd "$WORK/image" && stat -c '%n %s %X %Y %Z %i' ./*); }
    facts >"$WORK/before"
    mount_and_look "$@"
    facts | diff "$WORK/before" - || fail "the files of $original would be touched"
    diff -r "$original" "$WORK/image" || fail "the files of $original would be written to"
    rm -r "$WORK/image"
}

case_h76_a_journal_is_replayed() {
    for ctid in 111 112 113; do
        expect_mounted $ctid replayed new
        expect_equal "$(jq -r '.warnings[]' "$WORK/json" | grep -c 'not replayed')" 0
    done
}

case_h76_a_journal_is_replayed_when_told() {
    expect_mounted 111 replayed new --journal replay
}

# Each mount starts from the image, and not from the replay of the mount before.
case_h76_a_journal_is_skipped_when_told() {
    for ctid in 111 112 113; do
        expect_mounted $ctid skipped old --journal skip
        jq -r '.warnings[]' "$WORK/json" | grep -q 'journal was not replayed' || fail 'not a word'
        jq -r .options "$WORK/json" | grep -q noload || fail "$(jq -r .options "$WORK/json")"
    done
    expect_mounted 111 replayed new
    expect_mounted 111 skipped old --journal skip
}

# The snapshot below the dirty state has a clean journal.
case_h76_a_clean_snapshot_below_a_dirty_state() {
    for journal in auto replay skip; do
        expect_mounted 112 clean old -s base --journal $journal
    done
}

case_h76_both_states_at_once() {
    mkdir "$WORK/live" "$WORK/base"
    mount_image 112 "$WORK/live" >/dev/null
    mount_image 112 "$WORK/base" -s base >/dev/null
    compare_files "$WORK/live" new
    compare_files "$WORK/base" old
    ploopu detach 112
    expect_equal "$(list_field '.attachments | length')" 0
}

# make_fs: makes a file system, $fs, for the caller to damage.
make_fs() {
    fs=$WORK/fs
    truncate -s 8M "$fs"
    mke2fs -q -F -t ext4 -d "$FIXTURES/journal/old" "$fs"
}
# set_fields FIELD VALUE...: sets fields of the superblock of $fs.
set_fields() {
    while [ $# -gt 0 ]; do
        echo "set_super_value $1 $2"
        shift 2
    done | debugfs -w -f - "$fs" >/dev/null 2>&1
}
# refuse_fs WORDS: expects that mount refuses $fs with these words, and that nothing stays attached.
refuse_fs() {
    qemu-img convert -f raw -O parallels "$fs" "$WORK/image"
    mkdir -p "$WORK/m"
    for journal in auto skip; do
        expect_refusal 65 "$1" mount_image "$WORK/image" "$WORK/m" --journal $journal
        expect_equal "$(leftovers)" ''
    done
}

# If ploopu passed errors=panic to the kernel, this kernel would panic.
case_h73_a_damaged_directory_and_errors_panic() {
    make_fs
    tune2fs -e panic "$fs" >/dev/null
    block=$(debugfs -R 'bmap / 0' "$fs" 2>/dev/null)
    size=$(dumpe2fs -h "$fs" 2>/dev/null | sed -n 's/^Block size: *//p')
    head -c "$size" /dev/zero | tr '\0' '\377' | patch "$fs" $((block * size))
    qemu-img convert -f raw -O parallels "$fs" "$WORK/image"
    mkdir "$WORK/m"
    mount_image -q "$WORK/image" "$WORK/m" >/dev/null
    if ls "$WORK/m" >/dev/null 2>&1; then fail 'the directory is not damaged'; fi
    ploopu umount "$WORK/m"
}

case_h74_mount_options_of_the_image() {
    make_fs
    tune2fs -E mount_opts=errors=panic "$fs" >/dev/null
    refuse_fs "s_mount_opts is 'errors=panic'"
}

case_h75_an_external_journal() {
    make_fs
    set_fields journal_inum 0 journal_dev $((7 * 256)) # the number of /dev/loop0
    refuse_fs 's_journal_dev is 0x700'
    make_fs
    set_fields journal_inum 0
    refuse_fs 's_journal_inum is 0'
}

case_a_file_system_larger_than_its_partition() {
    make_fs
    truncate -s 7M "$fs"
    refuse_fs 's_blocks_count is '
}

# Without the superblock of the journal its contents are lost. The error says which option shows the rest.
case_a_journal_that_is_damaged_itself() {
    mkdir "$WORK/m"
    cp -r "$(bundle 113)" "$WORK/image"
    file=$(ls "$WORK"/image/root.hd*)
    magic=$(LC_ALL=C grep -obUaP '\xc0\x3b\x39\x98\x00\x00\x00\x04' "$file" | head -n 1 | cut -d : -f 1)
    printf XXXX | patch "$file" "$magic"
    expect_refusal 65 "its ext4 journal can't be replayed.*--journal skip" \
        mount_image "$WORK/image" "$WORK/m"
    expect_equal "$(leftovers)" ''
    mount_image -q "$WORK/image" "$WORK/m" --journal skip >/dev/null
    compare_files "$WORK/m" old
    ploopu umount "$WORK/m"
}
