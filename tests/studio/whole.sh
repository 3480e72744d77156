#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# whole.sh ATELIER FOLDER: goes through the studio's panels in a browser, in FOLDER, which is in the build folder.
# Skipped, with a word, without Node, Chromium or the playwright-core that tools/browser.sh fetches.
# STUDIO_IMAGES=DIR keeps screenshots of all panels there; STUDIO_UPDATE=1 records the structure that panels have.
set -u -o pipefail
atelier=$(realpath "$1") folder=$2 here=$(dirname "$(realpath "$0")")
skip() {
    echo "skipped: $*"
    exit 77
}
command -v node >/dev/null || skip "no node"
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no Chromium"
mkdir -p "$folder" && cd "$folder" || exit 1
export PLAYWRIGHT=${ATL_BROWSER:-$here/../../build/browser}/node_modules/playwright-core
[ -d "$PLAYWRIGHT" ] || skip "no playwright-core; tools/browser.sh fetches it"
cp "$here"/whole.mjs "$here"/structure.json . || exit 1
rm -rf set kept runs && mkdir -p set
"$atelier" generate --seeds 0-31 --outdir set --quiet >/dev/null || exit 1
"$atelier" init --cfg stylegan3-t --resolution 64 --cbase 2048 --cmax 64 --seed 3 --quiet moving.safetensors || exit 1
ln -sf "$(realpath "$here/../../models/portraits-64.safetensors")" portraits-64.safetensors
"$atelier" init --cfg stylegan2 --resolution 64 --cbase 2048 --cmax 64 --map-depth 2 --seed 1 --quiet fresh.safetensors
"$atelier" blend portraits-64.safetensors fresh.safetensors --alpha 0.1 --out other.safetensors --quiet || exit 1
ATELIER_THREADS=2 "$atelier" serve portraits-64.safetensors other.safetensors moving.safetensors set --port 0 \
    --outdir kept --quiet >address 2>said &
studio=$!
trap 'kill $studio 2>/dev/null; wait $studio 2>/dev/null' EXIT
for _ in $(seq 600); do grep -q http address && break; sleep 0.1; done
CHROMIUM=$chromium STUDIO_SOURCE=$here timeout 280 node whole.mjs "$(grep -oE 'http:[^ ]*' address)"
