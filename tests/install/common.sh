# SPDX-License-Identifier: Apache-2.0
# common.sh: what install.sh and cmake.sh begin with.  Takes BUILD EXAMPLE_C PREFIX LIBDIR from their arguments, so
# that CC... is left, and installs into $work/root.
build=$1 example=$2 prefix=$3 libdir=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$*"
    exit 1
}

DESTDIR=$work/root meson install -C "$build" --no-rebuild --quiet >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "meson install"; }

runs() { # PROGRAM: a missing file is an error with a sentence, not a crash
    local out status
    out=$("$1" "$work/no-such-file.pkl" 1 "$work/out.png" 2>&1)
    status=$?
    [ $status = 1 ] || fail "$1 returned $status: $out"
    grep -q 'no-such-file.pkl' <<<"$out" || fail "$1 does not name the missing file: $out"
}
