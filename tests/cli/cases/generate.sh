# SPDX-License-Identifier: Apache-2.0
# Seeds to pictures and arrays; the record in a picture makes it again.
net=data/stylegan/sg2-32.pkl
t generate --network $net --seeds 0,12345,5-6 --outdir a/b
ls a/b
t replay a/b/seed0005.png
t replay a/b/seed12345.png --output again.png
t generate --network $net --seeds 0-4 --grid 3x2 --outdir grid --quiet --trunc 0.7
ls grid
t replay grid/grid.png
t generate --network $net --seeds 0-4 --grid 2x2 --outdir grid --quiet
t generate --network $net --seeds 0-2 --batch 2 --format npy --save-ws --outdir raw --quiet
t generate --network $net --seeds 0-2 --batch 1 --threads 1 --format npy --outdir raw1 --quiet
ls -s --block-size=1 raw | awk 'NR > 1 { print $2 }'
t generate --network $net --latents raw/ws.npy --batch 2 --format npy --outdir rawws --quiet
cmp raw/images.npy rawws/images.npy && echo same images
t generate --network $net --latents raw/ws.npy --outdir proj
t replay proj/proj02.png
t generate --network $net --latents raw/images.npy --outdir proj
t generate --network $net --latents data/stylegan/sg2-32.safetensors:absent --outdir proj
t generate --network $net --latents data/stylegan/sg2-32.safetensors:z --outdir z --quiet --format jpg
ls z
t generate --network $net --seeds 3 --noise-mode random --trunc 0.5 --trunc-cutoff 2 --outdir n --quiet
t replay n/seed0003.png
t generate --network $net --seeds 9 --direct --outdir direct --quiet
t replay direct/seed0009.png
grep -ac '"direct":true' out/seed0009.png
t generate --network $net --seeds 3 --no-record --outdir bare --quiet
t replay bare/seed0003.png
t generate --network $net --seeds 3 --trunc-cutoff 99
t generate --network $net --seeds 3 --class 1 --outdir n
t generate --network data/stylegan/sg2-16-orig-gray.pkl --seeds 0 --outdir gray --format safetensors --save-ws --quiet
t generate --network $net --latents gray/images.safetensors --outdir n
t generate --network $net --seeds 7,8 --dump 'synthesis.b8.conv?' --outdir d --quiet
find d | sort
