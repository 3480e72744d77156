#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# style.sh [ROOT]: the rules of the source text that a machine can check.  Prints FILE:LINE: what is
# wrong for each violation and returns 1.  CONTRIBUTING.md has the rules in prose.
set -u -o pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}" || exit 2

list_files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -co --exclude-standard
    else
        find . -type f -not -path './build*' -not -path './.git/*' -not -path './out/*' | sed 's|^\./||'
    fi
}

text='(\.(c|h|cu|cuh|in|sh|build|txt|md|py|yml|supp|pc)|(^|/)(check|demo|NEWS|\.gitignore|\.clang-format|run))$'
code='(\.(c|h|cu|cuh|in|sh|build|supp)|(^|/)(check|demo|run))$'
failed=0

while IFS= read -r file; do
    [ -f "$file" ] || continue
    is_code=0 is_c=0 need_spdx=0
    [[ $file =~ $code ]] && is_code=1
    [[ $file =~ \.(c|h|cu|cuh)$ ]] && is_c=1
    [ $is_code = 1 ] && [[ ! $file =~ \.(build|supp)$ ]] && need_spdx=1
    awk -v file="$file" -v is_code=$is_code -v is_c=$is_c -v need_spdx=$need_spdx '
        function bad(what) { printf "%s:%d: %s\n", file, NR, what; n++ }
        /\t/ { bad("tab") }
        /\r/ { bad("carriage return") }
        /[ \t]+$/ { bad("blank at the end of the line") }
        # zero width characters, direction marks, soft hyphen, byte order mark, no-break space
        /\342\200[\213-\217\252-\256]|\342\201[\240-\257]|\357\273\277|\302\255|\302\240/ { bad("invisible Unicode") }
        is_code && /[\200-\377]/ { bad("a character outside ASCII") }
        is_code && length($0) > 120 { bad("line of " length($0) " columns, 120 at most") }
        is_code && NR <= 2 && /SPDX-License-Identifier: Apache-2.0/ { spdx = NR }
        is_c && spdx && NR == spdx + 1 && /^(\/\/|\/\*) *[^ ]/ { head = 1 }
        END {
            if (need_spdx && !spdx) { NR = 1; bad("no SPDX line in the first two lines") }
            if (is_c && spdx && !head) { NR = spdx; bad("no head comment after the SPDX line: say what the file is") }
            if (is_code && lines > 1000 && file !~ /_tables?\.(c|h)$/) bad("file of " lines " lines, 1000 at most")
            exit n > 0
        }
        { lines = NR }' "$file" || failed=1
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        echo "$file:$(($(wc -l <"$file") + 1)): no newline at the end of the file"
        failed=1
    fi
done < <(list_files | grep -E "$text")

# The library never prints, stops its host, or keeps state outside a context; nor does app/, which servers call.
while IFS= read -r file; do
    [ -f "$file" ] || continue
    awk -v file="$file" '
        function bad(what) { printf "%s:%d: %s\n", file, FNR, what; n++ }
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            sub(/\/\/.*/, "", line)
        }
        match(line, /(^|[^A-Za-z0-9_.>])(abort|exit|_exit|printf|vprintf|puts|putchar|perror|system|popen) *\(/) {
            bad("the library must not call this: return a status with atl_fail() or app_fail()")
        }
        line ~ /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/ {
            bad("the library prints nothing: use atl_log() or app_warn()")
        }
        file ~ /^src\// && file != "src/io/json.c" && line ~ /^ *json_(object_set|array_append)[a-z_]* *\(/ {
            bad("this setter can fail and nobody looks: build JSON with io/json.h")
        }
        { text = $0; sub(/(^|[ ;])\/\/ .*/, "", text) }
        file ~ /^src\// && text ~ /"[^"]*(--[a-z]|.atelier [a-z])/ {
            bad("sentences of the library name options, not those of a command line")
        }
        line ~ /^static / && line !~ /(^| )const( |$)|\*const|inline|\(/ && line ~ /(=|;|\{)/ {
            bad("static variable: state belongs to the context")
        }
        line ~ /^ +static / && line !~ /const/ { bad("static variable in a function: state belongs to the context") }
        END { exit n > 0 }' "$file" || failed=1
done < <(list_files | grep -E '^(src|app)/.*\.(c|h|cu|cuh)$')

# Subjects of commits: at most 72 columns, a capital first, no full stop.
if [ -e .git ]; then
    git log --no-merges --format='%h %s' | awk '
        function bad(what) { printf "commit %s: %s: %s\n", id, what, $0; n++ }
        {
            id = $1
            sub(/^[^ ]+ /, "")
            if (length($0) > 72) bad("subject of " length($0) " columns, 72 at most")
            if ($0 !~ /^[A-Z]/) bad("subject without a capital")
            if ($0 ~ /\.$/) bad("subject with a full stop")
        }
        END { exit n > 0 }' || failed=1
fi
exit $failed
