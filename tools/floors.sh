#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# floors.sh [ROOT]: includes only go down.  A file of src/ includes from a lower floor or its own folder;
# app/ and examples/ know the public headers only, cli/ those and app/; models know no build option.  Prints
# FILE:LINE for each violation and returns 1.  docs/architecture.md draws the floors.
set -u -o pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}" || exit 2

awk_floors='
    BEGIN {
        split("base 0 graph 1 io 1 cpu 2 cuda 2 plain 2 nn 3 models 4 ckpt 4 data 4 run 5 " \
              "train 6 metrics 6 edit 6 api 7",
              t, " ")
        for (i = 1; i in t; i += 2) floor[t[i]] = t[i + 1] + 0
    }
    function bad(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; n++ }
    /^[ \t]*#[ \t]*include/ {
        quoted = match($0, /"[^"]*"/)
        if (!quoted && !match($0, /<[^>]*>/)) next
        path = substr($0, RSTART + 1, RLENGTH - 2)
        split(FILENAME, from, "/")
        parts = split(path, to, "/")
        if (from[1] != "src") { # app, cli, examples: their own folder, the system and <atelier/...>
            below = from[1] == "cli" && to[1] == "app"
            if ((quoted && parts > 1 && to[1] != from[1] && !below) || (!quoted && to[1] in floor))
                bad("includes " path ": only <atelier/...>" (from[1] == "cli" ? " and app/" : "") " is known here")
            next
        }
        if (!quoted) {
            if (to[1] in floor) bad("includes <" path ">: write it in quotes")
            next
        }
        if (parts < 2) { bad("includes " path ": write the folder, as in \"io/" path "\""); next }
        if (!(from[2] in floor)) { bad("folder src/" from[2] " has no floor: add it to tools/floors.sh"); next }
        if (!(to[1] in floor)) { bad("includes " path ": no such floor"); next }
        if (to[1] != from[2] && floor[to[1]] >= floor[from[2]])
            bad("floor " floor[from[2]] " (" from[2] ") includes from floor " floor[to[1]] " (" to[1] "): " path)
    }
    FILENAME ~ /^src\/models\/.*\.c$/ && /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif)/ {
        bad("conditional compilation in a model")
    }
    END { exit n > 0 }'

mapfile -t files < <(find src app cli examples -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' \) \
    2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || exit 0
awk "$awk_floors" "${files[@]}"
