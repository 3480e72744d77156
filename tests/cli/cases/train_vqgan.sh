# SPDX-License-Identifier: Apache-2.0
# Training of VQ-GAN: its codebook by loss and by running means, going on to the byte, codes of its snapshots,
# starting from its networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +[GD]main +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 16 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
net="--cfg vqgan --cbase 32 --cmax 16 --batch 4 --tick 0.008 --snap 1"
t train --data s --outdir r $net --codebook ema --restart 0.5 --disc-start 0.008 --kimg 0.016 | plain
r=r/00000-vqgan-s-batch4-gamma0
t train --resume $r --kimg 0.032 | plain
how="--codebook ema --restart 0.5 --disc-start 0.008"
"$ATELIER" train --data s --outdir whole $net $how --kimg 0.032 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
grep -oE '"(codebook|restart|disc-start|disc-weight|loss)": [^,]*' $r/training_options.json
t encode-codes --network $r/network-snapshot-000000.safetensors s/seed0000.png s/seed0001.png
t decode-codes --network $r/network-snapshot-000000.safetensors codes.npz --outdir back
t train --data s --outdir r $net --batch 6 --batch-gpu 3 --restart 0.5 --kimg 0.006 | plain
t train --data s --outdir r --cfg vqgan --batch 4 --resume $r --new-run --kimg 0.004 --quiet | plain
t train --data s --outdir r $net --codebook gumbel --kl-weight 1e-3 --cool-kimg 0.01 --kimg 0.008 | plain
t train --resume r/00003-vqgan-s-batch4-gamma0 --kimg 0.016 --quiet | plain
how="--codebook gumbel --kl-weight 1e-3 --cool-kimg 0.01"
"$ATELIER" train --data s --outdir drawn $net $how --kimg 0.016 --quiet >/dev/null
cmp r/00003-*/network-snapshot-000000.safetensors drawn/*/network-snapshot-000000.safetensors && echo the same
t encode-codes --network r/00003-vqgan-s-batch4-gamma0/network-snapshot-000000.safetensors s/seed0000.png
# a distance that looks at texture
"$ATELIER" init --cfg lpips-squeeze --resolution 32 --quiet lpips.safetensors
mkdir large
for i in 0 1 2 3; do
    "$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --seed $i m.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network m.safetensors --seeds $i --outdir large --quiet >/dev/null 2>&1
done
t train --data large --outdir r $net --perceptual lpips.safetensors --perceptual-weight 0.5 --kimg 0.008 | plain
grep -oE '"Loss/lpips": ."num": [0-9]+' r/00004-*/stats.jsonl
# what can't be
t train --data s --outdir r --cfg vqgan --perceptual n.safetensors
t train --data s --outdir r --cfg vqgan --perceptual-weight 0.5
t train --data s --outdir r --cfg vqgan --codebook gumbel --restart 0.1
t train --data s --outdir r --cfg stylegan2 --kl-weight 1
t train --data s --outdir r --cfg vqgan --map-depth 2
t train --data s --outdir r --cfg vqgan --loss logistic
t train --data s --outdir r --cfg vqgan --cbase 20
t train --data s --outdir r --cfg stylegan2 --codebook ema
t train --data s --outdir r --cfg stylegan2 --disc-start 1
