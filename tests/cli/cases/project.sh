# SPDX-License-Identifier: Apache-2.0
# atelier project: what it writes, that what is stopped goes on bit for bit, that a picture's result doesn't depend on
# the run that it is in, and what is refused.
export ATELIER_DETECTORS=$PWD/none XDG_DATA_HOME=$PWD HOME=$PWD
net=data/stylegan/sg2-32.pkl
short="--network $net --num-steps 8 --save-video 0"
"$ATELIER" generate --network $net --seeds 5-7 --outdir pictures --quiet
t project $short --target pictures/seed0005.png --outdir one 2>&1 | sed 's/distance .* (/distance N (/'
ls one
wc -l <one/project.jsonl
tail -1 one/project.jsonl | sed 's/: [0-9.e+-]*\([,}]\)/: N\1/g'
t generate --network $net --projected-w one/projected_w.npz --outdir again --no-record --quiet
cmp one/proj.png again/proj00.png && echo noise maps come with w

t project $short --target pictures --batch 2 --outdir three --loss mse --quiet
ls three three/seed0007
t project $short --target pictures --outdir resumed --loss mse --quiet --batch 3
t project $short --target pictures --outdir resumed --loss mse --quiet --batch 3 --resume
for space in w+ z; do
    t project $short --target pictures/seed0005.png --space $space --outdir $space --init best-of-3 --quiet
done
t project $short --target pictures/seed0005.png --init one/projected_w.npz --noise-maps 0 --outdir from --quiet

echo === styles
t project --network $net --num-steps 8 --target pictures/seed0005.png --space s --outdir s --quiet
ls s | grep -v mp4
t generate --network $net --projected-w s/projected_w.npz --outdir again --no-record --quiet
cmp s/proj.png again/proj00.png && echo with the styles that were moved
t generate --network $net --projected-w s/projected_w.npz:w --outdir below --no-record --quiet
cmp -s s/proj.png below/proj00.png || echo and another one below them
"$ATELIER" directions sefa --network $net --layers 0-3 --count 1 --out sefa.safetensors --quiet
echo '1_3 4' >channel.txt
t edit --network $net --projected-w s/projected_w.npz --direction sefa.safetensors,channel.txt --strength 0..1 \
    --steps 2 --outdir edited --no-record --pictures --quiet
cmp s/proj.png edited/row00-00.png && echo unmoved at 0
t generate --network $net --latents edited/edited.npz --outdir redone --no-record --quiet --noise-mode none
t edit --network $net --projected-w s/projected_w.npz --direction channel.txt --strength 0 --steps 1 --outdir kept \
    --mask pictures/seed0006.png --no-record --pictures --quiet
cmp s/proj.png kept/row00-00.png && echo and within a mask
t edit --network $net --projected-w s/projected_w.npz --direction channel.txt --outdir x --quiet --noise-mode random
t video --network $net --projected-w s/projected_w.npz --output x.mp4 --quiet
t mix --network $net --rows s/projected_w.npz --cols 1 --outdir x --quiet
t drag --network $net --latents s/projected_w.npz --points 3,3:9,9 --outdir x --quiet
t tune --network $net --latents s/projected_w.npz --target pictures/seed0005.png --loss mse --outdir x --quiet
t project $short --target pictures/seed0005.png --init s/projected_w.npz --outdir x --quiet
t generate --network data/stylegan/sg2-64-cond.pkl --projected-w s/projected_w.npz --outdir x --quiet
t generate --network $net --projected-w s/projected_w.npz --noise-mode random --outdir x --quiet
t project --network data/tf/pgan-32-unfused.pkl --target pictures/seed0005.png --space s --outdir x --quiet

# Ctrl-C, and on
"$ATELIER" project --network $net --num-steps 300 --target pictures/seed0006.png --outdir whole --save-video 0 --quiet
"$ATELIER" project --network $net --num-steps 300 --target pictures/seed0006.png --outdir part --save-video 0 --quiet \
    2>said &
until [ $(cat part/project.jsonl 2>/dev/null | wc -l) -gt 20 ]; do kill -0 $! 2>/dev/null || break; done
kill -s INT $!
wait $!
echo "exit $?"
sed 's/after [0-9]* /after N /' said
t project --network $net --num-steps 300 --target pictures/seed0006.png --outdir part --save-video 0 --quiet --seed 4 \
    --resume
t project --network $net --num-steps 300 --target pictures/seed0006.png --outdir part --save-video 0 --quiet --resume
diff -r part whole && echo the same
echo === other losses
mkdir features
"$ATELIER" init --cfg vgg16 --resolution 32 features/vgg16.safetensors 2>/dev/null
t project $short --target pictures/seed0005.png --loss vgg-image2stylegan --detectors features --quiet --outdir vgg
ls vgg
rm -r features
echo === wrong
t project
t project $short --target nothing.png --quiet
t project $short --target data/layers --quiet
t project $short --target one/project.jsonl --quiet
t project $short --target pictures/seed0005.png --loss lpips 2>&1 | sed "s|$PWD|HERE|g"
t project $short --target pictures/seed0005.png --init best-of-0 --quiet
t project $short --target pictures/seed0005.png --init one/project.jsonl --quiet
"$ATELIER" generate --network data/stylegan/sg3-t-32.pkl --seeds 1 --outdir other --quiet --save-ws
t project $short --target pictures/seed0005.png --init other/ws.npy --quiet
"$ATELIER" generate --network data/stylegan/sg2-64-cond.pkl --class 1 --seeds 1 --outdir large --quiet
t project $short --target pictures/seed0005.png --mask large/seed0001.png --quiet
t project --network data/stylegan/sg2-64-cond.pkl --target large/seed0001.png --quiet
t project --network data/stylegan/sg2-64-cond.pkl --target large/seed0001.png --class 99 --quiet
ls
