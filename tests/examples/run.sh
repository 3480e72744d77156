#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh EXAMPLE PROGRAM GENERATE NETWORK: runs an example and looks at what it made.  GENERATE is the first
# example, which makes pictures for the others.
set -u -o pipefail
example=$1 program=$(realpath "$2") generate=$(realpath "$3") network=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() {
    echo "$example: $*"
    exit 1
}
ok() { # PROGRAM ARGS...: succeeds; prints what it said
    "$@" >out 2>&1 || { cat out; fail "failed: $*"; }
}
is_png() { # FILE LEAST: a PNG of at least so many bytes
    [ "$(head -c 8 "$1" | od -An -c | tr -d ' ')" = '211PNG\r\n032\n' ] || fail "$1 is no PNG"
    [ "$(stat -c %s "$1")" -ge "$2" ] || fail "$1 is too small to be a picture"
}

case $example in
01_generate)
    ok "$program" "$network" 85 a.png
    is_png a.png 1000
    ok "$program" "$network" 85 b.png
    cmp -s a.png b.png || fail "the same seed gives two pictures"
    ok "$program" "$network" 86 c.png
    cmp -s a.png c.png && fail "two seeds give the same picture"
    ;;
02_mix)
    ok "$program" "$network" 85 1 4 row.png
    is_png row.png 3000
    ok "$program" "$network" 85 1 10 same.png
    cmp -s row.png same.png && fail "the number of layers changes nothing"
    ;;
03_train)
    mkdir pictures
    for seed in 1 2 3 4; do ok "$generate" "$network" $seed pictures/$seed.png; done
    ok "$program" pictures 2 net.safetensors
    grep -q '       8 pictures  Loss/G/loss' out || { cat out; fail "two steps of four pictures are not reported"; }
    ok "$program" pictures 1 net.safetensors
    grep -q '      12 pictures' out || { cat out; fail "the second run does not go on"; }
    ok "$generate" net.safetensors 1 trained.png
    is_png trained.png 200
    ;;
04_features)
    ok "$program" "$network" 85 'synthesis.b*.conv1' layers.safetensors
    grep -q 'input      ws' out || { cat out; fail "ports are not listed"; }
    grep -q '^synthesis.b64.conv1 .* 1 x [0-9]* x 64 x 64$' out || { cat out; fail "a layer is not listed"; }
    grep -aq 'synthesis.b4.conv1' layers.safetensors || fail "a layer is not in the file"
    "$program" "$network" 85 'nothing.*' >out 2>&1 && fail "a pattern that matches nothing is accepted"
    grep -q 'nothing' out || { cat out; fail "the pattern is not named"; }
    ;;
06_gradient)
    ok "$program" "$network"
    read -r _ distance _ _ _ _ slope <out
    awk -v a="${distance%,}" -v b="$slope" 'BEGIN { exit !(a > 0 && a < 1e6 && b > 0 && b < 1e6) }' ||
        { cat out; fail "there is no distance, or no slope"; }
    ;;
07_project)
    ok "$generate" "$network" 85 target.png
    ok "$program" "$network" target.png 40 found.png found.npz
    is_png found.png 1000
    [ "$(head -c 2 found.npz)" = PK ] || fail "found.npz is no archive"
    first=$(awk '/^step +0 / { print $NF }' out) last=$(awk '/^step +39 / { print $NF }' out)
    # the target is within reach of w
    awk -v a="$first" -v b="$last" 'BEGIN { exit !(a > 0 && b > 0 && b < a / 4) }' ||
        { cat out; fail "the distance went from $first to $last"; }
    ;;
08_edit)
    ok "$program" "$network" 85 8 there.png
    is_png there.png 2000
    ok "$program" "$network" 85 0 same.png
    cmp -s there.png same.png && fail "the strength changes nothing"
    printf '0_1 2\n' >channels.txt
    "$program" "$network" 85 1 no.png channels.txt >out 2>&1 && fail "a direction of styles moves ws"
    grep -q styles out || { cat out; fail "why it does not is not said"; }
    ;;
*) fail "nobody has said what this example should do" ;;
esac
echo "$example does what it says"
