#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install.sh BUILD EXAMPLE_C PREFIX LIBDIR CC...: installs into a temporary folder, compiles the example with
# what pkg-config says, shared and static where both are there, and runs it on a file that is not there.
set -u -o pipefail
command -v pkg-config >/dev/null || { echo "no pkg-config"; exit 77; }
. "$(dirname "$0")/common.sh"

root=$work/root$prefix
pc=$root/$libdir/pkgconfig/atelier.pc
[ -f "$pc" ] || fail "$libdir/pkgconfig/atelier.pc was not installed"
sed -i "s|^prefix=.*|prefix=$root|" "$pc"
export PKG_CONFIG_PATH=$root/$libdir/pkgconfig
pkg-config --validate atelier || fail "the .pc file is not valid"

# the quotes around the flags are left out so that they become words
"$@" -Wall -Wextra -Werror "$example" $(pkg-config --cflags --libs atelier) -o "$work/linked" || fail "compile"
export LD_LIBRARY_PATH=$root/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
runs "$work/linked"

# our library static, those of the system shared: --static would ask for all that FFmpeg was built with
if [ -e "$root/$libdir/libatelier.so" ] && [ -e "$root/$libdir/libatelier.a" ]; then
    mapfile -t needed < <(pkg-config --print-requires-private atelier | awk '{ print $1 }')
    libs="$root/$libdir/libatelier.a $(pkg-config --libs "${needed[@]}") $(sed -n 's/^Libs.private: *//p' "$pc")"
    "$@" $(pkg-config --cflags atelier) "$example" $libs -o "$work/static" || fail "static: compile"
    runs "$work/static"
fi
[ -x "$root/bin/atelier" ] || fail "bin/atelier was not installed"
for file in share/man/man1/atelier.1 share/licenses/atelier/LICENSE share/bash-completion/completions/atelier \
    share/zsh/site-functions/_atelier; do
    [ -s "$root/$file" ] || fail "$file was not installed"
done
echo "what is linked with it builds and runs"

# the shared library exports what the public headers declare, and nothing else
exported() {
    nm -D --defined-only "$root/$libdir/libatelier.so" | awk '$2 ~ /[A-Z]/ { print $3 }' | sort -u
}
declared() {
    grep -ohE '^ATL_API [^(]*\(' "$root"/include/atelier/*.h | grep -oE 'atl_[a-z0-9_]+\(' | tr -d '(' | sort -u
}
if [ -e "$root/$libdir/libatelier.so" ] && command -v nm >/dev/null; then
    difference=$(diff <(declared) <(exported)) || fail "names of the headers (<) and of the shared library (>) differ:
$difference"
    [ "$(exported | wc -l)" -gt 50 ] || fail "the shared library exports hardly anything"
fi

# the program finds the network that was installed with it, wherever the installation lies
out=$("$root/bin/atelier" generate --seeds 1 --outdir "$work/out" 2>&1) || fail "the installed program: $out"
grep -q "$root/share/atelier/portraits-64.safetensors\|$root/bin/../share/atelier/portraits-64.safetensors" <<<"$out" ||
    fail "the installed program took another network: $out"
