#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# portraits.sh DEST.zip [SHEET.png]: makes the data set of portraits, 64x64, labelled by skin tone, out of the colour
# emoji font of Debian and Ubuntu, and DEST.csv, which says what each picture is.  SHEET.png shows a few of them.
# docs/datasets.md describes it.
set -eu -o pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: tools/portraits.sh DEST.zip [SHEET.png]" >&2
    exit 2
fi
dest=$(realpath -m -- "$1")
sheet=${2:+$(realpath -m -- "$2")}
cd "$(dirname "$0")/.."
font=/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
list=/usr/share/unicode/emoji/emoji-test.txt
build=build/release

bash tools/deps.sh portraits
if [ -d $build ]; then
    meson setup --reconfigure $build -Dportraits=true >/dev/null
else
    meson setup $build -Dbuildtype=release -Dtests=false -Dportraits=true >/dev/null
fi
ninja -C $build cli/atelier tools/portraits/portraits tools/portraits/sheet >/dev/null

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$build/tools/portraits/portraits "$font" "$list" "$work/glyphs"
$build/cli/atelier dataset --source "$work/glyphs" --dest "$dest" --labels json \
    --alpha white --color rgb --resolution 64x64
# the pictures of a data set are numbered in the order of their names
{
    echo "picture,$(head -n 1 "$work/glyphs/labels.csv")"
    tail -n +2 "$work/glyphs/labels.csv" | LC_ALL=C sort -t , -k 1,1 |
        awk '{ printf "00000/img%08d.png,%s\n", NR - 1, $0 }'
} >"${dest%.zip}.csv"

if [ -n "$sheet" ]; then
    # every 31st: the skin tones take turns, since 31 is one more than a multiple of 6
    $build/cli/atelier dataset --source "$dest" --dest "$work/pictures" --quiet
    mapfile -t pictures < <(find "$work/pictures" -name '*.png' | LC_ALL=C sort | awk 'NR % 31 == 4')
    $build/tools/portraits/sheet "$sheet" 10 "${pictures[@]:0:20}"
fi
