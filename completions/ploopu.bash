# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of ploopu for bash. The program itself answers; see cmd/app/completion.hpp.
# shellcheck shell=bash

_ploopu() {
    local line=${COMP_LINE:0:COMP_POINT}
    # Administrators who become root by sudo may lack these directories.
    mapfile -t COMPREPLY < <(PATH=$PATH:/usr/local/sbin:/usr/sbin \
        command ploopu __complete --bash "$COMP_WORDBREAKS" "$line" 2>/dev/null)
    # The last line may ask for paths, which readline completes itself if there are no words.
    case ${COMPREPLY[*]: -1} in
    :files) compopt -o default ;;
    :directories) compopt -o dirnames ;;
    *) return ;;
    esac
    unset 'COMPREPLY[-1]'
}

complete -o nosort -F _ploopu ploopu
