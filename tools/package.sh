#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# package.sh [--nocheck]: Debian packages of what is committed, in build/package/: libatelier0, libatelier-dev, atelier
# and python3-atelier.  Without --nocheck the tests of debian/rules run.  lintian has a look where it is installed.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
case ${1:-} in
'') ;;
--nocheck) export DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" ;;
*)
    echo "usage: tools/package.sh [--nocheck]" >&2
    exit 2
    ;;
esac
for tool in dpkg-buildpackage dh dh_python3; do
    command -v $tool >/dev/null || {
        echo "$tool is missing: apt-get install dpkg-dev debhelper dh-python lintian" >&2
        exit 1
    }
done

out=build/package
rm -rf $out
mkdir -p $out/source
git archive HEAD | tar -x -C $out/source || exit 1
(cd $out/source && dpkg-buildpackage -b -us -uc) >$out/log 2>&1 || {
    tail -n 30 $out/log
    echo "dpkg-buildpackage failed; the whole log is $out/log" >&2
    exit 1
}
rm -rf $out/source
ls -l $out/*.deb
command -v lintian >/dev/null || exit 0
lintian --fail-on error $out/*.changes
