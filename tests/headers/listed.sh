#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# listed.sh FOLDER NAME...: every header of the folder is among the names that the build installs.
folder=$1
shift
status=0
for file in "$folder"/*.h; do
    case " $* " in
    *" ${file##*/} "*) ;;
    *)
        echo "$file is not in public_headers of src/api/meson.build: it would not be installed"
        status=1
        ;;
    esac
done
exit $status
