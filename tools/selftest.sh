#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# selftest.sh: the checks of this folder find each fault that they exist for.  Every case is a small tree with
# one fault; the check must fail and its output must hold the expected words.  A clean tree must pass.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
head=$'// SPDX-License-Identifier: Apache-2.0\n// A file of the test.\n'

# expect CHECK PATH CONTENT WORDS: a tree with this one file fails with these words; no WORDS: it passes
expect() {
    local tree=$work/tree out
    rm -rf "$tree"
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s' "$3" >"$tree/$2"
    if out=$("$here/$1.sh" "$tree" 2>&1); then
        [ -z "$4" ] && return
        echo "$1.sh accepted $2, expected: $4"
    else
        [ -n "$4" ] && grep -qF -- "$2:" <<<"$out" && grep -qF -- "$4" <<<"$out" && return
        echo "$1.sh on $2 said '$out', expected: ${4:-nothing}"
    fi
    failed=1
}

good="${head}#include \"base/mem.h\"
static const int TABLE[] = { 1, 2 };
static int twice(int x) {
    snprintf(0, 0, \"exit(1) and printf(\"); // not a call of exit( or printf(
    writer->abort(x); // a member of that name
    return TABLE[0] * x;
}
"
expect style src/io/a.c "$good" ""
expect style src/io/a.c "$head"$'int\ta;\n' "tab"
expect style src/io/a.c "$head"$'int a; \n' "blank at the end"
expect style src/io/a.c "$head"$'int a;\r\n' "carriage return"
expect style src/io/a.c "$head"'int a;' "no newline"
expect style src/io/a.c "$head"$'// caf\xc3\xa9\n' "outside ASCII"
expect style docs/a.md $'a\xe2\x80\x8bb\n' "invisible Unicode"
expect style docs/a.md $'caf\xc3\xa9\n' ""
expect style src/io/a.c "$head// $(printf 'x%.0s' {1..130})"$'\n' "120 at most"
expect style src/io/a.c "$head$(yes 'int a;' | head -1100)"$'\n' "1000 at most"
expect style src/io/a_table.c "$head$(yes 'extern int a;' | head -1100)"$'\n' ""
expect style src/io/a.c $'int a;\n' "no SPDX line"
expect style src/io/a.c $'// SPDX-License-Identifier: Apache-2.0\n#include <stdio.h>\n' "no head comment"
for call in 'abort()' 'exit(1)' 'printf("x")' 'puts("x")'; do
    expect style src/io/a.c "${head}void f(void) { $call; }"$'\n' "must not call"
done
expect style src/io/a.c "${head}void f(void) { fputs(\"x\", stderr); }"$'\n' "prints nothing"
expect style src/io/a.c "${head}void f(void) {"$'\n    json_object_set_new(a, b, c);\n}\n' "this setter can fail"
expect style src/io/a.c "${head}int f(void) {"$'\n    return json_object_set_new(a, b, c);\n}\n' ""
expect style src/io/a.c "${head}void f(void) { g(\"use --size\"); }"$'\n' "not those of a command line"
expect style src/io/a.c "${head}static int counter;"$'\n' "static variable"
expect style src/io/a.c "${head}void f(void) {"$'\n    static int counter;\n}\n' "static variable in a function"
expect style app/a.c "${head}void f(void) { puts(0); }"$'\n' "must not call"
expect style app/a.c "${head}void f(void) { fputs(\"x\", stderr); }"$'\n' "prints nothing"
expect style app/a.c "${head}static int counter;"$'\n' "static variable"
expect style cli/a.c "${head}void f(void) { exit(1); }"$'\n' ""

expect floors src/io/a.c $'#include "base/mem.h"\n#include "io/png.h"\n#include <atelier/ctx.h>\n#include <png.h>\n' ""
expect floors src/io/a.c $'#include "graph/plan.h"\n' "floor 1 (io) includes from floor 1 (graph)"
expect floors src/base/a.c $'#include "io/png.h"\n' "floor 0 (base) includes from floor 1 (io)"
expect floors src/ckpt/a.c $'#include "models/model.h"\n' "floor 4 (ckpt) includes from floor 4 (models)"
expect floors src/io/a.c $'#include "pickle.h"\n' "write the folder"
expect floors src/io/a.c $'#include <base/mem.h>\n' "in quotes"
expect floors src/utils/a.c $'#include "base/mem.h"\n' "has no floor"
expect floors src/models/a.c $'#ifdef __AVX2__\n#endif\n' "conditional compilation"
expect floors cli/a.c $'#include "cli.h"\n#include <atelier/model.h>\n#include <stdio.h>\n' ""
expect floors cli/a.c $'#include "base/mem.h"\n' "only <atelier/...>"
expect floors cli/a.c $'#include "app/render.h"\n' ""
expect floors app/a.c $'#include "render.h"\n#include <atelier/model.h>\n#include <jansson.h>\n' ""
expect floors app/a.c $'#include "cli/progress.h"\n' "only <atelier/...>"
expect floors app/a.c $'#include "../cli/progress.h"\n' "only <atelier/...>"
expect floors app/a.c $'#include "base/mem.h"\n' "only <atelier/...>"
expect floors src/api/a.c $'#include "app/render.h"\n' "no such floor"
expect floors examples/a.c $'#include "io/png.h"\n' "only <atelier/...>"

expect links docs/a.md $'# A heading\n[b](a.md#a-heading) [c](https://a.b/c) [d](#a-heading)\n' ""
expect links docs/a.md $'[b](b.md)\n' "b.md leads nowhere"
expect links docs/a.md $'# A\n[b](#b)\n' "no such heading"

# what the compiler made
if command -v gcc >/dev/null && command -v objdump >/dev/null; then
    cat >"$work/a.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
static int counter;
static const char *name = "a";
_Thread_local int atl_local;
int leaked(const char *p) { static int calls; int c = name[0]; name = p; return c + counter++ + calls++; }
void atl_stop(void) { puts("x"); exit(1); }
END
    gcc -fPIC -O2 -c -o "$work/a.o" "$work/a.c" && ar rcs "$work/a.a" "$work/a.o"
    out=$("$here/symbols.sh" "$work/a.a") && { echo "symbols.sh accepted the library"; failed=1; }
    for words in 'variable counter' 'variable name' 'variable calls' 'variable atl_local' 'global name leaked' \
        'uses puts' 'uses exit'; do
        grep -qF "$words" <<<"$out" || { echo "symbols.sh did not find: $words"; failed=1; }
    done
    printf 'const char *const atl_table[] = { "a" };\nint atl_f(int x) { return atl_table[0][x]; }\n' >"$work/a.c"
    gcc -fPIC -O2 -c -o "$work/a.o" "$work/a.c" && rm "$work/a.a" && ar rcs "$work/a.a" "$work/a.o"
    "$here/symbols.sh" "$work/a.a" || { echo "symbols.sh refused a good library"; failed=1; }
    out=$("$here/symbols.sh" "$work/a.a" app_) && { echo "symbols.sh accepted another prefix"; failed=1; }
    grep -qF 'global name atl_f does not start with app_' <<<"$out" || { echo "no word of a prefix"; failed=1; }
fi

# subjects of commits
if command -v git >/dev/null; then
    tree=$work/repo
    git init -q "$tree"
    git -C "$tree" -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -q --no-verify \
        --allow-empty -m 'lower case and a full stop.'
    out=$("$here/style.sh" "$tree") && { echo "a bad commit subject passed"; failed=1; }
    for words in 'without a capital' 'with a full stop'; do
        grep -qF "$words" <<<"$out" || { echo "no word of a subject $words"; failed=1; }
    done
fi
[ $failed = 0 ] && echo "every fault was found"
exit $failed
