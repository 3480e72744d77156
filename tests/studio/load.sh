#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# load.sh ATELIER LOAD PYTHON [SECONDS]: a thousand clients at once, then hostile ones.  The studio answers all of them
# or says that it is busy, stays within its memory, and ends well.  STUDIO_MEMORY: kB that it may grow by.
set -u -o pipefail
atelier=$(realpath "$1") load=$(realpath "$2") python=$3 seconds=${4:-3} here=$(dirname "$(realpath "$0")")
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 3000 ] || { echo "skipped: too few open files"; exit 77; }
work=$(mktemp -d)
cd "$work" || exit 1
"$atelier" serve --port 0 --quiet >address &
studio=$!
trap 'kill -KILL $studio 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 300); do grep -q http address && break; sleep 0.1; done
port=$(grep -oE '[0-9]+/$' address | tr -d /)
memory() { awk -v key="$1:" '$1 == key { print $2 }' /proc/$studio/status; }
failed=0
"$load" "$port" 1 1 >/dev/null || failed=1 # its first pictures
idle=$(memory VmRSS)
"$load" "$port" 1000 "$seconds" || failed=1
"$python" "$here/hostile.py" "$port" || failed=1
echo "memory: $(($(memory VmHWM) - idle)) kB above idle"
[ $(($(memory VmHWM) - idle)) -le "${STUDIO_MEMORY:-204800}" ] || failed=1
kill -TERM $studio
wait $studio || failed=1
exit $failed
