#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# node.sh FILE ARGUMENT...: runs a test in Node 20 or newer; without it the test is skipped.
command -v node >/dev/null || { echo "skipped: no Node"; exit 77; }
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || { echo "skipped: Node older than 20"; exit 77; }
exec node "$@"
