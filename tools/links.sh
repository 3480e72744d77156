#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# links.sh [ROOT]: every relative link in the documentation leads to a file, and every heading that it
# names exists.  Prints FILE:LINE: LINK for each that does not and returns 1.
set -u -o pipefail
cd "${1:-$(dirname "$0")/..}" || exit 2
failed=0

headings() { # of a Markdown file, as anchors
    sed -n 's/^##* *//p' "$1" | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

while IFS=: read -r file line link; do
    link=${link#*](}
    link=${link%)}
    case $link in
    http://* | https://* | mailto:*) continue ;;
    esac
    path=${link%%#*}
    anchor=
    [[ $link == *#* ]] && anchor=${link#*#}
    target=$file
    [ -n "$path" ] && target=$(dirname "$file")/$path
    if [ ! -e "$target" ]; then
        echo "$file:$line: $link leads nowhere"
        failed=1
    elif [ -n "$anchor" ] && ! headings "$target" | grep -qxF -- "$anchor"; then
        echo "$file:$line: $link: no such heading"
        failed=1
    fi
done < <(find . -name '*.md' -not -path './build*' -not -path './out/*' -not -path './.git/*' -print0 |
    xargs -0 -r grep -noHE '\]\([^) ]+\)' || true)
exit $failed
