# SPDX-License-Identifier: Apache-2.0
# Training of SAGAN and BigGAN: with and without classes, several steps of D for one of G, going on to the byte,
# starting from their networks, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +[GD](main|reg) +[0-9]+ +[0-9]+).*/\1 .../'
}
mkdir s
for i in 0 1 2 3 4 5; do
    "$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --seed $i n.safetensors >/dev/null 2>&1
    "$ATELIER" generate --network n.safetensors --seeds $i --outdir s --quiet >/dev/null 2>&1
done
echo '{"labels": [["seed0000.png", 0], ["seed0001.png", 1], ["seed0002.png", 0], ["seed0003.png", 1],
    ["seed0004.png", 0], ["seed0005.png", 1]]}' >s/dataset.json
net="--cbase 4 --batch 4 --tick 0.008 --snap 1"
# without classes: each second step has one of G
t train --data s --outdir r --cfg sagan $net --d-steps 2 --gamma 1 --kimg 0.016 | plain
r=r/00000-sagan-s-batch4-gamma1
t generate --network $r/network-snapshot-000000.safetensors --seeds 1 --outdir g --quiet
t train --resume $r --kimg 0.032 | plain
"$ATELIER" train --data s --outdir whole --cfg sagan $net --d-steps 2 --gamma 1 --kimg 0.032 --quiet >/dev/null
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
# with classes
t train --data s --outdir r --cfg biggan --cond $net --ortho 0.0001 --ema-start 0 --kimg 0.008 | plain
r=r/00001-biggan-s-batch4-gamma0
t generate --network $r/network-snapshot-000000.safetensors --seeds 1 --class 0:0.5,1:0.5 --outdir g --quiet
grep -oE '"(cbase|d-steps|ortho|ema-start|loss)": [^,]*' $r/training_options.json
t train --data s --outdir r --cfg biggan --cond $net --resume $r --new-run --kimg 0.004 --quiet | plain
t train --data s --outdir r --cfg biggan-deep --cond --cbase 8 --batch 4 --kimg 0.004 | plain
# first weights
t train --data s --outdir r --cfg biggan $net --g-init N02 --d-init xavier --kimg 0.004 --quiet | plain
for r in r/0000[014]-*; do grep -hoE '"(cfg|[gd]-init)": [^,]*' $r/training_options.json; done
# what can't be
t train --data s --outdir r --cfg sagan --resume $r
t train --data s --outdir r --cfg sagan --map-depth 2
t train --data s --outdir r --cfg biggan --freezed 2
t train --data s --outdir r --cfg stylegan2 --d-steps 2
t train --data s --outdir r --cfg stylegan2 --ortho 0.1
t train --data s --outdir r --cfg stylegan2 --cross-replica off
t train --data s --outdir r --cfg biggan --g-arch skip
t train --data s --outdir r --cfg stylegan2 --d-init ortho
