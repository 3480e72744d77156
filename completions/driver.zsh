
# SPDX-License-Identifier: Apache-2.0
_atelier() {
    if (( CURRENT == 2 )); then
        _atelier_commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    if [[ $command == dataset && $words[2] == check ]] && (( CURRENT > 2 )); then
        command='dataset check'
        shift words
        (( CURRENT-- ))
    fi
    _atelier_options $command
}

_atelier "$@"
