#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# symbols.sh LIBRARY.a [PREFIX]: what the compiler made of the library.  No variable that can change, no call
# that stops the host or prints, and no name outside PREFIX, which is atl_ unless given.  The same rules as
# tools/style.sh, but seen where no macro can hide them.
set -u -o pipefail
export LC_ALL=C
library=$1 prefix=${2:-atl_}
command -v objdump >/dev/null || exit 77

objdump -t "$library" | awk -v prefix="$prefix" '
    BEGIN {
        list = "abort exit _exit quick_exit printf __printf_chk vprintf puts putchar perror stdout stderr " \
               "system popen rand srand strtok setlocale"
        split(list, names, " ")
        for (i in names) forbidden[names[i]] = 1
    }
    /^[^ ]+\.o:/ { object = $1; sub(/:$/, "", object); next }
    # VALUE FLAGS SECTION SIZE NAME; columns 18 to 24 hold the flags
    {
        flags = substr($0, 18, 7)
        rest = substr($0, 26)
        if (split(rest, f, /[ \t]+/) < 3) next
        section = f[1]; name = f[3] == ".hidden" ? f[4] : f[3]
    }
    section == "*UND*" {
        if (name in forbidden) { print object ": calls or uses " name; n++ }
        next
    }
    name !~ /^\./ && section ~ /^\.(data|bss|tdata|tbss)/ && section !~ /^\.data\.rel\.ro/ {
        print object ": variable " name " in " section
        n++
    }
    section == "*COM*" { print object ": variable " name " (common)"; n++ }
    flags ~ /g/ && name !~ /^\./ && index(name, prefix) != 1 {
        print object ": global name " name " does not start with " prefix
        n++
    }
    END { exit n > 0 }'
