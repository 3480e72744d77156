# SPDX-License-Identifier: Apache-2.0
# VQ-VAE and VQ-VAE-2: pictures as codes, of two maps, too, and codes drawn by a PixelCNN.
t init --cfg vqvae --resolution 32 --cbase 16 --cmax 20 --quiet one.safetensors
t init --cfg vqvae2 --resolution 32 --cbase 16 --cmax 20 --quiet two.safetensors
t init --cfg pixelcnn --resolution 32 --cbase 8 --cmax 20 --map-depth 3 --quiet prior.safetensors
t init --cfg pixelcnn --resolution 32 --cbase 8 --cmax 20 --map-depth 3 --cond 4 --quiet classes.safetensors
t inspect two.safetensors | sed -n '/kind/p;/config/,/ema/p'
t inspect prior.safetensors | sed -n '/kind/p;/config/,/above/p'
t init --cfg biggan --resolution 32 --cbase 4 --cond 5 --quiet g.safetensors
t generate --network g.safetensors --seeds 0,1 --class 1 --outdir pictures --quiet
t encode-codes --network one.safetensors pictures/seed0000.png pictures/seed0001.png
t decode-codes --network one.safetensors codes.npz --outdir back
t encode-codes --network two.safetensors pictures/seed0000.png pictures/seed0001.png --output two.npz --quiet
t decode-codes --network two.safetensors two.npz --outdir back2 --quiet
ls back back2
t sample --network prior.safetensors --decoder one.safetensors --seeds 3,4 --top-k 5 --temperature 0.9 --outdir drawn
t sample --network prior.safetensors --decoder one.safetensors --seeds 3 --top-k 5 --temperature 0.9 --outdir again \
    --quiet
cmp drawn/seed0003.png again/seed0003.png && echo same
t sample --network prior.safetensors --decoder one.safetensors --seeds 3 --size 10x9 --outdir large
t sample --network classes.safetensors --decoder one.safetensors --seeds 3 --class 2 --quiet
t complete --network prior.safetensors --decoder one.safetensors pictures/seed0000.png --rows 8 --outdir all --quiet
cmp all/seed0000.png back/0000.png && echo same
# what can't be
t decode-codes --network two.safetensors codes.npz --quiet
t decode-codes --network one.safetensors two.npz --quiet
t sample --network classes.safetensors --decoder one.safetensors
t sample --network classes.safetensors --decoder one.safetensors --class 4
t sample --network prior.safetensors --decoder two.safetensors
t sample --network prior.safetensors --bottom prior.safetensors --decoder one.safetensors
t sample --network prior.safetensors --bottom prior.safetensors --decoder two.safetensors
t init --cfg vqvae --resolution 32 --cbase 10 bad.safetensors
t encode-codes --network two.safetensors data/pictures/gray.jpg
