# SPDX-License-Identifier: Apache-2.0
# Directions found, listed and gone along; what can't be is one sentence.
net=data/stylegan/sg2-32.pkl
t directions sefa --network $net --layers 0-1 --count 3 --out sefa.safetensors --quiet
t directions show sefa.safetensors | sed 's/value [0-9.]*/value X/'
t directions ganspace --network $net --num 400 --block 200 --count 2 --incremental --out pca.safetensors --quiet
t directions show pca.safetensors | sed 's/\(value\|scale\) [0-9.e-]*/\1 X/g'
t directions ganspace --network $net --layer synthesis.b8.conv1 --num 400 --count 3 --out inner.safetensors --quiet
t directions show inner.safetensors | sed 's/\(value\|scale\) [0-9.e-]*/\1 X/g'
t edit --network $net --seeds 1 --direction inner.safetensors:2 --steps 2 --outdir inner --quiet
t directions ganspace --network $net --layer synthesis.b7 --out no.safetensors
t directions ganspace --network $net --layer 'synthesis.b8.*' --out no.safetensors
t directions ganspace --network $net --layer synthesis.b8.conv1 --num 3 --out no.safetensors
t directions ganspace --network $net --layer synthesis.b8.conv1 --space z --out no.safetensors
{ echo seed,size,other; for i in {0..39}; do echo "$i,$((i * 7 % 40)),$((i * 11 % 13))"; done; } >scores.csv
t directions boundary --network $net --scores scores.csv:size --chosen 15 --name size --out size.safetensors
t directions show size.safetensors | sed 's/value [0-9.]*/value X/'
t directions lstsq --network $net --scores scores.csv --out two.safetensors --quiet
t directions show two.safetensors | sed 's/scale [0-9.e-]*/scale X/'
t directions condition size.safetensors:size --on two.safetensors:other,two.safetensors:0 --out alone.safetensors
t directions sefa --network $net --count 2 --out s.safetensors --explore page --explore-seeds 0-1 --explore-steps \
    3 --quiet
ls page; grep -c '<figure>' page/index.html
t edit --network $net --seeds 0,5 --direction sefa.safetensors:0,size.safetensors --strength -2..2,0..1 --layers \
    0-3 --steps 3 --outdir a --pictures --quiet
ls a
t generate --network $net --latents a/edited.npz --outdir again --quiet
ls again | wc -l
echo Sorted pictures:
mkdir good bad
t generate --network $net --seeds 0-5 --outdir good --quiet
t generate --network $net --seeds 6-11 --outdir bad --quiet
t directions boundary --network $net --positive good --negative bad --split 1 --out sorted.safetensors --quiet
cp a/grid.png bad
t directions boundary --network $net --positive good --negative bad --out no.safetensors
echo A network that judges:
t directions boundary --network $net --seeds 0-19 --classifier $net --chosen 0.5 --split 1 --space z --out \
    judged.safetensors --quiet
t directions show judged.safetensors
echo Styles and masks:
printf '0_3 4\n5_1 -2\n' >channels.txt
t edit --network $net --seeds 1 --direction channels.txt --strength 0..2 --steps 2 --outdir b
t edit --network $net --seeds 1 --direction sefa.safetensors --mask again/proj00.png --mask-in features --steps 2 \
    --outdir c --quiet
ls b c
echo Back into a photo:
t align --no-face crop --size 32 --outdir crops a/grid.png --quiet
t edit --network $net --seeds 1 --direction sefa.safetensors --steps 2 --onto crops/grid.json --outdir d --quiet
ls d
t edit --network $net --seeds 1 --direction sefa.safetensors --onto missing.json --outdir no
echo Videos, and pictures that replay does not make:
t edit --network $net --seeds 1 --direction sefa.safetensors --steps 2 --video e.y4m --frames 3 --fps 5 --quality 50 \
    --outdir "d'e" --quiet
head -c 20 e.y4m; echo
t replay "d'e/grid.png"
t replay e.mp4
echo What can not be:
t edit --network $net --seeds 1 --direction missing.safetensors --outdir no
t edit --network $net --seeds 1 --direction sefa.safetensors:7 --outdir no
t edit --network $net --seeds 1 --direction data/cases/missing:0 --outdir no
t edit --network $net --seeds 1 --direction sefa.safetensors --strength x --outdir no
t edit --network $net --seeds 1 --direction sefa.safetensors --strength 1..2,3..4 --outdir no
t edit --network $net --seeds 1 --direction sefa.safetensors --layers 40 --outdir no
t edit --network data/stylegan/sg3-t-32.pkl --seeds 1 --direction sefa.safetensors --mask again/proj00.png \
    --mask-in features --outdir no
t edit --network $net --latents a/edited.npz --direction judged.safetensors --outdir no
echo 0_4000 1 >far.txt
t edit --network $net --seeds 1 --direction far.txt --outdir no
t edit --network $net --seeds 1 --outdir no
t edit --network $net --direction sefa.safetensors --outdir no
t directions boundary --network $net --scores scores.csv --out no.safetensors
t directions boundary --network $net --scores scores.csv:none --out no.safetensors
t directions boundary --network $net --seeds 0-9 --scores scores.csv:size --out no.safetensors
t directions sefa --network $net --layers 9 --out no.safetensors
t directions sefa --network $net --out no.npy
t directions sefa --network $net
t directions find
printf '1,2\n3\n' >ragged.csv
t directions lstsq --network $net --seeds 0-1 --scores ragged.csv --out no.safetensors
ls *.safetensors
