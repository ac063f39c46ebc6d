#!/bin/zsh -f
# SPDX-License-Identifier: GPL-2.0-or-later
# shells.zsh SHELL COMPLETIONS: for each line of standard input, a command that begins with ploopu,
# prints the words that SHELL (bash, zsh or fish) makes of the last one when it is asked to complete
# it, sorted and separated by |. bash and zsh run in a terminal of their own and get keys: one that
# puts in all matches, or a tab when the line ends with one. Where nothing fits, the word stays.
zmodload zsh/zpty
shell=$1 completions=$2

# start COMMAND SETUP...
start() {
    zpty -b shell env -i TERM=dumb LC_ALL=C.UTF-8 HOME="$HOME" PATH="$PATH" "$1"
    # A function in the place of the program shows what it would get.
    zpty -w shell "${(j:; :)@[2,-1]}; echo READ\"\"Y"
    zpty -r -m shell said '*READY*' || exit 1
}

# What stands between @< and @> are the words that the shell made of the line.
show='ploopu() { printf "@""<"; printf "%s|" "$@"; echo "@"">"; }'
case $shell in
bash)
    start 'bash --norc -i' 'stty -echo; PS1=; bind "set enable-bracketed-paste off"; bind "\"\C-t\": insert-completions"' \
        '. /usr/share/bash-completion/bash_completion' ". ${(q)completions}/ploopu.bash" $show
    ;;
zsh)
    start 'zsh -f -i' 'PS1=; PS2=; RPS1=; unsetopt zle_bracketed_paste beep prompt_sp' \
        "fpath=(${(q)completions} \$fpath); autoload -Uz compinit; compinit -u -D" \
        'zle -C all complete-word _generic; bindkey "^T" all' \
        'zstyle ":completion:all::::" completer _all_matches _complete' \
        'zstyle ":completion:all:*" insert yes' $show
    ;;
esac

while IFS= read -r line; do
    # As the shell sees them; the last one is being completed.
    typed=(${(z)${line%$'\t'}})
    [[ $line != *' ' ]] || typed+=('')
    if [[ $shell = fish ]]; then
        words=(${(f)"$(fish --no-config -c "source ${(q)completions}/ploopu.fish; complete -C \$argv[1]" \
            -- "${line%$'\t'}" 2>&1 | cut -f 1)"})
        (( $#words )) || words=($typed[-1])
        print -r -- ${(j:|:)${(o)words}}
        continue
    fi
    [[ $line = *$'\t' ]] || line+=$'\C-t'
    zpty -w -n shell "$line"$'\n'
    said=
    zpty -r -m shell said '*@>*' || exit 1
    words=("${(@s:|:)${${said#*@<}%%|@>*}}")
    print -r -- ${(j:|:)${(o)words[$#typed-1,-1]}}
    # bash isn't to say anything; zsh echoes keys and lists, but complaints have a colon.
    said=${${said%%@<*}//[[:space:]]/}
    [[ $shell = zsh && $said != *ploopu:* || -z $said ]] || print -r -- "it said: $said"
done
[[ $shell = fish ]] || zpty -d shell
