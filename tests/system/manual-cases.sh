# SPDX-License-Identifier: GPL-2.0-or-later
# Cases that compare the JSON and the examples of the manual with the program.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2016 # $top_guid comes from images.sh; examples are expanded later

# json_of SECTION ARGUMENT...: runs the program and keeps its JSON for json_fields, whatever the exit code is. SECTION
# is a section of ploopu.5.
json_of() {
    section=$1
    shift
    "$PLOOPU" -q --json "$@" >"$WORK/json" 2>"$WORK/errors" || true
    [ "$section" != errors ] || mv "$WORK/errors" "$WORK/json"
    [ -s "$WORK/json" ] || fail "$*: no JSON: $(cat "$WORK/errors")"
    [ "$section" = errors ] || jq -e 'keys_unsorted[0] == "schema" and .schema == 1' "$WORK/json" >/dev/null ||
        fail "$*: the first field is not schema: $(head -c 100 "$WORK/json")"
    jq -r --arg section "$section" '
        def fields($at): if type == "object" then "object \($at)", (to_entries[] | "\($at).\(.key)" as $field |
                "field \($field)", (.value | fields($field)))
            elif type == "array" then (.[] | fields($at)) else empty end;
        del(.schema) | fields($section)' "$WORK/json" >>"$WORK/shown"
}

# json_fields: prints the fields that all calls of json_of had, as "SECTION PATH"; a path in brackets was sometimes
# missing.
json_fields() {
    awk '$1 == "object" { sub(/^object /, ""); objects[$0]++ }
        $1 == "field" { sub(/^field /, ""); fields[$0]++ }
        END { for (field in fields) {
            parent = field
            sub(/\.[^.]*$/, "", parent)
            section = path = field
            sub(/\..*/, "", section)
            sub(/^[^.]*\./, "", path)
            print section, (fields[field] == objects[parent] ? path : "[" path "]")
        } }' "$WORK/shown" | sort
}

# written_fields: prints the fields that the manual has, in that form. The mark of an array is left out.
written_fields() {
    sed -n -e 's/^\.Ss //p' -e 's/^\.It Va /field /p' -e 's/^\.It Op Va \(.*\)/field [\1]/p' \
        "$SOURCES/man/ploopu.5" | sed 's/\[\]//g' |
        awk '$1 == "field" { print section, $2; next } { section = $0 }' | sort
}

# make_odd_containers: makes a container with a name and a second disk, and a damaged container.
make_odd_containers() {
    host=$WORK/host
    make_host "$host"
    cp -r "$FIXTURES/root/vz/private/101" "$host/vz/private/301"
    cp -r "$(bundle 101)" "$host/vz/private/301/one.hdd"
    printf 'NAME=web\nDISK="uuid=%s,image=one.hdd,mnt=/srv,enabled=yes"\n' "$top_guid" >"$host/etc/vz/conf/301.conf"
    cat >"$host/vz/private/301/Snapshots.xml" <<XML
<A><SavedStateItem guid="$top_guid"><Name>n</Name><DateTime>d</DateTime><Description>e</Description></SavedStateItem></A>
XML
    make_container "$host" 302 "$FIXTURES/raw/101" 4096
    # Makes table entries lead nowhere: those of group descriptors, and of a file.
    for number in 280 1200; do
        le 4 4294967295 | patch "$host/vz/private/302/root.hdd/root.hds" $((64 + 4 * number))
    done
    cp "$(bundle 101)/root.hds" "$WORK/marked"
    head -c 1048576 /dev/zero >"$WORK/bits"
    add_bitmap "$WORK/marked" 1048576 "$WORK/bits"
    cp "$WORK/marked" "$WORK/broken-mark"
    le 1 1 | patch "$WORK/broken-mark" $(($(stat -c %s "$WORK/broken-mark") - 2097152 + 1000))
}

