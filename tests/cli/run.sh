#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--update] ATELIER CASE.sh...: runs each case in an empty folder and compares what it prints,
# exit statuses included, with CASE.out beside it.  --update writes CASE.out instead.  A case is bash;
# "t ARGUMENTS" runs the program.  The recorded data lie under data/.
set -u -o pipefail
export LC_ALL=C

update=0
[ "${1:-}" = --update ] && { update=1; shift; }
[ $# -ge 2 ] || { echo "usage: run.sh [--update] ATELIER CASE.sh..." >&2; exit 2; }
ATELIER=$(realpath "$1") || exit 2
[ -x "$ATELIER" ] || { echo "$1: no such program" >&2; exit 2; }
data=${ATL_TEST_DATA:-$(dirname "$(realpath "$0")")/../data}
shift

# Prints the command, what it says on both channels, and its exit status.
t() {
    echo "\$ atelier $*"
    "$ATELIER" "$@" 2>&1
    echo "exit $?"
}

failed=0
for case in "$@"; do
    case=$(realpath "$case")
    expected=${case%.sh}.out
    folder=$(mktemp -d) || exit 2
    ln -s "$(realpath "$data")" "$folder/data"
    (cd "$folder" && . "$case") >"$folder.out" 2>&1
    if [ $update = 1 ]; then
        cp "$folder.out" "$expected"
    elif ! diff -u "$expected" "$folder.out"; then
        echo "$case: the output is not as recorded" >&2
        failed=1
    fi
    rm -rf "$folder" "$folder.out"
done
exit $failed
