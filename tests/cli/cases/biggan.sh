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
