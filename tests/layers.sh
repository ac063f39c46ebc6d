#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# layers.sh: compares the folders of cmd, core and platform with the table in docs/ARCHITECTURE.md, which lists their
# contents and the folders that each may include. Prints a line for each difference, for an arrow of the table that
# points up (a cycle needs one), for a file that is too long, and for a test that is not named after its source. Fails
# if it printed any. First it tests itself on small trees with one error each.
set -eu

most_lines=350
# Files that were longer when the limit came. This list only gets shorter.
too_long_yet=''
# Headers of the kernel, and of libraries that talk to it.
kernel_headers='sys|linux|netlink|blkid|libmount|libkmod|libdevmapper|fuse[a-z_]*|ext2fs'

# look FILE...: prints the errors of the files, and of docs/ARCHITECTURE.md in the current directory.
look() {
    awk -v most_lines=$most_lines -v too_long_yet="$too_long_yet" -v kernel_headers="$kernel_headers" '
        function folder_of(path) { return match(path, "/[^/]*$") ? substr(path, 1, RSTART - 1) : "" }
        function layer_of(folder) { sub("/.*", "", folder); return folder }
        function end_file() {
            if (path == "" || path == table) return
            if (lines > most_lines && !(path in long))
                print path ": " lines " lines, more than " most_lines ": split it by concept"
            if (lines <= most_lines && path in long)
                print path ": no longer too long: take it off the list in tests/layers.sh"
        }
        BEGIN {
            table = "docs/ARCHITECTURE.md"
            count = split(too_long_yet, names, " ")
            for (i = 1; i <= count; i++) long[names[i]]
            # A folder may include these layers. The files of cmd itself join all of them.
            split("core>core platform>core platform>platform cmd>core cmd>cmd", names, " ")
            for (i in names) down[names[i]]
        }
        FNR == 1 {
            end_file()
            path = FILENAME
            folder = folder_of(path)
            if (path != table && !(folder in holds)) {
                print path ": the table in " table " has no row for " folder
                holds[folder]
            }
            filled[folder]
        }
        { lines = FNR }
        # | `core/base` | words that everybody uses | `core/files` `core/disk` |
        path == table && /^\| `(cmd|core|platform)/ {
            split($0, cells, / *\| */)
            gsub("`", "", cells[2])
            gsub("`", "", cells[4])
            if (cells[3] == "") print table ": no word about what " cells[2] " holds"
            rows[++row_count] = cells[2]
            count = split(cells[4], names, " ")
            for (i = 1; i <= count; i++) {
                arrow[cells[2], names[i]]
                arrows[++arrow_count] = cells[2] " " names[i]
                if (!(names[i] in holds))
                    print table ": " cells[2] " -> " names[i] ": a folder may include those in rows above its own"
                if (!(layer_of(cells[2]) ">" layer_of(names[i]) in down) && cells[2] != "cmd")
                    print table ": " cells[2] " -> " names[i] ": " layer_of(cells[2]) " is not linked with " layer_of(names[i])
            }
            holds[cells[2]]
            next
        }
        path != table && match($0, /^#include "[^"]*"/) {
            to = folder_of(substr($0, 11, RLENGTH - 11))
            used[folder, to]
            if (to != folder && !((folder, to) in arrow))
                print path ":" FNR ": the row of " folder " in " table " lacks " to
        }
        layer_of(folder) == "core" && match($0, "^#include <(" kernel_headers ")[/.]") {
            print path ":" FNR ": a kernel header in core: " substr($0, RSTART + 10)
        }
        END {
            end_file()
            for (i = 1; i <= row_count; i++)
                if (!(rows[i] in filled)) print table ": there is no folder " rows[i]
            for (i = 1; i <= arrow_count; i++) {
                split(arrows[i], names, " ")
                if (!((names[1], names[2]) in used))
                    print table ": nothing uses the arrow " names[1] " -> " names[2]
            }
        }' docs/ARCHITECTURE.md "$@"
}

