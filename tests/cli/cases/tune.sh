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
echo === only what changed
t tune $short found/seed0005 --output changed.safetensors --only-changed 1 --quiet
t convert --deltas changed.safetensors $net joined.safetensors
cmp joined.safetensors tuned.safetensors && echo the same network
t generate --network $net --deltas changed.safetensors --projected-w found/seed0005/projected_w.npz --outdir d --quiet
"$ATELIER" generate --network $net --deltas changed.safetensors --projected-w found/seed0005/projected_w.npz --quiet \
    --no-record --outdir e
cmp seen/pivot0-after.png e/proj00.png && echo the same picture
t replay d/proj00.png --output replayed.png
t project --network $net --deltas changed.safetensors --num-steps 1 --save-video 0 --loss mse --outdir on --quiet \
    --target one/seed0006.png
t generate --network changed.safetensors --seeds 1 --quiet
t generate --network tuned.safetensors --deltas changed.safetensors --seeds 1 --quiet 2>&1 |
    sed 's/this one is [0-9a-f]*/this one is N/'
t generate --network $net --deltas $net --seeds 1 --quiet
t convert changed.safetensors x.safetensors
t inspect changed.safetensors | grep -e 'deltas of' -e problem
echo === stopped and taken up
"$ATELIER" tune --network $net --num-steps 300 --loss mse found/seed0005 --output long.safetensors --quiet
"$ATELIER" tune --network $net --num-steps 300 --loss mse found/seed0005 --output part.safetensors --outdir p 2>said &
until grep -q 'step [1-9]' said 2>/dev/null; do kill -0 $! 2>/dev/null || break; done
kill -s INT $!
wait $!
echo "exit $?"
tail -1 said | sed 's/after [0-9]* /after N /'
t tune --network $net --num-steps 300 --loss mse found/seed0006 --output part.safetensors --resume --quiet
t tune --network $net --num-steps 300 --loss mse found/seed0005 --output part.safetensors --resume --quiet
cmp long.safetensors part.safetensors && echo the same
t tune --network $net --num-steps 300 --loss mse found/seed0005 --output part.safetensors --resume --quiet
rm -r long.safetensors part.safetensors said p d e on
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
