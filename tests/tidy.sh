#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tidy.sh SOURCE: clang-tidy of one file, with the compile commands in build/tidy. What it found nothing in, with all
# that it includes and the same settings, isn't looked at again: each takes seconds.
set -eu
source=$1
directory=build/tidy
command=$(jq -er --arg file "$PWD/$source" '[.[] | select(.file == $file)][0].command' $directory/compile_commands.json |
    sed 's/ -o [^ ]*//; s/ -c / -E -CC /')
text=$(mktemp)
trap 'rm -f "$text"' EXIT
{
    clang-tidy --version
    cat .clang-tidy
} >"$text"
# The hash covers comments, since some are for clang-tidy, but not the path of the clone.
(cd $directory && eval "$command") >>"$text"
state=$(sed "s|$PWD/||g" "$text" | sha256sum | cut -d ' ' -f 1)
clean=${XDG_CACHE_HOME:-$HOME/.cache}/ploopu-tidy/$state
[ ! -e "$clean" ] || exit 0
clang-tidy --quiet -p $directory "$source" 2>/dev/null
mkdir -p "${clean%/*}"
: >"$clean"
