#!/bin/zsh -f
# SPDX-License-Identifier: GPL-2.0-or-later
# shells.zsh SHELL COMPLETIONS: reads commands that begin with ploopu, one a line, and prints for each the words to
# which SHELL (bash, zsh or fish) completes its last word, sorted and separated by |. bash and zsh run in a terminal of
# their own and get keys: a key that inserts all matches, or a tab if the line ends with one. A word without a match
# stays.
zmodload zsh/zpty
shell=$1 completions=$2

# start COMMAND SETUP...: starts a shell in a terminal, and runs the lines SETUP in it.
start() {
    zpty -b shell env -i TERM=dumb LC_ALL=C.UTF-8 HOME="$HOME" PATH="$PATH" "$1"
    # A function in place of the program shows the arguments that the program gets.
    zpty -w shell "${(j:; :)@[2,-1]}; echo READ\"\"Y"
    zpty -r -m shell said '*READY*' || exit 1
}

# The function prints the words of the line between @< and @>.
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
    # Splits the line into words as the shell does; the last word is completed.
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
    # bash must not print anything. zsh echoes keys and lists; its error messages contain "ploopu:".
    said=${${said%%@<*}//[[:space:]]/}
    [[ $shell = zsh && $said != *ploopu:* || -z $said ]] || print -r -- "it said: $said"
done
[[ $shell = fish ]] || zpty -d shell
