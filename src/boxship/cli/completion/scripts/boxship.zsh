#compdef boxship
# zsh completion for boxship: asks `boxship __complete` what may come next

_boxship() {
    local program answer directive line name text prefix=""
    local -a asked found shown options
    asked=("${(@Q)words[2,CURRENT]}")
    [[ -z ${words[CURRENT]} ]] && asked[CURRENT-1]=""
    program=${(Q)words[1]/#\~/$HOME}
    whence -p -- $program >/dev/null || program=boxship
    answer=$($program @REQUEST@ "${asked[@]}" 2>/dev/null) || return 1
    directive=${answer##*:}
    answer=${answer%:*}
    [[ $directive == <-> ]] && (( (directive & 1) == 0 )) || return 1
    # of --flag=value the candidates are values
    [[ $words[CURRENT] == -*=* ]] && compset -P '-*='
    for line in "${(@f)answer}"; do
        name=${line%%$'\t'*}
        [[ -n $name ]] || continue
        text=${name//:/\\:}
        [[ $line == *$'\t'* ]] && text+=":${line#*$'\t'}"
        found+=("$text")
    done
    (( directive & 2 )) && options+=(-S '')
    if (( directive & 16 )); then
        _path_files -/
    elif (( $#found )); then
        _describe -V 'completions' found "${options[@]}"
    elif (( (directive & 4) == 0 )); then
        _files
    else
        return 1
    fi
}

if [[ $funcstack[1] == _boxship ]]; then
    _boxship "$@" # autoloaded from fpath
else
    compdef _boxship boxship
fi
