# SPDX-License-Identifier: Apache-2.0
# Training of VQ-VAE and VQ-VAE-2: codebooks by loss and by running means, going on to the byte, codes of their
# snapshots, starting from their networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +Gmain +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
for cfg in vqvae vqvae2; do
    net="--cfg $cfg --cbase 16 --cmax 16 --batch 4 --tick 0.008 --snap 1 --restart 0.5 --ema-kimg 0.01 --mirror"
    t train --data s --outdir r $net --kimg 0.016 | plain
    r=$(echo r/*-$cfg-s-batch4-gamma0)
    t train --resume $r --kimg 0.032 | plain
    "$ATELIER" train --data s --outdir whole $net --kimg 0.032 --quiet >/dev/null
    cmp $r/network-snapshot-000000.safetensors whole/*-$cfg-*/network-snapshot-000000.safetensors && echo the same
    grep -oE '"(codebook|restart|loss)": [^,]*' $r/training_options.json
    t encode-codes --network $r/network-snapshot-000000.safetensors s/seed0000.png s/seed0001.png
    t decode-codes --network $r/network-snapshot-000000.safetensors codes.npz --outdir back
done
t train --data s --outdir r --cfg vqvae2 --batch 4 --resume r/00001-vqvae2-s-batch4-gamma0 --new-run --kimg 0.004 \
    --quiet | plain
t train --data s --outdir r --cfg vqvae --codebook ema --cbase 16 --cmax 16 --batch 6 --batch-gpu 3 --kimg 0.006 \
    --quiet | plain
# what can't be
t train --data s --outdir r --cfg vqvae2 --codebook loss
t train --data s --outdir r --cfg vqvae --codebook gumbel
t train --data s --outdir r --cfg vqvae --perceptual n.safetensors
t train --data s --outdir r --cfg vqvae --disc-start 1
t train --data s --outdir r --cfg vqvae --gamma 1
t train --data s --outdir r --cfg vqvae --cbase 10
