# bash completion for boxship: asks `boxship __complete` what may come next

__boxship_words() {
    # bash splits at = and : too; put together again what stands together, without its quotes
    local rest=${COMP_LINE:0:COMP_POINT} index word
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $index -eq 0 || $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        [[ $index -eq $COMP_CWORD ]] && word=$rest
        words[${#words[@]} - 1]+=$word
        rest=${rest#"$word"}
    done
    for index in "${!words[@]}"; do
        words[index]=${words[index]//[\\\"\']/}
    done
}

__boxship_complete() {
    local words program answer directive cur char before kept="" width=0 candidate text described=1
    local -a found=()
    __boxship_words
    program=${words[0]/#\~/$HOME}
    type -P -- "$program" >/dev/null || program=boxship
    answer=$("$program" @REQUEST@ "${words[@]:1}" 2>/dev/null) || return
    directive=${answer##*:}
    answer=${answer%:*}
    [[ $directive == [0-9]* && $((directive & 1)) -eq 0 ]] || return
    cur=${words[${#words[@]} - 1]}
    if [[ $cur == -*=* ]]; then # of --flag=value the candidates are values
        kept=${cur%%=*}=
        cur=${cur#*=}
    fi
    while IFS= read -r candidate; do
        [[ $candidate && ${candidate%%$'\t'*} == "$cur"* ]] && found+=("$candidate")
    done <<<"$answer"
    ((directive & 2)) && compopt -o nospace
    ((directive & 4)) && compopt +o default
    ((directive & 16)) && compopt +o default -o dirnames
    # readline replaces only what follows the last word break
    cur=$kept$cur
    before=""
    for char in = :; do
        if [[ $COMP_WORDBREAKS == *"$char"* && $cur == *"$char"* ]]; then
            text=${cur%"${cur##*"$char"}"}
            ((${#text} > ${#before})) && before=$text
        fi
    done
    [[ ${#found[@]} -lt 2 || $COMP_TYPE == 37 || $COMP_TYPE == 42 ]] && described=0
    for candidate in "${found[@]}"; do
        candidate=${candidate%%$'\t'*}
        ((${#candidate} > width)) && width=${#candidate}
    done
    COMPREPLY=()
    for candidate in "${found[@]}"; do
        text=$kept${candidate%%$'\t'*}
        text=${text#"$before"}
        if [[ $described -eq 1 && $candidate == *$'\t'* ]]; then
            printf -v text '%-*s  (%s)' "$width" "$text" "${candidate#*$'\t'}"
            text=${text:0:${COLUMNS:-80} - 1}
        fi
        COMPREPLY+=("$text")
    done
}

complete -o default -F __boxship_complete boxship
