#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# counts-test.sh PLOOPU: tests that commands open the files of a host and start processes only as often as allowed.
# Opens with O_PATH don't count. Prints a line for each command.
# Needs root and FUSE: the last command lists attachments, in a mount and a process namespace of its own.
set -eu
if [ "${1:-}" != inside ]; then
    exec "$(dirname "$0")/isolated.sh" "$0" inside "$@"
fi
ploopu=$2
# shellcheck source=tests/system/images.sh
. "$(dirname "$0")/images.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-counts.XXXXXX")
trap '"$ploopu" detach -q --all || true; rm -rf "$work"' EXIT
host=$work/host
failed=0

make_host "$host"
make_tree "$work/tree"
make_gpt_disk "$work/raw" 32 "$work/tree"
make_container "$host" 101 "$work/raw"
make_container "$host" 102 "$work/raw"
# Cuts off the last clusters, which hold files.
truncate -s -4M "$host/vz/private/102/root.hdd/root.hds"
many=$work/many
make_host "$many"
truncate -s 8M "$work/small"
make_container "$many" 101 "$work/small"
for ctid in $(seq 102 140); do
    cp -r "$many/vz/private/101" "$many/vz/private/$ctid"
    cp "$many/etc/vz/conf/101.conf" "$many/etc/vz/conf/$ctid.conf"
done

# trace ARGUMENT...: runs the command, and writes the files that it opened for reading to "opened", and the processes
# that it started to "started". strace writes a file for each process, since a common file has calls in two parts.
trace() {
    rm -f "$work"/trace.*
    strace -ff -qq -y -e trace=openat,openat2,open,clone,clone3,fork,vfork -o "$work/trace" \
        "$ploopu" "$@" >"$work/out" 2>&1 || true
    cat "$work"/trace.* >"$work/calls"
    sed -n '/O_PATH/d; s/^open.* = [0-9]*<\(.*\)>$/\1/p' "$work/calls" >"$work/opened"
    sed -n '/CLONE_THREAD/d; / = -1 /d; /^clone\|^v*fork/p' "$work/calls" >"$work/started"
}

# opens PATTERN: prints the number of opens of files whose path matches.
opens() { grep -Ec "$1" "$work/opened" || true; }

# check LABEL WHAT COUNT LIMIT: fails if COUNT is more than LIMIT; "-" means no limit.
check() {
    [ "$4" = - ] || [ "$3" -le "$4" ] || {
        echo "FAILED: $1: $2: $3, at most $4 allowed"
        failed=1
    }
}

# count LABEL DESCRIPTORS GLOBALS CONFIGS FORKS ARGUMENT...: runs a command with limits for the four counts.
count() {
    label=$1 most_descriptors=$2 most_globals=$3 most_configs=$4 most_forks=$5
    shift 5
    trace "$@"
    descriptors=$(opens 'DiskDescriptor\.xml$')
    globals=$(opens 'vz/vz\.conf$')
    configs=$(opens 'conf/[0-9]+\.conf$')
    forks=$(wc -l <"$work/started")
    echo "$label: descriptor $descriptors, vz.conf $globals, CTID.conf $configs, forks $forks"
    check "$label" descriptor "$descriptors" "$most_descriptors"
    check "$label" vz.conf "$globals" "$most_globals"
    check "$label" CTID.conf "$configs" "$most_configs"
    check "$label" forks "$forks" "$most_forks"
}

count 'info 101' 2 1 1 1 --root "$host" info 101
count 'check 101' 2 1 1 2 --root "$host" check 101
count 'check --files of a cut image' 2 1 1 3 --root "$host" check --files 102
count 'list' 0 0 0 0 --root "$host" list
count 'list --all of 40 containers' 40 1 40 - --root "$many" list --all
[ "$("$ploopu" --root "$many" list --all -H | wc -l)" = 40 ] || {
    echo 'FAILED: list --all does not show 40 containers'
    failed=1
}

# list must read the kernel's state once for all attachments.
for ctid in 101 102 103 104 105; do
    "$ploopu" --root "$many" attach -q --backend fuse $ctid >/dev/null
done
count 'list of 5 attachments' 0 0 0 1 list
[ "$(wc -l <"$work/out")" = 6 ] || {
    echo "FAILED: list does not show 5 attachments: $(cat "$work/out")"
    failed=1
}
for once in '/mountinfo$' '/sys/class/block$'; do
    [ "$(opens "$once")" = 1 ] || {
        echo "FAILED: list of 5 attachments: $(opens "$once") opens of $once"
        failed=1
    }
done
[ "$(opens '/loop/backing_file$')" -ge 5 ] || {
    echo 'FAILED: list of 5 attachments: opened no backing_file'
    failed=1
}
twice=$(grep -e '^/sys/' -e '/attachment\.json$' -e '/stat$' "$work/opened" | sort | uniq -d)
[ -z "$twice" ] || {
    echo "FAILED: list of 5 attachments: opened more than once: $twice"
    failed=1
}
exit $failed
