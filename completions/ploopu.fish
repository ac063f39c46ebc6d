# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of ploopu for fish. The program itself answers; see cmd/app/completion.hpp.

function __ploopu_complete
    # Administrators who become root by sudo may lack these directories.
    set -lx PATH $PATH /usr/local/sbin /usr/sbin
    command -q ploopu; or return
    set -l words (commandline -opc) (commandline -ct | string unescape; or commandline -ct)
    set -l answers (command ploopu __complete -- $words[2..] 2>/dev/null)
    set -l option (string match -r -- '^(?:--[^=]*=)?' $words[-1]) # empty without an option
    set -l value (string replace -r -- '^--[^=]*=' '' $words[-1])
    switch "$answers[-1]"
        case :files
            set answers $answers[..-2] $option(__fish_complete_path $value)
        case :directories
            set answers $answers[..-2] $option(__fish_complete_directories $value)
    end
    set -q answers[1]; and printf "%s\n" $answers
end

complete -c ploopu -f -k -a '(__ploopu_complete)'
