# SPDX-License-Identifier: Apache-2.0
# Short of memory the program says so; it does not crash, wherever the memory ends.
"$ATELIER" generate --seeds 0-15 --outdir set --no-record --quiet
room=0
for ((step = 1 << 19; step; step /= 2)); do # the least address space in kB, below 1 GB, with which it starts at all
    (ulimit -v $((room + step)) && "$ATELIER" --version) >/dev/null 2>&1 || room=$((room + step))
done 2>/dev/null # what the shell says of a program that a sanitizer aborts
if [ $room -gt 900000 ]; then # sanitizers want terabytes
    echo nothing unexpected
    return
fi
try() {
    local kb=$1 said status
    shift
    said=$(ulimit -v "$kb" && "$ATELIER" "$@" --threads 1 --quiet 2>&1)
    status=$?
    [ $status = 0 ] || { [ $status = 1 ] && [[ $said == *memory* || $said == *"refuses a thread"* ]]; } ||
        echo "$1 with $kb kB: exit $status: $said"
}
for ((more = 4000; more < 36000; more += 2000)); do
    try $((room + more)) generate --seeds 0 --outdir out
done
for ((more = 8000; more < 80000; more += 6000)); do
    rm -rf run
    try $((room + more)) train --outdir run --data set --kimg 0.016 --batch 8 --cbase 512 --cmax 16 --map-depth 2
done
echo nothing unexpected
