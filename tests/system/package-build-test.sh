#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# package-build-test.sh DEB [rpm]: tests the contents of the package, that another build of the sources makes an
# identical package, that lintian accepts it, and with "rpm", that rpmbuild makes a package, too. SOURCE_DATE_EPOCH must
# be that of DEB; by default it is the date of the newest commit, as in ./dev.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
deb=$(realpath "$1")
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

echo 'packages: lintian'
said=$(lintian --fail-on error "$deb" 2>&1) || fail "lintian: $said"

echo 'packages: everything is where it is looked for'
dpkg-deb -c "$deb" | awk '{ print $6 }' >"$work/files"
for file in ./usr/sbin/ploopu ./usr/sbin/mount.ploopu ./usr/sbin/umount.ploopu ./etc/ploopu/ploopu.tab \
    ./usr/lib/systemd/system/ploopu@.service ./usr/lib/tmpfiles.d/ploopu.conf \
    ./usr/lib/udev/rules.d/59-ploopu.rules ./usr/share/man/man8/ploopu.8.gz \
    ./usr/share/man/man8/umount.ploopu.8.gz ./usr/share/man/man8/ploopu-umount.8.gz \
    ./usr/share/bash-completion/completions/ploopu ./usr/share/doc/ploopu/copyright \
    ./usr/share/doc/ploopu/examples/modprobe-nbd.conf; do
    grep -qxF "$file" "$work/files" || fail "$file is not in the package"
done
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\) .*/\1/p' "$here/CMakeLists.txt")
[ "$(dpkg-deb -f "$deb" Version)" = "$version-1" ] || fail "its version is $(dpkg-deb -f "$deb" Version)"

echo 'packages: a release that a key has signed'
GNUPGHOME=$work/gnupg
export GNUPGHOME
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Test <test@example.org>' 2>"$work/gpg-log"
# A clone, so that changes of these sources that aren't committed don't matter.
git clone -q "$here" "$work/clone"
"$work/clone/packaging/release.sh" "$work/publish" "$deb" test@example.org >/dev/null
(cd "$work/publish" && sha256sum --quiet -c SHA256SUMS && gpg --batch --quiet --verify SHA256SUMS.asc SHA256SUMS) \
    2>>"$work/gpg-log" || fail "the release: $(cat "$work/gpg-log")"
tar -xzOf "$work/publish/ploopu-$version.tar.gz" "ploopu-$version/README.md" | cmp - "$work/clone/README.md"
spdx=$work/publish/ploopu-$version.spdx.json
dpkg-deb -x "$deb" "$work/tree"
readelf -d "$work/tree/usr/sbin/ploopu" | sed -n 's/.*(NEEDED).*\[\(lib[a-z_]*\).*/\1/p' | while read -r library; do
    jq -e --arg library "$library" '[.packages[].name | select(startswith($library | gsub("_"; "-")) or
        ($library == "libext2fs" and . == "libext2fs2") or ($library == "libz" and . == "zlib1g"))] != []' \
        "$spdx" >/dev/null || fail "the SPDX list lacks $library"
done
jq -e '([.packages[].SPDXID] | length == (unique | length)) and
    ([.relationships[].relatedSpdxElement] - [.packages[].SPDXID] == [])' "$spdx" >/dev/null ||
    fail 'the SPDX list contradicts itself'
cp "$work/publish/SHA256SUMS" "$work/sums"
"$work/clone/packaging/release.sh" "$work/publish" "$deb" >/dev/null
cmp "$work/publish/SHA256SUMS" "$work/sums" || fail 'two releases differ'
echo x >"$work/clone/x"
! "$work/clone/packaging/release.sh" "$work/publish" "$deb" >/dev/null 2>&1 || fail 'a release of what is not committed'
gpgconf --kill all

echo 'packages: the same once more, from another directory'
mkdir "$work/sources"
(cd "$here" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/sources")
git -C "$here" log -1 '--format=%an <%ae>' >"$work/maintainer"
again() {
    cd "$work/sources"
    umask 077
    # Builds in another clone: the package must not depend on the path of the sources.
    CCACHE_BASEDIR=$PWD cmake --preset package "-DPLOOPU_MAINTAINER=$(cat "$work/maintainer")"
    CCACHE_BASEDIR=$PWD cmake --build --preset package --target ploopu
    # The umask decides the modes in the outer archive of the package.
    umask 022
    cpack --preset package
}
(again) >"$work/log" 2>&1 || fail "$(tail -n 20 "$work/log")"
cmp "$deb" "$work/sources/build/package/${deb##*/}" || fail 'two builds differ'

if command -v systemd-analyze >/dev/null; then
    echo 'packages: systemd-analyze verify'
    dpkg-deb -x "$deb" "$work/tree"
    cp "$work/tree/usr/lib/systemd/system/ploopu@.service" "$work/ploopu@.service"
    sed -i "s|=/usr/sbin|=$work/tree/usr/sbin|" "$work/ploopu@.service"
    said=$(systemd-analyze verify --man=no "$work/ploopu@x.service" 2>&1 | grep ploopu) || true
    [ -z "$said" ] || fail "$said"
fi

[ "${2:-}" = rpm ] || exit 0
echo 'packages: rpmbuild'
# --nodeps: this host has no rpm packages that could meet the requirements.
mkdir -p "$work/rpm/SOURCES"
tar -C "$work" --transform "s/^sources/ploopu-$version/" --exclude build -czf \
    "$work/rpm/SOURCES/ploopu-$version.tar.gz" sources
CCACHE_BASEDIR=$work/rpm CCACHE_NOHASHDIR=1 rpmbuild --nodeps --define "_topdir $work/rpm" \
    --define '_build_id_links none' -bb "$work/sources/build/package/packaging/ploopu.spec" \
    >"$work/log" 2>&1 || fail "$(tail -n 20 "$work/log")"
rpm -qpl "$work"/rpm/RPMS/*/ploopu-"$version"-1*.rpm | grep -v -e '^/usr/share/doc' >"$work/rpm/files"
for file in /usr/sbin/mount.ploopu /etc/ploopu/ploopu.tab /usr/lib/systemd/system/ploopu@.service; do
    grep -qxF "$file" "$work/rpm/files" || fail "$file is not in the rpm"
done
