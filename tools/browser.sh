#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# browser.sh [FOLDER]: fetches what drives a browser in the tests of the studio, playwright-core of npm, into FOLDER
# (build/browser); the browser itself is the system's.  Nothing happens when it is there.  Without npm, or without a
# way to its registry, it says so and returns 1: those tests are then skipped.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
folder=${1:-build/browser}
version=1.65.1 # what it drives is Chromium's own protocol, which changes little: Debian's Chromium need not be its twin

have=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$folder/node_modules/playwright-core/package.json" 2>/dev/null)
[ "$have" = "$version" ] && exit 0
command -v npm >/dev/null || { echo "no npm"; exit 1; }
mkdir -p "$folder"
# no scripts: it would fetch browsers of its own
npm install --prefix "$folder" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "playwright-core@$version"