case_every_json_field_is_in_the_manual() {
    make_odd_containers
    tree=$FIXTURES/root
    mkdir "$WORK/m" "$WORK/n" "$WORK/o"
    json_of info --root "$tree" info 102 -s base
    json_of info --root "$host" info 301
    json_of info info "$(bundle 107)"
    for image in marked broken-mark; do json_of info info "$WORK/$image"; done
    json_of map --root "$tree" map 101
    json_of map --root "$host" map 302
    json_of check --root "$host" check 301
    json_of check check "$FIXTURES/bad/xml"
    json_of check --root "$host" check 302 --files
    json_of snapshots --root "$tree" snapshots 102
    json_of snapshots --root "$host" snapshots 301
    json_of list list
    # Attaches an older state, a path with an overlay file, a file instead of a device, and a mount.
    json_of attach --root "$tree" attach --backend "$BACKEND" 102 -s base
    json_of attach attach --backend "$BACKEND" "$(bundle 101)" --overlay-file "$WORK/kept"
    json_of attach --root "$tree" attach --backend fuse --no-loop 104
    json_of mount --root "$host" mount --backend "$BACKEND" 301 "$WORK/m"
    json_of mount --root "$tree" mount --backend "$BACKEND" 102 -s base "$WORK/n"
    json_of mount mount --backend "$BACKEND" "$(bundle 101)" "$WORK/o" --overlay-file "$WORK/kept"
    json_of list list
    json_of 'list --all' --root "$host" list --all
    json_of doctor doctor
    json_of errors info "$WORK/nowhere"
    json_of reload reload --all
    json_of detach detach --all -n
    json_of detach detach --all
    json_of 'dry runs' --root "$tree" attach -n 102 -s base
    json_of 'dry runs' --root "$tree" mount -n 101 "$WORK/m" --backend "$BACKEND"
    json_of 'dry runs' attach -n "$(bundle 101)" --overlay-file "$WORK/kept"
    json_fields >"$WORK/found"
    written_fields >"$WORK/written"
    diff "$WORK/found" "$WORK/written" >"$WORK/differences" ||
        fail "fields: those of the program (<) and of man/ploopu.5 (>): $(cat "$WORK/differences")"
}

# Each verb that prints JSON has a section in ploopu.5.
case_every_verb_has_its_json_in_the_manual() {
    "$PLOOPU" __complete -- '' | cut -f 1 | grep -vx -e help -e umount | sort >"$WORK/verbs"
    sed -n 's/^\.Ss \([a-z]*\)$/\1/p' "$SOURCES/man/ploopu.5" | grep -vx errors | sort >"$WORK/sections"
    diff "$WORK/verbs" "$WORK/sections" || fail 'sections of man/ploopu.5'
}

# examples_of PAGE: prints the commands of the examples, with the fixtures in place of the images that they name.
examples_of() {
    snapshot=$(ploopu snapshots 102 --json | jq -r '.snapshots[0].guid[1:9]')
    sed -n '/^\.Bd -literal/,/^\.Ed/s/^[#$] //p' "$1" |
        sed -e "s|/mnt|$WORK/mnt|g; s|/scratch|$WORK/scratch|g; s|/old|$FIXTURES/root|g" \
            -e "s|/backup/101|$FIXTURES/root/vz/private/101|; s|5d0c1f6c|$snapshot|" \
            -e 's|/dev/nbd0p1|"$(attached p1)"|; s|/dev/nbd0|"$(attached)"|'
}

# attached [PARTITION]: prints the first attached device, or a partition of it such as p1.
attached() {
    device=$("$PLOOPU" list --json | jq -r '.attachments[0].device')
    echo "$device${1:-}"
}

case_the_examples_of_the_manual() {
    ploopu() {
        case " $* " in
        *' --root '*) "$PLOOPU" "$@" ;;
        *) "$PLOOPU" --root "$FIXTURES/root" "$@" ;;
        esac
    }
    cd "$FIXTURES/root/vz/private/101" || fail 'no fixtures'
    for page in "$SOURCES"/man/ploopu*.[1-9]; do
        mkdir "$WORK/mnt" "$WORK/scratch"
        examples_of "$page" >"$WORK/examples"
        case $page in *.8) grep -q '^ploopu ' "$WORK/examples" || fail "$page has no example" ;; esac
        while read -r line; do
            case $line in
            'modprobe '* | 'qemu-nbd '* | 'mount '*) echo "not run, for want of a qcow2 container and nbd: $line" ;;
            *) (eval "$line") </dev/null >"$WORK/said" 2>&1 || fail "$page: $line: $? $(cat "$WORK/said")" ;;
            esac
        done <"$WORK/examples"
        expect_equal "$("$PLOOPU" list --json | jq -c .attachments)" '[]' "after $page"
        rm -r "$WORK/scratch"
        rmdir "$WORK/mnt"
    done
}

# A descriptor that follows the example in ploopu-images(7) works.
case_the_descriptor_of_the_manual() {
    mkdir "$WORK/image"
    sed -n '/^<?xml/,/^<\/Parallels/p' "$SOURCES/man/ploopu-images.7" >"$WORK/image/DiskDescriptor.xml"
    cp "$(bundle 102)/root.hdd" "$WORK/image/base.hds"
    cp "$(bundle 102)"/root.hdd.* "$WORK/image/newest.hds"
    for state in top base; do
        file=$(ploopu -q attach "$WORK/image" -s $state --no-loop --backend fuse)
        case $state in top) cmp "$file" "$FIXTURES/raw/102" ;; *) cmp "$file" "$FIXTURES/older/102" ;; esac
        ploopu detach "$file"
    done
}
