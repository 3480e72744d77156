# SPDX-License-Identifier: Apache-2.0
# atelier tune: a network around a projection, around several, and around a code; what is refused.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD
net=data/stylegan/sg2-32.pkl
"$ATELIER" generate --network $net --seeds 5-7 --outdir pictures --quiet --save-ws
"$ATELIER" project --network $net --num-steps 5 --save-video 0 --target pictures --outdir found --loss mse --quiet
short="--network $net --num-steps 6 --loss mse"
t tune $short found/seed0005 --outdir seen 2>&1 | sed 's/loss .* (/loss N (/'
ls seen
t generate --network tuned.safetensors --projected-w found/seed0005/projected_w.npz --outdir again --no-record --quiet
cmp seen/pivot0-after.png again/proj00.png && echo every command makes the pivot
t tune $short found --output all.safetensors --batch 2 --quiet
t tune $short --target pictures/seed0006.png --latents pictures/ws.npy --quiet
"$ATELIER" generate --network $net --seeds 6 --outdir one --quiet --save-ws
t tune $short --target one/seed0006.png --latents one/ws.npy --output code.safetensors --layers 'synthesis.b8.*' \
    --quiet --half
t tune $short --threshold 1000 found/seed0005 --output none.safetensors
t inspect all.safetensors | grep -c stylegan2
echo === wrong
t tune
t tune $short nothing
t tune $short pictures
t tune $short found/seed0005 --output x.pkl
t tune $short --target pictures/seed0006.png
t tune $short found/seed0005 --layers 'nothing*' --quiet
t tune --network data/stylegan/sg3-t-32.pkl --num-steps 2 --loss mse found/seed0005 --quiet
t tune $short found/seed0005 --loss lpips 2>&1 | sed "s|$PWD|HERE|g"
ls
