#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cmake.sh BUILD EXAMPLE_C PREFIX LIBDIR CC...: installs into a temporary folder and builds the example as a CMake
# project that finds the library there; a version that is too new is not found.
set -u -o pipefail
command -v cmake >/dev/null || { echo "no cmake: its package file was not tried"; exit 77; }
. "$(dirname "$0")/common.sh"

project=$(dirname "$0")/cmake
mv "$work/root$prefix" "$work/moved" # an installation may be moved
sed -i "s|^prefix=.*|prefix=$work/moved|" "$work/moved/$libdir/pkgconfig/atelier.pc"

# ccache and the like stand before the compiler
compiler=("$@")
while [[ ${compiler[0]} == *ccache ]]; do compiler=("${compiler[@]:1}"); done
cmake -S "$project" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/moved" -DEXAMPLE="$example" \
    -DCMAKE_C_COMPILER="${compiler[0]}" -DCMAKE_C_FLAGS="${compiler[*]:1}" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "cmake does not find the library"; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; fail "cmake --build"; }
export LD_LIBRARY_PATH=$work/moved/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
runs "$work/build/embed"

mkdir "$work/newer"
sed 's/find_package(atelier 0.1/find_package(atelier 7.0/' "$project/CMakeLists.txt" >"$work/newer/CMakeLists.txt"
cmake -S "$work/newer" -B "$work/newer/build" -DCMAKE_PREFIX_PATH="$work/moved" -DEXAMPLE="$example" \
    -DCMAKE_C_COMPILER="${compiler[0]}" >"$work/log" 2>&1 && fail "version 7.0 was found"
grep -q '7\.0' "$work/log" || { cat "$work/log"; fail "cmake failed for another reason than the version"; }
echo "a CMake project builds and runs"
