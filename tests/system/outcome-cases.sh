# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the outcome of every option of attach and mount with every back end, with and without -n.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2317 # cases are called by name

# attach_outcomes: prints rows with the verb and its image, options, and the exit codes of nbd, dm and fuse. W stands
# for the directory of the case.
attach_outcomes() {
    cat <<'TABLE'
attach 101 | | 0 0 0
attach 101 | --new | 0 0 0
attach 101 | --no-loop | 64 64 0
attach 101 | --no-loop --overlay | 64 64 0
attach 101 | --strict | 0 64 0
attach 101 | --overlay | 0 64 0
attach 101 | --overlay --strict | 0 64 0
attach 101 | --overlay --overlay-size 2M | 0 64 0
attach 101 | --overlay --overlay-dir W | 0 64 0
attach 101 | --overlay --overlay-dir W/none | 66 66 66
attach 101 | --overlay --overlay-dir W/file | 66 66 66
attach 101 | --overlay-file W/new | 0 64 0
attach 101 | --overlay-file W/file | 65 65 65
attach 101 | --overlay-file W/none/new | 66 66 66
attach 101 | --overlay-size 2M | 64 64 64
attach 101 | --overlay --overlay-size 1 | 64 64 64
attach 101 | -s base | 0 0 0
attach 102 | -s base | 0 0 0
attach 102 | -s nothing | 66 66 66
attach 101 | --disk 1 | 66 66 66
attach 101 | --live --allow-outside | 0 0 0
attach 999 | | 66 66 66
TABLE
}

mount_outcomes() {
    cat <<'TABLE'
mount 101 W/m | | 0 0 0
mount 101 W/m | -o noexec | 0 0 0
mount 101 W/m | -o rw | 64 64 64
mount 101 W/m | -o loop | 64 64 64
mount 101 W/m | --partition 1 | 0 0 0
mount 101 W/m | --partition 9 | 66 66 66
mount 101 W/m | -t ext4 | 0 0 0
mount 101 W/m | -t btrfs | 64 64 64
mount 101 W/m | --strict | 0 64 0
mount 101 W/m | --writable | 0 64 0
mount 101 W/m | --writable --overlay-dir W/none | 66 66 66
mount 101 W/m | --overlay-file W/new | 0 64 0
mount 101 W/m | --overlay-file W/file | 65 65 65
mount 101 W/m | --journal skip | 0 0 0
mount 101 W/m | --journal replay | 0 64 0
mount 101 W/m | --journal skip --overlay-file W/new | 64 64 64
mount 101 W/m | --writable --journal skip | 64 64 64
mount 106 W/m | | 0 64 0
mount 106 W/m | --journal skip | 0 0 0
mount 106 W/m | --journal replay | 0 64 0
mount 106 W/m | --writable | 0 64 0
mount 108 W/m | | 64 64 64
mount 108 W/m | --partition 2 | 0 0 0
mount 101 W/none | | 66 66 66
mount 101 W/file | | 66 66 66
mount 101 / | | 75 75 75
mount 101 /proc | | 75 75 75
TABLE
}

# is_there BACKEND: true if this kernel has the back end. A missing back end gives 69, but errors of the command itself
# come first.
is_there() {
    case $1 in
    nbd) [ -e /sys/module/nbd ] ;;
    dm) [ -e /sys/class/misc/device-mapper ] && [ -e /sys/module/dm_zero ] ;;
    fuse) true ;;
    esac
}

# run_row WHAT COMMAND...: runs the command; its exit code is in $code, its standard error in WHAT.
run_row() {
    row_log=$1
    shift
    code=0
    "$@" >"$WORK/stdout" 2>"$row_log" || code=$?
}

# wrong WORDS: writes down a failure, so that a run shows all failures.
wrong() { echo "$*" >>"$WORK/wrong"; }

# check_row BACKEND COMMAND OPTIONS WANTED: runs a row with and without -n, and expects the exit code WANTED.
check_row() {
    row="$2 $3 --backend $1"
    want=$4
    is_there "$1" || [ "$want" != 0 ] || want=69
    # shellcheck disable=SC2046 # words
    set -- $(echo "$2 $3 --backend $1" | sed "s|W\([/ ]\)|$WORK\1|g; s|W\$|$WORK|")
    run_row "$WORK/dry" ploopu "$@" -n
    dry_code=$code
    [ "$dry_code" = "$want" ] || wrong "$row -n: $dry_code instead of $want: $(cat "$WORK/dry")"
    run_row "$WORK/real" ploopu "$@"
    [ "$code" = "$want" ] || wrong "$row: $code instead of $want: $(cat "$WORK/real")"
    if [ "$code" = 0 ]; then
        ploopu -q detach --all
        rm -f "$WORK/new"
    else
        cmp -s "$WORK/dry" "$WORK/real" || wrong "$row: '$(cat "$WORK/dry")' with -n, '$(cat "$WORK/real")' without"
    fi
}

# check_table TABLE: checks all rows that the function TABLE prints.
check_table() {
    mkdir "$WORK/m"
    echo 'no overlay' >"$WORK/file"
    "$1" >"$WORK/table"
    while IFS='|' read -r command options codes; do
        # shellcheck disable=SC2086 # numbers
        set -- $codes
        check_row nbd "$command" "$options" "$1"
        check_row dm "$command" "$options" "$2"
        # In a guest each command takes long, and fuse is tested on the host's kernel.
        [ -n "${GUEST:-}" ] || check_row fuse "$command" "$options" "$3"
    done <"$WORK/table"
    [ ! -s "$WORK/wrong" ] || fail "$(cat "$WORK/wrong")"
}

case_every_option_of_attach_on_every_back_end() { check_table attach_outcomes; }
case_every_option_of_mount_on_every_back_end() { check_table mount_outcomes; }
