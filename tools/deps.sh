#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh build|check|portraits: installs what this machine lacks, with apt, by package name.  Nothing happens when
# everything is there.  Without apt it says what is missing and returns 1.
set -u -o pipefail

# Each line: the package, then a command that succeeds when it is there already.
build='
gcc                     command -v cc
libc6-dev               header stdio.h
dpkg-dev                command -v dpkg-architecture
meson                   command -v meson
ninja-build             command -v ninja
pkg-config              command -v pkg-config
libdnnl-dev             header dnnl.h
libpng-dev              pkg-config --exists libpng
libjpeg-dev             pkg-config --exists libjpeg
libwebp-dev             pkg-config --exists libwebp libwebpmux libwebpdemux
libyaml-dev             pkg-config --exists yaml-0.1
libzip-dev              pkg-config --exists libzip
zlib1g-dev              pkg-config --exists zlib
libjansson-dev          pkg-config --exists jansson'
# without these only y4m and png videos can be written, no GIF and TIFF pictures be read, nothing be downloaded, and no
# studio be opened
features='
libcurl4-openssl-dev|libcurl4-gnutls-dev pkg-config --exists libcurl
libmicrohttpd-dev       pkg-config --exists libmicrohttpd
libgif-dev              header gif_lib.h
libtiff-dev             pkg-config --exists libtiff-4
libavformat-dev         pkg-config --exists libavformat
libavcodec-dev          pkg-config --exists libavcodec
libswscale-dev          pkg-config --exists libswscale
libavutil-dev           pkg-config --exists libavutil'
check='
g++                     command -v c++
binutils                command -v objdump
git                     command -v git
procps                  command -v ps
libcmocka-dev           pkg-config --exists cmocka
libasan8|libasan6       sanitizers'
portraits='
libharfbuzz-dev         pkg-config --exists harfbuzz
unicode-data            test -e /usr/share/unicode/emoji/emoji-test.txt
fonts-noto-color-emoji  test -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf'
# without these ./check leaves out LMDB as its own library writes it, faces found by dlib, the Python module, CMake's
# package file, the compilation for AArch64, training with several processes, and the studio in a browser
wanted='
libdlib-dev             pkg-config --exists dlib-1
libdlib-data            test -e /usr/share/dlib/shape_predictor_68_face_landmarks.dat
liblmdb-dev             pkg-config --exists lmdb
python3-numpy           numpy
cmake                   command -v cmake
libopenmpi-dev          mpi
openmpi-bin             command -v mpirun
gcc-aarch64-linux-gnu   command -v aarch64-linux-gnu-gcc
libc6-dev-arm64-cross   test -e /usr/aarch64-linux-gnu/include/stdio.h
nodejs                  command -v node
npm                     command -v npm
chromium                browser'

header() {
    echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1
}

mpi() { # any will do
    pkg-config --exists ompi-c || command -v mpicc
}

browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

numpy() { # a python3 that comes first in the path may have none: the build looks for the system's too
    python3 -c 'import numpy' || /usr/bin/python3 -c 'import numpy'
}

sanitizers() {
    echo 'int main(void) { return 0; }' | cc -fsanitize=address,undefined -x c -o /dev/null - >/dev/null 2>&1
}

missing_of() { # LIST: the packages whose command fails
    while read -r package probe; do
        [ -z "$package" ] || $probe >/dev/null 2>&1 || echo "$package"
    done <<<"$1"
}

# The names that apt knows, of a list in which "a|b" means the first that is known.
known() {
    local package name
    for package in $1; do
        for name in ${package//|/ }; do
            apt-cache show "$name" >/dev/null 2>&1 && { echo "$name"; break; }
        done
    done
}

# Runs apt-get quietly; a terminal sees how many packages are ready, and a failure the end of what apt said.
as_root=
apt() {
    local log status
    log=$(mktemp)
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -o Dpkg::Use-Pty=0 "$@" </dev/null 2>>"$log" |
        tee -a "$log" | awk -v tty="$([ -t 1 ] && echo 1)" '
            /^Setting up / && tty { printf "\r  %d packages ready ", ++n; fflush() }
            END { if (n) print "" }'
    status=${PIPESTATUS[0]}
    [ "$status" = 0 ] || tail -n 8 "$log" >&2
    rm -f "$log"
    return "$status"
}

case ${1:-} in
build) needed=$build list=$build$features ;;
check) needed=$build$check list=$build$features$check$wanted ;;
portraits) needed=$build$portraits list=$build$features$portraits ;;
*)
    echo "usage: tools/deps.sh build|check|portraits" >&2
    exit 2
    ;;
esac

missing=$(missing_of "$list")
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
    missing=$(missing_of "$needed")
    [ -z "$missing" ] && exit 0
    echo "Missing here, by the names that Debian and Ubuntu use:" $missing >&2
    echo "This machine has no apt-get: please install them with its own package manager." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || {
        names=$(known "$missing") update=
        if [ -z "$names" ]; then # apt without lists knows none
            names=$(sed 's/|.*//' <<<"$missing") update="apt-get update && "
        fi
        echo "Installing packages needs root.  As root, type once:" >&2
        echo "    ${update}apt-get install --no-install-recommends" $names >&2
        missing=$(missing_of "$needed")
        [ -z "$missing" ]
        exit
    }
fi
echo "Installing with apt:" $missing
apt update -q || echo "apt-get update failed; trying with the lists that are there." >&2
apt install -y -q --no-install-recommends $(known "$missing")
missing=$(missing_of "$needed")
[ -z "$missing" ] && exit 0
echo "Still missing after apt:" $missing >&2
exit 1
