# SPDX-License-Identifier: Apache-2.0
# Training of ViT-VQGAN with one code of a patch and with several, of the transformer over residual codes on its
# snapshot, going on to the byte, starting from its networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +([GD]main|Dreg|Held) +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
net="--cfg vit-vqgan --cbase 32 --cmax 16 --layers 2 --heads 2 --batch 4 --glr 1e-3 --dlr 1e-3 --tick 0.016 --snap 1"
how="--quantizers 3 --warmup 0.008 --rates cosine --l1-weight 0.1 --disc-start 0.008"
t train --data s --outdir r $net $how --kimg 0.032 | plain
r=r/00000-vit-vqgan-s-batch4-gamma40
t train --resume $r --kimg 0.08 | plain # over a step of R1
"$ATELIER" train --data s --outdir whole $net $how --kimg 0.032 --quiet >/dev/null
"$ATELIER" train --resume whole/* --kimg 0.08 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
grep -oE '"(quantizers|patch|layers|heads|weight-decay|warmup|rates|disc-start|disc-weight|l1-weight)": [^,]*' \
    $r/training_options.json
t encode-codes --network $r/network-snapshot-000000.safetensors s/seed0000.png s/seed0001.png
t decode-codes --network $r/network-snapshot-000000.safetensors codes.npz --outdir back
# the transformer over what they are
codes="--cfg vit-transformer --cbase 32 --layers 2 --heads 4 --batch 4 --glr 1e-3 --tick 0.016 --snap 1"
t train --data s --outdir r $codes --first-stage $r/network-snapshot-000000.safetensors --dropout 0.1 \
    --kimg 0.032 | plain
t sample --network r/00001-*/network-snapshot-000000.safetensors --class 0 --outdir w
t train --resume r/00001-* --kimg 0.064 --quiet | plain
# one code of a patch of 4 pixels, from new networks, and from those of a run
t train --data s --outdir r $net --patch 4 --kimg 0.008 --quiet | plain
t train --data s --outdir r --cfg vit-vqgan --batch 4 --resume r/00002-* --new-run --kimg 0.004 --quiet | plain
grep -oE '"(patch|layers|heads|cbase|cmax)": [^,]*' r/00003-*/training_options.json
# what can't be
t train --data s --outdir r $net --codebook ema
t train --data s --outdir r $net --restart 0.1
t train --data s --outdir r $net --loss hinge
t train --data s --outdir r $net --first-stage n.safetensors
t train --data s --outdir r $net --patch 3
t train --data s --outdir r $net --heads 5
t train --data s --outdir r $net --perceptual-weight 0.5
t train --data s --outdir r --cfg vqgan --quantizers 2
t train --data s --outdir r --cfg stylegan2 --l1-weight 1
t train --data s --outdir r --cfg stylegan2 --weight-decay 0.1
