# SPDX-License-Identifier: Apache-2.0
# StyleGAN3 and StyleGAN-XL: moving and turning, classes by seed, truncation toward centroids.
net=data/stylegan/sg3-t-32.pkl
t generate --network $net --seeds 3 --translate 0.1,-0.25 --rotate 30 --outdir moved --quiet
t replay moved/seed0003.png
t generate --network $net --seeds 3 --outdir still --quiet
cmp -s moved/seed0003.png still/seed0003.png || echo moved
t generate --network $net --seeds 3 --translate 0.1 --quiet
t generate --network $net --seeds 3 --translate 1,2,3 --quiet
t generate --network data/stylegan/sg2-32.pkl --seeds 3 --rotate 10 --quiet
net=data/xl/xl-t-16-stem.pkl
t generate --network $net --seeds 0,1 --trunc 0.7 --outdir xl --quiet
t replay xl/seed0000.png --outdir xl2
t generate --network $net --seeds 0 --class 5 --trunc 0.7 --outdir xl3 --quiet # the class of seed 0
cmp xl/seed0000.png xl3/seed0000.png && echo same image
t generate --network $net --latents data/xl/xl-t-16-stem.safetensors:z --quiet
t generate --network $net --seeds 0-2 --trunc 0.5 --centroids data/xl/centroids.npy --outdir c --quiet
t replay c/seed0002.png
grep -ac '"centroids":"data/xl/centroids.npy"' out/seed0002.png
cmp -s c/seed0000.png xl/seed0000.png || echo another image
t generate --network $net --seeds 0 --trunc 0.5 --centroids data/xl/xl-t-16-stem.safetensors:z --quiet
