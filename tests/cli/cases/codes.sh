# SPDX-License-Identifier: Apache-2.0
# Pictures as codes, and codes drawn by a transformer.
t init --cfg vqgan --resolution 32 --cbase 32 --cmax 20 --quiet vq.safetensors
t init --cfg transformer --resolution 32 --cbase 32 --cmax 20 --map-depth 2 --quiet gpt.safetensors
t inspect vq.safetensors | sed -n '/kind/p;/config/,/levels/p'
t inspect gpt.safetensors | sed -n '/kind/p;/config/,/given/p'
t init --cfg biggan --resolution 32 --cbase 4 --cond 5 --quiet g.safetensors
t generate --network g.safetensors --seeds 0,1 --class 1 --outdir pictures --quiet
t encode-codes --network vq.safetensors pictures/seed0000.png pictures/seed0001.png
t decode-codes --network vq.safetensors codes.npz --outdir back
ls back
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3,4 --top-k 5 --temperature 0.9 --outdir drawn
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3 --top-k 5 --temperature 0.9 --outdir again --quiet
cmp drawn/seed0003.png again/seed0003.png && echo same
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3 --size 10x9 --window 8 --outdir large
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3 --size 10x9
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --top-p 0.5 --outdir rest
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --rows 8 --outdir all --quiet
cmp all/seed0000.png back/0000.png && echo same
t decode-codes --network vq.safetensors all/codes.npz:codes --quiet
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3,4 --grid 2x1 --outdir sheet --quiet
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --seeds 0-2 --grid 2x2 \
    --outdir sheet --quiet
cp codes.npz behind.npz
# behind a condition: two maps of codes, each through the same window
t sample --network gpt.safetensors --decoder vq.safetensors --seeds 3,4 --condition behind.npz --window 5 \
    --outdir behind
cmp -s behind/seed0003.png drawn/seed0003.png || echo another
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --condition behind.npz --window 5 \
    --seeds 0,1 --outdir rest --quiet
head -c 24 sheet/grid.png | tail -c 8 | od -An -tx1 # 64 x 64
# what can't be
t encode-codes pictures/seed0000.png
t encode-codes --network gpt.safetensors pictures/seed0000.png
t encode-codes --network vq.safetensors data/pictures/gray.jpg
t sample --network gpt.safetensors --seeds 0
t sample --network gpt.safetensors --decoder vq.safetensors --class 30
t sample --network gpt.safetensors --decoder vq.safetensors --class 1:0.5
t sample --network gpt.safetensors --decoder vq.safetensors --size 3
t sample --network gpt.safetensors --decoder vq.safetensors --condition behind.npz
t sample --network gpt.safetensors --decoder vq.safetensors --condition behind.npz --window 5 --seeds 0-2
t sample --network gpt.safetensors --decoder vq.safetensors --condition pictures/seed0000.png
t sample --network gpt.safetensors --decoder vq.safetensors --condition behind.npz --class 1
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --rows 9
t complete --network gpt.safetensors --decoder vq.safetensors pictures/seed0000.png --grid 1x1
t sample --network gpt.safetensors --decoder vq.safetensors --grid 3
printf '1 2\n3 99\n' >beyond.txt
t decode-codes --network vq.safetensors beyond.txt
printf '1 2\n3 0.5\n' >half.txt
t decode-codes --network vq.safetensors half.txt
t generate --network vq.safetensors --seeds 0
