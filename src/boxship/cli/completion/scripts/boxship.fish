# fish completion for boxship: asks `boxship __complete` what may come next

function __boxship_complete
    set -l tokens (commandline -opc)
    set -l last (commandline -ct)
    set -l program $tokens[1]
    type -q -- $program; or set program boxship
    set -l answer ($program @REQUEST@ $tokens[2..-1] "$last" 2>/dev/null); or return
    set -l directive (string replace -r '^:' '' -- $answer[-1])
    string match -qr '^[0-9]+$' -- $directive; or return
    test (math "bitand($directive, 1)") -eq 0; or return
    set -l prefix ''
    # of --flag=value the candidates are values
    string match -qr -- '^-[^=]*=' $last; and set prefix (string match -r -- '^-[^=]*=' $last)
    if test (count $answer) -gt 1
        for candidate in $answer[1..-2]
            printf '%s\n' $prefix$candidate
        end
    else if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories "$last"
    else if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$last"
    end
end

complete -c boxship -e
complete -c boxship -f -a '(__boxship_complete)'
