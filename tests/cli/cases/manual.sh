# SPDX-License-Identifier: Apache-2.0
# The manual page names every option of every --help, in the part of its command or in one of every command.
manual=$(dirname "$case")/../../../docs/atelier.1
for command in $("$ATELIER" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
    awk -v command=$command '/^\.S[sh] /{ on = $2 == command || /^\.Ss Options of every/ } on' "$manual" >part
    for option in $("$ATELIER" $command --help | sed -n 's/^  --\([a-z0-9-]*\).*/\1/p'); do
        grep -qE "Fl -$option( |\$)" part || echo "$command: --$option is missing"
    done
    echo "$command: $(grep -c . part | sed 's/^0$/has no part/; s/^[1-9].*/described/')"
done
