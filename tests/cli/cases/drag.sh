# SPDX-License-Identifier: Apache-2.0
# atelier drag: a portrait's eye twelve pixels to the left, what is written, and what is refused.
net=data/stylegan/sg2-32.pkl
portraits=data/../../models/portraits-64.safetensors
t drag --network $portraits --points "39,28>27,28" --seed 0 --trunc 0.7 --outdir a --save-video 0 --quiet
(cd a && ls)
sed -n '$s/.*"distance": \([0-9.]*\).*/\1/p' a/drag.jsonl | awk '{ print $1 <= 2 ? "near" : "far: " $1 }'
t generate --network $portraits --projected-w a/dragged_w.npz --outdir b --quiet
cmp -s a/drag.png a/start.png || echo another picture
t drag --network $net --points 20,12:24,12 "8,8>8,12;9,9:9,9" --steps 2 --space w --seed 3 --outdir c --quiet
wc -l <c/drag.jsonl
t drag --network $portraits --latents a/dragged_w.npz --points 20,20:20,20 --outdir d --save-video 0 --quiet
cmp d/start.png d/drag.png && echo nothing to do
echo === a projection, with its noise maps
"$ATELIER" generate --network $net --seeds 5 --outdir pictures --quiet
"$ATELIER" project --network $net --target pictures/seed0005.png --num-steps 5 --loss mse --save-video 0 --quiet \
    --outdir found
t drag --network $net --latents found/projected_w.npz --points 20,12:26,12 --steps 3 --outdir e --save-video 0 --quiet \
    --no-record
cmp found/proj.png e/start.png && echo it starts from what was found
t generate --network $net --projected-w e/dragged_w.npz --outdir f --no-record --quiet
cmp e/drag.png f/proj00.png && echo and ends with its noise
t replay a/drag.png
t replay a/drag.mp4
echo === wrong
t drag
t drag --points 1,2
t drag --points "1,2>3,4 5"
t drag --points 1,2:3,4 --seed 1 --latents a/dragged_w.npz
t drag --network $portraits --points 1,2:3,64 --outdir x
t drag --network $portraits --points 1,2:3,4 --layer synthesis.b7 --outdir x
t drag --network $portraits --points 1,2:3,4 --mask a/nothing.png --outdir x
t drag --network $net --points 1,2:3,4 --mask a/drag.png --outdir x
t drag --network $net --points 1,2:3,4 --latents a/dragged_w.npz --outdir x
t drag --network $portraits --points 1,2:3,4 --latents a/dragged_w.npz --row 1 --outdir x
t drag --network $portraits --points 1,2:3,4 --latents a/dragged_w.npz --space w --outdir x
ls