# look_at_tests TEST...: prints the tests without a source. tests/core/x/name_test.cpp, and name_part_test.cpp for a
# part of it, need core/x/name.cpp or name.hpp.
look_at_tests() {
    for test; do
        source=${test#tests/}
        source=${source%_test.cpp}
        name=${source##*/}
        while [ ! -e "${source%/*}/$name.hpp" ] && [ ! -e "${source%/*}/$name.cpp" ]; do
            case $name in
            *_*) name=${name%_*} ;;
            *)
                echo "$test: no source has this name; is it about another one?"
                break
                ;;
            esac
        done
    done
}

look_at_tree() {
    # shellcheck disable=SC2046 # names without blanks
    look $(find cmd core platform -name '*.[ch]pp' | LC_ALL=C sort)
    # shellcheck disable=SC2046 # names without blanks
    look_at_tests $(find tests/cmd tests/core tests/platform -name '*_test.cpp' 2>/dev/null | LC_ALL=C sort)
}

# shellcheck disable=SC2016 # Markdown
# say_of COMMAND: prints the errors of a small correct tree after COMMAND has changed it.
say_of() {
    (
        too_long_yet=
        rm -rf "$scratch/tree"
        mkdir -p "$scratch/tree"
        cd "$scratch/tree"
        mkdir -p docs cmd/verbs core/base core/disk platform/os tests/core/disk
        printf '| `%s` | x | %s |\n' core/base '' core/disk '`core/base`' platform/os '`core/base`' \
            cmd/verbs '`core/disk`' cmd '`cmd/verbs` `platform/os`' >docs/ARCHITECTURE.md
        echo '//' | tee core/base/text.hpp >tests/core/disk/disk_random_test.cpp
        echo '#include "core/base/text.hpp"' | tee core/disk/disk.cpp >platform/os/wait.hpp
        echo '#include "core/disk/disk.hpp"' >cmd/verbs/map.cpp
        printf '#include "%s"\n' cmd/verbs/map.hpp platform/os/wait.hpp >cmd/main.cpp
        eval "$1"
        look_at_tree
    )
}

# expect PATTERN COMMAND: fails unless the errors of the tree after COMMAND match PATTERN.
expect() {
    said=$(say_of "$2")
    echo "$said" | grep -qe "$1" || {
        echo "layers.sh: after '$2' it should say '$1', and says: $said"
        exit 1
    }
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-layers.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
expect '^$' true
# shellcheck disable=SC2016 # for eval
{
    expect '^core/disk/disk.cpp: 351 lines' 'for line in $(seq 350); do echo //; done >>core/disk/disk.cpp'
    expect '^core/disk/disk.cpp: no longer' 'too_long_yet=core/disk/disk.cpp'
    expect '^core/disk/disk.cpp:2: the row of core/disk in .* lacks core/vz' 'echo "#include \"core/vz/a.hpp\"" >>core/disk/disk.cpp'
    expect 'lacks tests/support' 'echo "#include \"tests/support/a.hpp\"" >>core/disk/disk.cpp'
    expect 'kernel header in core: sys/stat.h' 'echo "#include <sys/stat.h>" >>core/disk/disk.cpp'
    expect 'has no row for core/vz' 'mkdir core/vz; echo // >core/vz/a.hpp'
    expect 'there is no folder core/base' 'rm core/base/text.hpp'
    expect 'no word about what core/base' 'sed -i "1s/x//" docs/ARCHITECTURE.md'
    expect 'nothing uses the arrow core/disk -> core/base' 'echo // >core/disk/disk.cpp'
    expect 'core/base -> core/disk: .* rows above' 'sed -i "1s, |$,\`core/disk\` |," docs/ARCHITECTURE.md'
    expect 'core/base -> platform/os: core is not linked' 'sed -i "1s, |$,\`platform/os\` |," docs/ARCHITECTURE.md'
    expect 'platform/os -> cmd/verbs: platform is not linked' 'sed -i "3s, |$, \`cmd/verbs\` |," docs/ARCHITECTURE.md'
    expect 'cmd/verbs -> platform/os: cmd is not linked' 'sed -i "4s, |$, \`platform/os\` |," docs/ARCHITECTURE.md'
    expect '^tests/core/disk/disc_test.cpp: no source' 'echo // >tests/core/disk/disc_test.cpp'
}

cd "$(dirname "$0")/.."
said=$(look_at_tree)
[ -z "$said" ] || {
    echo "$said"
    exit 1
}
