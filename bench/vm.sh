#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vm.sh PLOOPU [ROUNDS [WAY...]]: reads one image through every back end and its peers on a stock
# Debian kernel with two processors, emulated, in one boot, and prints ratios. As root. Emulation is
# slow: the ratios mean something, the figures don't. Ways: loop dm nbd fuse qemu-nbd nbdkit.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ploopu=$(realpath "$1")
rounds=${2:-5}
[ $# -lt 2 ] || shift
shift
ways=${*:-loop dm nbd fuse qemu-nbd nbdkit}
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-bench.XXXXXX")
log=${PLOOPU_BENCH_LOG:-$work/log}
trap 'rm -rf "$work"' EXIT
# The cache keeps unpacked packages and made images for later runs.
cache=${PLOOPU_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ploopu-bench}
mkdir -p "$cache"

# fetch_kernel: downloads and unpacks Debian's kernel, without installing it.
fetch_kernel() {
    [ ! -e "$cache/kernel/unpacked" ] || return 0
    rm -rf "$cache/kernel"
    mkdir "$cache/kernel"
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
    (cd "$work" && apt-get download -qq "$package")
    dpkg -x "$work"/linux-image-*.deb "$cache/kernel"
    touch "$cache/kernel/unpacked"
}

# init: loads what the root needs, and changes to the host's root, in which vm-guest.sh runs.
make_initrd() {
    root=$work/initrd
    mkdir -p "$root/bin" "$root/modules" "$root/new"
    cp /bin/busybox "$root/bin/"
    release=$(ls "$cache/kernel/lib/modules")
    [ -e "$cache/kernel/lib/modules/$release/modules.dep.bin" ] || depmod -b "$cache/kernel" "$release"
    for module in virtio_pci 9pnet_virtio 9p loop nbd dm-mod dm-zero fuse brd ext4; do
        modprobe -d "$cache/kernel" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
    while read -r file; do cp "$file" "$root/modules/"; done <"$work/modules"
    {
        echo '#!/bin/busybox sh'
        sed 's|.*/|/bin/busybox insmod /modules/|' "$work/modules" |
            sed -e 's/nbd\.ko$/& max_part=16/' -e 's/brd\.ko$/& rd_nr=1 rd_size=400000/'
        cat <<'INIT'
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose host /new
/bin/busybox mount -t devtmpfs dev /new/dev
exec /bin/busybox switch_root /new "$GUEST"
INIT
    } >"$root/init"
    chmod 755 "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
}

# 1 GiB, v2, clusters of 1 MiB. The first 256 MiB hold data, a partition table in front, written by
# QEMU in an order that shuffles the clusters in the file.
make_image() {
    [ ! -e "$cache/image.hds" ] || return 0
    raw=$work/raw
    mkdir "$work/clusters"
    truncate -s 256M "$raw"
    openssl enc -aes-128-ctr -K 00 -iv 00 -in "$raw" -out "$raw.data" 2>/dev/null
    truncate -s 1G "$raw"
    printf 'label: dos\nstart=2048, size=1024000\n' | sfdisk -q "$raw"
    dd if="$raw" of="$raw.data" bs=512 count=1 conv=notrunc status=none
    split -b 1M -a 3 -d "$raw.data" "$work/clusters/"
    qemu-img create -q -f parallels "$work/image.hds" 1G
    seq 0 255 | shuf --random-source="$raw.data" | while read -r cluster; do
        echo "write -q -s $work/clusters/$(printf %03d "$cluster") ${cluster}M 1M"
    done >"$work/writes"
    qemu-io -f parallels "$work/image.hds" <"$work/writes" >/dev/null
    mv "$work/image.hds" "$cache/image.hds"
}

fetch_kernel
make_initrd
make_image
# 9p shares the host's root: what the guest writes goes to file systems in its own memory.
timeout --foreground 1800 qemu-system-x86_64 -cpu max -smp 2 -accel tcg,thread=multi -m 3G \
    -kernel "$cache"/kernel/boot/vmlinuz-* -initrd "$work/initrd.gz" -nographic -no-reboot -nodefaults \
    -serial stdio -virtfs local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on \
    -append "console=ttyS0 quiet panic=-1 GUEST=$here/vm-guest.sh PLOOPU=$ploopu
        IMAGES=$cache ROUNDS=$rounds WAYS=$(echo "$ways" | tr ' ' ,)" \
    </dev/null >"$log" 2>&1 || true
tr -d '\r' <"$log" | sed -n 's/.*RESULT //p' >"$work/results"
grep -q '^end' "$work/results" || {
    tail -n 30 "$log"
    echo 'FAILED: the guest did not come to its end' >&2
    exit 1
}
table() { sed -n "s/^$1 //p" "$work/results" | "$here/ratios.sh" "$2"; }
printf 'Reading, medians of %s; ratio to the loop device on the file:\n' "$rounds"
table read loop
printf '\nFrom the start of attach to a usable partition; ratio to qemu-nbd -c:\n'
table start qemu-nbd
printf '\nThe serving process, after all reads:\n'
table server qemu-nbd
