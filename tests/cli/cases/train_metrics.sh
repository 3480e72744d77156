# SPDX-License-Identifier: Apache-2.0
# atelier train --metrics: snapshots are measured, the best is kept, and the run is the same without.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD XDG_CACHE_HOME=$PWD/cache
"$ATELIER" generate --seeds 0-11 --outdir pictures --quiet 2>/dev/null
"$ATELIER" dataset --source pictures --dest s --resolution 16x16 --quiet
net="--data s --cbase 64 --cmax 4 --map-depth 2 --batch 4 --kimg 0.036 --tick 0.012 --snap 1 --threads 1 --quiet"
"$ATELIER" train --outdir with $net --metrics swd12,msssim12 >log || cat log
grep -o '^metric  [a-z0-9]*' log
grep -c '^best so far' log
cd with/0* || exit
ls | grep -E '^(best|metric|report)'
grep -o '"snapshot_pkl": "[^"]*"' metric-swd12.jsonl
grep -c '"Metrics/swd12"' stats.jsonl
grep -c 'swd12' report.html
best=$(grep -o '"swd12": [0-9.]*, "swd12_16\|"snapshot_pkl": "[^"]*"' metric-swd12.jsonl | paste - - | sed 's/[",]//g' |
    sort -k 2 -g | head -1 | grep -o 'network.*')
fingerprint() {
    "$ATELIER" inspect "$1" --json | grep -o '"fingerprint": "[0-9a-f]*"' | sort
}
[ "$(fingerprint best.safetensors)" = "$(fingerprint "$best")" ] && echo the best is the best
cd ../..
"$ATELIER" train --outdir without $net >/dev/null
cmp with/0*/network-snapshot-000000.safetensors without/0*/network-snapshot-000000.safetensors && echo same run
t train --data s --outdir r --metrics fid5k_full --dry-run | sed "s|$PWD|HERE|g"
t train --data s --outdir r --metrics swd5k,nothing --dry-run
