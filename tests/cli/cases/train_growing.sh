# SPDX-License-Identifier: Apache-2.0
# Training of networks that grow: the plan by stages, ProGAN and StyleGAN from 4x4 to pictures, going on to the byte,
# starting from their networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +[GD]main +[0-9]+ +[0-9]+).*/\1 .../
        s/^( +[0-9.]+ +[0-9]+( to [0-9]+)? +[0-9]+ +[0-9.]+) .*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
net="--cbase 64 --cmax 4 --tick 0.04 --snap 1"
lod="--lod-initial 4 --lod-training-kimg 0.016 --lod-transition-kimg 0.016"
t train --data s --outdir r --cfg progan $net $lod --batch 4 --kimg 0.08 | plain
r=r/00000-progan-s-batch4-gamma0
t generate --network $r/network-snapshot-000000.safetensors --seeds 1 --outdir g --quiet
# the batch is of the resolution; at once, or to full size and on
net="--cfg stylegan1 $net $lod --lod-batch 4:8,8:4 --batch 2 --map-depth 2"
t train --data s --outdir r $net --kimg 0.08 --dry-run | plain
t train --data s --outdir r $net --kimg 0.066 | plain
r=r/00001-stylegan1-s-batch2-gamma10
t train --resume $r --kimg 0.08 | plain
"$ATELIER" train --data s --outdir whole $net --kimg 0.08 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
# starts at full size from the networks that grew
t train --data s --outdir r --cfg stylegan1 --batch 4 --lod-initial 16 --resume $r --new-run \
    --freezed 1 --kimg 0.008 | plain
grep -oE '"(cbase|cmax|lod-initial|lod-batch)": [^,]*' r/00002*/training_options.json
# what can't be
t train --data s --outdir r --cfg progan --resume $r
t train --data s --outdir r --cfg progan --cond
t train --data s --outdir r --cfg progan --lod-initial 32
t train --data s --outdir r --cfg progan --kimg 100
t train --data s --outdir r --cfg stylegan1 --lod-batch 8
t train --data s --outdir r --cfg stylegan2 --lod-initial 4
t train --data s --outdir r --cfg stylegan3-t --g-arch skip
