# SPDX-License-Identifier: Apache-2.0
# Training of encoders: the plan, a run that goes on to the byte, a snapshot that opens as an encoder, a hypernetwork on
# top of it, pictures of a set, refusals.
export ATELIER_THREADS=1
plain() { # what is not the same twice
    sed -E 's/^(tick [0-9]+ +kimg [0-9.]+).*/\1 .../; /^(memory|time|to go on)/d
        s/^( +(E|D)[a-z]+ +[0-9]+ +[0-9]+).*/\1 .../'
}
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 128 --cmax 4 --map-depth 2 g.safetensors >/dev/null 2>&1
net="--trunk 1,1,1,1:16,16,16,16 --style-width 8 --batch 4 --tick 0.004 --snap 1"
t train-encoder --network g.safetensors --cfg e4e --dry-run | plain
t train-encoder --network g.safetensors --outdir r $net --progress 2:1 --pool 4 --kimg 0.008 --quiet | plain
r=r/00000-e4e-samples-batch4-gamma10
ls $r | grep -v training
"$ATELIER" train-encoder --network g.safetensors --outdir whole $net --progress 2:1 --pool 4 --kimg 0.016 \
    --quiet >/dev/null
rm g.safetensors
t train-encoder --resume $r --kimg 0.016 --quiet | plain
cmp $r/network-snapshot-000000.safetensors whole/*/network-snapshot-000000.safetensors && echo the same
e=$r/network-snapshot-000000.safetensors
t generate --network $e --seeds 0-4 --outdir in --quiet
t encode --encoder $e --input in --outdir codes --quiet
ls codes
t train-encoder --network $e --data in --cfg restyle-psp --steps 2 --outdir r $net --kimg 0.004 --quiet | plain
t train-encoder --network $e --w-encoder $e --cfg hyperstyle --steps 2 --outdir r $net --kimg 0.004 --quiet | plain
h=r/00002-hyperstyle-samples-batch4-gamma0/network-snapshot-000000.safetensors
t encode --encoder $h --hypernet $h --steps 2 --input in/seed0001.png --save-ws --outdir tuned --quiet
ls tuned
# what fits of another encoder
t train-encoder --network $e --cfg psp --resume $e --new-run --outdir r $net --kimg 0.004 --quiet | plain
# other inputs than the pictures, of which encode makes the same
"$ATELIER" dataset --source in --dest set --quiet >/dev/null
"$ATELIER" dataset --source in --dest gray --color gray --quiet >/dev/null
t train-encoder --network $e --data set --source gray --input-nc 1 --cfg psp --outdir r $net --kimg 0.004 --quiet |
    plain
t encode --encoder r/00004-*/network-snapshot-000000.safetensors --input in/seed0000.png --outdir lines --quiet
t train-encoder --network $e --data set --resize-factors 1,2,4 --cfg psp --outdir r $net --kimg 0.004 --quiet | plain
t encode --encoder r/00005-*/network-snapshot-000000.safetensors --input in/seed0000.png --factor 4 --outdir fine \
    --quiet
ls lines fine
# what can't be
t train-encoder --network $e --outdir r --label-nc 19
t train-encoder --network $e --data set --source in --outdir r
t train-encoder --outdir r
t train-encoder --network $e
t train-encoder --network $e --outdir r --cfg stylegan2
t train-encoder --network $e --outdir r --losses lpips:1
t train-encoder --network nothing.safetensors --outdir r
t train --data in --outdir r --cfg e4e
