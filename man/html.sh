#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# html.sh DIRECTORY: makes the manual as HTML there: a file for each page, index.html and one stylesheet. Links to pages
# of other programs lead to manpages.debian.org.
set -eu
mkdir -p "$1"
html=$(realpath "$1")
# mandoc links to a page of ours if it finds the page in the current directory.
cd "$(dirname "$0")"
cp ploopu.css "$html"
for page in *.[1-9]; do
    mandoc -T html -O 'style=ploopu.css,man=%N.%S.html;https://manpages.debian.org/%N.%S' "$page" >"$html/$page.html"
done
# The verb umount is another name of detach.
cp "$html/ploopu-detach.8.html" "$html/ploopu-umount.8.html"
{
    echo '<!DOCTYPE html>'
    echo '<html lang="en"><head><meta charset="utf-8"/><title>Manual of ploopu</title>'
    echo '<meta name="viewport" content="width=device-width, initial-scale=1.0"/>'
    echo '<link rel="stylesheet" href="ploopu.css" type="text/css"/></head><body>'
    echo '<h1>Manual of ploopu</h1><dl>'
    # The overview comes first, then the guides, then the verbs.
    for page in ploopu.8 *.[1-7] ploopu-*.8 *mount.ploopu.8; do
        printf '<dt><a href="%s.html">%s</a></dt><dd>%s</dd>\n' "$page" "$(echo "$page" | sed 's/\.\([1-9]\)$/(\1)/')" \
            "$(sed -n 's/^\.Nd //p' "$page")"
    done
    echo '</dl></body></html>'
} >"$html/index.html"
