#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# completion-test.sh PLOOPU COMPLETIONS: tests the words that bash, zsh and fish offer for an unfinished command line,
# and that completion prints no errors on a broken host. Needs no device.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ploopu=$(realpath "$1") completions=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
PATH=$(dirname "$ploopu"):$PATH
export PATH HOME="$work"
status=0

failed() {
    echo "FAILED: $*"
    status=1
}

# Makes a host with containers, snapshots, and files to be completed. A name with a control character is not offered.
host=$work/host
mkdir -p "$host/etc/vz/conf" "$host/etc/vz/names" "$host/vz/private/205/root.hdd" "$work/here/a dir"
for ctid in 0 101 102 205; do echo 'NAME="two words"' >"$host/etc/vz/conf/$ctid.conf"; done
ln -s ../conf/205.conf "$host/etc/vz/names/two words"
ln -s ../conf/102.conf "$host/etc/vz/names/brace{}"
ln -s ../conf/102.conf "$host/etc/vz/names/$(printf 'tw\033[31m')"
touch "$host/etc/vz/conf/ve-basic.conf-sample" "$work/here/afile"
. "$here/images.sh"
descriptor 2048 2048 root.hds >"$host/vz/private/205/root.hdd/DiskDescriptor.xml"
guid=${top_guid#\{}
guid=${guid%\}}
cd "$work/here"

# Each line has the words typed after "ploopu", and the words that the last of them may become.
t=$(printf '\t')
cat >"$work/table" <<TABLE
inf => info
u => umount
--root $host info 10 => 101|102
--root=$host info 10 => 101|102
mount --root $host tw => two words
mount --root $host "tw$t => two words
mount --root $host 'two w$t => two words
mount --root $host two\\ w => two words
check --root $host br => brace{}
--root $host mount  => 101|102|205|brace{}|two words
info 101 --disk r => root
--root $host info 205 -s  => $guid|base|top
--root $host info 205 -s 5 => $guid
--root $host info "two words" --snapshot=5 => --snapshot=$guid
attach --backend n => nbd
attach --backend=n => --backend=nbd
map --only d => data
mount --part => --partition
attach --no => --no-loop
detach --a => --all
list -o DE => DEVICE
list --all -o CTID,SI => CTID,SIZE
list --sort MO => MOUNTPOINT
help det => detach
bogus in => in
info 101 x => x
mount 101 a => a dir/
--root ./a => ./a dir/
--root=./a => --root=./a dir/
attach --overlay-file af => afile
attach --overlay-file=af => --overlay-file=afile
info ./af => ./afile
TABLE

# compare SHELL: compares the words that the shell offers with the table.
compare() {
    sed 's/ => .*//; s/^/ploopu /' "$work/table" | "$here/shells.zsh" "$1" "$completions" >"$work/got"
    # Shells differ in whether a directory gets a slash.
    sed 's/.* => //; s|/$||' "$work/table" >"$work/wanted"
    sed 's|/$||' "$work/got" | diff "$work/wanted" - >"$work/differences" ||
        failed "$1: lines of the table, wanted and got: $(cat "$work/differences")"
}
for shell in bash zsh fish; do compare $shell; done

# Without the program, or with an old one that lacks the verb __complete, the word stays and nothing is printed.
mkdir "$work/old"
printf '#!/bin/sh\necho "ploopu: __complete is not a verb" >&2\nexit 64\n' >"$work/old/ploopu"
chmod +x "$work/old/ploopu"
for path in "$work/old:/usr/bin:/bin" /usr/bin:/bin; do
    for shell in bash zsh fish; do
        said=$(echo 'ploopu info x' | PATH=$path "$here/shells.zsh" $shell "$completions" 2>&1)
        [ "$said" = x ] || failed "$shell, PATH=$path: $said"
    done
done

# silent [COMMAND...]: completes many command lines for the host $broken, through COMMAND, and expects no output.
silent() {
    for words in 'info ""' 'info 101 -s ""' 'info "two words" -s ""' 'info 101 --disk ""' 'detach ""' \
        'info 102 -s ""' 'list -o ""'; do
        code=0
        eval "\"\$@\" \"\$ploopu\" __complete -- --root \"\$broken\" $words" >"$work/out" 2>"$work/said" || code=$?
        [ "$code,$(cat "$work/said")" = 0, ] ||
            failed "$* $words under $broken: exit code $code: $(cat "$work/said")"
        ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$work/out" ||
            failed "$* $words under $broken: control characters: $(cat -v "$work/out")"
    done
}

damaged=$work/damaged
mkdir -p "$damaged/etc/vz/conf" "$damaged/vz/private/101/root.hdd" "$damaged/vz/private/102/root.hdd"
head -c 5000 /dev/urandom >"$damaged/etc/vz/vz.conf"
mkfifo "$damaged/etc/vz/conf/101.conf"
ln -s 102.conf "$damaged/etc/vz/conf/102.conf"
touch "$damaged/etc/vz/conf/$(printf '1\n2').conf" "$damaged/etc/vz/names"
head -c 5000 /dev/urandom >"$damaged/vz/private/101/root.hdd/DiskDescriptor.xml"
mkfifo "$damaged/vz/private/102/root.hdd/DiskDescriptor.xml"
for broken in "$damaged" "$work/nowhere" "$work/here/afile" /proc/self "$host"; do
    silent env
    silent env -i XDG_RUNTIME_DIR="$work/here/afile"
done
if [ "$(id -u)" = 0 ]; then
    cp "$ploopu" "$work/ploopu"
    ploopu=$work/ploopu
    chmod 700 "$host/etc/vz/conf"
    chmod 600 "$host/vz/private/205/root.hdd/DiskDescriptor.xml"
    for broken in "$host" "$damaged"; do
        silent setpriv --reuid=65534 --regid=65534 --clear-groups env -i XDG_RUNTIME_DIR="$work"
    done
fi
for out in '&-' '/dev/full'; do
    said=$(eval "\"\$ploopu\" __complete -- in 2>&1 >$out" && echo 0)
    [ "$said" = 0 ] || failed "standard output $out: $said"
done
exit $status
