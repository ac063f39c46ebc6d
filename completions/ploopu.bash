# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of ploopu for bash. Verbs and options are asked of the program, so they can't go stale.
# shellcheck shell=bash

# Words of the help text that look like the given pattern.
_ploopu_help_words() {
    "$1" "${@:3}" --help 2>/dev/null | grep -oE -- "$2" | sort -u
}

# Container IDs that have a configuration, and names without blanks, under --root if that was typed.
_ploopu_containers() {
    local root='' i file
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == --root ]] && root=${COMP_WORDS[i + 1]%/}
    done
    for file in "$root"/etc/vz/conf/*.conf; do
        file=${file##*/}
        file=${file%.conf}
        [[ $file =~ ^([1-9][0-9]*|[0-9a-fA-F-]{36})$ ]] && echo "$file"
    done
    for file in "$root"/etc/vz/names/*; do
        [[ -L $file && ${file##*/} =~ ^[A-Za-z0-9._+][A-Za-z0-9._+-]*$ ]] && echo "${file##*/}"
    done
}

# What can be detached: the columns DEVICE, CTID and MOUNTPOINT of the list.
_ploopu_targets() {
    "$1" list --json 2>/dev/null | grep -oE '"(/[^"]*|[0-9a-fA-F-]+)"' | tr -d '"'
}

# Columns of the list that is being typed.
_ploopu_columns() {
    local which='Columns'
    [[ " ${COMP_WORDS[*]} " == *' --all '* ]] && which='With --all'
    "$1" list --help 2>/dev/null | sed -n "s/^$which://p"
}

# Snapshots of the first word behind the verb, without braces.
_ploopu_snapshots() {
    local i image='' root=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == --root ]] && root=(--root "${COMP_WORDS[i + 1]}")
        [[ -n $2 && ${COMP_WORDS[i - 1]} == "$2" ]] && image=${COMP_WORDS[i]}
    done
    echo base top
    "$1" "${root[@]}" snapshots "$image" --json 2>/dev/null |
        sed -n 's/.*"guid": "{\([0-9a-f-]*\)}".*/\1/p'
}

_ploopu() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} verb='' i positional=0
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --root | --backend | --partition | --only | -o | --output | --sort | -s | --snapshot | --disk | \
            -t | --journal | --overlay-dir | --overlay-file | --overlay-size) ((i++)) ;;
        -*) ;;
        *)
            if [[ -n $verb ]]; then
                ((++positional))
            else
                verb=${COMP_WORDS[i]}
            fi
            ;;
        esac
    done
    COMPREPLY=()
    local words=''
    case $previous in
    --root | --overlay-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --overlay-file)
        compopt -o filenames 2>/dev/null || true
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --backend)
        mapfile -t COMPREPLY < <(compgen -W 'auto nbd dm fuse' -- "$current")
        return
        ;;
    --journal)
        mapfile -t COMPREPLY < <(compgen -W 'auto replay skip' -- "$current")
        return
        ;;
    -s | --snapshot)
        words=$(_ploopu_snapshots "$program" "$verb")
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
        ;;
    -o | --output | --sort)
        if [[ $verb == list ]]; then
            # The last of several.
            words=$(_ploopu_columns "$program")
            mapfile -t COMPREPLY < <(compgen -W "$words" -P "${current%"${current##*,}"}" -- "${current##*,}")
        fi
        return
        ;;
    --disk)
        mapfile -t COMPREPLY < <(compgen -W 'root 1 2 3' -- "$current")
        return
        ;;
    --only)
        mapfile -t COMPREPLY < <(compgen -W 'data zero error' -- "$current")
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        # shellcheck disable=SC2086 # no verb, no word
        words=$(_ploopu_help_words "$program" '-{1,2}[a-z][a-z-]*' $verb)
    elif [[ -z $verb ]]; then
        words='info map check snapshots attach mount detach umount list'
    elif [[ $verb == detach || $verb == umount ]]; then
        words=$(_ploopu_targets "$program")
    elif [[ $verb == mount && $positional -gt 0 ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
    elif [[ $verb != list && $current != */* && $positional -eq 0 ]]; then
        words=$(_ploopu_containers)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    if [[ -n $verb && $current != -* && ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o filenames 2>/dev/null || true
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _ploopu ploopu
