#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# options.sh HEADERS TEST...: each struct of options of the public headers is in every one of the tests.
set -u -o pipefail
headers=$1
shift
missing=0
for struct in $(cat "$headers"/*.h | grep -oE '^} atl_[a-z0-9_]+_options;' | grep -oE 'atl_[a-z0-9_]+'); do
    for test in "$@"; do
        grep -q "\b$struct\b" "$test" && continue
        echo "$struct is not in $test"
        missing=1
    done
done
exit $missing
