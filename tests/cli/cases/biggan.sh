# SPDX-License-Identifier: Apache-2.0
# Networks of BigGAN's kind: classes by number, name and mixture, and truncation of z.
printf 'tench, Tinca tinca\n1: goldfish\nn01484850 great white shark\n{3: "crane",\ncrane\n' >names.txt
t init --cfg sagan --resolution 32 --cbase 4 --cond 5 --quiet sagan.safetensors
t init --cfg biggan-deep --resolution 32 --cbase 4 --cond 5 --quiet deep.safetensors
t init --cfg biggan --resolution 32 --cbase 4 --cond 5 --quiet net.safetensors
t init --cfg biggan --resolution 100 net.safetensors
t inspect net.safetensors | sed -n '/config/,/blocks =/p'
t generate --network net.safetensors --seeds 0
t generate --network net.safetensors --seeds 0,1 --class 'Goldfish,great white shark' --class-names names.txt --quiet
t generate --network net.safetensors --seeds 0 --class 1 --outdir one --quiet
cmp out/seed0000.png one/seed0000.png && echo same
t generate --network net.safetensors --seeds 2 --class 'tinca tinca:0.3,3:0.7' --class-names names.txt --trunc 0.4 \
    --quiet
t replay out/seed0002.png
t generate --network net.safetensors --seeds 3 --class 2 --quiet
t replay out/seed0003.png
t generate --network net.safetensors --seeds 0 --class 'crane' --class-names names.txt
t generate --network net.safetensors --seeds 0 --class 'pike' --class-names names.txt
t generate --network net.safetensors --seeds 0 --class 'pike:1'
t generate --network net.safetensors --seeds 0 --class '1:x'
t generate --network net.safetensors --seeds 0 --class '9:1'
t generate --network net.safetensors --seeds 0 --class 9
t generate --network deep.safetensors --seeds 0 --class 0 --class-names missing.txt
t mix --network deep.safetensors --rows 0 --cols 1 --class 2 --styles 0-1 --outdir m --quiet
t video --network sagan.safetensors --seeds 0-2 --class 'tench,goldfish,4' --class-names names.txt --w-frames 2 \
    --output walk.gif --quiet
ls m
# statistics of batches in place of the file's
t generate --network net.safetensors --seeds 5 --class 1 --trunc 0.5 --standing-stats 1 --outdir standing --quiet
t generate --network net.safetensors --seeds 5 --class 1 --trunc 0.5 --outdir stored --quiet
cmp -s standing/seed0005.png stored/seed0005.png && echo no change
t replay standing/seed0005.png
t generate --network data/stylegan/sg2-32.pkl --seeds 0 --standing-stats 1
# what reads z
t directions sefa --network net.safetensors --layers 1 --count 2 --out z.safetensors --quiet
t edit --network net.safetensors --seeds 0 --class 1 --direction z.safetensors:1 --steps 2 --outdir edited --quiet
