# SPDX-License-Identifier: Apache-2.0
# Training of StyleGAN3: T and R from plan to picture, going on to the byte, starting from its networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +[GD](both|main|reg) +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
net="--cbase 64 --cmax 4 --batch 4 --tick 0.012 --snap 1"
t train --data s --outdir r --cfg stylegan3-t $net --kimg 0.012 | plain
t generate --network r/00000-stylegan3-t-s-batch4-gamma0.0625/network-snapshot-000000.safetensors --seeds 1 --outdir g \
    --quiet
# in parts, behind a fading blur; six steps at once or three and three
net="--cfg stylegan3-r $net --batch-gpu 2 --blur-fade-kimg 0.02"
t train --data s --outdir r $net --kimg 0.012 | plain
r=r/00001-stylegan3-r-s-batch4-gamma0.0625
t train --resume $r --kimg 0.024 | plain
"$ATELIER" train --data s --outdir whole $net --kimg 0.024 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
# its shapes are those of the file; no blur
t train --data s --outdir r --cfg stylegan3-r --batch 4 --resume $r --new-run --freezed 1 --kimg 0.004 | plain
grep -oE '"(cbase|cmax|blur-init-sigma)": [0-9.]*' r/00002*/training_options.json
t train --data s --outdir r $net --pl-weight 2
t train --data s --outdir r --cfg stylegan3-t --cbase 64 --cmax 4 --batch 4 --blur-init-sigma 65
mkdir tiny
"$ATELIER" init --cfg stylegan2 --resolution 8 --cbase 64 --cmax 4 n.safetensors >/dev/null 2>&1
"$ATELIER" generate --network n.safetensors --seeds 0,1 --outdir tiny --quiet
t train --data tiny --outdir r --cfg stylegan3-t
