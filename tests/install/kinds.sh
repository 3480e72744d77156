#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kinds.sh SOURCE CC...: a build of the shared library alone and one of the static library alone can be configured,
# and make what they are asked for.
set -u -o pipefail
command -v meson >/dev/null || { echo "no meson"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$1
shift
for kind in shared static; do
    CC=$* meson setup -Ddefault_library=$kind -Dtests=false "$work/$kind" "$source" >"$work/log" 2>&1 ||
        { cat "$work/log"; echo "default_library=$kind can't be configured"; exit 1; }
done
made() { # KIND: names of the library in its build
    grep -oE '^build src/libatelier\.(so|a)[:.0-9]*' "$work/$1/build.ninja" | grep -oE '\.(so|a)' | sort -u
}
[ "$(made shared) $(made static)" = ".so .a" ] || { echo "shared: $(made shared), static: $(made static)"; exit 1; }
