
# SPDX-License-Identifier: Apache-2.0
_atelier() {
    if (( CURRENT == 2 )); then
        _atelier_commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    if [[ "$command $words[2]" == (dataset\ check|spectra\ (stats|calc|heatmap|slices)|congeal\ (apply|points|propagate|train)|directions\ (sefa|ganspace|boundary|lstsq|condition|show)) ]] && (( CURRENT > 2 )); then
        command="$command $words[2]"
        shift words
        (( CURRENT-- ))
    fi
    _atelier_options $command
}

_atelier "$@"
