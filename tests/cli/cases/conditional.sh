# SPDX-License-Identifier: Apache-2.0
# A class is required, checked, and may come from a file.
net=data/stylegan/sg2-64-cond.pkl
t generate --network $net --seeds 0
t generate --network $net --seeds 0 --class 5
t generate --network $net --seeds 0,1 --class 4 --outdir k --format npy --quiet
t generate --network $net --latents data/stylegan/sg2-64-cond.safetensors:z --labels \
    data/stylegan/sg2-64-cond.safetensors:c --outdir files
t replay files/proj03.png
t replay files/proj01.png
t generate --network $net --seeds 0-2 --labels data/stylegan/sg2-64-cond.safetensors:c
t generate --network $net --seeds 0-2 --labels data/stylegan/sg2-64-cond.safetensors:z
# a label for each seed: replay takes the one that the seed had
t generate --network $net --seeds 5-8 --labels data/stylegan/sg2-64-cond.safetensors:c --outdir seeds --quiet
t replay seeds/seed0007.png
t mix --network $net --rows 0 --cols 1
t mix --network $net --rows 0 --cols 1 --class 2 --styles 0-3 --outdir m
t replay m/0-1.png --outdir again
ls m
t mix --network $net --rows 0 --cols 1 --class 2 --styles 0-30
