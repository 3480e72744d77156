# SPDX-License-Identifier: Apache-2.0
# Training of the transformer over codes: on the codes of a VQ-GAN's snapshot, with and without classes, going on
# to the byte, drawing with its snapshots, starting from its networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +(Gmain|Dmain|Held) +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
echo '{"labels": [["seed0000.png", 0], ["seed0001.png", 1], ["seed0002.png", 2], ["seed0003.png", 0],
    ["seed0004.png", 1], ["seed0005.png", 2]]}' >s/dataset.json
"$ATELIER" train --data s --outdir v --cfg vqgan --cbase 32 --cmax 16 --batch 4 --kimg 0.008 --quiet >/dev/null
vq=$(echo v/*/network-snapshot-000000.safetensors)
net="--cfg transformer --first-stage $vq --cbase 32 --layers 2 --heads 4 --batch 4 --glr 1e-3 --tick 0.016 --snap 1"
how="--mirror --dropout 0.1 --pkeep 0.9 --held-out 2 --warmup 0.016 --ema-kimg 0.01"
t train --data s --outdir r $net $how --kimg 0.032 | plain
r=r/00000-transformer-s-batch4-gamma0
t train --resume $r --kimg 0.064 | plain
"$ATELIER" train --data s --outdir whole $net $how --kimg 0.064 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
grep -oE '"(dropout|pkeep|weight-decay|warmup|rates|held-out|layers|heads)": [^,]*' $r/training_options.json
t sample --network $r/network-snapshot-000000.safetensors --seeds 0,1 --top-k 8
t complete --network $r/network-snapshot-000000.safetensors s/seed0000.png --outdir rest
# classes, a rate that falls, the networks of a run
t train --data s --outdir r $net --cond --rates cosine --kimg 0.016 | plain
t sample --network r/00001-*/network-snapshot-000000.safetensors --class 2 --outdir c
t train --data s --outdir r --cfg transformer --first-stage $vq --batch 4 --resume $r --new-run --kimg 0.004 \
    --quiet | plain
# what draws two kinds of codes
t train --data s --outdir r --cfg vit-transformer --first-stage $vq --cond --cbase 32 --layers 2 --heads 4 --batch 4 \
    --dropout 0.1 --kimg 0.016 | plain
t sample --network r/00003-*/network-snapshot-000000.safetensors --class 1 --outdir w
# a PixelCNN over one map of codes, and over the bottom one of two
t train --data s --outdir r --cfg pixelcnn --first-stage $vq --cond --cbase 8 --layers 3 --batch 4 --held-out 2 \
    --dropout 0.1 --tick 0.016 --kimg 0.016 | plain
t train --resume r/00004-pixelcnn-s-batch4-gamma0 --kimg 0.032 --quiet | plain
"$ATELIER" train --data s --outdir pixels --cfg pixelcnn --first-stage $vq --cond --cbase 8 --layers 3 --batch 4 \
    --held-out 2 --dropout 0.1 --tick 0.016 --kimg 0.032 --quiet >/dev/null
cmp r/00004-*/network-snapshot-000000.safetensors pixels/*/network-snapshot-000000.safetensors && echo the same
t sample --network r/00004-*/network-snapshot-000000.safetensors --class 1 --outdir p
"$ATELIER" init --cfg vqvae2 --resolution 16 --cbase 16 --cmax 16 --quiet two.safetensors
for level in top bottom; do
    t train --data s --outdir $level --cfg pixelcnn --first-stage two.safetensors --level $level --cbase 8 --layers 3 \
        --batch 4 --kimg 0.016 --quiet | plain
done
t sample --network top/*/network-snapshot-000000.safetensors --bottom bottom/*/network-snapshot-000000.safetensors \
    --outdir p --seeds 0,1
t complete --network top/*/network-snapshot-000000.safetensors --bottom bottom/*/network-snapshot-000000.safetensors \
    --outdir p s/seed0000.png
# what can't be
t train --data s --outdir r --cfg transformer
t train --data s --outdir r --cfg transformer --first-stage n.safetensors
t train --data s --outdir r --cfg transformer --first-stage nowhere.safetensors
t train --data s --outdir r $net --held-out 6
t train --data s --outdir r $net --heads 5
t train --data s --outdir r $net --gamma 1
t train --data s --outdir r --cfg vqgan --first-stage $vq
t train --data s --outdir r --cfg pixelcnn --first-stage $vq --level top
t train --data s --outdir r --cfg pixelcnn --first-stage two.safetensors
t train --data s --outdir r --cfg transformer --first-stage two.safetensors
t train --data s --outdir r --cfg stylegan2 --dropout 0.1
