# SPDX-License-Identifier: Apache-2.0
# New networks of ViT-VQGAN, with one code of a patch and with several, and the transformers over them.
t init --cfg vit-vqgan --resolution 32 --cbase 32 --cmax 16 --map-depth 2 --quiet one.safetensors
t init --cfg vit-vqgan --resolution 32 --cbase 32 --cmax 16 --map-depth 1 --patch 16 --heads 2 --quantizers 3 --quiet \
    three.safetensors
t init --cfg vit-transformer --resolution 32 --cbase 32 --cmax 16 --map-depth 2 --quiet gpt.safetensors
t init --cfg rq-transformer --resolution 32 --cbase 32 --cmax 16 --map-depth 2 --patch 16 --quantizers 3 --cond 2 \
    --quiet rq.safetensors
t inspect three.safetensors | sed -n '/kind/p;/config/,/^$/p'
t inspect rq.safetensors | sed -n '/kind/p;/config/,/^$/p'
"$ATELIER" init --cfg stylegan2 --resolution 32 --cbase 64 --cmax 4 --quiet g.safetensors
"$ATELIER" generate --network g.safetensors --seeds 0,1 --outdir pictures --quiet
for n in one three; do
    t encode-codes --network $n.safetensors pictures/seed0000.png pictures/seed0001.png --output $n.npz
    t decode-codes --network $n.safetensors $n.npz --outdir $n --quiet
done
t sample --network gpt.safetensors --decoder one.safetensors --seeds 3 --class 0 --top-k 5 --outdir drawn
t sample --network rq.safetensors --decoder three.safetensors --seeds 3 --class 1 --outdir drawn-rq
t complete --network gpt.safetensors --decoder one.safetensors pictures/seed0000.png --class 0 --rows 4 --outdir all \
    --quiet
cmp all/seed0000.png one/0000.png && echo same
# what can't be
t init --cfg vit-vqgan --resolution 32 --cbase 30 bad.safetensors
t init --cfg vit-vqgan --resolution 32 --cbase 32 --patch 12 bad.safetensors
t init --cfg vit-vqgan --resolution 32 --channels 1 bad.safetensors
t init --cfg vit-transformer --resolution 32 --quantizers 2 bad.safetensors
t init --cfg rq-transformer --resolution 32 --quantizers 1 bad.safetensors
