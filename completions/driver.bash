
# SPDX-License-Identifier: Apache-2.0
_atelier() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local name kind names='' plain='' kind_of_prev=''
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_atelier_commands) --help --version" -- "$cur")
        return
    fi
    if [ "$COMP_CWORD" -gt 2 ] && [ -n "$(_atelier_options "$command ${COMP_WORDS[2]}")" ]; then
        command="$command ${COMP_WORDS[2]}"
    fi
    # "--name=value" comes in three words
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    while read -r name kind; do
        case $name in
        '') ;;
        plain) plain=$kind ;;
        *)
            names="$names $name"
            [ "$name" = "$prev" ] && kind_of_prev=$kind
            ;;
        esac
    done < <(_atelier_options "$command")
    case $kind_of_prev in
    '' | flag)
        case $cur in
        -*) mapfile -t COMPREPLY < <(compgen -W "$names --help" -- "$cur") ;;
        *) _atelier_value "$plain" "$cur" ;;
        esac
        ;;
    *) _atelier_value "$kind_of_prev" "$cur" ;;
    esac
}

_atelier_value() { # KIND BEGINNING
    case $1 in
    file) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    folder) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    *'|'*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$2") ;;
    *) return ;;
    esac
    case $1 in
    file | folder) compopt -o filenames 2>/dev/null ;;
    esac
    return 0
}

complete -F _atelier atelier
