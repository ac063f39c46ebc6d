#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# release.sh DIRECTORY DEB [KEY]: puts the files of a release into DIRECTORY: the sources of HEAD, the Debian package DEB
# that was built from them, an SPDX list of what its program is linked with, the checksums of all, and the signature of
# the checksums by the GnuPG key KEY. Without KEY the release is not signed. The same commit makes the same files.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
[ -z "$(git -C "$here" status --porcelain)" ] || {
    echo "release.sh: $here: has changes that are not committed: commit them first" >&2
    exit 1
}
mkdir -p "$1"
directory=$(cd "$1" && pwd)
deb=$(realpath "$2")
key=${3:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-release.XXXXXX")
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\) .*/\1/p' "$here/CMakeLists.txt")
name=ploopu-$version
rm -f "$directory"/*
git -C "$here" archive --prefix="$name/" HEAD | gzip -9n >"$directory/$name.tar.gz"
cp "$deb" "$directory"

# package_of FILE: prints the Debian package and the version that a library belongs to.
package_of() {
    # By the name alone: dpkg may know the file below /lib or below /usr/lib.
    package=$(dpkg-query -S "*/${1##*/}" | sed -n '1s/:.*//p')
    dpkg-query -W -f '${Package} ${Version}\n' "$package" | head -n 1
}
# linked: prints "HOW PACKAGE VERSION" for all that the program contains or loads at its start.
linked() {
    dpkg-deb -x "$deb" "$work/tree"
    ldd "$work/tree/usr/sbin/ploopu" | grep -o '/[^ ]*' | while read -r library; do
        echo "DYNAMIC_LINK $(package_of "$library")"
    done
    # Templates in headers, and the static libraries of the parser of `list --all`.
    for package in libcli11-dev libexpected-dev libfmt-dev nlohmann-json3-dev libpugixml-dev libmd-dev libseccomp-dev \
        libc6-dev libstdc++-12-dev libgcc-12-dev; do
        echo "STATIC_LINK $(dpkg-query -W -f '${Package} ${Version}' "$package")"
    done
}
linked | LC_ALL=C sort -u >"$work/linked"
jq -n --rawfile linked "$work/linked" --arg name "$name" --arg version "$version" \
    --arg date "$(TZ=UTC git -C "$here" log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)" \
    --arg commit "$(git -C "$here" rev-parse HEAD)" '
    def package(id; name; version; license): {SPDXID: id, name: name, versionInfo: version,
        downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: license, licenseDeclared: license,
        copyrightText: "NOASSERTION"};
    def id: "SPDXRef-" + gsub("[^A-Za-z0-9.-]"; "-");
    [$linked | split("\n")[] | select(. != "") | split(" ") | {how: .[0], name: .[1], version: .[2]}] as $parts |
    {spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: $name,
     documentNamespace: "urn:ploopu:\($commit)", creationInfo: {created: $date, creators: ["Tool: ploopu-release"]},
     packages: ([package("SPDXRef-ploopu"; "ploopu"; $version; "GPL-2.0-or-later")] +
        ([$parts[] | package(.name | id; .name; .version; "NOASSERTION")] | unique)),
     relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES",
            relatedSpdxElement: "SPDXRef-ploopu"}] +
        [$parts[] | {spdxElementId: "SPDXRef-ploopu", relationshipType: .how, relatedSpdxElement: (.name | id)}])}' \
    >"$directory/$name.spdx.json"
(cd "$directory" && sha256sum "$name.tar.gz" "${deb##*/}" "$name.spdx.json" >SHA256SUMS)
if [ -n "$key" ]; then
    gpg --batch --yes --quiet --local-user "$key" --armor --detach-sign --output "$directory/SHA256SUMS.asc" \
        "$directory/SHA256SUMS"
else
    echo 'No key was given: the release is not signed.'
fi
ls -l "$directory"
